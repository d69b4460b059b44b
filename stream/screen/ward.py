"""All patients at one moment, gathered from the steps of their streams, those who need attention first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...words import plain
from ..core.messages import Alert
from ..run.attention import NOTABLE, Around, WatchedStream, best_lead
from ..run.engine import Step
from .trace import COLUMN_S, Trace

STRIP_COLUMN_S = 2 * COLUMN_S
"""Stream time of one dot column of a strip: half as fine as on the monitor, so that a narrow strip shows some beats."""


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
    alert
        The most pressing alert that goes on; None if there is none.
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
    alert: Alert | None
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


class WatchedPatient(WatchedStream):
    """What is kept of one patient for the screen, in bounded memory: a `WatchedStream`, and its trace."""

    def __init__(self) -> None:
        super().__init__()
        self._trace = Trace()

    def take(self, step: Step, now: float) -> None:
        """Take a step at wall time `now`."""
        super().take(step, now)
        if step.chunk is not None:
            self._trace.push(step.chunk)

    def view(self, patient: str, now: float, need: int, note: str, columns: int) -> PatientView:
        """Give the patient's line, with `columns` dot columns of the lead that is good the most."""
        conditions = self.conditions()
        first, low, high = self._window(columns)
        best = best_lead(conditions)
        blank = np.full(columns, np.nan)
        marks = ((int(beat.time // STRIP_COLUMN_S) - first, beat.label) for beat in self.beats)
        return PatientView(
            patient=patient,
            need=need,
            note=note,
            alert=self.alerts.first(),
            heart_rate=self.heart_rate,
            low=low[:, best] if low.shape[1] else blank,
            high=high[:, best] if high.shape[1] else blank,
            marks=tuple((column, label) for column, label in marks if 0 <= column < columns),
            last=self.beats[-1].label if self.beats else "",
            v_last_hour=self.v_last_hour,
            s_last_hour=self.s_last_hour,
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
        order = sorted(needs, key=lambda patient: (-needs[patient][0], *self._patients[patient].rank(), patient))
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
