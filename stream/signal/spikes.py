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

from ..core.messages import Samples, Signal
from ..core.stage import Schema, State, restored
from .spike_kernel import N_LEVELS, QUIET_S, SETTLE_S, WIDTH_S, take_out

LOWEST_RATE_HZ = 240.0
"""At lower rates a spike has the shape of a narrow wave: none is looked for."""
LOOK_AHEAD_S = 0.0084
"""A spike is back so long after it began: 2 samples at 250 Hz, 3 at 360 Hz, 8 at 1,000 Hz."""
USUAL_S = 0.5
"""Time constant of the usual change of a lead, see `spike_kernel.ABOVE_USUAL`."""
TAIL_S = 0.06
"""What is left after a spike is its overshoot while it falls at least as fast as this time constant says."""
REMEMBERED_S = 4.0
"""Search-back tells of beats up to 3.6 s late."""
APART_S = 0.02
"""Spikes nearer to one another are told as one."""


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
        self._apart = max(1, round(APART_S * fs))
        self._lengths = np.array([self.delay, quiet, lag, width, settle, self._apart], dtype=np.int64)
        self._rates = np.array([1.0 / (USUAL_S * fs), math.exp(-1.0 / (TAIL_S * fs))])
        n = 1 << math.ceil(math.log2(max(self.delay + quiet + settle + 2, lag + 1)))
        self._ring = np.zeros((2, n, n_leads))  # the signal, and what of it belongs to spikes
        self._good = np.zeros((n, n_leads), dtype=np.bool_)
        self._levels = np.zeros((n_leads, N_LEVELS))
        # Samples so far, where they began, the last that belongs to a spike, how many are not to be given; then where
        # a spike began that is not yet told, and its lead.
        unknown = self.delay if behind else max(0, self.delay - start)
        self._counts = np.array([start, start, -lag - 1, unknown, -1, 0], dtype=np.int64)
        self._positions = np.empty(0, dtype=np.int64)
        self._kept = round(REMEMBERED_S * fs)

    def push(self, x: Signal) -> Despiked:
        """Take the next ``(n, n_leads)`` samples, mV."""
        if self.delay == 0:
            return Despiked(x, x.samples[:0])
        n, n_leads = x.samples.shape
        both = np.empty((2, n, n_leads))
        good = np.empty((n, n_leads), dtype=np.bool_)
        found = np.empty(n // self._apart + 2, dtype=np.int64)
        last = int(self._positions[-1]) if len(self._positions) else -self._apart
        n_found, any_spikes = take_out(
            x.samples, x.good, self._ring, self._good, self._levels, self._counts, self._lengths, self._rates, both,
            good, found, last,
        )  # fmt: skip
        if n_found or len(self._positions):
            kept = self._positions[self._positions >= self._counts[0] - n - self._kept]
            self._positions = np.concatenate([kept, found[:n_found]])
        before, spikes = int(self._counts[3]), both[1]
        if before:
            before = min(n, before)
            self._counts[3] -= before
        late = min(n, max(0, self._lag - (int(self._counts[0]) - n))) if any_spikes else n
        return Despiked(Signal(both[0], good), spikes[late:], before)

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
        if not len(samples) or not len(self._positions):  # as with most chunks
            return np.zeros(len(samples), dtype=np.bool_)
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
