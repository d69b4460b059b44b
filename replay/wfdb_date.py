"""Date and time of a WFDB record's first sample, however it is written. Nothing is refused for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time

_TIME = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2})(\.\d+)?Z?")
_DATES = (
    (re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})"), (3, 2, 1)),  # as header(5) has it
    (re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})"), (1, 2, 3)),
)


def began(fields: Sequence[str]) -> str | None:
    """Give date and time in the order of ISO 8601, such as ``1994-08-15 17:27:45``.

    Parameters
    ----------
    fields
        What stands behind the length in the record line.

    Returns
    -------
    str | None
        The part of it that can be read: a date, a year, a time of day, or both; None if there is none.
    """
    day = clock = None
    for field in (part for whole in fields[:4] for part in whole.split("T")):
        day = day or _day(field)
        clock = clock or _clock(field)
    return " ".join(part for part in (day, clock) if part) or None


def _day(field: str) -> str | None:
    if re.fullmatch(r"[12]\d{3}", field):
        return field
    for pattern, (year, month, day) in _DATES:
        found = pattern.fullmatch(field)
        if found is not None:
            try:
                return date(int(found[year]), int(found[month]), int(found[day])).isoformat()
            except ValueError:
                return None
    return None


def _clock(field: str) -> str | None:
    found = _TIME.fullmatch(field)
    if found is None:
        return None
    try:
        whole = time(int(found[1] or 0), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return None
    return whole + (found[4] or "").rstrip("0").rstrip(".")
