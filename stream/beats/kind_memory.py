"""What a patient's kinds of beats have been taken for, and how it weighs on the next beat of a kind.

The network judges each beat alone. Beats of one kind have one origin, though, and their shape tells more often than
not whether it is in the ventricles; so what earlier beats of the kind were taken for says something of the next one.
Only ventricular against supraventricular is remembered: N and S beats share a shape, and rhythm tells them apart.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import Floats, Records, compiled
from ..core.messages import CLASSES
from ..core.stage import State, restored
from .state import JOINED, N_TEMPLATES

KNOWN = 5.0
"""A kind's past has half of its say after so many beats."""
REMEMBERED = 100
"""Beats of a kind that its past is the mean of, or so."""
CERTAIN = 5.0
"""Log odds beyond this count as this: one beat that the network is sure of does not stand for ten."""
FLOOR = 1e-4
"""Keeps the log odds of a probability of nothing finite."""

_N, _S, _V, _F = (CLASSES.index(name) for name in "NSVF")


class KindMemory:
    """Weigh the probabilities of a patient's beats with those of earlier beats of their kinds.

    The log odds of V and F against N and S are drawn, by up to `share`, to their mean over the earlier beats of the
    kind. Causal, and without delay.

    Parameters
    ----------
    share
        How much the past of a well-known kind counts, from 0 (not at all) to below 1.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._mean = np.zeros(N_TEMPLATES)
        self._count = np.zeros(N_TEMPLATES)

    def __call__(self, kinds: Records, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the next beats, in order.

        Parameters
        ----------
        kinds
            ``(n,)`` records of `state.JOINED`.
        probabilities
            ``(n, 5)`` of the network.

        Returns
        -------
        numpy.ndarray
            ``(n, 5)``, each row adding up to one.
        """
        weighed = np.array(probabilities, dtype=np.float64, order="C")
        if self._share > 0.0:
            weigh_by_kind(kinds.astype(JOINED, order="C"), weighed, self._share, self._mean, self._count)
        return weighed

    def copy(self) -> KindMemory:
        """Give one that remembers the same, and goes on by itself."""
        other = KindMemory.__new__(KindMemory)
        other._share, other._mean, other._count = self._share, self._mean.copy(), self._count.copy()
        return other

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"mean": self._mean.copy(), "count": self._count.copy()}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from elsewhere.
        """
        self._mean = restored(state, "mean", self._mean)
        self._count = restored(state, "count", self._count)


@compiled
def weigh_by_kind(kinds: Records, p: Floats, share: float, mean: Floats, count: Floats) -> None:
    """Weigh the rows of `p` in place; `mean` and `count` hold the log odds and the number of beats of each kind."""
    for row in range(len(p)):
        kind, merged = kinds[row].kind, kinds[row].merged
        if kinds[row].is_new:
            mean[kind] = 0.0
            count[kind] = 0.0
        odds = math.log((p[row, _V] + p[row, _F] + FLOOR) / (p[row, _N] + p[row, _S] + FLOOR))
        shift = share * count[kind] / (count[kind] + KNOWN) * (mean[kind] - odds)
        factor = math.exp(shift)
        p[row, _V] *= factor
        p[row, _F] *= factor
        total = 0.0
        for k in range(p.shape[1]):
            total += p[row, k]
        for k in range(p.shape[1]):
            p[row, k] /= total
        count[kind] += 1.0
        mean[kind] += (min(max(odds, -CERTAIN), CERTAIN) - mean[kind]) / min(count[kind], REMEMBERED)
        if merged >= 0:
            both = count[kind] + count[merged]
            mean[kind] += count[merged] / both * (mean[merged] - mean[kind])
            count[kind] = both
            mean[merged] = 0.0
            count[merged] = 0.0
