"""`ecg-stream evaluate quality`: how well the quality that beats carry tells the detector's own errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import MissingExtraError, RequestError
from .evaluation_options import MAX_SNR_DB, Json, at_hand, tracked
from .jobs_option import Jobs, parallel
from .record_options import one_of

if TYPE_CHECKING:
    from ..offline.noise_stress import NoiseKind, NoiseStress

NOISE_KINDS: tuple[NoiseKind, ...] = ("em", "ma", "bw")
WITHOUT_CLASSES = "cpsc2019"
"""A database of R peaks alone: all of it that lies in the data folder."""


def quality(
    db: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A list as in `evaluate beat`, or cpsc2019; may be repeated.  [default: nstdb]"
        ),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(metavar="em|ma|bw", help="Add this noise of nstdb, see `evaluate beat`; may be repeated."),
    ] = None,
    snr: Annotated[
        list[float] | None, typer.Option(metavar="DB", help="Signal-to-noise ratio of --noise; may be repeated.")
    ] = None,
    leads: Annotated[
        Literal["first", "all"], typer.Option(help="Let the detector see the first lead alone, or all leads.")
    ] = "all",
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="Quality bundle.")] = "quality",
    jobs: Jobs = "1",
    json: Json = False,
) -> None:
    """Compare the quality of right beats with that of errors: false beats, and beats before which one was missed.

    The first half of the noise is what the shipped bundle was fitted with; the second is added here.
    """
    import msgspec

    try:
        import sklearn as _  # noqa: F401  before minutes of running, if it is missing
    except ImportError:
        raise MissingExtraError("ecg-stream evaluate quality", "train") from None

    from ..offline.noise_stress import NoiseStress
    from ..offline.quality_evaluation import run_records, separation
    from ..replay.catalog import data_folder
    from ..stream.beats.quality import BeatQuality
    from ..stream.qrs.detector import load_network

    if bool(noise) != bool(snr):
        raise RequestError("--noise and --snr go together: give both, such as --noise em --snr 0, or neither")
    if any(not abs(ratio) <= MAX_SNR_DB for ratio in snr or ()):
        raise RequestError(f"no such signal-to-noise ratio: valid for --snr is -{MAX_SNR_DB:g} to {MAX_SNR_DB:g}")
    kinds = [one_of("--noise", kind, NOISE_KINDS) for kind in noise or ()]
    noises: list[NoiseStress | None] = [NoiseStress(kind, ratio) for kind in kinds for ratio in snr or ()]
    judge, network = BeatQuality(model), load_network()
    folder = data_folder()
    wanted = _records(db or ["nstdb"], folder)
    present, _missing = at_hand(wanted, folder)
    with parallel(jobs) as n_jobs:
        running = run_records(present, noises or [None], leads == "first", network, judge, folder, n_jobs)
        told = tracked(running, len(present) * max(len(noises), 1))
    rows = {_called(each): separation([one for one in told if one.noise == each], judge.trusted) for each in noises}
    rows["all"] = separation(told, judge.trusted)
    if json:
        print(msgspec.json.encode({"records": present, "trusted": judge.trusted, "quality": rows}).decode())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        box=None, padding=(0, 1, 0, 0), caption=f"{len(present)} records; below: quality under {judge.trusted:g}"
    )
    for heading in ("noise", "beats", "errors", "AUC", "mean of patients", "errors below", "right below"):
        table.add_column(heading, justify="left" if heading == "noise" else "right", no_wrap=True)
    for name, row in rows.items():
        auc = "-" if row.auc is None else f"{row.auc:.3f}"
        mean = "-" if row.auc_mean is None else f"{row.auc_mean:.3f} ({row.patients})"
        table.add_row(name, str(row.beats), str(row.errors), auc, mean, *(f"{share:.1%}" for share in row.below))
    Console().print(table)


def _records(lists: list[str], folder: Path) -> list[str]:
    """Give the records of the lists, ``db/name``."""
    from ..offline.splits import record_list

    names: list[str] = []
    for name in lists:
        if name.casefold() == WITHOUT_CLASSES:
            names += sorted(f"{WITHOUT_CLASSES}/{path.stem}" for path in (folder / WITHOUT_CLASSES).glob("*.hea"))
        else:
            names += record_list(name).records
    return names


def _called(noise: NoiseStress | None) -> str:
    return "none" if noise is None else f"{noise.kind} {noise.snr_db:g} dB"
