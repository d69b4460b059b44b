"""Train what tells ventricular fibrillation from the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..stream.rhythm.fibrillation import EVERY_S, judged
from ..stream.rhythm.fibrillation_window import FLATTEST
from ..stream.rhythm.forest import Forest, log_odds
from .fibrillation_windows import WITH_FIBRILLATION, Windows
from .forest_training import Growth, grow

GROWTH = Growth(n_trees=150, leaves=8, smallest_leaf=50, column_share=0.4)
THRESHOLDS = {"begin": 2.0, "end": 0.0}
"""Log odds, see `stream.rhythm.fibrillation.Hysteresis`; chosen by the mean over patients held out of training."""

PURE = 0.9
"""A window is of a kind if so much of it is marked so, and not of it if the rest at most is."""

NEAR_S = 2.6
"""Windows that end so near to one with fibrillation are left out of training: marks of `cudb` stand in steps of 5 s."""

EVERY = 4
"""Of records without fibrillation every fourth window is trained on: neighbours are alike."""

NOISE = ("nstdb", "noise")
"""Records of noise: of the Noise Stress Test Database, and drawn at random, see `made_noise`."""


def train(windows: Sequence[Windows], seed: int) -> Forest:
    """Train on records.

    All patients with fibrillation weigh the same, as far as they have 20 s of it; and so do all records without, those
    of `vfdb` and `cudb` threefold. Windows marked as ventricular tachycardia are left out. In `vfdb` much
    that is irregular and has no QRS to the eye (423, 602, 612, 614) is marked so, as is what looks like flutter (425).
    """
    rows, positive, weights = [], [], []
    for each in windows:
        keep, truth = _trained_on(each)
        database = each.record.partition("/")[0]
        heavy = 3.0 if database in WITH_FIBRILLATION else 1.0
        for lead in range(each.features.shape[1]):
            x = each.features[keep, lead]
            readable = ~np.isnan(x[:, 0])
            y = truth[keep][readable]
            rows.append(x[readable])
            positive.append(y)
            share = np.where(y, min(1.0 / max(y.sum(), 1), 0.05), min(1.0 / max((~y).sum(), 1), 0.05))
            weights.append(share * np.where(y, 1.0, heavy))
    return grow(np.concatenate(rows), np.concatenate(positive), np.concatenate(weights), GROWTH, seed)


def _trained_on(each: Windows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Give which windows are trained on, and which are of fibrillation."""
    truth = each.fibrillation >= PURE
    marked = np.flatnonzero(each.fibrillation > 0.0)
    keep = truth | (each.fibrillation == 0.0)
    if len(marked):
        reach = int(NEAR_S / EVERY_S)
        near = np.convolve(each.fibrillation > 0.0, np.ones(2 * reach + 1), "same") > 0.0
        keep &= truth | ~near
    keep &= truth | (each.tachycardia == 0.0)
    keep &= (each.noise <= 1.0 - PURE) | (each.noise >= PURE)
    if each.record.partition("/")[0] not in (*WITH_FIBRILLATION, *NOISE):
        keep &= truth | (np.arange(len(truth)) % EVERY == 0)
    return keep, truth


def judge(forest: Forest, each: Windows) -> list[float | None]:
    """Give the log odds of each window of a record, as the live rule does."""
    walk = forest.laid_out()

    def odds(x: NDArray[np.float32]) -> float:
        if np.isnan(x[0]):
            return math.nan
        return log_odds(x, *walk) if x[0] >= FLATTEST else -math.inf

    return [judged([odds(x) for x in window]) for window in each.features]
