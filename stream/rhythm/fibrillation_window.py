"""The window that is looked at for fibrillation: the last five seconds of each lead, and what a model says of them."""

from __future__ import annotations

import math

import numpy as np

from ..core.compiled import Flags, Floats, Floats32, Integers, compiled
from ..core.messages import Signal
from ..core.stage import State, restored
from ..signal.grid import Grid
from ..signal.highpass import HighPass
from .fibrillation_waves import COSINES, NAMES, RATE_HZ, SINES, WINDOW, describe, features_of
from .forest import RhythmModel, log_odds

CUTOFF_HZ = 1.0
"""Of a second high-pass, of order one, behind the stream's own: breathing and motion lie below, fibrillation above."""

FEWEST_GOOD = 0.9
"""Share of a window that must be measurement, for its lead to be judged."""

FLATTEST = math.log(0.03)
"""Root mean square (log of mV) below which there is nothing to judge: asystole, or fibrillation that has died down."""


class FibrillationWindow:
    """The last five seconds of each lead as the model takes them: at 62.5 Hz, high-passed once more.

    Parameters
    ----------
    fs
        Sampling rate of what is pushed, Hz.
    n_leads
        Number of leads.
    """

    def __init__(self, fs: float, n_leads: int) -> None:
        self._grid = Grid(fs, n_leads)
        self._high_pass = HighPass(RATE_HZ, n_leads, CUTOFF_HZ)
        self._n_odd = 0  # a grid sample that waits for its second
        self._odd = np.zeros((1, n_leads))
        self._odd_good = np.zeros((1, n_leads), dtype=np.bool_)
        self._samples = np.zeros((WINDOW, n_leads), dtype=np.float32)
        self._good = np.zeros((WINDOW, n_leads), dtype=np.bool_)

    def push(self, signal: Signal) -> None:
        """Take the next ``(n, n_leads)`` high-passed samples, mV."""
        (samples, good), _ = self._grid.push(signal)
        pairs, n_leads = (self._n_odd + len(samples)) // 2, samples.shape[1]
        mean, both = np.empty((pairs, n_leads)), np.empty((pairs, n_leads), dtype=np.bool_)
        self._n_odd = _pair(samples, good, self._n_odd, self._odd, self._odd_good, mean, both)
        _shift(self._high_pass.push(mean), both, self._samples, self._good)

    def features(self) -> list[Floats32 | None]:
        """Describe the window of each lead, ``(len(NAMES),)``; None of a lead that is no measurement."""
        readable = self._good.mean(axis=0) >= FEWEST_GOOD
        return [features_of(self._samples[:, lead]) if fine else None for lead, fine in enumerate(readable.tolist())]

    def odds(self, model: RhythmModel) -> list[float]:
        """Give log odds of the window of each lead: NaN of one that is no measurement, minus infinity of a flat one."""
        odds = np.empty(self._samples.shape[1])
        _judge(self._samples, self._good, COSINES, SINES, *model.forest, odds)
        found: list[float] = odds.tolist()
        return found

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "grid": self._grid.snapshot(),
            "high_pass": self._high_pass.snapshot(),
            "n_odd": self._n_odd,
            "odd": self._odd.copy(),
            "odd_good": self._odd_good.copy(),
            "samples": self._samples.copy(),
            "good": self._good.copy(),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from another sampling rate or number of leads.
        """
        self._grid.restore(state["grid"])
        self._high_pass.restore(state["high_pass"])
        self._n_odd = int(state["n_odd"])
        for name in ("odd", "odd_good", "samples", "good"):
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))


@compiled
def _pair(samples: Floats, good: Flags, n_odd: int, odd: Floats, odd_good: Flags, mean: Floats, both: Flags) -> int:
    """Write the mean of each two grid samples, behind one that waited; give how many wait now, 0 or 1, in `odd`."""
    for k in range(len(mean)):
        i = 2 * k - n_odd
        for lead in range(samples.shape[1]):
            first = odd[0, lead] if i < 0 else samples[i, lead]
            fine = odd_good[0, lead] if i < 0 else good[i, lead]
            mean[k, lead] = 0.5 * (first + samples[i + 1, lead])
            both[k, lead] = fine and good[i + 1, lead]
    left = n_odd + len(samples) - 2 * len(mean)
    if left and len(samples):
        odd[0], odd_good[0] = samples[-1], good[-1]
    return left


@compiled
def _shift(new: Floats, new_good: Flags, samples: Floats32, good: Flags) -> None:
    """Put new samples behind those of the window, in place; the oldest fall out."""
    n = len(samples)
    first = max(len(new) - n, 0)
    kept = n - (len(new) - first)
    for i in range(n):
        for lead in range(samples.shape[1]):
            if i < kept:
                samples[i, lead] = samples[i + n - kept, lead]
                good[i, lead] = good[i + n - kept, lead]
            else:
                samples[i, lead] = new[first + i - kept, lead]
                good[i, lead] = new_good[first + i - kept, lead]


@compiled
def _judge(
    samples: Floats32, good: Flags, cosines: Floats32, sines: Floats32, feature: Integers, value: Floats,
    left: Integers, right: Integers, roots: Integers, odds: Floats,
) -> None:  # fmt: skip
    """Write what `FibrillationWindow.odds` gives into `odds`, ``(n_leads,)``; the forest is that of the model."""
    n = len(samples)
    window, row = np.empty(n, np.float32), np.empty(len(NAMES), np.float32)
    for lead in range(samples.shape[1]):
        fine = 0
        for i in range(n):
            window[i] = samples[i, lead]
            fine += good[i, lead]
        odds[lead] = np.nan
        if fine / n >= FEWEST_GOOD:
            describe(window, cosines, sines, row)
            flat = row[0] < np.float32(FLATTEST)
            odds[lead] = -np.inf if flat else log_odds(row, feature, value, left, right, roots)


def compile_fibrillation() -> None:
    """Run the loops on nothing."""
    window, leaf, none = FibrillationWindow(250.0, 1), np.full(1, -1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    window.push(Signal.all_good(np.zeros((8, 1))))
    _judge(np.zeros((WINDOW, 1), np.float32), np.ones((WINDOW, 1), np.bool_), COSINES, SINES, leaf, np.zeros(1), none,
           none, none, np.empty(1))  # fmt: skip
