"""`ecg-stream evaluate pacing`: bare pacing spikes and paced beats, made of records and of spikes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .evaluation_options import Json, Leads, Records, at_hand, model_or_folds, names_in, tracked
from .jobs_option import Jobs, parallel
from .model_options import BeatModel

BARE = {
    "in standstills": "still",
    "beats there": "still_false",
    "without spikes": "still_before",
    "asystoles": "asystole",
    "of": "asystole_before",
    "between beats": "between",
    "made a beat": "between_false",
}
"""Columns of the first table: what each holds of `PacingCount`."""
BEFORE = {
    "V": "ventricular",
    "paced": "paced",
    "Q": "q",
    "same at two phases": "same",
    "N after an atrial one": "atrial",
    "another label": "atrial_changed",
    "paced, too": "atrial_paced",
}
"""Columns of the second one."""


def pacing(
    db: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="mitdb, svdb or edb; may be repeated.  [default: mitdb and edb]"),
    ] = None,
    records: Records = None,
    model: BeatModel = None,
    leads: Leads = "all",
    rate: Annotated[
        list[float] | None,
        typer.Option(
            metavar="HZ",
            min=100.0,
            max=4000.0,
            help="Bring the records to this sampling rate; may be repeated.  [default: 250, 360, 500, 1000, 2000]",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Random seed: the spike of each record, and where it stands.")
    ] = 0,
    jobs: Jobs = "1",
    json: Json = False,
) -> None:
    """Put pacing spikes into standstills, between beats and before beats; count what is told of them.

    The spikes are of 0.5 to 10 mV and 0.5 to 2 ms, half of them with an overshoot. The records as they are tell how
    often a beat is said to be paced where it is not. Nothing is downloaded.
    """
    import msgspec

    from ..offline.beat_run import Conditions
    from ..offline.pacing import COUNTS, RATES_HZ, run_records
    from ..offline.splits import LISTS, choose_of, record_list
    from ..replay.catalog import data_folder
    from ..stream.pipeline import load_models

    conditions = Conditions(model=model_or_folds(model, None), first_lead=leads == "first")
    load_models(conditions.model)
    wanted = choose_of([record_list(name, LISTS) for name in db or ["mitdb", "edb"]], names_in(records))
    present, missing = at_hand([name for names in wanted.values() for name in names], data_folder())
    rates = rate or list(RATES_HZ)
    with parallel(jobs) as n_jobs:
        results = tracked(run_records(present, conditions, rates, seed, n_jobs), len(present))
    found = [each for _, counts in results for each in counts]
    totals = [
        {"rate_hz": hz, **{name: sum(getattr(each, name) for each in found if each.rate_hz == hz) for name in COUNTS}}
        for hz in rates
    ]
    plain = [each for each, _ in results if not each.has_pacemaker]
    hours, paced = sum(each.hours for each in plain), sum(each.paced for each in plain)
    false = {"hours": hours, "beats": sum(each.beats for each in plain), "paced": paced}
    false["paced_per_24_h"] = 24.0 * paced / hours if hours else 0.0
    if json:
        content = {
            "records": [asdict(each) for each in found],
            "rates": totals,
            "unaltered": [asdict(each) for each, _ in results],
            "without_pacemaker": false,
        }
        print(msgspec.json.encode(content | {"seed": seed, "missing": missing}).decode())
        return
    from rich.console import Console
    from rich.table import Table

    bare = Table(box=None, padding=(0, 1, 0, 0), title="bare spikes", title_justify="left")
    before = Table(box=None, padding=(0, 1, 0, 0), title="beats after a spike", title_justify="left")
    for each, columns in ((bare, BARE), (before, BEFORE)):
        for heading in ("Hz", *columns):
            each.add_column(heading, justify="right", no_wrap=True)
        for row in totals:
            each.add_row(*(f"{row[name]:.0f}" for name in ("rate_hz", *columns.values())))
    console = Console()
    console.print(bare)
    console.print(before)
    per_day = f"{false['paced_per_24_h']:.1f} in 24 h"
    console.print(f"as they are, without pacemaker: {paced} of {false['beats']} beats told to be paced, {per_day}")
