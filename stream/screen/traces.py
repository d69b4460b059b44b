"""The upper part of the monitor.

Every lead is a braille trace. Above stands the class of each beat, over it what the reference says; below, stream time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from ..run.sinks import clock
from .palette import ALARM, BOLD, CHOSEN, CLASS_STYLES, DIFFERS, QUIET, TRACE, TRACE_STYLES, Line, block
from .trace import COLUMN_S, draw
from .view import LeadView, View, column_of

GUTTER = 11
"""Width of the names and conditions to the left of the traces."""

QRS_S = (-0.12, 0.16)
"""The part of the trace that takes the colour of its beat, around the R peak."""

NO_BEAT = "-"
"""Stands in the reference's row where it has no beat and we do."""

_SPANS_MV = np.array([0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000])
_PULSES_MV = (0.1, 0.2, 0.5, 1.0, 5.0, 20.0, 100.0)


def traces(view: View, width: int, rows: int) -> list[Line]:
    """Draw the marks, the leads, and the axis: `rows` lines of leads and two more, three where there is a reference.

    Where there is no room for all leads, two lines each, the first ones are shown and the axis tells of the others.
    """
    cells = max(1, width - GUTTER)
    chosen = view.controls.lead
    leads = view.leads if chosen is None or chosen >= len(view.leads) else view.leads[chosen : chosen + 1]
    shown = leads[: max(1, rows // 2)] if rows > 0 else ()
    marks = [_marks(view, cells)] if view.reference is None else [_reference(view, cells), _marks(view, cells)]
    lines: list[Line] = []
    if shown:
        gap = 1 if rows - len(shown) + 1 >= 4 * len(shown) else 0
        height, rest = divmod(rows - gap * (len(shown) - 1), len(shown))
        colours = _colours(view, cells)
        for k, lead in enumerate(shown):
            if k and gap:
                lines.append([])
            lines += _lead(lead, colours, cells, height + (k < rest))
    lines += [[] for _ in range(rows - len(lines))]
    return [*marks, *lines, _axis(view, cells, len(view.leads) - len(shown))]


def _cell_of(view: View, time_s: float, cells: int) -> int:
    """Character column in which a time lies; outside ``0 <= column < cells`` it has scrolled out."""
    columns = len(view.leads[0].low) if view.leads else 0
    return cells - (view.first_column + columns - column_of(time_s) + 1) // 2


def _marks(view: View, cells: int) -> Line:
    """Put the letter of each beat above its R peak."""
    chosen = view.controls.chosen
    letters = {
        _cell_of(view, beat.time, cells): (beat.label, CHOSEN if beat == chosen else CLASS_STYLES[beat.label])
        for beat in view.beats
    }
    return _row_of("ecg-stream" if view.reference is not None else "", letters, cells)


def _reference(view: View, cells: int) -> Line:
    """Put what the reference says above each R peak, and its rhythm at the left."""
    letters = {
        _cell_of(view, mark.time, cells): (mark.label or NO_BEAT, DIFFERS if mark.differs else QUIET)
        for mark in view.reference or ()
    }
    return _row_of(f"ref {view.reference_rhythm}", letters, cells)


def _row_of(name: str, letters: Mapping[int, tuple[str, Style]], cells: int) -> Line:
    row, at = [Segment(f"{name:{GUTTER}.{GUTTER - 1}}", QUIET)], 0
    for cell in sorted(cell for cell in letters if 0 <= cell < cells):
        row += [Segment(" " * (cell - at)), Segment(*letters[cell])]
        at = cell + 1
    return row


def _lead(lead: LeadView, colours: list[tuple[int, int, Style]], cells: int, rows: int) -> list[Line]:
    low, high = lead.low[-2 * cells :], lead.high[-2 * cells :]
    bottom, top = voltage_range(low, high)
    strips = draw(low, high, bottom, top, rows)
    gutter = _gutter(lead, bottom, top, rows)
    return [[*label, *coloured(strip.rjust(cells), colours)] for label, strip in zip(gutter, strips, strict=True)]


def voltage_range(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Choose the voltages at the lower and upper edge, mV: the smallest round span that holds the whole window.

    It stands on tenths of the span, so that it moves only when the signal has.
    """
    if np.isnan(low).all():
        return -1.0, 1.0
    lowest, highest = float(np.nanmin(low)), float(np.nanmax(high))
    for span in _SPANS_MV:
        step = span / 10
        bottom = np.floor(lowest / step) * step
        spare = bottom + span - highest
        if spare >= 0:
            bottom -= np.floor(spare / 2 / step) * step
            return float(bottom), float(bottom + span)
    return lowest, highest


def _colours(view: View, cells: int) -> list[tuple[int, int, Style]]:
    """Stretches of the trace, from character to character, that take the colour of a beat that is not normal."""
    stretches = []
    for beat in sorted(view.beats, key=lambda each: each.sample):
        if beat.label != "N":
            first = max(0, _cell_of(view, beat.time + QRS_S[0], cells))
            stop = min(cells, _cell_of(view, beat.time + QRS_S[1], cells) + 1)
            if first < stop:
                stretches.append((first, stop, TRACE_STYLES[beat.label]))
    return stretches


def coloured(strip: str, stretches: list[tuple[int, int, Style]]) -> Line:
    """Colour a strip of the trace from column to column; of two stretches that overlap the earlier one wins."""
    row, at = [], 0
    for first, stop, style in stretches:
        begin = max(first, at)
        if begin < stop:
            row += [Segment(strip[at:begin], TRACE), Segment(strip[begin:stop], style)]
            at = stop
    return [*row, Segment(strip[at:], TRACE)]


def _gutter(lead: LeadView, bottom: float, top: float, rows: int) -> list[Line]:
    """Name and condition of a lead, and under them a calibration pulse, as on paper."""
    condition = lead.condition
    quality = "" if condition.quality_db is None else f"SNR {condition.quality_db:.0f} dB"
    labels: list[Line] = [
        [Segment(lead.name[: GUTTER - 1], BOLD)],
        [Segment(condition.state, ALARM)] if condition.state else [Segment(f"{condition.good:.0%} good", QUIET)],
        [Segment(quality, QUIET)],
    ]
    free = rows - len(labels)
    room = 0.95 * free / rows * (top - bottom)
    pulse = max((mv for mv in _PULSES_MV if mv <= room), default=0.0)
    if pulse:
        floor = bottom + 0.02 * (top - bottom)
        edge = np.array([floor, floor, floor + pulse, floor + pulse, floor, floor])
        labels += [[Segment(part, QUIET)] for part in draw(edge, edge, bottom, top, rows)[-free:]]
        labels[-1].append(Segment(f" {pulse:g} mV", QUIET))
    return block(labels, rows, GUTTER)


def _axis(view: View, cells: int, hidden: int) -> Line:
    """Stream time, a tick a second; the beat that was stepped to; and how many leads are not shown."""
    text = [" "] * cells
    for second in range(max(0, int(view.now_s - 2 * COLUMN_S * cells)), int(view.now_s) + 1):
        label = "╵" + clock(second)[:-4].removeprefix("0:")
        at = _cell_of(view, second, cells)
        if at >= 0 and at + len(label) <= cells:
            text[at : at + len(label)] = label
    chosen = view.controls.chosen
    at = -1 if chosen is None else _cell_of(view, chosen.time, cells)
    if 0 <= at < cells:
        text[at] = "▲"
    more = f"+{hidden} lead{'' if hidden == 1 else 's'}" if hidden > 0 else ""
    return [Segment(more.ljust(GUTTER) + "".join(text), QUIET)]
