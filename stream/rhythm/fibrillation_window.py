"""The window that is looked at for fibrillation: the last five seconds of each lead, and what a model says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.compiled import Flags, Floats, Floats32, Integers, Records, compiled, compiled_part
from ..core.messages import Signal
from ..core.stage import State, restored
from ..signal.filters import sos_filter_in_place
from ..signal.grid import Grid, to_grid
from ..signal.highpass import HighPass
from .fibrillation_waves import COSINES, NAMES, RATE_HZ, SINES, WINDOW, describe, features_of
from .forest import NODE, log_odds

CUTOFF_HZ = 1.0
"""Of a second high-pass, of order one, behind the stream's own: breathing and motion lie below, fibrillation above."""

FEWEST_GOOD = 0.9
"""Share of a window that must be measurement, for its lead to be judged."""

FLATTEST = math.log(0.03)
"""Root mean square (log of mV) below which there is nothing to judge: asystole, or fibrillation that has died down."""


SURE = 12.0
"""Log odds are held within this, so that no window outweighs many."""

LOOKED_BACK = 2
"""Windows before the newest that can still be judged; two more seconds of signal are kept for them."""

KEPT = WINDOW + LOOKED_BACK * (math.ceil(RATE_HZ) + 1)


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
        self._odd = np.zeros((1, n_leads))  # a grid sample that waits for its second
        self._odd_good = np.zeros((1, n_leads), dtype=np.bool_)
        self._counts = np.zeros(2, dtype=np.int64)  # how many wait so, 0 or 1, and samples that came into the window
        self._samples = np.zeros((KEPT, n_leads), dtype=np.float32)
        self._good = np.zeros((KEPT, n_leads), dtype=np.bool_)
        self._ends = np.zeros(LOOKED_BACK, dtype=np.int64)  # of the last windows judged: samples that had come
        self._odds = np.full((LOOKED_BACK, n_leads), np.nan)
        self.left_open = [False] * LOOKED_BACK
        """Of each of the last windows judged, whether a lead of it was not."""

    def push(self, signal: Signal) -> None:
        """Take the next ``(n, n_leads)`` high-passed samples, mV."""
        _follow(*signal, *self._parts())

    def features(self) -> list[Floats32 | None]:
        """Describe the window of each lead, ``(len(NAMES),)``; None of a lead that is no measurement."""
        samples, good = self._samples[-WINDOW:], self._good[-WINDOW:]
        readable = good.mean(axis=0) >= FEWEST_GOOD
        return [features_of(samples[:, lead]) if fine else None for lead, fine in enumerate(readable.tolist())]

    def judge(
        self,
        signal: Signal,
        ends: Sequence[int],
        walk: tuple[Records, Integers],
        highest: float,
        enough: float,
        *,
        exact: bool,
    ) -> list[list[float]]:
        """Take the next samples, as `push` does, and judge windows on the way.

        A lead more is not judged where it cannot bring the mean over the leads above `enough`. Where the mean of a
        window is above it, this window, the two before and all after it are judged in full.

        Parameters
        ----------
        signal
            ``(n, n_leads)`` high-passed samples, mV.
        ends
            How many of these samples are before the end of each window.
        walk, highest
            Of the model that judges: see `RhythmModel`.
        enough
            Log odds.
        exact
            Judge every window in full, the last two too.

        Returns
        -------
        list[list[float]]
            Log odds of each lead of the two windows judged before, and of these: NaN of a lead that is no measurement,
            minus infinity of a flat one, infinity of one that was not judged.
        """
        n = len(ends)
        odds = np.empty((LOOKED_BACK + n, self._samples.shape[1]))
        odds[:LOOKED_BACK] = self._odds
        came = np.empty(LOOKED_BACK + n, dtype=np.int64)
        came[:LOOKED_BACK] = self._ends
        about = (np.array(ends, dtype=np.int64), came, COSINES, SINES, *walk, min(highest, SURE), enough, exact, odds)
        arguments: tuple[Any, ...] = (*signal, *self._parts(), *about)
        _judge(*arguments)
        self._odds, self._ends = odds[n:], came[n:]
        found: list[list[float]] = odds.tolist()
        self.left_open = [math.inf in leads for leads in found[n:]]
        return found

    def _parts(self) -> tuple[Any, ...]:
        grid, high_pass = self._grid.parts(), self._high_pass.parts()
        return *grid, *high_pass, self._odd, self._odd_good, self._counts, self._samples, self._good

    def snapshot(self) -> State:
        """Copy the state out; windows that were not judged in full are none of it, see `judge`."""
        return {
            "grid": self._grid.snapshot(),
            "high_pass": self._high_pass.snapshot(),
            "n_odd": int(self._counts[0]),
            "odd": self._odd.copy(),
            "odd_good": self._odd_good.copy(),
            "samples": self._samples[-WINDOW:].copy(),
            "good": self._good[-WINDOW:].copy(),
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
        self._counts[:] = int(state["n_odd"]), 0
        for name in ("odd", "odd_good"):
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))
        for name in ("samples", "good"):
            kept = getattr(self, f"_{name}")
            kept[-WINDOW:] = restored(state, name, kept[-WINDOW:])
        self._odds[:] = np.nan
        self.left_open = [False] * LOOKED_BACK


@compiled_part
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
        for lead in range(samples.shape[1]):
            odd[0, lead], odd_good[0, lead] = samples[-1, lead], good[-1, lead]
    return left


@compiled_part
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
def _follow(
    x: Floats, good: Flags, step: float, low_pass: Floats, delays: Floats, recent: Floats, recent_good: Flags,
    grid_counts: Integers, sos: Floats, zi: Floats, primed: Flags, odd: Floats, odd_good: Flags, counts: Integers,
    samples: Floats32, fine: Flags,
) -> None:  # fmt: skip
    """Take samples into the window: the grid's parts, the high-pass's, and those of a `FibrillationWindow`."""
    n, n_leads = x.shape
    room = int(n / step) + 2
    on_grid, on_grid_good = np.empty((room, n_leads)), np.empty((room, n_leads), np.bool_)
    m = to_grid(
        x, good, step, low_pass, delays, recent, recent_good, grid_counts, on_grid, on_grid_good,
        np.empty(room, np.int64),
    )  # fmt: skip
    pairs = (counts[0] + m) // 2
    mean, both = np.empty((pairs, n_leads)), np.empty((pairs, n_leads), np.bool_)
    counts[0] = _pair(on_grid[:m], on_grid_good[:m], counts[0], odd, odd_good, mean, both)
    counts[1] += pairs
    sos_filter_in_place(sos, mean, zi, primed)
    _shift(mean, both, samples, fine)


@compiled_part
def _judge_lead(
    samples: Floats32, fine: Flags, stop: int, lead: int, cosines: Floats32, sines: Floats32, nodes: Records,
    roots: Integers, window: Floats32, row: Floats32,
) -> float:  # fmt: skip
    """Give the log odds of the window of a lead that ends before row `stop`; `window` and `row` are room."""
    n = len(window)
    n_fine = 0
    for i in range(n):
        window[i] = samples[stop - n + i, lead]
        n_fine += fine[stop - n + i, lead]
    if n_fine / n < FEWEST_GOOD:
        return np.nan
    describe(window, cosines, sines, row)
    return -np.inf if row[0] < np.float32(FLATTEST) else log_odds(row, nodes, roots)


@compiled_part
def _at_most(odds: Floats, highest: float) -> float:
    """Give the mean over the leads at most, where one that was not judged is `highest`; of none, minus infinity."""
    total = 0.0
    n = 0
    for lead in range(len(odds)):
        if odds[lead] > -np.inf:
            total += min(max(odds[lead], -SURE), highest)
            n += 1
    return total / n if n else -np.inf


@compiled
def _judge(
    x: Floats, good: Flags, step: float, low_pass: Floats, delays: Floats, recent: Floats, recent_good: Flags,
    grid_counts: Integers, sos: Floats, zi: Floats, primed: Flags, odd: Floats, odd_good: Flags, counts: Integers,
    samples: Floats32, fine: Flags, ends: Integers, came: Integers, cosines: Floats32, sines: Floats32, nodes: Records,
    roots: Integers, highest: float, enough: float, exact: bool, odds: Floats,
) -> None:  # fmt: skip
    """Take samples in, and write what `FibrillationWindow.judge` gives into `odds`; `came` is of each of its rows."""
    window, row = np.empty(WINDOW, np.float32), np.empty(len(NAMES), np.float32)
    before = len(odds) - len(ends)
    first = before - LOOKED_BACK if exact else before  # which row is not known to be in full
    done = 0
    for k in range(len(ends) + 1):
        last = before + k - 1
        if k:
            _follow(
                x[done : ends[k - 1]], good[done : ends[k - 1]], step, low_pass, delays, recent, recent_good,
                grid_counts, sos, zi, primed, odd, odd_good, counts, samples, fine,
            )  # fmt: skip
            done = ends[k - 1]
            came[last] = counts[1]
            for lead in range(odds.shape[1]):
                odds[last, lead] = np.inf
            for lead in range(odds.shape[1]):
                if not exact and _at_most(odds[last], highest) <= enough:
                    break
                odds[last, lead] = _judge_lead(
                    samples, fine, len(samples), lead, cosines, sines, nodes, roots, window, row
                )
            if not exact and _at_most(odds[last], highest) > enough:
                exact = True
                first = last - LOOKED_BACK
        for r in range(first, last + 1 if exact else first):
            for lead in range(odds.shape[1]):
                if odds[r, lead] == np.inf:
                    stop = len(samples) - (counts[1] - came[r])
                    odds[r, lead] = _judge_lead(samples, fine, stop, lead, cosines, sines, nodes, roots, window, row)
        if exact:
            first = last + 1
    _follow(
        x[done:], good[done:], step, low_pass, delays, recent, recent_good, grid_counts, sos, zi, primed, odd,
        odd_good, counts, samples, fine,
    )  # fmt: skip


def compile_fibrillation() -> None:
    """Run the loops on nothing."""
    window = FibrillationWindow(250.0, 1)
    leaf, root = np.zeros(1, dtype=NODE), np.zeros(1, dtype=np.int64)
    leaf["feature"] = -1
    window.judge(Signal.all_good(np.zeros((8, 1))), [8], (leaf, root), 0.0, 0.0, exact=False)
