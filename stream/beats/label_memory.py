"""What a stream's earlier beats say of the label of the next: what its kind was taken for, and whether V is usual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import Records
from ..core.stage import Schema, State
from .doubt import VentricularDoubt
from .kind_memory import KindMemory


def _without_doubt(state: State) -> State:
    """Bring the state of a version that looked at each beat's quality alone."""
    return {**state, "lately": 0}


class LabelMemory:
    """Weigh the probabilities of a stream's beats by `KindMemory`, and take V from those that are doubtful.

    Parameters
    ----------
    share
        See `KindMemory`.
    trusted_in_run
        See `VentricularDoubt`.
    """

    schema = Schema(2, {1: _without_doubt})

    def __init__(self, share: float, trusted_in_run: float) -> None:
        self._kinds, self._doubt = KindMemory(share), VentricularDoubt(trusted_in_run)

    def __call__(
        self,
        kinds: Records,
        probabilities: NDArray[np.float64],
        quality: NDArray[np.float64],
        trusted: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Take the next beats, in order.

        Parameters
        ----------
        kinds
            ``(n,)`` records of `state.JOINED`.
        probabilities
            ``(n, 5)`` of the network.
        quality, trusted
            ``(n,)``, of the beats, and below which one is not called V.

        Returns
        -------
        numpy.ndarray
            ``(n, 5)``, each row adding up to one; the largest is the label.
        """
        return self._doubt(self._kinds(kinds, probabilities), quality, trusted)

    def copy(self) -> LabelMemory:
        """Give one that remembers the same, and goes on by itself."""
        other = LabelMemory.__new__(LabelMemory)
        other._kinds, other._doubt = self._kinds.copy(), self._doubt.copy()
        return other

    def snapshot(self) -> State:
        """Copy the state out."""
        return {**self._kinds.snapshot(), **self._doubt.snapshot()}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from elsewhere.
        """
        self._kinds.restore(state)
        self._doubt.restore(state)
