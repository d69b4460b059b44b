"""Training batches of whole records: crops, and the disturbances that a record may carry anyway.

Heart, electrodes and amplifier vary between two records of one patient; the class does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Signals ``(batch, time, leads)``, target probabilities ``(batch, classes)``, weights ``(batch,)``."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much each batch is disturbed.

    Attributes
    ----------
    crop
        Part of the window that is kept, from a random start.
    gain, lead_gain
        Standard deviation of the log of a factor on all leads, and on each.
    noise_mv
        Largest standard deviation of white noise, mV.
    wander_mv
        Standard deviation of the amplitude of a slow sine on each lead, mV.
    stretch
        Standard deviation of the log of a factor on time, about the middle.
    shift_s
        Standard deviation of a shift in time, seconds.
    turn_deg
        Standard deviation of a turn of the heart's axis in the frontal plane, degrees; see `heart_axis`. Only where
        the leads across come along.
    """

    crop: float = 0.8
    gain: float = 0.15
    lead_gain: float = 0.05
    noise_mv: float = 0.03
    wander_mv: float = 0.05
    stretch: float = 0.0
    shift_s: float = 0.0
    turn_deg: float = 0.0


NOTHING = Augmentation(crop=1.0, gain=0.0, lead_gain=0.0, noise_mv=0.0, wander_mv=0.0)
"""Whole windows as they are."""


def epoch_batches(
    signals: NDArray[np.float32],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    *,
    fs: float,
    size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
    across: bool = False,
) -> Iterator[Batch]:
    """One pass over shuffled records, in full batches; what is left over waits for another shuffle.

    Parameters
    ----------
    signals, targets, weights
        ``(n, time, leads)`` mV, ``(n, classes)``, ``(n,)``.
    fs
        Sampling rate, Hz.
    size
        Records in a batch.
    augmentation, rng
        How much to disturb, and the random generator.
    across
        The second half of the leads are those across the first, from `heart_axis.leads_across`: they turn the
        axis, and are not part of the batch.
    """
    crop = round(augmentation.crop * signals.shape[1])
    order = rng.permutation(len(signals))
    size = min(size, len(order))
    for first in range(0, len(order) - size + 1, size):
        chosen = order[first : first + size]
        starts = rng.integers(0, signals.shape[1] - crop + 1, size)
        x = signals[chosen[:, None], starts[:, None] + np.arange(crop)]
        if across:
            x = _turned(x, augmentation.turn_deg, rng)
        if augmentation != NOTHING:
            x = _disturbed(x, fs, augmentation, rng)
        yield x, targets[chosen], weights[chosen]


def _disturbed(
    x: NDArray[np.float32], fs: float, augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    if augmentation.stretch or augmentation.shift_s:
        x = _moved(x, fs, augmentation, rng)
    n, length, leads = x.shape
    log_gain = rng.normal(0.0, augmentation.gain, (n, 1, 1)) + rng.normal(0.0, augmentation.lead_gain, (n, 1, leads))
    noise = rng.standard_normal(x.shape, dtype=np.float32) * rng.uniform(0.0, augmentation.noise_mv, (n, 1, 1))
    hertz = rng.uniform(0.15, 0.6, (n, 1, leads))  # breathing and movement, as the high-pass lets them through
    phase = 2.0 * np.pi * (hertz * np.arange(length)[:, None] / fs + rng.uniform(0.0, 1.0, (n, 1, leads)))
    wander = rng.normal(0.0, augmentation.wander_mv, (n, 1, leads)) * np.sin(phase)
    return (x * np.exp(log_gain) + noise + wander).astype(np.float32)


def _turned(x: NDArray[np.float32], turn_deg: float, rng: np.random.Generator) -> NDArray[np.float32]:
    leads, across = np.split(x, 2, axis=2)
    angle = np.radians(rng.normal(0.0, turn_deg, (len(x), 1, 1)))
    return (np.cos(angle) * leads + np.sin(angle) * across).astype(np.float32)


def _moved(
    x: NDArray[np.float32], fs: float, augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Stretch and shift each record in time, linearly between samples; its ends go on as they stand."""
    n, length, _ = x.shape
    middle = length // 2
    factor = np.exp(rng.normal(0.0, augmentation.stretch, (n, 1)))
    at = middle + (np.arange(length) - middle) * factor + rng.normal(0.0, augmentation.shift_s * fs, (n, 1))
    at = np.clip(at, 0.0, length - 1.001)
    before = at.astype(np.int64)
    part = (at - before)[..., None].astype(np.float32)
    row = np.arange(n)[:, None]
    moved: NDArray[np.float32] = (1.0 - part) * x[row, before] + part * x[row, before + 1]
    return moved
