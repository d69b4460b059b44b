"""The table of alerts as TOML: read, strictly, and written.

::

    [rhythm.asystole]
    priority = "high"
    repeat_s = 30
    quality = 0

    [rate.extreme-bradycardia]
    priority = "high"
    below = 40
    until = 45

A rhythm without a section is no alert. `priority` is needed; what else is missing is as `AlertRow` says.
"""

from __future__ import annotations

import tomllib
from typing import Any, TypeAlias, cast

from ...errors import RequestError
from ..core.messages import PRIORITIES, Priority
from ..core.rhythm_names import RhythmName
from .alert_table import QUALITY, REPEAT_S, AlertRow, AlertTable, RateRow

LONGEST = 64 << 10
"""Bytes of a file; the built-in table has 2 kB."""

_ROW = ("priority", "repeat_s", "quality")
_RATE = (*_ROW, "below", "above", "until", "lasts_s")
_Section: TypeAlias = dict[str, Any]


def from_toml(content: bytes, where: str) -> AlertTable:
    """Read a table of alerts.

    Parameters
    ----------
    content
        A file's.
    where
        What the file is called, for errors.

    Raises
    ------
    RequestError
        If it is no TOML, or holds what is none of a table of alerts: the message says which key of which file, what was
        got, and what is valid.
    """
    if len(content) > LONGEST:
        raise RequestError(f"{where} has {len(content)} bytes: valid are {LONGEST} and fewer", about="alerts")
    try:
        read = tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise RequestError(f"{where} is no text in UTF-8: valid is TOML", about="alerts") from None
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{where} is no TOML: {error}", about="alerts") from None
    try:
        _only(read, ("rhythm", "rate"), "")
        rhythms = {name: _row(section, f"rhythm.{name}", name) for name, section in _sections(read, "rhythm").items()}
        rates = {name: _rate(section, f"rate.{name}") for name, section in _sections(read, "rate").items()}
        return AlertTable(cast("dict[RhythmName, AlertRow]", rhythms), rates)
    except RequestError as error:
        raise RequestError(f"{where}: {error}", about="alerts") from None


def to_toml(table: AlertTable) -> str:
    """Write a table of alerts, so that `from_toml` reads the same."""
    lines = [
        "# The alerts of ecg-stream. A rhythm without a section here is no alert.",
        f"# priority: {', '.join(PRIORITIES)}. repeat_s: told again each so many seconds, 30 or more; 0: not at all.",
        "# quality: while the mean quality of eight beats is below, it is not told; 0: told whatever the quality.",
        "# A rate has any name, and one of below and above: the median of eight intervals, beats a minute.",
        "# lasts_s: it is told when it has lasted so long.",
    ]
    for name, row in table.rhythms.items():
        lines += ["", f"[rhythm.{name}]", *_lines(row)]
    for each, rate in table.rates.items():
        limit = f"below = {rate.below:g}" if rate.below is not None else f"above = {rate.above:g}"
        lines += ["", f"[rate.{each}]", *_lines(rate), limit, f"until = {rate.until:g}"]
        lines += [f"lasts_s = {rate.lasts_s:g}"] if rate.lasts_s else []
    return "\n".join(lines) + "\n"


def _lines(row: AlertRow) -> list[str]:
    return [f'priority = "{row.priority}"', f"repeat_s = {row.repeat_s:g}", f"quality = {row.quality:g}"]


def _sections(read: _Section, kind: str) -> dict[str, _Section]:
    found = read.get(kind, {})
    if not isinstance(found, dict):
        raise RequestError(f"{kind} is {_shown(found)}: valid are sections such as [{kind}.NAME]")
    for name, section in found.items():
        if not isinstance(section, dict):
            raise RequestError(f"{kind}.{name} is {_shown(section)}: valid is a section [{kind}.{name}]")
    return found


def _row(section: _Section, where: str, name: str) -> AlertRow:
    _only(section, _ROW, where)
    priority = _priority(section, where)
    repeat_s = _number(section, "repeat_s", where, REPEAT_S[priority])
    return AlertRow(priority, repeat_s, _number(section, "quality", where, 0.0 if name == "noise" else QUALITY))


def _rate(section: _Section, where: str) -> RateRow:
    _only(section, _RATE, where)
    priority = _priority(section, where)
    below, above = (_number(section, key, where, None) for key in ("below", "above"))
    until = below if below is not None else above
    return RateRow(
        priority,
        _number(section, "repeat_s", where, REPEAT_S[priority]),
        _number(section, "quality", where, QUALITY),
        below=below,
        above=above,
        until=_number(section, "until", where, 0.0 if until is None else until),
        lasts_s=_number(section, "lasts_s", where, 0.0),
    )


def _priority(section: _Section, where: str) -> Priority:
    if "priority" not in section:
        raise RequestError(f"{where}.priority is missing: valid are {', '.join(PRIORITIES)}")
    if (got := section["priority"]) not in PRIORITIES:
        raise RequestError(f"{where}.priority is {_shown(got)}: valid are {', '.join(PRIORITIES)}")
    return cast("Priority", got)


def _number(section: _Section, key: str, where: str, default: Any) -> Any:
    """Give a number of a section as a float, or the default."""
    if key not in section:
        return default
    got = section[key]
    if isinstance(got, bool) or not isinstance(got, int | float):
        raise RequestError(f"{where}.{key} is {_shown(got)}: valid is a number")
    try:
        return float(got)
    except OverflowError:
        raise RequestError(f"{where}.{key} is too large: valid is a number") from None


def _only(section: _Section, keys: tuple[str, ...], where: str) -> None:
    for key in section:
        if key not in keys:
            named = f"{where}.{key}" if where else key
            raise RequestError(f"there is no {named[:120]}: valid are {', '.join(keys)}")


def _shown(got: object) -> str:
    return repr(got)[:60]
