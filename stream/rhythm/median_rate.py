"""The heart rate that rules go by: that of the median of eight intervals."""

from __future__ import annotations

MEDIAN_OF = 8
"""Intervals; so one ectopic beat and its pause do not count."""


class MedianRate:
    """Takes intervals; gives the rate from the eighth on."""

    def __init__(self) -> None:
        self.rr_ms: list[float] = []
        """The latest intervals, at most `MEDIAN_OF`."""

    def add(self, rr_ms: float) -> float | None:
        """Take an interval; give the rate, 1/min, None while there are too few."""
        self.rr_ms.append(rr_ms)
        if len(self.rr_ms) < MEDIAN_OF:
            return None
        del self.rr_ms[:-MEDIAN_OF]
        middle = sorted(self.rr_ms)[MEDIAN_OF // 2 - 1 : MEDIAN_OF // 2 + 1]
        return 120_000.0 / sum(middle)

    @property
    def mean(self) -> float:
        """The rate by the mean of these intervals, 1/min."""
        return 60_000.0 * len(self.rr_ms) / sum(self.rr_ms)

    def clear(self) -> None:
        """Gather the intervals anew."""
        self.rr_ms.clear()
