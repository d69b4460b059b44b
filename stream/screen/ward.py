"""All patients at one moment, gathered from the steps of their streams, those who need attention first."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...words import plain
from ..core.messages import Beat, Chunk, Event
from ..run.engine import Step
from ..run.turn import Load
from .trace import COLUMN_S, Trace
from .vitals import HeartRate, LeadConditions

SILENT_S = 5.0
LATE_S = 3.0
RECENT_S = 60.0
SLOW, FAST = 40, 150  # beats a minute: beyond is urgent
LOW, HIGH = 50, 120  # beyond is of note
RUN = 3  # ventricular beats in a row
HOUR_S = 3600.0

STRIP_COLUMN_S = 2 * COLUMN_S
"""Stream time of one dot column of a strip: half as fine as on the monitor, so that a narrow strip shows some beats."""

URGENT, NOTABLE, RECENT, QUIET = 3, 2, 1, 0
"""How much attention a patient needs."""


@dataclass(frozen=True, slots=True)
class PatientView:
    """One patient on the ward's screen.

    Attributes
    ----------
    patient
        Whose line it is.
    need
        `URGENT` to `QUIET`.
    note
        Why, in a few words; empty if all is well.
    heart_rate
        Beats per minute; None if it is not known.
    low, high
        Range of the shown lead in each dot column of `STRIP_COLUMN_S`, mV.
    marks
        Beats in the window: dot column, class.
    last
        Class of the last beat; empty before the first.
    v_last_hour, s_last_hour
        Ventricular and supraventricular beats in the last hour of the stream.
    good
        Share of the last ten seconds in which the best lead gave a measurement.
    lag_s
        How far the stream is behind where it was at its best, wall time.
    """

    patient: str
    need: int
    note: str
    heart_rate: float | None
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    marks: tuple[tuple[int, str], ...]
    last: str
    v_last_hour: int
    s_last_hour: int
    good: float
    lag_s: float


@dataclass(frozen=True, slots=True)
class WardView:
    """The whole ward at one moment.

    Attributes
    ----------
    source
        The broker, and the model.
    connected
        Whether there is a connection to it.
    patients
        Those for whom there is room, the neediest first.
    hidden
        How many there are beside them.
    hidden_need
        How many of these are `URGENT` or `NOTABLE`.
    news
        The last log message.
    """

    source: str
    connected: bool
    patients: tuple[PatientView, ...]
    hidden: int
    hidden_need: int
    news: str


@dataclass(frozen=True, slots=True)
class Around:
    """What the service knows of a patient beside the stream: queue, and what the device says of itself."""

    load: Load = field(default_factory=Load)
    online: bool = True


class HourCount:
    """How often something occurred in the last hour of a stream, by the minute."""

    def __init__(self) -> None:
        self._minutes: deque[list[int]] = deque(maxlen=60)  # minute of the stream, count

    def add(self, time_s: float) -> None:
        """Count one."""
        minute = int(time_s // 60)
        if not self._minutes or self._minutes[-1][0] < minute:
            self._minutes.append([minute, 0])
        self._minutes[-1][1] += 1

    def at(self, now_s: float) -> int:
        """Give the number in the hour before `now_s`."""
        first = (now_s - HOUR_S) // 60
        return sum(count for minute, count in self._minutes if minute > first)


class WatchedPatient:
    """What is kept of one patient for the screen, in bounded memory."""

    def __init__(self) -> None:
        self._trace = Trace()
        self._rate = HeartRate()
        self._conditions = LeadConditions()
        self._v, self._s = HourCount(), HourCount()
        self._beats: deque[Beat] = deque(maxlen=64)
        self._run = 0
        self._now_s = 0.0
        self._first_s: float | None = None
        self._heard = time.monotonic()
        self._best_offset = float("inf")  # of wall time minus stream time

    def take(self, step: Step, now: float) -> None:
        """Take a step at wall time `now`."""
        if step.chunk is not None:
            self._take_chunk(step.chunk, now)
        for output in step.outputs:
            if isinstance(output, Event):
                self._conditions.note(output)
                continue
            self._rate.add(output)
            self._beats.append(output)
            self._run = self._run + 1 if output.label == "V" else 0
            if output.label in "VS":
                (self._v if output.label == "V" else self._s).add(output.time)

    def _take_chunk(self, chunk: Chunk, now: float) -> None:
        self._trace.push(chunk)
        self._conditions.push(chunk)
        self._now_s = (chunk.start + len(chunk.samples)) / chunk.fs
        self._first_s = chunk.start / chunk.fs if self._first_s is None else self._first_s
        self._heard = now
        self._best_offset = min(self._best_offset, now - self._now_s)

    def lag_s(self, now: float) -> float:
        """How far the stream is behind where it was at its best."""
        return 0.0 if self._best_offset == float("inf") else max(0.0, now - self._now_s - self._best_offset)

    def assess(self, now: float, around: Around) -> tuple[int, str]:
        """Say how much attention the patient needs, and why."""
        silent_s = now - self._heard
        rate = self._rate.at(self._now_s)
        conditions = dict(zip(self._trace.leads, self._conditions.conditions({}), strict=False))
        bad = {lead: condition.state for lead, condition in conditions.items() if condition.state}
        if not around.online:
            return URGENT, "device offline"
        if silent_s > SILENT_S:
            return URGENT, f"no data for {silent_s:.0f} s"
        if conditions and len(bad) == len(conditions):
            return URGENT, "no lead: " + ", ".join(dict.fromkeys(bad.values()))
        if self._run >= RUN:
            return URGENT, f"{self._run} V in a row"
        if rate is None and self._now_s - (self._first_s or 0.0) > SILENT_S:
            return URGENT, "no beat"
        if rate is not None and not SLOW <= rate <= FAST:
            return URGENT, "slow" if rate < SLOW else "fast"
        if around.load.dropped or self.lag_s(now) > LATE_S:
            return NOTABLE, f"{around.load.dropped} dropped" if around.load.dropped else "late"
        if bad:
            return NOTABLE, ", ".join(f"{state} {lead}" for lead, state in bad.items())
        if rate is not None and not LOW <= rate <= HIGH:
            return NOTABLE, "slow" if rate < LOW else "fast"
        recent = {beat.label for beat in self._beats if beat.label in "VS" and self._now_s - beat.time < RECENT_S}
        return (RECENT, "") if recent else (QUIET, "")

    def rank(self) -> int:
        """Order patients of the same need: tens of ventricular beats in the last hour."""
        return self._v.at(self._now_s) // 10

    def view(self, patient: str, now: float, need: int, note: str, columns: int) -> PatientView:
        """Give the patient's line, with `columns` dot columns of the lead that is good the most."""
        conditions = self._conditions.conditions({})
        first, low, high = self._window(columns)
        best = max(range(len(conditions)), key=lambda k: (not conditions[k].state, conditions[k].good, -k), default=0)
        blank = np.full(columns, np.nan)
        marks = ((int(beat.time // STRIP_COLUMN_S) - first, beat.label) for beat in self._beats)
        return PatientView(
            patient=patient,
            need=need,
            note=note,
            heart_rate=self._rate.at(self._now_s),
            low=low[:, best] if low.shape[1] else blank,
            high=high[:, best] if high.shape[1] else blank,
            marks=tuple((column, label) for column, label in marks if 0 <= column < columns),
            last=self._beats[-1].label if self._beats else "",
            v_last_hour=self._v.at(self._now_s),
            s_last_hour=self._s.at(self._now_s),
            good=conditions[best].good if conditions else 0.0,
            lag_s=self.lag_s(now),
        )

    def _window(self, columns: int) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        """Give the last `columns` dot columns of `STRIP_COLUMN_S`, ending on an even one; index of the first."""
        first, low, high = self._trace.window(2 * columns + 2)
        begin = -first % 4  # four trace columns are a character: they are not to change places
        rows = slice(begin, begin + 2 * columns)
        pairs = (columns, 2, low.shape[1])
        low, high = (np.concatenate([each, np.full((2, each.shape[1]), np.nan)])[rows] for each in (low, high))
        return (
            (first + begin) // 2,
            np.fmin.reduce(low.reshape(pairs), axis=1),
            np.fmax.reduce(high.reshape(pairs), axis=1),
        )


class Ward:
    """Gathers what a `WardView` shows.

    Parameters
    ----------
    source
        The broker, and the model, as they are to be shown.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._patients: dict[str, WatchedPatient] = {}
        self._around: Callable[[str], Around] = lambda patient: Around()  # noqa: ARG005
        self._connected: Callable[[], bool] = lambda: True
        self.news = ""

    def ask(self, around: Callable[[str], Around], connected: Callable[[], bool]) -> None:
        """Ask these for what the streams do not tell."""
        self._around, self._connected = around, connected

    def take(self, step: Step) -> None:
        """Take a step of any patient."""
        watched = self._patients.get(step.record)
        if watched is None:
            watched = self._patients[step.record] = WatchedPatient()
        watched.take(step, time.monotonic())

    def forget(self, patient: str) -> None:
        """Let a patient go, whose session has ended."""
        self._patients.pop(patient, None)

    def view(self, lines: int, columns: int) -> WardView:
        """Give what there is to show, with room for `lines` patients and `columns` dot columns of trace."""
        now = time.monotonic()
        needs = {patient: each.assess(now, self._around(patient)) for patient, each in self._patients.items()}
        order = sorted(needs, key=lambda patient: (-needs[patient][0], -self._patients[patient].rank(), patient))
        shown = order[:lines]
        return WardView(
            source=self._source,
            connected=self._connected(),
            patients=tuple(self._patients[each].view(each, now, *needs[each], columns) for each in shown),
            hidden=len(order) - len(shown),
            hidden_need=sum(needs[each][0] >= NOTABLE for each in order[len(shown) :]),
            news=self.news,
        )


class NewsHandler(logging.Handler):
    """Shows the last log message on the ward's screen, where no log lines can be written."""

    def __init__(self, ward: Ward) -> None:
        super().__init__(logging.WARNING)
        self._ward = ward

    def emit(self, record: logging.LogRecord) -> None:
        """Take a log message."""
        self._ward.news = f"{time.strftime('%H:%M:%S')} {plain(record.getMessage())}"
