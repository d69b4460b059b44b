"""Samples in memory with stretches in which nothing was measured, which cost no memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...stream.core.messages import Samples


@dataclass(frozen=True, slots=True, eq=False)
class SparseSamples:
    """Samples, and where in the recording each of them stands.

    Attributes
    ----------
    samples
        ``(n, n_leads)`` in millivolts.
    places
        ``(n,)`` int64, rising: the place of each, in samples from the start; None where no sample is missing.
    """

    samples: Samples
    places: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.samples) if self.places is None or not len(self.places) else int(self.places[-1]) + 1

    def read(self, start: int, stop: int) -> Samples:
        """Give ``(stop - start, n_leads)``, NaN where there is no sample."""
        if self.places is None:
            return self.samples[start:stop]
        first, last = np.searchsorted(self.places, (start, stop))
        out = np.full((stop - start, self.samples.shape[1]), np.nan)
        out[self.places[first:last] - start] = self.samples[first:last]
        return out
