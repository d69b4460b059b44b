"""The monitor as a figure, for PNG and PDF: text in a monospaced font, braille as the dots that it stands for."""

from __future__ import annotations

import re
from collections import defaultdict
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME

from ..stream.screen.monitor import Screen
from ..stream.screen.view import View
from .beat_plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT, FONT_PT = "DejaVu Sans Mono", 10.0  # comes with matplotlib
CELL_PT = (0.602 * FONT_PT, 1.25 * FONT_PT)
"""Width of a character of this font, and of a line, points."""

MARGIN_PT = 8.0
_WORD = re.compile("[^ \N{BRAILLE PATTERN BLANK}]+")
_BRAILLE = range(0x2801, 0x2900)
_DOT_PLACES = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each dot of a braille character, by the bit that it is."""


def screen_figure(view: View, columns: int, rows: int) -> Figure:
    """Draw the monitor, `columns` by `rows` characters, in the colours in which Rich exports a terminal."""
    console = Console(width=columns, height=rows, file=StringIO(), force_terminal=True, color_system="truecolor")
    lines = console.render_lines(Screen(view), pad=False)
    width, height = columns * CELL_PT[0] + 2 * MARGIN_PT, rows * CELL_PT[1] + 2 * MARGIN_PT
    figure = new_figure(width / 72, height / 72)
    figure.set_layout_engine("none")
    figure.set_facecolor(_hex(SVG_EXPORT_THEME.background_color))
    ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set_xlim(-MARGIN_PT, width - MARGIN_PT)
    ax.set_ylim(height - MARGIN_PT, -MARGIN_PT)
    ax.axis("off")
    dots: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row, line in enumerate(lines):
        column = 0
        for text, style in _runs(line):
            colour, ground, weight = _colours(style)
            left, top = column * CELL_PT[0], row * CELL_PT[1]
            if ground is not None:
                ax.fill_between([left, left + len(text) * CELL_PT[0]], top, top + CELL_PT[1], color=ground, linewidth=0)
            if ord(text[0]) in _BRAILLE:
                dots[colour] += _dots(text, left, top)
            else:
                for word in _WORD.finditer(text):  # a long line in one piece would drift away from its cells
                    ax.text(
                        left + word.start() * CELL_PT[0], top + 0.78 * CELL_PT[1], word[0],
                        family=FONT, fontsize=FONT_PT, color=colour, weight=weight, parse_math=False,
                    )  # fmt: skip
            column += len(text)
    for colour, places in dots.items():
        x, y = zip(*places, strict=True)
        ax.scatter(x, y, s=2.4, color=colour, linewidths=0, marker="o")
    return figure


def _runs(line: list[Segment]) -> list[tuple[str, Style]]:
    """Cut a line into runs of one style that are either braille or not."""
    return [
        ("".join(run), each.style or Style())
        for each in line
        for _, run in groupby(each.text, key=lambda character: ord(character) in _BRAILLE)
    ]


def _dots(text: str, left: float, top: float) -> list[tuple[float, float]]:
    return [
        (left + (k + 0.25 + 0.5 * across) * CELL_PT[0], top + (0.125 + 0.25 * down) * CELL_PT[1])
        for k, character in enumerate(text)
        for bit, (across, down) in enumerate(_DOT_PLACES)
        if ord(character) - 0x2800 >> bit & 1
    ]


def _colours(style: Style) -> tuple[str, str | None, str]:
    """Give the colour of the letters, of the ground (None as it is), and the weight of the letters."""
    theme = SVG_EXPORT_THEME
    letters = theme.foreground_color if style.color is None else style.color.get_truecolor(theme)
    ground = None if style.bgcolor is None else style.bgcolor.get_truecolor(theme, foreground=False)
    if style.reverse:
        letters, ground = ground or theme.background_color, letters
    return _hex(letters), None if ground is None else _hex(ground), "bold" if style.bold else "normal"


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
