"""Level and slope of the ST segment, each ten seconds, from a signal that no high-pass has touched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.messages import Heard, Signal, St
from ..core.rhythm_names import RhythmName
from ..core.stage import State, restored
from ..signal.grid import GRID_HZ, Grid
from .limits import RhythmLimits
from .rule import NOTHING, Findings, RhythmBeat, RhythmRule
from .waiting import Waiting

EVERY_S = 10.0
"""From one reading to the next, and what the median beat is of."""

MOST, FEWEST = 16, 3
"""Beats that a median is of: the newest sixteen, if ten seconds have more; of fewer than three there is no reading."""

BEFORE, LENGTH = 14, 40
"""Of a beat: grid samples before its middle, and in all. So it goes from 112 ms before to 200 ms after."""

WAIT_S = 0.3
"""After so long all of a beat is on the grid, at any sampling rate."""

RING = 400
"""Grid samples that are kept: 3.2 s, as long as a beat that is searched for may be late."""

LOW_PASS_DELAY = 1
"""Grid samples by which the grid's low-pass (30 Hz) delays."""

FAST = 120.0
"""Beats a minute from which on J+60 ms counts in the place of J+80 ms."""

STEEP = 0.15
"""Share of the steepest slope, over all leads, that is still QRS."""

SLOPE_FROM = 3
"""Samples after the J point from which the slope is taken: an S wave may still be on its way up at the J point."""

EARLIEST_ONSET, LATEST_J = 4, 28
"""Samples of the cut where the QRS complex begins at the earliest and ends at the latest: 80 ms before its middle, and
112 ms after."""

CHANGED_UV, LASTING = 100, 3
"""A change that is an episode, and readings that it lasts, or is over: 30 s. The rule of the European ST-T database
(A. Taddei and others, Eur. Heart J. 13, 1992, doi:10.1093/oxfordjournals.eurheartj.a060332)."""

NO_MEASUREMENT = -32_768


class Segment(NamedTuple):
    """A reading of one lead: level in µV, slope in mV/s."""

    uv: float
    slope: float


class StRule(RhythmRule):
    """Read the ST segment of each lead, and tell of changes that last.

    The samples are those of the guard, before the stream's high-pass, on a grid of 125 Hz behind a low-pass of 30 Hz,
    whose gain at 0 Hz is one. A step of the ST segment is passed whole, after some 20 ms; behind a high-pass of 0.5 Hz
    a fifth of it would be gone at J+80 ms. Each N beat is cut out and put on the level before its QRS complex. At each
    tenth second of the stretch the median of the beats of the last ten seconds is read: from the end of its PQ segment
    to 80 ms after its J point. Onset and J point are where the slopes of all leads together rise above, and fall below,
    a share of the steepest.

    The reference of a lead is the mean of its first three readings.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ()
    hears: ClassVar[bool] = True

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        n = len(leads)
        self._first: list[list[float]] = [[] for _ in range(n)]  # readings that the reference is the mean of
        self._lasting = [0] * n  # readings in a row for which there was, or was no longer, a change
        self._changed = [False] * n
        self._afresh(start)

    def _afresh(self, start: int) -> None:
        """Forget the signal: what comes next is of another stretch."""
        n = len(self.leads)
        self._grid = Grid(self.fs, n)
        self._ring = np.zeros((RING, n), dtype=np.float32)
        self._ring_good = np.zeros((RING, n), dtype=np.bool_)
        self._beats = np.zeros((MOST, LENGTH, n), dtype=np.int16)  # µV, the newest last
        self._middles = np.full(MOST, -1, dtype=np.int64)
        self._waiting = Waiting()
        self._to_cut: list[int] = []  # middles of beats whose end is not yet there
        self._heard = self._origin = start
        self._reading = 1
        self._due_next()

    def _due_next(self) -> None:
        self._next = self._origin + math.ceil(self._reading * EVERY_S * self.fs) - 1
        cut = self._to_cut[0] + math.ceil(WAIT_S * self.fs) if self._to_cut else self._next
        self.due = min(self._next, cut)

    def hear(self, heard: Heard) -> None:
        """Take the next samples."""
        if heard.start != self._heard:
            self._afresh(heard.start)
        self._waiting.hear(Signal(heard.raw, heard.signal.good))
        self._heard = heard.stop

    def beat(self, beat: RhythmBeat, now: int) -> Findings:
        """Take a beat; only those that are N are read."""
        late = now - beat.beat.sample > (RING / GRID_HZ - 0.5) * self.fs
        if beat.beat.label == "N" and beat.beat.sample - self._origin > BEFORE / GRID_HZ * self.fs and not late:
            self._to_cut.append(beat.beat.sample)
            self._due_next()
            self.due = max(self.due, now + 1)
        return NOTHING

    def time(self, now: int) -> Sequence[St]:
        """Cut what has waited long enough, and read if it is time."""
        self._take()
        ready = now - math.ceil(WAIT_S * self.fs)
        for middle in [each for each in self._to_cut if each <= ready]:
            self._cut(middle)
        self._to_cut = [each for each in self._to_cut if each > ready]
        found: Sequence[St] = ()
        if now >= self._next:
            found = self._read(now)
            self._reading += 1
        self._due_next()
        return found

    def _take(self) -> None:
        """Take what waits onto the grid."""
        signal = self._waiting.take()
        if signal is None:
            return
        (on_grid, fine), _ = self._grid.push(signal)
        new = on_grid[-RING:].astype(np.float32)
        self._ring = np.concatenate([self._ring[len(new) :], new])
        self._ring_good = np.concatenate([self._ring_good[len(new) :], fine[-RING:]])

    def _cut(self, middle: int) -> None:
        """Cut a beat out of the ring, and put it on the level before its QRS complex."""
        at = round((middle - self._origin) * GRID_HZ / self.fs) + LOW_PASS_DELAY
        first = RING - (self._grid.given - (at - BEFORE))
        if first < 0 or first + LENGTH > RING:
            return
        cut = self._ring[first : first + LENGTH] * 1000.0
        level = cut[3:6].mean(axis=0)
        beat = np.clip(np.rint(cut - level), -32_767, 32_767).astype(np.int16)
        beat[:, ~self._ring_good[first : first + LENGTH].all(axis=0)] = NO_MEASUREMENT
        self._beats = np.concatenate([self._beats[1:], beat[np.newaxis]])
        self._middles = np.append(self._middles[1:], middle)

    def _read(self, now: int) -> Sequence[St]:
        """Read all leads."""
        recent = (self._middles >= 0) & (self._middles > now - EVERY_S * self.fs)
        beats, middles = self._beats[recent], self._middles[recent]
        found: list[St] = []
        if len(beats) < FEWEST:
            return found
        rate = 60.0 * self.fs * (len(middles) - 1) / max(int(middles[-1] - middles[0]), 1)
        for lead, (segment, n) in enumerate(zip(*segments(beats, rate), strict=True)):
            if segment is not None:
                found.append(self._told(lead, segment, n, now + 1))
        return found

    def _told(self, lead: int, segment: Segment, n: int, sample: int) -> St:
        """Make a message of a reading, with what it says of a change."""
        first = self._first[lead]
        if len(first) < LASTING:
            first.append(segment.uv)
        change = None if len(first) < LASTING else round(segment.uv - sum(first) / LASTING)
        episode: Literal["begin", "end"] | None = None
        if change is not None:
            differs = (abs(change) >= CHANGED_UV) != self._changed[lead]
            self._lasting[lead] = self._lasting[lead] + 1 if differs else 0
            if self._lasting[lead] >= LASTING:
                self._changed[lead] = not self._changed[lead]
                self._lasting[lead] = 0
                episode = "begin" if self._changed[lead] else "end"
        slope = round(segment.slope, 2)
        return St(sample, sample / self.fs, self.leads[lead], round(segment.uv), slope, change, n, episode)

    def snapshot(self) -> State:
        """Copy the state out."""
        self._take()
        return {
            **super().snapshot(),
            "grid": self._grid.snapshot(),
            "ring": self._ring.copy(),
            "ring_good": self._ring_good.copy(),
            "beats": self._beats.copy(),
            "middles": self._middles.copy(),
            "to_cut": list(self._to_cut),
            "heard": self._heard,
            "origin": self._origin,
            "reading": self._reading,
            "next": self._next,
            "first": [list(each) for each in self._first],
            "lasting": list(self._lasting),
            "changed": list(self._changed),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._waiting = Waiting()
        self._grid.restore(state["grid"])
        for name in ("ring", "ring_good", "beats", "middles"):
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))
        self._to_cut = [int(each) for each in state["to_cut"]]
        self._heard, self._origin = int(state["heard"]), int(state["origin"])
        self._reading, self._next = int(state["reading"]), int(state["next"])
        self._first = [[float(each) for each in lead] for lead in state["first"]]
        self._lasting = [int(each) for each in state["lasting"]]
        self._changed = [bool(each) for each in state["changed"]]


def segments(beats: NDArray[np.int16], rate: float) -> tuple[list[Segment | None], list[int]]:
    """Read the median of some beats.

    Parameters
    ----------
    beats
        ``(n, LENGTH, n_leads)`` µV; `NO_MEASUREMENT` in a lead that was none.
    rate
        Beats a minute.

    Returns
    -------
    segments, counts
        Of each lead: the reading, None of fewer than `FEWEST` beats; and of how many beats it is.
    """
    fine = beats[:, 0, :] != NO_MEASUREMENT
    counts = fine.sum(axis=0).tolist()
    medians = {lead: np.median(beats[fine[:, lead], :, lead], axis=0) for lead, n in enumerate(counts) if n >= FEWEST}
    found: list[Segment | None] = [None] * len(counts)
    if not medians:
        return found, counts
    slopes = np.sum([np.abs(np.diff(median)) for median in medians.values()], axis=0)[EARLIEST_ONSET:LATEST_J]
    steep = np.flatnonzero(slopes >= STEEP * slopes.max()) + EARLIEST_ONSET
    onset, j = int(steep[0]), int(steep[-1]) + 1
    after = 1000.0 / GRID_HZ
    wait_ms = 60.0 if rate > FAST else 80.0
    for lead, median in medians.items():
        level = float(np.interp(j + wait_ms / after, np.arange(LENGTH), median))
        before = float(median[max(onset - 3, 0) : max(onset - 1, 1)].mean())
        rise = level - float(median[j + SLOPE_FROM])
        found[lead] = Segment(level - before, rise / (wait_ms - SLOPE_FROM * after))
    return found, counts
