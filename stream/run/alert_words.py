"""Alerts in words, and the marks that stand for a priority where there is no colour."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.messages import Alert, Priority
from ..core.rhythm_names import in_words, verb

MARKS: Mapping[Priority, str] = {"high": "!!!", "medium": "!!", "low": "!"}
"""As IEC 60601-1-8 marks them."""


def alert_in_words(alert: Alert) -> str:
    """Write an alert for people: what, how pressing, what of it, why."""
    length = "" if alert.length_s is None else f" after {alert.length_s:.1f} s"
    times = "" if alert.times == 1 else f" (the {ordinal(alert.times)} time since it was told)"
    told = f"{verb(alert.name, alert.state)}{length}{times}: {alert.why}"
    return f"{MARKS[alert.priority]} {in_words(alert.name)}, {alert.priority} priority, {told}"


def ordinal(number: int) -> str:
    """Write an ordinal number.

    >>> [ordinal(n) for n in (2, 3, 11, 21)]
    ['2nd', '3rd', '11th', '21st']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
