"""`ecg-stream rhythms`: the table of rhythms, of their limits, and of alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError
from .alert_options import AlertFile, alert_table

if TYPE_CHECKING:
    from ..stream.rhythm.alert_table import AlertRow


def rhythms(
    json: Annotated[bool, typer.Option("--json", help="Print the table as one JSON object on one line.")] = False,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print the alerts as TOML, for a table of your own: --alerts FILE.")
    ] = False,
    alerts: AlertFile = None,
) -> None:
    """List the rhythms that are reported, what each is, its limits, and which are alerts.

    Of several that go on at once, a screen shows the one that stands further up. A rhythm is not reported while one
    goes on that is named under "not during". "alert" is the priority, and how often it is reported again; --toml has
    the rest.
    """
    import msgspec

    from ..stream.core.rhythm_names import in_words
    from ..stream.rhythm.alert_table import AlertTable
    from ..stream.rhythm.alert_toml import to_toml
    from ..stream.rhythm.alerts import NO_RATE
    from ..stream.rhythm.limits import RhythmLimits
    from ..stream.rhythm.precedence import ORDER
    from ..stream.rhythm.table import table

    if json and toml:
        raise RequestError("got --json and --toml: valid is one of them")
    limits = RhythmLimits()
    rows = table(limits)
    told = alert_table(alerts) or AlertTable()
    if toml:
        print(to_toml(told), end="")
        return
    if json:
        found = {"rhythms": rows, "limits": limits, "alerts": {"rhythm": told.rhythms, "rate": told.rates}}
        print(msgspec.json.encode(found).decode())
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("rhythm", "WFDB", "alert", "is", "not during"):
        shown.add_column(heading, overflow="fold")
    for row in rows:
        not_during = ", ".join(map(in_words, row.not_during)) or "-"
        shown.add_row(in_words(row.name), row.wfdb or "-", _alert(told.rhythms.get(row.name)), row.rule, not_during)
    for name, rate in told.rates.items():
        not_during = ", ".join(in_words(each) for each in ORDER if each in NO_RATE)
        shown.add_row(in_words(name), "-", _alert(rate), rate.limit, not_during)
    Console().print(shown)


def _alert(row: AlertRow | None) -> str:
    """Give priority, and how often it is told again."""
    return "-" if row is None else f"{row.priority}, {row.repeat_s:g} s" if row.repeat_s else row.priority
