"""How far a beat can be trusted to be one: the signal quality that a beat carries.

A logistic regression on a dozen of the columns that describe the beat: how sure the detector is of it and was of the
last ones, how well it fits the patient's kinds of beats, what stands between the beats, how steady the intervals are.
It is fitted to our own errors in clean and noisy records (`offline.quality_training`), so that it is the probability
that a beat is one and that none was missed since the one before.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ...models.bundle import load_bundle
from .features import NAMES, PREPROCESSING, columns

LIMIT = 4.0
"""A column counts as so many deviations from its mean at most."""
_LEADS_USED = NAMES.index("leads_used")


class BeatQuality:
    """Quality of beats from their feature rows; stateless. The card says how low that of a V may be, see `doubt`.

    Parameters
    ----------
    name_or_path
        Shipped name or folder of a quality bundle.

    Raises
    ------
    BundleError
        If the bundle is missing, corrupt, for another task, or asks for features that this version has not.
    """

    def __init__(self, name_or_path: str | os.PathLike[str] = "quality") -> None:
        bundle = load_bundle(name_or_path, "quality", PREPROCESSING)
        self.card = bundle.card
        self._columns = columns(self.card.features)
        n = len(self._columns)
        with bundle.arrays() as arrays:
            self._mean, self._deviation, self._weight = (
                np.asarray(arrays[name], dtype=np.float64).reshape(n) for name in ("mean", "deviation", "weight")
            )
            self._bias = float(arrays["bias"])
        numbers = (self._mean, self._deviation, self._weight, np.array([self._bias]))
        if not all(np.isfinite(each).all() for each in numbers) or not (self._deviation > 0.0).all():
            raise BundleError(f"bundle {bundle.folder}: its weights hold what is no number, or no deviation")
        self.trusted = self.card.thresholds.get("ventricular", 0.0)
        self._trusted_alone = self.card.thresholds.get("ventricular, one lead", self.trusted)
        self.trusted_in_run = self.card.thresholds.get("ventricular, run", self.trusted)

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the quality of ``(n, len(features.NAMES))`` rows, ``(n,)``, from 0 to 1."""
        # A sum along each row, not a matrix product: it must not depend on which other beats came in the chunk.
        x = (np.take(features, self._columns, axis=1) - self._mean) / self._deviation
        x = np.minimum(np.maximum(x, -LIMIT), LIMIT) * self._weight
        quality: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(x.sum(axis=1) + self._bias)))
        return quality

    def trusted_of(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the quality below which each beat is not called V, ``(n,)``: one lead says less of all that it has."""
        return np.where(features[:, _LEADS_USED] > 1.0, self.trusted, self._trusted_alone)


@lru_cache(maxsize=4)
def load_quality(name_or_path: str = "quality") -> BeatQuality:
    """Load a quality bundle once.

    Raises
    ------
    BundleError
        As `BeatQuality`.
    """
    return BeatQuality(name_or_path)
