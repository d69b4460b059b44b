"""Gathers what the monitor shows from the steps of a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from ..core.messages import CLASSES, Alert, Beat, Chunk, Event, Rhythm, St
from ..core.rhythm_names import in_words, verb
from ..run.engine import Step
from ..run.summary import DurationHistogram, Percentiles
from ..run.vitals import HeartRate, LeadConditions, OngoingAlerts, Rhythms
from .agreement import WINDOW_S, Reference, RunningAgreement, pairs
from .history import HISTORY_S, BeatHistory, Moment, Moments
from .trace import COLUMN_S, Trace
from .view import Controls, LeadView, ReferenceMark, Title, View, column_of

BEATS_SHOWN = 200
"""The view has at least as many of the last beats, for the list of them."""

EVENTS_KEPT = 1000
MISSED_AFTER_S = 2.0
"""A reference beat that has no beat so long after it is shown as missed."""


class Watch:
    """Gathers, step by step, what a `View` shows, in bounded memory; the last half hour can be looked back at.

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
        self._trace = Trace(int(HISTORY_S / COLUMN_S))
        self._heart_rate = HeartRate()
        self._conditions = LeadConditions()
        self._rhythms = Rhythms()
        self._alerts = OngoingAlerts()
        self._lead_quality = lead_quality
        self._reference = reference
        has_beats = reference is not None and len(reference.samples) > 0  # some records have rhythms alone
        self._agreement = RunningAgreement(reference) if reference is not None and has_beats else None
        self._counts: dict[str, int] = dict.fromkeys(CLASSES, 0)
        self.beats = BeatHistory()
        self._moments = Moments()
        self._events: deque[Event | Rhythm] = deque(maxlen=EVENTS_KEPT)
        self._delay_ms = DurationHistogram()
        self._compute_ms = DurationHistogram()
        self._lag_ms = DurationHistogram()
        self._fs = 0.0
        self._now = 0
        self._first_s = 0.0

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
            if isinstance(output, Alert):
                self._alerts.note(output)
                continue
            if isinstance(output, St):
                continue
            self.beats.add(output)
            self._counts[output.label] += 1
            self._delay_ms.add(output.delay_ms)
            self._heart_rate.add(output)
            if self._agreement is not None:
                self._agreement.add(output)
        if self._agreement is not None and self._fs:
            self._agreement.settle(self._now, self._fs, ended=step.chunk is None)
        if self._fs and self._moments.due(self.now_s):
            self._moments.add(self._moment())

    @property
    def now_s(self) -> float:
        """Stream time of the newest sample."""
        return self._now / self._fs if self._fs else 0.0

    @property
    def oldest_s(self) -> float:
        """Stream time of the oldest sample that can be looked back at."""
        return max(self._first_s, self.now_s - HISTORY_S)

    def rhythm_changes(self) -> list[tuple[float, str]]:
        """List the changes of rhythm up to now, in the order of time: when, and what the reference or we say."""
        stated = () if self._reference is None else self._reference.rhythms
        until = self._now
        changes = [(at / self._fs, f"reference: {name}") for at, name in stated if at <= until] if self._fs else []
        changes += [
            (each.time, f"{in_words(each.name)} {verb(each.name, each.state)}")
            for each in self._events
            if isinstance(each, Rhythm)
        ]
        return sorted(changes)

    def _take_chunk(self, chunk: Chunk) -> None:
        self._trace.push(chunk)
        self._conditions.push(chunk)
        if not self._fs:
            self._first_s = chunk.start / chunk.fs
        self._fs = chunk.fs
        self._now = chunk.start + len(chunk.samples)
        if self._agreement is not None:
            self._agreement.begin(chunk.start)

    def view(self, columns: int = 1000, at_s: float | None = None, controls: Controls | None = None) -> View:
        """Give what there is to show, with `columns` dot columns of the trace.

        Parameters
        ----------
        columns
            The last ones.
        at_s
            Where the stream stood, in seconds: the picture is as it was then, but for beats that were decided after
            it. None for now.
        controls
            What the person at the keyboard has asked for.
        """
        then = None if at_s is None or at_s >= self.now_s else self._moments.at(at_s)
        moment = self._moment() if then is None else then
        now_s = self.now_s if at_s is None else min(at_s, self.now_s)
        stop = None if at_s is None else column_of(now_s) + 1
        first, low, high = self._trace.window(columns, stop)
        leads = tuple(
            LeadView(name, condition, low[:, k], high[:, k])
            for k, (name, condition) in enumerate(zip(self._trace.leads, moment.conditions, strict=False))
        )
        beats = self.beats.until(now_s, first * COLUMN_S, BEATS_SHOWN)
        return View(
            title=self._title,
            fs=self._fs,
            now_s=now_s,
            heart_rate=moment.heart_rate,
            counts=moment.counts,
            first_column=first,
            leads=leads,
            beats=beats,
            events=tuple(event for event in self._events if event.time <= now_s),
            rhythm=moment.rhythm,
            alert=moment.alert,
            delay_ms=moment.delay_ms,
            compute_ms=moment.compute_ms,
            lag_ms=moment.lag_ms,
            agreement=moment.agreement,
            reference=self._reference_marks(beats, max(self._first_s, first * COLUMN_S), now_s),
            reference_rhythm=self._reference_rhythm(now_s),
            controls=controls or Controls(),
        )

    def _moment(self) -> Moment:
        """Give the numbers as they stand."""
        now_s = self.now_s
        return Moment(
            time=now_s,
            heart_rate=self._heart_rate.at(now_s),
            counts=dict(self._counts),
            rhythm=self._rhythms.first(),
            alert=self._alerts.first(),
            conditions=self._conditions.conditions(self._lead_quality()),
            delay_ms=_percentiles(self._delay_ms),
            compute_ms=_percentiles(self._compute_ms),
            lag_ms=_percentiles(self._lag_ms),
            agreement=None if self._agreement is None else self._agreement.counts(),
        )

    def _reference_marks(
        self, beats: tuple[Beat, ...], first_s: float, now_s: float
    ) -> tuple[ReferenceMark, ...] | None:
        """Compare the beats from `first_s` to `now_s` with the reference."""
        if self._reference is None or not self._fs:
            return None
        if self._agreement is None:
            return ()
        start, stop = np.searchsorted(self._reference.samples, (first_s * self._fs, now_s * self._fs)).tolist()
        stated = self._reference.samples[start:stop].tolist()
        found = [beat for beat in beats if beat.time >= first_s]
        marks = []
        for at, k in pairs(stated, [beat.sample for beat in found], int(WINDOW_S * self._fs)):
            if at is None:
                assert k is not None
                marks.append(ReferenceMark(found[k].time, "", True))
                continue
            time, label = stated[at] / self._fs, self._reference.labels[start + at]
            differs = self.now_s - time > MISSED_AFTER_S if k is None else found[k].label != label
            marks.append(ReferenceMark(time, label, differs))
        return tuple(marks)

    def _reference_rhythm(self, now_s: float) -> str:
        stated = () if self._reference is None else self._reference.rhythms
        return next((name for at, name in reversed(stated) if at <= now_s * self._fs), "")


def _percentiles(histogram: DurationHistogram) -> Percentiles:
    maximum = histogram.max if histogram.count else None
    return Percentiles(histogram.percentile(50), histogram.percentile(95), maximum)
