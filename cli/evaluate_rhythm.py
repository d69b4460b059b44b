"""`ecg-stream evaluate rhythm`: the rhythms that the live pipeline tells, over databases with reference annotations."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .evaluation_options import (
    FoldsFolder,
    From,
    Leads,
    Noise,
    Records,
    Snr,
    at_hand,
    model_or_folds,
    names_in,
    stress_of,
    tracked,
)
from .jobs_option import Jobs, parallel
from .model_options import BeatModel

if TYPE_CHECKING:
    from ..offline.rhythm_evaluation import RhythmRun
    from ..offline.rhythm_report import Against, RhythmFigures

WIDTH = 150
"""Columns that the tables take; a narrower screen breaks their lines."""


def rhythm(
    db: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="mitdb, mitdb-ds1, svdb, edb, vfdb or another list; may be repeated.  [default: mitdb, vfdb]",
        ),
    ] = None,
    records: Records = None,
    model: BeatModel = None,
    folds: FoldsFolder = None,
    leads: Leads = "all",
    start: From = 300.0,
    noise: Noise = None,
    snr: Snr = None,
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
    from ..offline.splits import LISTS, RHYTHMS, choose_of, record_list
    from ..replay.catalog import data_folder
    from ..stream.pipeline import load_models

    conditions = Conditions(
        model=model_or_folds(model, folds),
        folds=held_out_by(folds) if folds else None,
        first_lead=leads == "first",
        start_s=start,
        noise=stress_of(noise, snr),
    )
    if folds is None:
        load_models(conditions.model)
    known = {**RHYTHMS, **LISTS}
    lists = [record_list(name, known) for name in names_in(db) or ["mitdb", "vfdb"]]
    wanted = [name for names in choose_of(lists, names_in(records)).values() for name in names]
    if conditions.folds is not None:
        wanted = [name for name in wanted if name in conditions.folds]
    present, missing = at_hand(wanted, data_folder(), list(known))
    head = {"model": conditions.model, "leads": leads, "from_s": start, "missing": list(missing)}
    if conditions.noise is not None:
        head |= {"noise": conditions.noise.kind, "snr_db": conditions.noise.snr_db}

    def run() -> list[RhythmRun]:
        with parallel(jobs) as n_jobs:
            return tracked(evaluate_records(present, conditions, data_folder(), n_jobs), len(present))

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

    console = Console(width=max(Console().width, WIDTH))  # a cell that is cut off says nothing
    for against, title in AGAINST:
        table = Table(box=None, padding=(0, 1, 0, 0), title=title, title_justify="left")
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading == "rhythm" else "right", no_wrap=True)
        for each in found[against]:
            table.add_row(*each.row())
        console.print(table)
