"""The detection grid: every stream, whatever its sampling rate, seen at 125 Hz.

QRS energy lies below 30 Hz, so the detector needs no more; one rate makes its constants, its network
and its cost the same for a 128 Hz Holter and a 1,000 Hz bench amplifier.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import Flags, Floats, Integers, compiled
from ..core.messages import Signal
from ..core.stage import Schema, State, restored
from .interpolation import catmull_rom

GRID_HZ = 125.0
LOW_PASS_HZ = 30.0


class GridSignal(NamedTuple):
    """Signal on the detection grid.

    Attributes
    ----------
    signal
        ``(m, n_leads)`` grid samples, mV; good where all four input samples under the grid sample were.
    completed_at
        ``(m,)`` index of the input sample that completed each grid sample.
    """

    signal: Signal
    completed_at: NDArray[np.int64]


class Grid:
    """Low-pass at 30 Hz (at 0.4 of the input rate, if that is lower) and interpolate to 125 Hz, with carried state.

    A second-order Butterworth low-pass (bilinear transform, prewarped) guards against aliasing, then
    Catmull-Rom interpolation over four input samples places the grid. Grid sample k stands at input
    position ``k * fs / 125``.

    Parameters
    ----------
    fs
        Input rate, Hz.
    n_leads
        Number of leads.
    start
        Input samples that were before; grid samples that they completed are not given again.
    """

    schema = Schema(1)

    def __init__(self, fs: float, n_leads: int, start: int = 0) -> None:
        self.fs = fs
        self.step = fs / GRID_HZ
        self._coefficients = _low_pass(fs)
        self._delays = np.zeros((n_leads, 2))
        self._recent = np.zeros((4, n_leads))
        self._recent_good = np.zeros((4, n_leads), dtype=np.bool_)
        given = max(0, math.ceil((start - 2) / self.step))
        self._counts = np.array([start, given], dtype=np.int64)  # input samples seen, grid samples given

    @property
    def delay(self) -> int:
        """Input samples that a grid sample waits for beyond its own position."""
        return 2

    @property
    def given(self) -> int:
        """Number of grid samples given so far."""
        return int(self._counts[1])

    def push(self, x: Signal) -> GridSignal:
        """Take the next ``(n, n_leads)`` samples; give the grid samples that they complete."""
        n, n_leads = x.samples.shape
        capacity = int(n / self.step) + 2
        samples = np.empty((capacity, n_leads))
        good = np.empty((capacity, n_leads), dtype=np.bool_)
        completed_at = np.empty(capacity, dtype=np.int64)
        m = to_grid(x.samples, x.good, *self.parts(), samples, good, completed_at)
        return GridSignal(Signal(samples[:m], good[:m]), completed_at[:m])

    def parts(self) -> tuple[float, Floats, Floats, Floats, Flags, Integers]:
        """Give what `to_grid` takes beside samples and room."""
        return self.step, self._coefficients, self._delays, self._recent, self._recent_good, self._counts

    def flush(self) -> GridSignal:
        """End the stream; give one grid sample, which stands where the last input sample does."""
        last = int(self._counts[0]) - 1
        n = min(last + 1, 1)  # none at all where there was no sample
        samples, good = self._recent[last & 3][None][:n].copy(), self._recent_good[last & 3][None][:n].copy()
        return GridSignal(Signal(samples, good), np.full(n, last))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "delays": self._delays.copy(),
            "recent": self._recent.copy(),
            "recent_good": self._recent_good.copy(),
            "counts": self._counts.copy(),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind or number of leads.
        """
        for name in ("delays", "recent", "recent_good", "counts"):
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))


def _low_pass(fs: float) -> NDArray[np.float64]:
    """Coefficients ``b0 b1 b2 a1 a2`` of a second-order Butterworth low-pass at `LOW_PASS_HZ`."""
    k = math.tan(math.pi * min(LOW_PASS_HZ / fs, 0.4))
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    b0 = k * k * norm
    return np.array([b0, 2.0 * b0, b0, 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm])


@compiled
def to_grid(
    x: Floats,
    good: Flags,
    step: float,
    c: Floats,
    delays: Floats,
    recent: Floats,
    recent_good: Flags,
    counts: Integers,
    out: Floats,
    out_good: Flags,
    completed_at: Integers,
) -> int:
    """Write the grid samples that samples ``(n, n_leads)`` complete into the last three; give how many."""
    n_samples, n_leads = x.shape
    m = 0
    for n in range(n_samples):
        newest = counts[0]
        slot = newest & 3
        for lead in range(n_leads):
            value = x[n, lead]
            y = c[0] * value + delays[lead, 0]
            delays[lead, 0] = c[1] * value - c[3] * y + delays[lead, 1]
            delays[lead, 1] = c[2] * value - c[4] * y
            recent[slot, lead] = y
            recent_good[slot, lead] = good[n, lead]
        counts[0] = newest + 1
        position = counts[1] * step
        base = int(position)
        while base + 2 <= newest:
            w0, w1, w2, w3 = catmull_rom(position - base)
            # Before the first sample of the stream stands the first sample.
            i0 = max(base - 1, 0) & 3
            i1, i2, i3 = base & 3, (base + 1) & 3, (base + 2) & 3
            for lead in range(n_leads):
                out[m, lead] = (
                    w0 * recent[i0, lead] + w1 * recent[i1, lead] + w2 * recent[i2, lead] + w3 * recent[i3, lead]
                )
                out_good[m, lead] = (
                    recent_good[i0, lead] and recent_good[i1, lead] and recent_good[i2, lead] and recent_good[i3, lead]
                )
            completed_at[m] = newest
            m += 1
            counts[1] += 1
            position = counts[1] * step
            base = int(position)
    return m
