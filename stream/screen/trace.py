"""An ECG trace in braille characters: two columns and four rows of dots a character.

A dot column is 40 ms, the small square of ECG paper at 25 mm/s, and shows the whole range that the signal
ran through in that time: an R peak between two columns, or a pacing spike of one sample, cannot vanish.
Columns stand on absolute stream time, so that the trace scrolls without flicker.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.messages import Chunk

COLUMN_S = 0.04
"""Stream time of one dot column."""

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint32)
_BLANK = 0x2800


class Trace:
    """Lowest and highest sample of each lead in each of the last dot columns.

    Parameters
    ----------
    columns
        How many dot columns are kept.
    """

    def __init__(self, columns: int = 1024) -> None:
        self._size = columns
        self._fs = 0.0
        self._leads: tuple[str, ...] = ()
        self._low = np.empty((columns, 0))
        self._high = np.empty((columns, 0))
        self._end = 0

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads of the last chunk."""
        return self._leads

    def push(self, chunk: Chunk) -> None:
        """Take the next samples; other leads or another sampling rate than before begin a new trace."""
        if not len(chunk.samples):
            return
        if (chunk.fs, chunk.leads) != (self._fs, self._leads):
            self._fs, self._leads, self._end = chunk.fs, chunk.leads, 0
            self._low = np.full((self._size, len(chunk.leads)), np.inf)
            self._high = np.full((self._size, len(chunk.leads)), -np.inf)
        column = _columns_of(np.arange(chunk.start, chunk.start + len(chunk.samples)), self._fs)
        last = int(column[-1])
        fresh = np.arange(max(self._end, last + 1 - self._size), last + 1) % self._size
        self._low[fresh], self._high[fresh] = np.inf, -np.inf
        self._end = max(self._end, last + 1)
        starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
        low = np.fmin.reduceat(chunk.samples, starts, axis=0)
        high = np.fmax.reduceat(chunk.samples, starts, axis=0)
        where = column[starts]
        kept = where >= self._end - self._size
        slots = where[kept] % self._size
        self._low[slots] = np.fmin(self._low[slots], low[kept])
        self._high[slots] = np.fmax(self._high[slots], high[kept])

    def window(self, columns: int, stop: int | None = None) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        """Give `columns` columns: index of the first, lowest, highest sample, ``(columns, n_leads)``.

        They are the last ones, or those before column `stop`. The window ends on an even column, so that a dot keeps
        its place in its character. Where nothing was measured, or it is no longer kept, lowest and highest are NaN.
        """
        last = self._end if stop is None else min(stop, self._end)
        stop = last + last % 2
        slots = np.arange(stop - columns, stop)
        known = (slots >= self._end - self._size) & (slots < last)
        low = np.where(known[:, None], self._low[slots % self._size], np.inf)
        high = np.where(known[:, None], self._high[slots % self._size], -np.inf)
        missing = low > high
        return stop - columns, np.where(missing, np.nan, low), np.where(missing, np.nan, high)


def _columns_of(samples: NDArray[np.int64], fs: float) -> NDArray[np.int64]:
    """Give the dot column that each sample falls into."""
    return np.floor(samples / (COLUMN_S * fs)).astype(np.int64)


def draw(low: NDArray[np.float64], high: NDArray[np.float64], bottom: float, top: float, rows: int) -> list[str]:
    """Draw a range a dot column as braille.

    Each column is one vertical stroke, drawn on to where its neighbour ends, so that the trace is one line.

    Parameters
    ----------
    low, high
        Lowest and highest value in each column, ``(columns,)``; NaN draws nothing. An even number of columns.
    bottom, top
        Values at the lowest and highest dot; what lies beyond is drawn there.
    rows
        Height in characters.

    Returns
    -------
    lines
        `rows` strings of ``columns / 2`` characters, the highest first.
    """
    dots = 4 * rows
    first = _dot_row(high, bottom, top, dots)
    last = _dot_row(low, bottom, top, dots)
    measured = ~(np.isnan(low) | np.isnan(high))
    joined = measured[1:] & measured[:-1]
    # A stroke reaches the middle between it and the stroke before, where the two do not overlap.
    down = joined & (first[1:] > last[:-1] + 1)
    up = joined & (last[1:] < first[:-1] - 1)
    begin, end = first.copy(), last.copy()
    middle_down = (last[:-1] + first[1:]) // 2
    middle_up = (first[:-1] + last[1:]) // 2
    end[:-1] = np.where(down, middle_down, end[:-1])
    begin[1:] = np.where(down, middle_down + 1, begin[1:])
    begin[:-1] = np.where(up, np.minimum(begin[:-1], middle_up + 1), begin[:-1])
    end[1:] = np.where(up, np.maximum(end[1:], middle_up), end[1:])
    row = np.arange(dots)[:, None]
    lit = (row >= begin) & (row <= end) & measured
    cells = lit.reshape(rows, 4, -1, 2) * _DOTS[None, :, None, :]
    codes = (_BLANK + cells.sum(axis=(1, 3))).astype("<u4")
    return [line.tobytes().decode("utf-32-le") for line in codes]


def _dot_row(values: NDArray[np.float64], bottom: float, top: float, dots: int) -> NDArray[np.int64]:
    """Row of the dot, from the top, that shows each value."""
    scaled = (top - np.nan_to_num(values, nan=bottom)) / (top - bottom) * dots - 0.5
    return np.clip(np.rint(scaled), 0, dots - 1).astype(np.int64)
