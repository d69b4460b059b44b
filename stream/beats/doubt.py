"""What is doubtful is not called V, but in a run of V.

In noise most false V are single ones in the midst of other beats; a ventricular tachycardia of low quality is one V
after another. So a beat must be of good quality to be called V, and of a lower one if it and most of the beats just
before it are most probably V. Causal, and without delay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.messages import CLASSES
from ..core.stage import Schema, State

RUN, ENOUGH = 6, 5
"""A run: so many of the last beats, with the beat itself, are most probably V."""
_V, _Q = CLASSES.index("V"), CLASSES.index("Q")


class VentricularDoubt:
    """Take V from a patient's beats that cannot be trusted to be V.

    Parameters
    ----------
    trusted_in_run
        Quality below which a beat is not called V in a run of V.
    """

    schema = Schema(1)

    def __init__(self, trusted_in_run: float) -> None:
        self._trusted_in_run = trusted_in_run
        self._lately = 0  # a bit for each of the last beats, the newest lowest: whether V was the most probable

    def __call__(
        self, probabilities: NDArray[np.float64], quality: NDArray[np.float64], trusted: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Take the next beats, in order.

        Of a beat below the level, half or more of the probability of V goes to Q, the more the lower its quality is.

        Parameters
        ----------
        probabilities
            ``(n, 5)``.
        quality
            ``(n,)``, from 0 to 1.
        trusted
            ``(n,)``: quality below which a beat is not called V, unless in a run.

        Returns
        -------
        numpy.ndarray
            ``(n, 5)``; V is not the most probable class of a beat below the level. `probabilities` if none is.
        """
        told = probabilities
        for row, most in enumerate(probabilities.argmax(axis=1).tolist()):
            self._lately = (self._lately << 1 | (most == _V)) & ((1 << RUN) - 1)
            level = trusted[row]
            if self._lately.bit_count() >= ENOUGH:
                level = min(level, self._trusted_in_run)
            if quality[row] < level:
                if told is probabilities:
                    told = probabilities.copy()
                taken = (1.0 - quality[row] / (2.0 * level)) * told[row, _V]
                told[row, _V] -= taken
                told[row, _Q] += taken
        return told

    def copy(self) -> VentricularDoubt:
        """Give one that has seen the same, and goes on by itself."""
        other = VentricularDoubt(self._trusted_in_run)
        other._lately = self._lately
        return other

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"lately": self._lately}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self._lately = int(state["lately"]) & ((1 << RUN) - 1)
