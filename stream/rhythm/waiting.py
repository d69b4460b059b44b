"""Samples that a rule has heard, and not yet taken: a call a second costs less than one a chunk."""

from __future__ import annotations

import numpy as np

from ..core.messages import Signal


class Waiting:
    """Consecutive samples that wait until they are taken, copied."""

    def __init__(self) -> None:
        self._signals: list[Signal] = []

    def hear(self, signal: Signal) -> None:
        """Copy the next samples."""
        self._signals.append(Signal(signal.samples.copy(), signal.good.copy()))

    def take(self) -> Signal | None:
        """Give all that waits, None if there is nothing; then nothing waits any more."""
        signals, self._signals = self._signals, []
        if len(signals) < 2:
            return signals[0] if signals else None
        samples, good = zip(*signals, strict=True)
        return Signal(np.concatenate(samples), np.concatenate(good))
