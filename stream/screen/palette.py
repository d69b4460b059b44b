"""Colours of the terminal monitors: each reads on a black and on a white ground, and letters carry the same meaning."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style

from ...words import plain
from ..core.messages import Priority

Line = list[Segment]
"""One line of the screen."""

CLASS_COLOURS = {"N": "color(29)", "S": "color(33)", "V": "color(160)", "F": "color(127)", "Q": "color(244)"}

CLASS_STYLES = {
    label: Style(color=colour) if label == "N" else Style(color="color(231)", bgcolor=colour, bold=True)
    for label, colour in CLASS_COLOURS.items()
}
"""The letter of a class."""

TRACE_STYLES = {label: Style(color=colour) for label, colour in CLASS_COLOURS.items()}
"""The trace under a beat."""

PLAIN = Style()
BOLD = Style(bold=True)
QUIET = Style(color="color(244)")
TRACE = Style(color="color(29)")
DIFFERS = Style(color="color(231)", bgcolor="color(160)", bold=True)
"""What the reference says where it differs from ours."""

CHOSEN = Style(bold=True, reverse=True)
"""The beat that was stepped to."""

ALARM = Style(color="color(160)", bold=True)

PRIORITY_STYLES: dict[Priority, Style] = {
    "high": Style(color="color(231)", bgcolor="color(160)", bold=True),
    "medium": Style(color="color(16)", bgcolor="color(220)", bold=True),
    "low": Style(color="color(16)", bgcolor="color(44)"),
}
"""An alert, in the colours of IEC 60601-1-8; its marks say the same, see `run.alert_words.MARKS`."""


def block(lines: list[Line], rows: int, width: int) -> list[Line]:
    """Cut or fill `lines` to a block of `rows` by `width`."""
    cut = [Segment.adjust_line_length(_plain(each), width) for each in lines[:rows]]
    return cut + [[Segment(" " * width)] for _ in range(rows - len(cut))]


def _plain(row: Line) -> Line:
    """Make visible what names from outside may hold, such as escape sequences."""
    if all(each.text.isprintable() for each in row):
        return row
    return [Segment(plain(each.text), each.style) for each in row]
