"""What the `evaluate` commands share: which records, how many leads, and going through them with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, TypeVar

import typer

from ..errors import RequestError

if TYPE_CHECKING:
    from ..offline.noise_stress import NoiseStress

T = TypeVar("T")

Records: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME,...", help="Only these records of the lists, bare or as db/name; may be repeated."),
]
FoldsFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Cross-validation, as `evaluate beat` takes it, in place of --model."),
]
Leads: TypeAlias = Annotated[
    Literal["first", "all"], typer.Option(help="Let the pipeline see the first lead alone, or all leads.")
]
From: TypeAlias = Annotated[
    float, typer.Option("--from", metavar="S", min=0.0, help="Where scoring begins, in seconds.")
]
Noise: TypeAlias = Annotated[
    Literal["em", "ma", "bw"] | None,
    typer.Option(help="Add this noise of nstdb from minute 5, two minutes with and two without, at --snr."),
]
Snr: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="DB", help="Signal-to-noise ratio of --noise, as the Noise Stress Test has it."),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")]


MAX_SNR_DB = 100.0
"""Beyond this, noise is nothing or all."""


def stress_of(noise: Literal["em", "ma", "bw"] | None, snr: float | None) -> NoiseStress | None:
    """Give which noise is added to the records, None for none.

    Raises
    ------
    RequestError
        If one of the two is given without the other, or the ratio is none.
    """
    from ..offline.noise_stress import NoiseStress

    if noise is None and snr is None:
        return None
    if noise is None or snr is None:
        raise RequestError("--noise and --snr go together: give both, such as --noise em --snr 0, or neither")
    if not abs(snr) <= MAX_SNR_DB:
        raise RequestError(
            f"no signal-to-noise ratio of {snr:g} dB: valid for --snr is -{MAX_SNR_DB:g} to {MAX_SNR_DB:g}"
        )
    return NoiseStress(noise, snr)


def model_or_folds(model: str | None, folds: Path | None) -> str:
    """Name what is run: a model, or the folder of a cross-validation.

    Raises
    ------
    RequestError
        If both are given.
    """
    from ..stream.pipeline import DEFAULT_MODEL

    if folds is None:
        return DEFAULT_MODEL if model is None else model
    if model is not None:
        raise RequestError("--model and --folds do not go together: give one of them")
    return str(folds)


def names_in(entries: Sequence[str] | None) -> list[str]:
    """Give the names in options that may be repeated, and hold several with commas between them."""
    return [name for entry in entries or [] for name in entry.replace(",", " ").split()]


def at_hand(wanted: Sequence[str], folder: Path, lists: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Give which records, ``db/name``, lie in the data folder and which are missing; name those on standard error.

    Raises
    ------
    RequestError
        If none is there; it names the `lists` that are valid, if any.
    """
    from ..offline.splits import missing_line, split_by_presence

    present, missing = split_by_presence(wanted, folder)
    if not present:
        valid = f"valid are lists of {', '.join(lists)}; " if lists else ""
        what_to_do = f"{valid}fetch them with `ecg-stream download DB`"
        raise RequestError(f"none of the records asked for is in the data folder {folder}: {what_to_do}")
    if missing:
        print(missing_line(missing), file=sys.stderr)
    return present, missing


def tracked(runs: Iterator[T], total: int, what: str = "records") -> list[T]:
    """Go through records, showing how far on standard error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return list(track(runs, what, total, console=console, transient=True, disable=not console.is_terminal))
