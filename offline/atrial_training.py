"""Train what tells atrial fibrillation from other irregular rhythms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..stream.rhythm.forest import Forest
from ..stream.rhythm.irregularity import NAMES
from .atrial_beats import AtrialBeats
from .forest_training import Growth, grow

_UP = (
    "spread", "rmssd", "median_change", "turning", "entropy", "entropy2", "cells", "plain_rmssd",
    "plain_median_change", "corr1_low", "residual1", "residual2",
)  # fmt: skip
_DOWN = (
    "small_changes", "near_median", "lag1", "plain_small_changes", "corr1", "corr2", "usual_corr1", "usual_corr2",
    "size1", "size2",
)  # fmt: skip

GROWTH = Growth(
    n_trees=120,
    leaves=6,
    smallest_leaf=100,
    column_share=0.5,
    monotone=tuple((name in _UP) - (name in _DOWN) for name in NAMES),
)
"""The more irregular, and the less there is a P wave, the more it counts: few patients in fibrillation are at hand, and
trees that may go any way learn which they are."""

THRESHOLDS = {"begin": 2.0, "end": -1.0}
"""Log odds; chosen by the mean over patients held out of training."""

PURE = 0.9
"""A window is of fibrillation if so much of it is, and not if so much is not; the rest is not trained on."""

ENOUGH = 50
"""Windows of a record from which on it weighs in full: a piece of half a minute weighs less than a record."""


def train(material: Sequence[AtrialBeats], seed: int) -> Forest:
    """Train on records; each weighs the same in each class, as far as it has windows of it."""
    rows, positive, weights = [], [], []
    for each in material:
        keep = ~np.isnan(each.features[:, 0]) & (each.neither < 1.0 - PURE)
        keep &= (each.fibrillation > PURE) | (each.fibrillation < 1.0 - PURE)
        y = each.fibrillation[keep] > PURE
        share = np.zeros(len(y))
        for which in (y, ~y):
            n = int(np.count_nonzero(which))
            share[which] = min(1.0, n / ENOUGH) / max(n, 1)
        rows.append(each.features[keep])
        positive.append(y)
        weights.append(share)
    return grow(np.concatenate(rows), np.concatenate(positive), np.concatenate(weights), GROWTH, seed)


def judge(forest: Forest, each: AtrialBeats) -> NDArray[np.float64]:
    """Give the log odds at each beat of a record; NaN where there are too few beats."""
    odds = np.full(len(each.samples), np.nan)
    known = ~np.isnan(each.features[:, 0])
    odds[known] = forest.odds(each.features[known])
    return odds
