"""How much attention a stream needs, and why: what every screen of a ward sorts by.

Alerts come first, by their priority. This is a way to sort a screen, and not an alarm.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.messages import PRIORITIES, Alert, Beat, Chunk, Event, Rhythm, St
from ..core.rhythm_names import in_words
from .engine import Step
from .turn import Load
from .vitals import Condition, HeartRate, LeadConditions, OngoingAlerts, Rhythms

SILENT_S = 5.0
LATE_S = 3.0
RECENT_S = 60.0
SLOW, FAST = 40, 150  # beats a minute: beyond is urgent
LOW, HIGH = 50, 120  # beyond is of note
RUN = 3  # ventricular beats in a row
HOUR_S = 3600.0

URGENT, NOTABLE, RECENT, QUIET = 3, 2, 1, 0
"""How much attention a patient needs."""


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


class WatchedStream:
    """What is known of one stream now, in bounded memory."""

    def __init__(self) -> None:
        self.beats: deque[Beat] = deque(maxlen=64)
        """The latest beats, the newest last."""
        self.leads: tuple[str, ...] = ()
        """Names of the leads of the last chunk."""
        self.now_s = 0.0
        """Stream time of the newest sample."""
        self._rate = HeartRate()
        self._conditions = LeadConditions()
        self.rhythms = Rhythms()
        """The rhythms that go on."""
        self.alerts = OngoingAlerts()
        """The alerts that go on."""
        self._v, self._s = HourCount(), HourCount()
        self._run = 0
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
            if isinstance(output, Rhythm):
                self.rhythms.note(output)
                continue
            if isinstance(output, Alert):
                self.alerts.note(output)
                continue
            if isinstance(output, St):
                continue
            self._rate.add(output)
            self.beats.append(output)
            self._run = self._run + 1 if output.label == "V" else 0
            if output.label in "VS":
                (self._v if output.label == "V" else self._s).add(output.time)

    def _take_chunk(self, chunk: Chunk, now: float) -> None:
        self._conditions.push(chunk)
        self.leads = chunk.leads
        self.now_s = (chunk.start + len(chunk.samples)) / chunk.fs
        self._first_s = chunk.start / chunk.fs if self._first_s is None else self._first_s
        self._heard = now
        self._best_offset = min(self._best_offset, now - self.now_s)

    @property
    def heart_rate(self) -> float | None:
        """Beats per minute; None if it is not known."""
        return self._rate.at(self.now_s)

    @property
    def v_last_hour(self) -> int:
        """Ventricular beats in the last hour of the stream."""
        return self._v.at(self.now_s)

    @property
    def s_last_hour(self) -> int:
        """Supraventricular beats in the last hour of the stream."""
        return self._s.at(self.now_s)

    def conditions(self) -> tuple[Condition, ...]:
        """Give the condition of each lead, in the order of the leads."""
        return self._conditions.conditions({})

    def lag_s(self, now: float) -> float:
        """How far the stream is behind where it was at its best."""
        return 0.0 if self._best_offset == float("inf") else max(0.0, now - self.now_s - self._best_offset)

    def assess(self, now: float, around: Around) -> tuple[int, str]:
        """Say how much attention the patient needs, and why."""
        silent_s = now - self._heard
        rate = self.heart_rate
        conditions = dict(zip(self.leads, self.conditions(), strict=False))
        bad = {lead: condition.state for lead, condition in conditions.items() if condition.state}
        if not around.online:
            return URGENT, "device offline"
        if silent_s > SILENT_S:
            return URGENT, f"no data for {silent_s:.0f} s"
        if conditions and len(bad) == len(conditions):
            return URGENT, "no lead: " + ", ".join(dict.fromkeys(bad.values()))
        alert, rhythm = self.alerts.first(), self.rhythms.first()
        if alert is not None and alert.priority == "high":
            return URGENT, in_words(alert.name)
        if self._run >= RUN:
            return URGENT, f"{self._run} V in a row"
        if rate is None and self.now_s - (self._first_s or 0.0) > SILENT_S:
            return URGENT, "no beat"
        if rate is not None and not SLOW <= rate <= FAST:
            return URGENT, "slow" if rate < SLOW else "fast"
        if alert is not None:
            return NOTABLE, in_words(alert.name)
        if rhythm is not None:
            return NOTABLE, in_words(rhythm.name)
        if around.load.dropped or self.lag_s(now) > LATE_S:
            return NOTABLE, f"{around.load.dropped} dropped" if around.load.dropped else "late"
        if bad:
            return NOTABLE, ", ".join(f"{state} {lead}" for lead, state in bad.items())
        if rate is not None and not LOW <= rate <= HIGH:
            return NOTABLE, "slow" if rate < LOW else "fast"
        recent = {beat.label for beat in self.beats if beat.label in "VS" and self.now_s - beat.time < RECENT_S}
        return (RECENT, "") if recent else (QUIET, "")

    def rank(self) -> tuple[int, int]:
        """Order patients of the same need, the lowest first: by their alerts, then tens of V in the last hour."""
        alert = self.alerts.first()
        pressing = len(PRIORITIES) if alert is None else PRIORITIES.index(alert.priority)
        return pressing, -(self.v_last_hour // 10)


def best_lead(conditions: Sequence[Condition]) -> int:
    """Give the index of the lead that is good the most; 0 where there is none."""
    return max(range(len(conditions)), key=lambda k: (not conditions[k].state, conditions[k].good, -k), default=0)
