"""Pacing spikes: found in the signal, and taken out of what the later stages see.

A pulse of half a millisecond to two is steeper than anything that a heart does. What an anti-alias filter leaves of it
rises out of a quiet stretch and is back within some milliseconds. This is told `LOOK_AHEAD_S` later, which costs no
beat any time: the detector, which is to see the signal without spikes, decides earlier than the window is complete.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import Flags, Floats, Integer, Integers, compiled, compiled_part
from ..core.messages import Samples, Signal
from ..core.stage import Schema, State, restored

LOWEST_RATE_HZ = 240.0
"""At lower rates a spike has the shape of a narrow wave: none is looked for."""
LOOK_AHEAD_S = 0.0084
"""A spike is back so long after it began: 2 samples at 250 Hz, 3 at 360 Hz, 8 at 1,000 Hz."""
QUIET_S, QUIET = 0.016, 0.2
"""For so long before it the signal keeps within this share of its height."""
BEGUN = 0.03
"""It begins with the sample that stands this share of its height away from the one before."""
RETURNED, LARGE_MV, TURNED = 0.5, 2.0, 0.85
"""At the end of the look-ahead it has fallen back to this share of its height. A large one need only have turned: no
QRS complex rises so far in so short a time."""
LOWEST_MV = 0.15
"""It is at least so high in one lead,"""
ABOVE_USUAL = 6.0
"""and so many times the usual change of that lead in the look-ahead."""
USUAL_S = 0.5
"""Time constant of that usual change."""
HALF, WIDTH_S = 0.45, 0.0055
"""It stands above this share of its height for so long at most: 2 samples at 250 and at 360 Hz, 6 at 1,000 Hz."""
OTHERS = 0.85
"""Meanwhile no lead moves, and before none moved, by more than this share of its height: then it is part of a wave."""
OTHER, OTHER_QUIET = 0.3, 0.5
"""Where one lead shows a spike, another one does if it is this share of the two levels high, and before it was this
quiet."""
SETTLE_S, SETTLED = 0.004, 0.6
"""It is told as one when so much longer has passed, and the signal has moved by less than this share of what it moved
within the spike in as long. Else it was the first wave of a QRS complex."""
TAIL_S = 0.06
"""What is left after a spike is its overshoot while it falls at least as fast as this time constant says."""
TAIL_END_MV = 1e-3
REMEMBERED_S = 4.0
"""Search-back tells of beats up to 3.6 s late."""
APART_S = 0.02
"""Spikes nearer to one another are told as one."""

# State of a lead: usual change; base, and what is left of the tail.
_USUAL, _BASE, _TAIL, _N_LEVELS = 0, 1, 2, 3


class Despiked(NamedTuple):
    """What the stage gives for a chunk.

    Attributes
    ----------
    signal
        ``(n, n_leads)``, without spikes, `SpikeRemover.delay` samples late; what flush gives is the rest.
    spikes
        ``(m, n_leads)``, mV: what belongs to spikes, `lag` samples late; empty where it is all zero.
    before
        How many samples of the signal, the first ones, stand before the stream.
    """

    signal: Signal
    spikes: Samples
    before: int = 0

    def begun(self) -> Signal:
        """Give the signal from where the stream began."""
        return self.signal.part(slice(self.before, None)) if self.before else self.signal


class SpikeRemover:
    """Find pacing spikes and take them out.

    Parameters
    ----------
    fs
        Sampling rate, Hz. Below `LOWEST_RATE_HZ` all passes as it is, without delay.
    n_leads
        Number of leads.
    lag
        Samples that the other path, which `Despiked.spikes` is to be taken off, is late.
    start
        Samples that were before.
    behind
        Whether the stages behind have seen those samples: what was held back of them is not given again.

    Notes
    -----
    While none was found for a while the signal is what came in, to the last bit.
    """

    schema = Schema(1)

    def __init__(self, fs: float, n_leads: int, lag: int, start: int = 0, *, behind: bool = True) -> None:
        self.delay = math.floor(LOOK_AHEAD_S * fs) if fs >= LOWEST_RATE_HZ else 0
        self._lag = lag
        quiet = max(4, round(QUIET_S * fs))
        width = max(2, round(WIDTH_S * fs))
        settle = max(1, round(SETTLE_S * fs))
        self._lengths = np.array([self.delay, quiet, lag, width, settle], dtype=np.int64)
        self._rates = np.array([1.0 / (USUAL_S * fs), math.exp(-1.0 / (TAIL_S * fs))])
        n = 1 << math.ceil(math.log2(max(self.delay + quiet + settle + 2, lag + 1)))
        self._ring = np.zeros((2, n, n_leads))  # the signal, and what of it belongs to spikes
        self._good = np.zeros((n, n_leads), dtype=np.bool_)
        self._levels = np.zeros((n_leads, _N_LEVELS))
        # Samples so far, where they began, the last that belongs to a spike, how many are not to be given; then where
        # a spike began that is not yet told, and its lead.
        unknown = self.delay if behind else max(0, self.delay - start)
        self._counts = np.array([start, start, -lag - 1, unknown, -1, 0], dtype=np.int64)
        self._positions = np.empty(0, dtype=np.int64)
        self._kept = round(REMEMBERED_S * fs)
        self._apart = max(1, round(APART_S * fs))

    def push(self, x: Signal) -> Despiked:
        """Take the next ``(n, n_leads)`` samples, mV."""
        if self.delay == 0:
            return Despiked(x, x.samples[:0])
        n, n_leads = x.samples.shape
        samples = np.empty((n, n_leads))
        good = np.empty((n, n_leads), dtype=np.bool_)
        spikes = np.empty((n, n_leads))
        found = np.empty(n // self._apart + 2, dtype=np.int64)
        last = int(self._positions[-1]) if len(self._positions) else -self._apart
        n_found, any_spikes = _take_out(
            x.samples, x.good, self._ring, self._good, self._levels, self._counts, self._lengths, self._rates, samples,
            good, spikes, found, last, self._apart,
        )  # fmt: skip
        if n_found or len(self._positions):
            kept = self._positions[self._positions >= self._counts[0] - n - self._kept]
            self._positions = np.concatenate([kept, found[:n_found]])
        early = min(n, int(self._counts[3]))
        self._counts[3] -= early
        late = min(n, max(0, self._lag - (int(self._counts[0]) - n)))
        return Despiked(Signal(samples, good), spikes[late:] if any_spikes else spikes[:0], early)

    def flush(self) -> Despiked:
        """End the stream; give what was held back. After it no spike is found."""
        n = self._ring.shape[1]
        at = int(self._counts[0])
        held = np.arange(at - self.delay + int(self._counts[3]), at) & (n - 1)
        signal = Signal(self._ring[0, held] - self._ring[1, held], self._good[held])
        late = np.arange(max(0, at - self._lag), at) & (n - 1)
        any_spikes = self.delay > 0 and at - self._lag <= self._counts[2]
        return Despiked(signal, self._ring[1, late] if any_spikes else self._ring[1, :0])

    def around(self, samples: NDArray[np.int64], reach: tuple[int, int]) -> NDArray[np.bool_]:
        """Tell which of `samples`, of late, have a spike from `reach` before to `reach` after, in samples."""
        first = np.searchsorted(self._positions, samples - reach[0])
        return np.asarray(first < np.searchsorted(self._positions, samples + reach[1], "right"))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {name: getattr(self, f"_{name}").copy() for name in (*_FIXED, "positions")}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind, rate or number of leads.
        """
        for name in _FIXED:
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))
        self._positions = restored(state, "positions", np.empty(len(state["positions"]), dtype=np.int64))


_FIXED = ("ring", "good", "levels", "counts")


@compiled_part
def _clean(ring: Floats, lead: Integer, n: Integer) -> float:
    """Sample `n` of a lead without what belongs to spikes."""
    at = n & (ring.shape[1] - 1)
    return float(ring[0, at, lead] - ring[1, at, lead])


@compiled_part
def _range_before(ring: Floats, lead: Integer, first: Integer, quiet: Integer) -> float:
    """Range of a lead in the `quiet` samples before sample `first`."""
    low = high = _clean(ring, lead, first - 1)
    for n in range(first - quiet, first - 1):
        value = _clean(ring, lead, n)
        low = min(low, value)
        high = max(high, value)
    return high - low


@compiled_part
def _height(ring: Floats, good: Flags, lead: Integer, first: Integer, lengths: Integers, share: float) -> float:
    """Give the height of the spike that began in a lead at sample `first`, and is back after the look-ahead; 0 if none.

    `share` of it is the range before it at most.
    """
    mask = ring.shape[1] - 1
    last = first + lengths[0]
    base = _clean(ring, lead, first - 1)
    low = high = base
    for n in range(first - lengths[1], last + 1):
        if not good[n & mask, lead]:
            return 0.0
        if n >= first:
            value = _clean(ring, lead, n)
            low = min(low, value)
            high = max(high, value)
    height = high - low  # where what follows stands on the other side, from there
    if abs(_clean(ring, lead, first) - base) < BEGUN * height:
        return 0.0
    if abs(_clean(ring, lead, last) - base) > (TURNED if height >= LARGE_MV else RETURNED) * height:
        return 0.0
    width = 0
    for n in range(first, last + 1):
        width += abs(_clean(ring, lead, n) - base) >= HALF * height
    if width > lengths[3] or _range_before(ring, lead, first, lengths[1]) > share * height:
        return 0.0
    return height


@compiled_part
def _has_settled(ring: Floats, lead: Integer, first: Integer, lengths: Integers) -> bool:
    """Tell whether the signal stands rather still after the spike that began in a lead at sample `first`."""
    mask = ring.shape[1] - 1
    last, settle = first + lengths[0], lengths[4]
    steepest = 0.0
    for n in range(first, last + 1):
        steepest = max(steepest, abs(ring[0, n & mask, lead] - ring[0, (n - settle) & mask, lead]))
    after = abs(ring[0, (last + settle) & mask, lead] - ring[0, last & mask, lead])
    return bool(after <= SETTLED * steepest)


@compiled
def _take_out(
    x: Floats,
    good: Flags,
    ring: Floats,
    ring_good: Flags,
    levels: Floats,
    counts: Integers,
    lengths: Integers,
    rates: Floats,
    out: Floats,
    out_good: Flags,
    spikes: Floats,
    found: Integers,
    last: int,
    apart: int,
) -> tuple[int, bool]:
    """Take spikes out of `x`; give how many began, each in `found`, and whether anything in `spikes` is not zero."""
    n_leads = x.shape[1]
    mask = ring.shape[1] - 1
    ahead, quiet, lag = lengths[0], lengths[1], lengths[2]
    n_found = 0
    any_spikes = False
    for n in range(x.shape[0]):
        now = counts[0]
        slot = now & mask
        for lead in range(n_leads):
            value = x[n, lead]
            ring[0, slot, lead] = value
            ring_good[slot, lead] = good[n, lead]
            part = 0.0
            if levels[lead, _TAIL] != 0.0:
                # What is left never stands beyond where the signal does, nor falls slower than it may.
                away = value - levels[lead, _BASE]
                part = levels[lead, _TAIL] * rates[1]
                part = max(min(part, away), 0.0) if part > 0.0 else min(max(part, away), 0.0)
                if abs(part) < TAIL_END_MV:
                    part = 0.0
                levels[lead, _TAIL] = part
                if part != 0.0:
                    counts[2] = now
            ring[1, slot, lead] = part
        first = now - ahead
        waiting = counts[4]
        if waiting >= 0 and first - waiting == lengths[4]:
            if _has_settled(ring, counts[5], waiting, lengths):
                found[n_found] = waiting
                n_found += 1
                last = waiting
            else:
                for lead in range(n_leads):
                    levels[lead, _TAIL] = 0.0
                    for k in range(waiting, now + 1):
                        ring[1, k & mask, lead] = 0.0
            counts[4] = -1
        if first - quiet >= counts[1]:
            highest = 0.0
            where = 0
            for lead in range(n_leads):
                began = abs(_clean(ring, lead, first) - _clean(ring, lead, first - 1))
                if began > BEGUN * LOWEST_MV:
                    height = _height(ring, ring_good, lead, first, lengths, QUIET)
                    if height > max(LOWEST_MV, ABOVE_USUAL * levels[lead, _USUAL], highest):
                        highest = height
                        where = lead
            for lead in range(n_leads):
                change = abs(_clean(ring, lead, now) - _clean(ring, lead, first - 1))
                if highest > 0.0 and max(change, _range_before(ring, lead, first, quiet)) > OTHERS * highest:
                    highest = 0.0
                levels[lead, _USUAL] += (change - levels[lead, _USUAL]) * rates[0]
            if highest > 0.0:
                if first - last >= apart and counts[4] < 0:
                    counts[4] = first
                    counts[5] = where
                for lead in range(n_leads):
                    height = _height(ring, ring_good, lead, first, lengths, OTHER_QUIET)
                    if height > OTHER * max(LOWEST_MV, ABOVE_USUAL * levels[lead, _USUAL]):
                        base = _clean(ring, lead, first - 1)
                        for k in range(first, now + 1):
                            ring[1, k & mask, lead] = ring[0, k & mask, lead] - base
                        levels[lead, _BASE] = base
                        levels[lead, _TAIL] = ring[1, slot, lead]
                        counts[2] = now
        given, late = first & mask, (now - lag) & mask
        for lead in range(n_leads):
            out[n, lead] = ring[0, given, lead] - ring[1, given, lead]
            out_good[n, lead] = ring_good[given, lead]
            spikes[n, lead] = ring[1, late, lead] if now - lag <= counts[2] else 0.0
        any_spikes = any_spikes or now - lag <= counts[2]
        counts[0] = now + 1
    return n_found, any_spikes
