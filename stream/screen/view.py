"""What the monitor shows at one moment, gathered from the steps of a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.messages import CLASSES, Beat, Chunk, Event, Rhythm
from ..run.engine import Step
from ..run.summary import DurationHistogram, Percentiles
from ..run.vitals import Condition, HeartRate, LeadConditions, Rhythms
from .agreement import AgreementCounts, Reference, RunningAgreement
from .trace import COLUMN_S, Trace

BEATS_KEPT = 200
EVENTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Title:
    """What is being watched.

    Attributes
    ----------
    record
        Name of the record or patient.
    model
        Name of the beat model.
    speed
        Pace of the source in words, such as ``×1``; empty where nothing sets it.
    length_s
        Where the stream ends; None where it does not.
    """

    record: str
    model: str = ""
    speed: str = ""
    length_s: float | None = None


@dataclass(frozen=True, slots=True)
class LeadView:
    """One lead: its name, its condition, and its range in each dot column of the window, mV."""

    name: str
    condition: Condition
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the monitor at one moment.

    Attributes
    ----------
    title
        What is being watched.
    fs
        Sampling rate, Hz; 0 before the first chunk.
    now_s
        Stream time of the newest sample.
    heart_rate
        Beats per minute; None if it is not known.
    counts
        Beats of each of `CLASSES`.
    first_column
        Index of the first dot column of the leads' window, counted from the start of the stream.
    leads
        The leads.
    beats
        The latest beats, the newest last.
    events
        The latest events and changes of rhythm, the newest last.
    rhythm
        How that began which goes on now and comes first, see `stream.rhythm.precedence.ORDER`; None for none.
    delay_ms, compute_ms, lag_ms
        R peak to label in stream time; wall time in the pipeline for each chunk; how late each chunk was. Each
        as p50, p95 and max.
    agreement
        With the reference annotations; None where there are none.
    """

    title: Title
    fs: float
    now_s: float
    heart_rate: float | None
    counts: dict[str, int]
    first_column: int
    leads: tuple[LeadView, ...]
    beats: tuple[Beat, ...]
    events: tuple[Event | Rhythm, ...]
    rhythm: Rhythm | None
    delay_ms: Percentiles
    compute_ms: Percentiles
    lag_ms: Percentiles
    agreement: AgreementCounts | None


class Watch:
    """Gathers, step by step, what a `View` shows, in bounded memory.

    Parameters
    ----------
    title
        What is being watched.
    reference
        Reference annotations to compare with, if the record has them.
    lead_quality
        Gives the signal-to-noise ratio of each lead, dB, such as `Pipeline.lead_quality`.
    """

    def __init__(
        self,
        title: Title,
        reference: Reference | None = None,
        lead_quality: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._title = title
        self._trace = Trace()
        self._heart_rate = HeartRate()
        self._conditions = LeadConditions()
        self._rhythms = Rhythms()
        self._lead_quality = lead_quality
        self._agreement = None if reference is None else RunningAgreement(reference)
        self._counts: dict[str, int] = dict.fromkeys(CLASSES, 0)
        self._beats: deque[Beat] = deque(maxlen=BEATS_KEPT)
        self._events: deque[Event | Rhythm] = deque(maxlen=EVENTS_KEPT)
        self._delay_ms = DurationHistogram()
        self._compute_ms = DurationHistogram()
        self._lag_ms = DurationHistogram()
        self._fs = 0.0
        self._now = 0

    def take(self, step: Step) -> None:
        """Take what one chunk led to."""
        if step.chunk is not None:
            self._take_chunk(step.chunk)
            self._compute_ms.add(step.compute_ms)
            self._lag_ms.add(step.lag_ms)
        for output in step.outputs:
            if isinstance(output, Event):
                self._events.append(output)
                self._conditions.note(output)
                continue
            if isinstance(output, Rhythm):
                self._events.append(output)
                self._rhythms.note(output)
                continue
            self._beats.append(output)
            self._counts[output.label] += 1
            self._delay_ms.add(output.delay_ms)
            self._heart_rate.add(output)
            if self._agreement is not None:
                self._agreement.add(output)
        if self._agreement is not None and self._fs:
            self._agreement.settle(self._now, self._fs, ended=step.chunk is None)

    def _take_chunk(self, chunk: Chunk) -> None:
        self._trace.push(chunk)
        self._conditions.push(chunk)
        self._fs = chunk.fs
        self._now = chunk.start + len(chunk.samples)
        if self._agreement is not None:
            self._agreement.begin(chunk.start)

    def view(self, columns: int = 1000) -> View:
        """Give what there is to show, with the last `columns` dot columns of the trace."""
        first, low, high = self._trace.window(columns)
        conditions = self._conditions.conditions(self._lead_quality())
        leads = tuple(
            LeadView(name, condition, low[:, k], high[:, k])
            for k, (name, condition) in enumerate(zip(self._trace.leads, conditions, strict=True))
        )
        now_s = self._now / self._fs if self._fs else 0.0
        return View(
            title=self._title,
            fs=self._fs,
            now_s=now_s,
            heart_rate=self._heart_rate.at(now_s),
            counts=dict(self._counts),
            first_column=first,
            leads=leads,
            beats=tuple(self._beats),
            events=tuple(self._events),
            rhythm=self._rhythms.first(),
            delay_ms=_percentiles(self._delay_ms),
            compute_ms=_percentiles(self._compute_ms),
            lag_ms=_percentiles(self._lag_ms),
            agreement=None if self._agreement is None else self._agreement.counts(),
        )


def column_of(time_s: float) -> int:
    """Dot column, counted from the start of the stream, in which `time_s` lies."""
    return int(time_s // COLUMN_S)


def _percentiles(histogram: DurationHistogram) -> Percentiles:
    maximum = histogram.max if histogram.count else None
    return Percentiles(histogram.percentile(50), histogram.percentile(95), maximum)
