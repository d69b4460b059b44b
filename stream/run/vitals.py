"""Heart rate and the condition of each lead, for whatever shows a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.messages import PRIORITIES, Alert, Beat, Chunk, Event, Rhythm
from ..rhythm.precedence import ORDER

RR_AVERAGED = 8
SILENT_S = 4.0
"""Without a beat for this long there is no rate to show."""

BLOCK_S = 1.0
BLOCKS_AVERAGED = 10


class HeartRate:
    """Beats per minute from the mean of the last eight RR intervals; a gap starts afresh."""

    def __init__(self) -> None:
        self._rr_ms: deque[float] = deque(maxlen=RR_AVERAGED)
        self._last_s = -np.inf

    def add(self, beat: Beat) -> None:
        """Take a beat."""
        self._last_s = max(self._last_s, beat.time)
        if beat.rr_ms is None:
            self._rr_ms.clear()
        else:
            self._rr_ms.append(beat.rr_ms)

    def at(self, now_s: float) -> float | None:
        """Rate at stream time `now_s`, 1/min; None before the second beat and after four silent seconds."""
        if not self._rr_ms or now_s - self._last_s > SILENT_S:
            return None
        return 60_000 * len(self._rr_ms) / sum(self._rr_ms)


class Rhythms:
    """The rhythms that go on, by how each began."""

    def __init__(self) -> None:
        self._begun: dict[str, Rhythm] = {}

    def note(self, rhythm: Rhythm) -> None:
        """Take what the pipeline says of a rhythm."""
        if rhythm.state == "begin":
            self._begun[rhythm.name] = rhythm
        else:
            self._begun.pop(rhythm.name, None)

    def first(self) -> Rhythm | None:
        """Give how that began which comes first of all that goes on; None if nothing does."""
        return next((self._begun[name] for name in ORDER if name in self._begun), None)


class OngoingAlerts:
    """The alerts that go on, by how each began."""

    def __init__(self) -> None:
        self._begun: dict[str, Alert] = {}

    def note(self, alert: Alert) -> None:
        """Take what the pipeline says of an alert."""
        if alert.state == "begin":
            self._begun[alert.name] = alert
        elif alert.state == "end":
            self._begun.pop(alert.name, None)

    def all(self) -> tuple[Alert, ...]:
        """Give how those began that go on: the most pressing first, of one priority the latest first."""
        by_time = sorted(self._begun.values(), key=lambda alert: -alert.onset)
        return tuple(sorted(by_time, key=lambda alert: PRIORITIES.index(alert.priority)))

    def first(self) -> Alert | None:
        """Give how that began which comes first of all that goes on; None if nothing does."""
        return next(iter(self.all()), None)


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition of one lead over the last ten seconds.

    Attributes
    ----------
    state
        ``lead-off``, ``flat`` or ``saturation`` while the pipeline says so; else empty.
    good
        Share of the samples that are measurements: not NaN, and not in one of these states.
    quality_db
        Signal-to-noise ratio as the detector sees it: QRS level over what stands between beats. None if unknown.
    """

    state: str
    good: float
    quality_db: float | None


class LeadConditions:
    """Condition of every lead, from the samples and from what the pipeline says of them."""

    def __init__(self) -> None:
        self._leads: tuple[str, ...] = ()
        self._fs = 0.0
        self._clear()

    def _clear(self) -> None:
        self._states = dict.fromkeys(self._leads, "")
        self._good = np.zeros(len(self._leads))
        self._samples = 0
        self._blocks: deque[NDArray[np.float64]] = deque(maxlen=BLOCKS_AVERAGED)

    def note(self, event: Event) -> None:
        """Take what the pipeline says of a lead."""
        if event.lead in self._states:
            self._states[event.lead] = "" if event.kind == "lead-on" else event.kind

    def push(self, chunk: Chunk) -> None:
        """Take the next samples."""
        if (chunk.leads, chunk.fs) != (self._leads, self._fs):
            self._leads, self._fs = chunk.leads, chunk.fs
            self._clear()
        usable = np.array([not self._states[lead] for lead in self._leads])
        self._good += np.isfinite(chunk.samples).sum(axis=0) * usable
        self._samples += len(chunk.samples)
        if self._samples >= BLOCK_S * self._fs:
            self._blocks.append(self._good / self._samples)
            self._good, self._samples = np.zeros(len(self._leads)), 0

    def conditions(self, quality_db: Mapping[str, float]) -> tuple[Condition, ...]:
        """Give the condition of each lead, in the order of the leads."""
        good = np.mean(self._blocks, axis=0) if self._blocks else np.ones(len(self._leads))
        shares = zip(self._leads, good.tolist(), strict=True)
        return tuple(Condition(self._states[lead], share, quality_db.get(lead)) for lead, share in shares)
