"""How much stands in the signal, by tenths of a second: whether it was good and quiet for some time."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats, Floats32, compiled
from ..core.messages import Heard
from ..core.stage import State, restored

BLOCK_S = 0.1
"""About the width of a QRS complex: in a block stands most of it, and of a slow drift next to nothing."""
BLOCKS = 60
"""Blocks that are remembered."""


class Activity:
    """Range of each lead in each of the last `BLOCKS` blocks.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    n_leads
        Number of leads.
    start
        Index of the first sample.
    """

    def __init__(self, fs: float, n_leads: int, start: int) -> None:
        self.length = max(1, round(BLOCK_S * fs))
        """Samples of a block; block k begins at sample ``k * length``."""
        self.next = start
        """Index of the sample that comes next."""
        self.began = start
        """First sample that was heard."""
        self._low = np.zeros((BLOCKS, n_leads), dtype=np.float32)
        self._high = np.zeros((BLOCKS, n_leads), dtype=np.float32)
        self._good = np.zeros((BLOCKS, n_leads), dtype=np.bool_)

    def hear(self, heard: Heard) -> None:
        """Take the next samples, without pacing spikes; what is missing before them is not good."""
        if heard.despiked is not None:
            heard = Heard(heard.start - heard.late, heard.raw, heard.despiked)
            if heard.start < self.next:  # from before the stretch
                heard = heard.part(self.next, heard.stop)
        if heard.start > self.next:
            missing = np.arange(self.next // self.length, heard.start // self.length + 1)
            self._good[missing[-BLOCKS:] % BLOCKS] = False
            begun = heard.start % self.length > 0  # the rest of its first block does not make it good
            self._low[heard.start // self.length % BLOCKS] = self._high[heard.start // self.length % BLOCKS] = 0.0
            if begun:
                rest = heard.part(heard.start, (heard.start // self.length + 1) * self.length)
                self.next = rest.stop
                heard = heard.part(rest.stop, heard.stop)
        samples, good = heard.signal
        if len(samples):
            measure(samples, good, heard.start, self.length, self._low, self._high, self._good)
            self.next = heard.stop

    def ranges(self, first: int, stop: int) -> tuple[Floats32, Flags]:
        """Give range (mV) and goodness of the whole blocks in samples `first` to `stop`, each ``(n, n_leads)``.

        What is not remembered any more is left out.
        """
        blocks = np.arange(-(-first // self.length), stop // self.length)[-BLOCKS:] % BLOCKS
        return self._high[blocks] - self._low[blocks], self._good[blocks]

    def write_height(self, first: int, stop: int, heights: Floats32) -> None:
        """Write the range of each lead over the blocks that samples `first` to `stop` lie in, ``(n_leads,)`` mV."""
        write_height(self._low, self._high, max(first, 0) // self.length, stop // self.length, heights)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "next": self.next,
            "began": self.began,
            "low": self._low.copy(),
            "high": self._high.copy(),
            "good": self._good.copy(),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from elsewhere.
        """
        self.next, self.began = int(state["next"]), int(state["began"])
        self._low, self._high = restored(state, "low", self._low), restored(state, "high", self._high)
        self._good = restored(state, "good", self._good)


@compiled
def measure(x: Floats, good: Flags, start: int, length: int, low: Floats32, high: Floats32, is_good: Flags) -> None:
    """Take samples into the blocks, in place."""
    for i in range(x.shape[0]):
        sample = start + i
        row = (sample // length) % low.shape[0]
        fresh = sample % length == 0
        for lead in range(x.shape[1]):
            value = np.float32(x[i, lead])
            if fresh:
                low[row, lead] = value
                high[row, lead] = value
                is_good[row, lead] = good[i, lead]
            else:
                low[row, lead] = min(low[row, lead], value)
                high[row, lead] = max(high[row, lead], value)
                is_good[row, lead] = is_good[row, lead] and good[i, lead]


@compiled
def write_height(low: Floats32, high: Floats32, first: int, last: int, out: Floats32) -> None:
    """Write the range of each lead over blocks `first` to `last`, and of these the ones remembered, into `out`."""
    n = low.shape[0]
    first = max(first, last - n + 1)
    for lead in range(low.shape[1]):
        lowest, highest = low[last % n, lead], high[last % n, lead]
        for block in range(first, last):
            lowest, highest = min(lowest, low[block % n, lead]), max(highest, high[block % n, lead])
        out[lead] = highest - lowest


def compile_activity() -> None:
    """Run the loops on nothing."""
    levels, flags = np.zeros((1, 1), dtype=np.float32), np.zeros((1, 1), dtype=np.bool_)
    measure(np.empty((0, 1)), np.empty((0, 1), dtype=np.bool_), 0, 1, levels, levels.copy(), flags)
    write_height(levels, levels.copy(), 0, 0, np.empty(1, dtype=np.float32))
