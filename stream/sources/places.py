"""Where samples that have times stand in the stream: what was lost is a gap, and a clock that drifts is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

SMALLEST_STEP = 1.5
"""Intervals between samples; a step up to this one misses none."""
FIRST_JITTER_S = 0.01
JITTERS = 8.0
MOST_JITTER_S = 0.5
MEMORY_S = 5.0
CLOCK_CHANGE_S = 86_400.0
ANCHORS = 1024  # blocks; a beat is told of a few seconds late at most


class Places:
    """Gives each sample its index, from the time at which its source says that it was measured.

    The next sample is expected one interval after the one before. The expectation follows the times that come, with a
    memory of `MEMORY_S`: a clock a little fast or slow moves it, and no sample is invented or lost for that. A time
    beyond the expectation by more than half an interval, and by more than `JITTERS` times the usual scatter of times,
    is a gap. So one lost sample is seen where times are exact, and some 80 ms where a program stamps by arrival.

    A time far before the expectation, or more than a day beyond it, is a clock that was set anew: the gap is then as
    long as nothing came.

    Parameters
    ----------
    fs
        Nominal sampling rate, Hz.
    """

    def __init__(self, fs: float) -> None:
        self._step_s = 1.0 / fs
        self._memory = min(1.0, self._step_s / MEMORY_S)
        self._jitter_s = FIRST_JITTER_S
        self._next = 0
        self._expected_s: float | None = None
        self._anchors: deque[tuple[int, float]] = deque(maxlen=ANCHORS)  # index of a sample, and its time

    def place(self, times_s: Sequence[float], silence_s: float = 0.0) -> Iterator[tuple[int, int, int]]:
        """Cut samples where some are missing between them.

        Parameters
        ----------
        times_s
            When each was measured, s, in order.
        silence_s
            How long nothing had come before them.

        Yields
        ------
        tuple[int, int, int]
            First and end of a part of them, and the index in the stream of its first sample.
        """
        first = 0
        for k, time_s in enumerate(times_s):
            missing = self._missing(time_s, silence_s if k == 0 else 0.0)
            if missing and k > first:
                yield first, k, self._next - (k - first)
            if missing or not k:
                first = k
                self._next += missing
                self._anchors.append((self._next, (self._expected_s or 0.0) - self._step_s))
            self._next += 1
        if len(times_s) > first:
            yield first, len(times_s), self._next - (len(times_s) - first)

    def time_of(self, sample: int) -> float | None:
        """Give when a sample was, or will be, measured, on the source's clock, s; None before the first has come."""
        for index, time_s in reversed(self._anchors):
            if index <= sample:
                return time_s + (sample - index) * self._step_s
        return None

    def _missing(self, time_s: float, silence_s: float) -> int:
        """Give how many samples are missing before one, and expect the next."""
        if self._expected_s is None:
            self._expected_s = time_s + self._step_s
            return 0
        late_s = time_s - self._expected_s
        tolerance_s = max((SMALLEST_STEP - 1) * self._step_s, min(JITTERS * self._jitter_s, MOST_JITTER_S))
        if -MOST_JITTER_S - tolerance_s <= late_s <= tolerance_s:
            self._jitter_s += self._memory * (abs(late_s) - self._jitter_s)
            self._expected_s += self._step_s + self._memory * late_s
            return 0
        self._expected_s = time_s + self._step_s
        missing_s = late_s if 0 < late_s < CLOCK_CHANGE_S else silence_s
        return round(missing_s / self._step_s)
