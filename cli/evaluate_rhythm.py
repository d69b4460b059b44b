"""`ecg-stream evaluate rhythm`: the rhythms that the live pipeline tells, over databases with reference annotations."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import RequestError
from .jobs_option import Jobs, parallel

if TYPE_CHECKING:
    from ..offline.rhythm_evaluation import RhythmRun
    from ..offline.rhythm_report import Against, RhythmFigures


def rhythm(
    db: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="mitdb, mitdb-ds1, svdb, edb, vfdb or another list; may be repeated.  [default: mitdb, vfdb]",
        ),
    ] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,...", help="Only these records of the lists, bare or as db/name; may be repeated."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Beat bundle; `ecg-stream models` lists them.")
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Cross-validation, as `evaluate beat` takes it, in place of --model."),
    ] = None,
    leads: Annotated[
        Literal["first", "all"], typer.Option(help="Let the pipeline see the first lead alone, or all leads.")
    ] = "all",
    start: Annotated[
        float, typer.Option("--from", metavar="S", min=0.0, help="Where scoring begins, in seconds.")
    ] = 300.0,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.md, report.json and timelines into this folder.")
    ] = None,
    jobs: Jobs = "1",
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object on one line.")] = False,
) -> None:
    """Run the live pipeline over databases; compare its rhythms with the marks, and with its rules on reference beats.

    Records that are not in the data folder are named and skipped; nothing is downloaded.
    """
    import msgspec

    from ..offline.beat_run import Conditions, held_out_by
    from ..offline.report_folder import writing_report
    from ..offline.rhythm_evaluation import evaluate_records
    from ..offline.rhythm_report import content_of, figures, fill_report
    from ..offline.splits import LISTS, RHYTHMS, choose_of, missing_line, record_list, split_by_presence
    from ..replay.catalog import data_folder
    from ..stream.pipeline import DEFAULT_MODEL, load_models

    if folds is not None and model is not None:
        raise RequestError("--model and --folds do not go together: give one of them")
    conditions = Conditions(
        model=model if model is not None else DEFAULT_MODEL if folds is None else str(folds),
        folds=held_out_by(folds) if folds else None,
        first_lead=leads == "first",
        start_s=start,
    )
    if folds is None:
        load_models(conditions.model)
    only = [name for entry in records or [] for name in entry.replace(",", " ").split()]
    known = {**RHYTHMS, **LISTS}
    asked = [name for entry in db or ["mitdb", "vfdb"] for name in entry.replace(",", " ").split()]
    wanted = [
        name for names in choose_of([record_list(name, known) for name in asked], only).values() for name in names
    ]
    if conditions.folds is not None:
        wanted = [name for name in wanted if name in conditions.folds]
    present, missing = split_by_presence(wanted, data_folder())
    if not present:
        raise RequestError(
            f"none of the records asked for is in the data folder {data_folder()}: valid are lists of "
            f"{', '.join(known)}; fetch them with `ecg-stream download DB`"
        )
    if missing:
        print(missing_line(missing), file=sys.stderr)
    head = {"model": conditions.model, "leads": leads, "from_s": start, "missing": list(missing)}

    def run() -> list[RhythmRun]:
        with parallel(jobs) as n_jobs:
            return _tracked(present, evaluate_records(present, conditions, data_folder(), n_jobs))

    if report is None:
        runs = run()
    else:
        with writing_report(report) as folder:
            runs = run()
            fill_report(folder, runs, head, shlex.join(["ecg-stream", *sys.argv[1:]]))
    found = figures(runs)
    if json:
        print(msgspec.json.encode({**head, "records": present, **content_of(found)}).decode())
        return
    _print(found)


def _print(found: Mapping[Against, Sequence[RhythmFigures]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..offline.rhythm_report import AGAINST, HEADINGS

    console = Console()
    for against, title in AGAINST:
        table = Table(box=None, padding=(0, 1, 0, 0), title=title, title_justify="left")
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading == "rhythm" else "right", no_wrap=True)
        for each in found[against]:
            table.add_row(*each.row())
        console.print(table)


def _tracked(names: Sequence[str], runs: Iterator[RhythmRun]) -> list[RhythmRun]:
    """Go through the records with a progress bar."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return list(track(runs, "records", len(names), console=console, transient=True, disable=not console.is_terminal))
