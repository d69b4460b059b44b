"""`ecg-stream evaluate pauses`: false beats in pauses and standstills made of a record's own beats."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .evaluation_options import Json, Leads, Records, at_hand, model_or_folds, names_in, tracked
from .jobs_option import Jobs, parallel
from .model_options import BeatModel


def pauses(
    db: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="mitdb, svdb or edb; may be repeated.  [default: all three]"),
    ] = None,
    records: Records = None,
    model: BeatModel = None,
    leads: Leads = "all",
    count: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="Pauses in each record.")] = 10,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Random seed: which beats, and how long each pause is.")
    ] = 0,
    jobs: Jobs = "1",
    json: Json = False,
) -> None:
    """Stretch the diastole of real beats to 3.5 to 7 s, and let P waves go on alone for 15 s; count false beats.

    Records in which no P wave is seen are left out. Nothing is downloaded.
    """
    import msgspec

    from ..offline.beat_run import Conditions
    from ..offline.pauses import run_records
    from ..offline.splits import LISTS, choose_of, record_list
    from ..replay.catalog import data_folder
    from ..stream.pipeline import load_models

    conditions = Conditions(model=model_or_folds(model, None), first_lead=leads == "first")
    load_models(conditions.model)
    wanted = choose_of([record_list(name, LISTS) for name in db or ["mitdb", "svdb", "edb"]], names_in(records))
    present, missing = at_hand([name for names in wanted.values() for name in names], data_folder())
    with parallel(jobs) as n_jobs:
        results = tracked(run_records(present, conditions, seed, count, n_jobs), len(present))
    found = [each for each in results if each is not None]
    names = ("pauses", "spoilt", "false", "missed", "renamed", "standstill_s", "p_waves", "standstill_false")
    total = {name: sum(getattr(each, name) for each in found) for name in names}
    if json:
        left_out = [name for name, each in zip(present, results, strict=True) if each is None]
        content = {"records": [asdict(each) for each in found], "total": total, "left_out": left_out, "seed": seed}
        print(msgspec.json.encode(content | {"missing": missing}).decode())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), caption="false: in pauses; still: beats reported in the standstill")
    headings = ("record", "pauses", "spoilt", "false", "missed", "not N", "s", "P waves", "still")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "record" else "right", no_wrap=True)
    for name, row in [*((each.record, asdict(each)) for each in found), (f"all ({len(found)})", total)]:
        table.add_row(name, *(f"{row[column]:.0f}" for column in names))
    Console().print(table)
