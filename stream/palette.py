"""Colours of the terminal monitors: each reads on a black and on a white ground, and letters carry the same meaning."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style

Line = list[Segment]
"""One line of the screen."""

CLASS_STYLES = {
    "N": Style(color="color(29)"),
    "S": Style(color="color(33)", bold=True, reverse=True),
    "V": Style(color="color(160)", bold=True, reverse=True),
    "F": Style(color="color(127)", bold=True, reverse=True),
    "Q": Style(color="color(244)", bold=True, reverse=True),
}
"""The letter of a class; what is not normal stands out without colour, too."""

TRACE_STYLES = {label: Style(color=style.color) for label, style in CLASS_STYLES.items()}
"""The trace under a beat."""

PLAIN = Style()
BOLD = Style(bold=True)
QUIET = Style(color="color(244)")
TRACE = Style(color="color(29)")
ALARM = Style(color="color(160)", bold=True)


def block(lines: list[Line], rows: int, width: int) -> list[Line]:
    """Cut or fill `lines` to a block of `rows` by `width`."""
    cut = [Segment.adjust_line_length(each, width) for each in lines[:rows]]
    return cut + [[Segment(" " * width)] for _ in range(rows - len(cut))]
