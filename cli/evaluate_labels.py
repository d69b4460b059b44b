"""`ecg-stream evaluate labels`: what the beats inside each annotated rhythm are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import RequestError
from .completion import model_names
from .jobs_option import Jobs, parallel

if TYPE_CHECKING:
    from ..offline.rhythm_labels import RecordLabels


def labels(
    db: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="vfdb, mitdb, mitdb-ds1, svdb or edb; may be repeated.  [default: vfdb]"),
    ] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,...", help="Only these records of the lists, bare or as db/name; may be repeated."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH", autocompletion=model_names, help="Beat bundle; `ecg-stream models` lists them."
        ),
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cross-validation, as `evaluate beat` takes it, in place of --model."),
    ] = None,
    leads: Annotated[
        Literal["first", "all"], typer.Option(help="Let the pipeline see the first lead alone, or all leads.")
    ] = "all",
    jobs: Jobs = "1",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Run the live pipeline over records whose rhythms are annotated; count its labels in each rhythm.

    Beats within a second of where a rhythm begins or ends are left out. Nothing is downloaded.
    """
    import msgspec

    from ..offline.beat_run import Conditions, held_out_by
    from ..offline.rhythm_labels import run_records, shares
    from ..offline.splits import LISTS, RHYTHMS, choose_of, missing_line, record_list, split_by_presence
    from ..replay.catalog import data_folder
    from ..stream.pipeline import DEFAULT_MODEL, load_models

    conditions = Conditions(
        model=DEFAULT_MODEL if model is None else model,
        folds=None if folds is None else held_out_by(folds),
        first_lead=leads == "first",
    )
    if folds is None:
        load_models(conditions.model)
    only = [name for entry in records or [] for name in entry.replace(",", " ").split()]
    known = {**RHYTHMS, **LISTS}
    lists = [record_list(name, known) for name in db or ["vfdb"]]
    wanted = [name for names in choose_of(lists, only).values() for name in names]
    folder = data_folder()
    present, missing = split_by_presence(wanted, folder)
    if not present:
        raise RequestError(
            f"none of the records asked for is in the data folder {folder}: valid are lists of "
            f"{', '.join(known)}; fetch them with `ecg-stream download DB`"
        )
    if missing:
        print(missing_line(missing), file=sys.stderr)
    with parallel(jobs) as n_jobs:
        found = _tracked(present, run_records(present, conditions, folder, n_jobs))
    rows = shares(found)
    if json:
        content = {"records": found, "rhythms": rows, "missing": missing}
        print(msgspec.json.encode(content).decode())
        return
    from rich.console import Console
    from rich.table import Table

    from ..stream.core.messages import CLASSES

    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        caption="beats by class given, percent: of all / mean of records",
    )
    for heading in ("rhythm", "records", "minutes", "beats", *CLASSES):
        table.add_column(heading, justify="left" if heading == "rhythm" else "right", no_wrap=True)
    for row in rows:
        figures = (f"{of_all:.1f}/{mean:.1f}" for of_all, mean in zip(row.gross, row.mean, strict=True))
        table.add_row(row.rhythm, str(row.records), f"{row.seconds / 60.0:.1f}", str(row.beats), *figures)
    Console().print(table)


def _tracked(names: Sequence[str], runs: Iterator[RecordLabels]) -> list[RecordLabels]:
    """Go through the records with a progress bar."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return list(track(runs, "records", len(names), console=console, transient=True, disable=not console.is_terminal))
