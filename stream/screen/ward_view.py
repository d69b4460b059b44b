"""The ward monitor: a line for each patient, and the sink that keeps it live.

`WardScreen` is pure: a `WardView` in, segments out, at whatever size the console has.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from ..core.rhythm_names import in_words
from ..run.alert_words import MARKS
from ..run.attention import NOTABLE, URGENT
from ..run.attention import QUIET as ALL_IS_WELL
from ..run.engine import Sink, Step
from ..run.summary import Summary
from .live_screen import LiveScreen
from .palette import ALARM, BOLD, CLASS_STYLES, PLAIN, PRIORITY_STYLES, QUIET, TRACE_STYLES, Line, block
from .trace import draw
from .traces import coloured, voltage_range
from .ward import STRIP_COLUMN_S, PatientView, Ward, WardView

REFRESH_HZ = 5
TALLEST = 4  # lines of a patient's trace, where there is room
NAME = 13
NUMBERS = 27
NOTE = 17
SHORT = {
    "ventricular fibrillation": "VF",
    "sustained ventricular tachycardia": "sustained VT",
    "ventricular tachycardia": "VT",
    "ventricular run": "run of V",
    "supraventricular tachycardia": "SVT",
    "idioventricular rhythm": "IVR",
    "atrial fibrillation": "AF",
    "multiform ventricular beats": "multiform V",
    "frequent ventricular beats": "frequent V",
    "extreme bradycardia": "very slow",
    "extreme tachycardia": "very fast",
}
"""Names that are too long for the note, which has 16 characters, three of them for the marks of an alert."""
QRS_S = (-0.08, 0.12)  # the part of the trace that takes the colour of its beat, around the R peak

_NEED_STYLES = {URGENT: ALARM, NOTABLE: Style(color="color(172)", bold=True)}


@dataclass(frozen=True, slots=True)
class WardScreen:
    """A `WardView` as a Rich renderable that fills the console.

    From the top: what is watched; the names of the columns; the patients, the neediest first, with traces as tall
    as there is room for; how many there are beside; the last message.
    """

    view: WardView

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines of the screen."""
        width, height = options.max_width, options.height or console.height
        for number, each in enumerate(block(self._lines(width, height), height, width)):
            if number:
                yield Segment.line()
            yield from each

    def _lines(self, width: int, height: int) -> list[Line]:
        view = self.view
        room = rows_for_patients(height)
        tall = max(1, min(TALLEST, room // max(1, len(view.patients) + view.hidden)))
        rows: list[Line] = []
        for patient in view.patients[: room // tall]:
            rows += _patient(patient, width, tall)
        if not view.patients:
            rows.append([Segment(" no patient publishes yet", QUIET)])
        return [_title(view, width), _head(width), *block(rows, room, width), _rest(view), _news(view, width)]


def rows_for_patients(height: int) -> int:
    """Lines for patients on a screen of `height` lines."""
    return max(1, height - 4)


def trace_cells(width: int) -> int:
    """Characters of trace on a screen of `width` columns."""
    return max(1, width - NAME - NUMBERS - NOTE)


def _title(view: WardView, width: int) -> Line:
    number = len(view.patients) + view.hidden
    row = [
        Segment(" ward ", Style(bold=True, reverse=True)),
        Segment(f"  {number} patient{'s' * (number != 1)}  {view.source}"),
    ]
    if not view.connected:
        row.append(Segment("  no connection to the broker", ALARM))
    return Segment.adjust_line_length(row, width)


def _head(width: int) -> Line:
    names = f"{'rate':>4}{'':3}{'V/h':>5}{'S/h':>5}{'good':>5}{'lag':>4} "
    return [Segment(f"  {'patient':{NAME - 2}}{names}{'':{trace_cells(width)}}", QUIET)]


def _patient(patient: PatientView, width: int, tall: int) -> list[Line]:
    """Draw one patient: the numbers on the first line, the trace over all."""
    style = _NEED_STYLES.get(patient.need, PLAIN)
    mark = "▌" if patient.need >= NOTABLE else " "
    name = patient.patient if len(patient.patient) <= NAME - 3 else patient.patient[: NAME - 4] + "…"
    rate = "-" if patient.heart_rate is None else f"{patient.heart_rate:.0f}"
    last = CLASS_STYLES.get(patient.last, QUIET)
    numbers = [
        Segment(f"{mark} ", style),
        Segment(f"{name:{NAME - 2}}", style if patient.need > ALL_IS_WELL else BOLD),
        Segment(f"{rate:>4} ", style),
        Segment(patient.last or " ", last),
        Segment(" "),
        _count(patient.v_last_hour, TRACE_STYLES["V"]),
        _count(patient.s_last_hour, TRACE_STYLES["S"]),
        Segment(f"{patient.good:>5.0%}", PLAIN if patient.good > 0.9 else ALARM),
        Segment(f"{_lag(patient.lag_s):>4} "),
    ]
    cells = trace_cells(width)
    low, high = patient.low[-2 * cells :], patient.high[-2 * cells :]
    strips = draw(low, high, *voltage_range(low, high), tall)
    stretches = _stretches(patient, cells)
    lines = []
    for number, strip in enumerate(strips):
        left = numbers if number == 0 else [Segment(f"{mark} ", style), Segment(" " * (NAME + NUMBERS - 2))]
        note = _note(patient, style) if number == 0 else []
        lines.append([*left, *coloured(strip.rjust(cells), stretches), *note])
    return lines


def _note(patient: PatientView, style: Style) -> Line:
    """Say why attention is needed; where it is an alert, its marks and its colour tell the priority."""
    short, alert = SHORT.get(patient.note, patient.note), patient.alert
    if alert is None or in_words(alert.name) != patient.note:
        return [Segment(f" {short}", style)]
    return [Segment(" "), Segment(f"{MARKS[alert.priority]} {short}"[: NOTE - 1], PRIORITY_STYLES[alert.priority])]


def _count(number: int, style: Style) -> Segment:
    return Segment(f"{number:>5}" if number < 10_000 else f"{number // 1000:>4}k", style if number else QUIET)


def _lag(seconds: float) -> str:
    return f"{seconds:.1f}"[:3].rstrip(".") if seconds < 999 else "999"


def _stretches(patient: PatientView, cells: int) -> list[tuple[int, int, Style]]:
    """Parts of the trace, from character to character, that take the colour of a beat that is not normal."""
    found = []
    shift = len(patient.low) - 2 * cells
    for column, label in patient.marks:
        if label != "N":
            first, stop = (int(np.floor((column - shift + part / STRIP_COLUMN_S) / 2)) for part in QRS_S)
            first, stop = max(0, first), min(cells, stop + 1)
            if first < stop:
                found.append((first, stop, TRACE_STYLES[label]))
    return sorted(found, key=lambda each: each[0])


def _rest(view: WardView) -> Line:
    if not view.hidden:
        return []
    row = [Segment(f" and {view.hidden} more patients", QUIET)]
    if view.hidden_need:
        row.append(Segment(f", {view.hidden_need} of whom need attention", ALARM))
    return row


def _news(view: WardView, width: int) -> Line:
    leave = " Ctrl-C ends "
    news = Segment.adjust_line_length([Segment(f" {view.news}", QUIET)], max(0, width - len(leave)))
    return [*news, Segment(leave, QUIET)]


class WardSink(LiveScreen):
    """Shows the ward on a terminal, and gives the terminal back as it was.

    Parameters
    ----------
    ward
        Gathers what is shown.
    console
        A terminal.
    """

    def __init__(self, ward: Ward, console: Console) -> None:
        self._ward = ward

        def screen() -> WardScreen:
            size = console.size
            return WardScreen(ward.view(rows_for_patients(size.height), 2 * trace_cells(size.width)))

        super().__init__(screen, console, REFRESH_HZ)

    async def write(self, step: Step) -> None:
        """Gather what a step brings to the screen."""
        self._ward.take(step)

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Take a patient off the screen."""
        self._ward.forget(record)


class FocusSink:
    """Lets a sink see one patient only.

    Parameters
    ----------
    patient
        The patient that it may see.
    sink
        The sink that shows the patient.
    """

    def __init__(self, patient: str, sink: Sink) -> None:
        self._patient = patient
        self._sink = sink

    async def __aenter__(self) -> Self:
        """Open the sink."""
        await self._sink.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close the sink."""
        await self._sink.__aexit__(kind, error, trace)

    async def write(self, step: Step) -> None:
        """Pass on a step of the patient."""
        if step.record == self._patient:
            await self._sink.write(step)

    async def finish(self, record: str, summary: Summary) -> None:
        """Pass on the patient's summary."""
        if record == self._patient:
            await self._sink.finish(record, summary)
