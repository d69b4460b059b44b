"""``ecg-stream bench look-ahead``: what each millisecond of the denoiser's look-ahead buys."""

from __future__ import annotations

from typing import Annotated

import typer


def look_ahead(
    db: Annotated[
        list[str] | None, typer.Option("--db", metavar="NAME", help="Record list; repeat for several.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", min=1, help="How many records of each list.")] = 8,
) -> None:
    """Add white and muscle noise at 12 dB to records and say what share of it each look-ahead takes off."""
    from rich.console import Console
    from rich.table import Table

    from ..offline.bench.look_ahead import look_ahead_effect
    from .training_options import noises_at_hand, read_records, training_split

    seconds = [ms / 1000.0 for ms in (0, 8, 16, 24, 32, 40, 44, 48, 64, 96, 140)]
    table = Table(box=None, caption="share of what 140 ms take off, percent; in brackets, of the noise itself")
    table.add_column("ahead")
    columns = []
    for name in db or ["svdb", "edb", "mitdb-ds1"]:
        records = read_records(training_split([name], 2, None)[0][:count])
        muscle = noises_at_hand().get("ma")
        for kind, noise in (("white", None), ("muscle", muscle)):
            if kind == "white" or noise is not None:
                table.add_column(f"{name} {kind}", justify="right")
                columns.append(look_ahead_effect(records, seconds, noise))
    for row, ahead in enumerate(seconds):
        cells = [f"{100 * column[row].share:.1f} ({100 * column[row].taken_off:.0f})" for column in columns]
        table.add_row(f"{1000 * ahead:.0f} ms", *cells)
    Console().print(table)
