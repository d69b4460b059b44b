"""`ecg-stream evaluate labels`: what the beats inside each annotated rhythm are called."""

from __future__ import annotations

from typing import Annotated

import typer

from .evaluation_options import FoldsFolder, Json, Leads, Records, at_hand, model_or_folds, names_in, tracked
from .jobs_option import Jobs, parallel
from .model_options import BeatModel


def labels(
    db: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="vfdb, mitdb, mitdb-ds1, svdb or edb; may be repeated.  [default: vfdb]"),
    ] = None,
    records: Records = None,
    model: BeatModel = None,
    folds: FoldsFolder = None,
    leads: Leads = "all",
    jobs: Jobs = "1",
    json: Json = False,
) -> None:
    """Run the live pipeline over records whose rhythms are annotated; count its labels in each rhythm.

    Beats within a second of where a rhythm begins or ends are left out. Nothing is downloaded.
    """
    import msgspec

    from ..offline.beat_run import Conditions, held_out_by
    from ..offline.rhythm_labels import run_records, shares
    from ..offline.splits import LISTS, RHYTHMS, choose_of, record_list
    from ..replay.catalog import data_folder
    from ..stream.pipeline import load_models

    conditions = Conditions(
        model=model_or_folds(model, folds),
        folds=None if folds is None else held_out_by(folds),
        first_lead=leads == "first",
    )
    if folds is None:
        load_models(conditions.model)
    only = names_in(records)
    known = {**RHYTHMS, **LISTS}
    lists = [record_list(name, known) for name in db or ["vfdb"]]
    wanted = [name for names in choose_of(lists, only).values() for name in names]
    folder = data_folder()
    present, missing = at_hand(wanted, folder, list(known))
    with parallel(jobs) as n_jobs:
        found = tracked(run_records(present, conditions, folder, n_jobs), len(present))
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
