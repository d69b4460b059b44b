"""`ecg-stream rhythms`: the table of rhythms and of their limits."""

from __future__ import annotations

from typing import Annotated

import typer


def rhythms(
    json: Annotated[bool, typer.Option("--json", help="Print the table as one JSON object on one line.")] = False,
) -> None:
    """List the rhythms that are told, what each is, and its limits.

    Of several that go on at once, a screen shows the one that stands further up. A rhythm is not told while one that
    is named under "not during" goes on.
    """
    import msgspec

    from ..stream.core.rhythm_names import in_words
    from ..stream.rhythm.limits import RhythmLimits
    from ..stream.rhythm.table import table

    limits = RhythmLimits()
    rows = table(limits)
    if json:
        print(msgspec.json.encode({"rhythms": rows, "limits": limits}).decode())
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("rhythm", "WFDB", "is", "not during"):
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(in_words(row.name), row.wfdb or "-", row.rule, ", ".join(map(in_words, row.not_during)) or "-")
    Console().print(shown)
