"""Pauses and asystole: no beat for some time, where the signal is good and quiet."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..core.compiled import Floats32
from ..core.messages import Heard
from ..core.rhythm_names import RhythmName
from ..core.stage import State, restored
from .activity import Activity
from .limits import RhythmLimits
from .rule import NOTHING, Finding, Findings, RhythmBeat, RhythmRule

AFTER_BEAT_S, BEFORE_BEAT_S = 0.5, 0.3
"""What stands so long after a beat is its T wave, and so long before one its P wave."""
AROUND_BEAT_S = 0.1
HEIGHTS = 8
"""Beats whose height is remembered."""
AGAIN_S = 0.5
"""While no beat comes, it is looked again for a quiet signal so often."""


class PauseRule(RhythmRule):
    """A pause or an asystole is told while no beat comes.

    It begins at the last beat and ends with the next. A lead counts that was a measurement all the time from the T
    wave of the beat on, and whose range in each tenth of a second is small against the QRS complexes before. So a beat
    that was missed, noise, a lead that is off and a gap are none. P waves alone stay below the limit.

    A pause that a beat has ended before it would be told is told with that beat. Where none was heard for long and
    the signal was not to be read, an asystole counts from where it is quiet.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("pause", "asystole")
    hears: ClassVar[bool] = True

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._activity = Activity(fs, len(leads), start)
        self._heights = np.zeros((HEIGHTS, len(leads)), dtype=np.float32)
        self._n_heights = 0
        self._last = start  # the last beat, or where the stretch began
        self._pause = self._asystole = False
        self._looked = False  # whether it was looked for a pause since the last beat
        self._wait_for(start, limits.asystole_s)

    def hear(self, heard: Heard) -> None:
        """Take the next samples."""
        self._activity.hear(heard)

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found, limits = beat.beat, self.limits
        findings: list[Finding] = []
        length_s = (found.sample - self._last) / self.fs
        follows = found.rr_ms is not None
        if self._pause:
            why = "a beat after" if length_s >= limits.pause_s else "a beat was found late, after"
            findings.append(Finding("pause", "end", found.sample, f"{why} {length_s:.1f} s"))
        elif follows and length_s >= limits.pause_s and not self._looked:
            stop = found.sample - round(BEFORE_BEAT_S * self.fs)
            if self._quiet_from(stop) <= self._last + self._after_beat:
                why = f"no beat for {length_s:.1f} s"
                findings.append(Finding("pause", "begin", self._last, why))
                findings.append(Finding("pause", "end", found.sample, why))
        if self._asystole:
            findings.append(Finding("asystole", "end", found.sample, f"a beat after {length_s:.1f} s"))
        self._pause = self._asystole = self._looked = False
        around = round(AROUND_BEAT_S * self.fs)
        if self._activity.next > found.sample - around:
            place = self._heights[self._n_heights % HEIGHTS]
            self._activity.write_height(found.sample - around, found.sample + around, place)
            self._n_heights += 1
        self._last = max(self._last, found.sample)
        self._wait_for(self._last, limits.pause_s)
        return findings

    def time(self, now: int) -> Findings:
        """Look for a quiet signal since the last beat."""
        limits = self.limits
        since_s = (now + 1 - self._last) / self.fs
        quiet_from = self._quiet_from(now + 1)
        findings: Findings = NOTHING
        if not self._looked and self._n_heights:
            self._looked = True
            if quiet_from <= self._last + self._after_beat:
                self._pause = True
                findings = (Finding("pause", "begin", self._last, f"no beat for {since_s:.1f} s"),)
            self._wait_for(self._last, limits.asystole_s)
            return findings
        self.due = now + round(AGAIN_S * self.fs)
        if not self._any_good(now + 1):
            return self._unread(now)
        if self._asystole:
            return NOTHING
        begin = self._last if quiet_from <= self._last + self._after_beat else quiet_from
        if (now + 1 - begin) / self.fs >= limits.asystole_s:
            self._asystole = True
            findings = (Finding("asystole", "begin", begin, f"no beat for {since_s:.1f} s"),)
        return findings

    def _unread(self, now: int) -> Findings:
        """End what goes on, as nothing is known any more."""
        going_on: list[tuple[RhythmName, bool]] = [("pause", self._pause), ("asystole", self._asystole)]
        self._pause = self._asystole = False
        return [Finding(name, "end", now, "no lead can be read") for name, on in going_on if on]

    @property
    def _after_beat(self) -> int:
        """From the last beat, samples: from there on the signal has to be quiet. A block is not cut."""
        return round(AFTER_BEAT_S * self.fs) + self._activity.length

    def _wait_for(self, sample: int, seconds: float) -> None:
        self.due = sample + round((seconds + self.limits.pause_told_s) * self.fs)

    def _quiet_from(self, stop: int) -> int:
        """Give the sample from which on, until `stop`, some lead was a measurement and quiet; `stop` if none was."""
        if self._activity.next <= self._activity.began:  # there is no signal, as with reference beats
            return self._last
        first = max(self._last + round(AFTER_BEAT_S * self.fs), self._activity.began)
        ranges, good = self._activity.ranges(first, stop)
        if not len(ranges):
            return stop
        still = good & (ranges <= self._quiet_mv())
        loud = ~still[::-1]
        blocks = np.where(loud.any(axis=0), np.argmax(loud, axis=0), len(still))
        return int(stop // self._activity.length - blocks.max()) * self._activity.length

    def _any_good(self, stop: int) -> bool:
        if self._activity.next <= self._activity.began:
            return True
        _, good = self._activity.ranges(stop - round(AGAIN_S * self.fs), stop)
        return bool(good.all(axis=0).any())

    def _quiet_mv(self) -> Floats32:
        """Range of each lead up to which it is quiet, ``(n_leads,)``."""
        floor = np.full(len(self.leads), self.limits.quiet_uv / 1000.0, dtype=np.float32)
        if not self._n_heights:
            return floor
        heights = np.median(self._heights[: min(self._n_heights, HEIGHTS)], axis=0)
        return np.asarray(np.maximum(floor, self.limits.quiet_share * heights), dtype=np.float32)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            **super().snapshot(),
            "activity": self._activity.snapshot(),
            "heights": self._heights.copy(),
            "n_heights": self._n_heights,
            "last": self._last,
            "pause": self._pause,
            "asystole": self._asystole,
            "looked": self._looked,
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._activity.restore(state["activity"])
        self._heights = restored(state, "heights", self._heights)
        self._n_heights, self._last = int(state["n_heights"]), int(state["last"])
        self._pause, self._asystole = bool(state["pause"]), bool(state["asystole"])
        self._looked = bool(state["looked"])
