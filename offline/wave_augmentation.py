"""What the leads show of the same beats, told otherwise: other leads, taller P waves.

At hand are few hearts, each in two leads. Other leads of the same heart show other shapes, and in some of them, of some
patients, the P wave is as tall as the QRS complex.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from ..stream.messages import CLASSES, Samples
from .training_records import TrainingRecord, qrs_height

SLOW_S, SLOW_SHARE = 0.120, (-0.5, 2.0)
"""What two moving averages over this time leave is P and T waves, hardly any QRS complex; so much of it is added."""

P_WAVE_S, APART_S = (-0.24, -0.06), 0.5
"""Where the P wave stands, from the mark; and a beat has one of its own if the one before is this long past."""

P_HEIGHT, P_GAIN = (0.05, 0.7), 10.0
"""Height of P waves made taller, as a share of that of the QRS complex; none gets more than so many times as tall."""

_N = CLASSES.index("N")


def mixed(signal: Samples, fs: float, rng: np.random.Generator) -> Samples:
    """Give ``(n_samples, n_leads)`` other leads of the heart, each a random combination of those there are.

    Slow waves are made smaller or larger against the QRS complex. Every other time there is only one lead.
    """
    n_leads = signal.shape[1]
    directions = rng.standard_normal((n_leads, n_leads))
    told: Samples = signal @ (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T
    if rng.random() < 0.5:
        told = told[:, :1]
    span = round(SLOW_S * fs)
    slow = uniform_filter1d(uniform_filter1d(told, span, axis=0), span, axis=0)
    return told + rng.uniform(*SLOW_SHARE, size=told.shape[1]) * slow


def with_tall_p_waves(signal: Samples, record: TrainingRecord, rng: np.random.Generator) -> Samples:
    """Give the signal of a record with the P waves of its normal beats made taller; none is made smaller.

    To each the same wave is added, the median over all of them, so that noise is not raised.

    Parameters
    ----------
    signal
        ``(n_samples, n_leads)`` of the record, mV.
    record
        Whose beats stand in it.
    rng
        Where chance starts; it draws the height in each lead.
    """
    normal = record.classes == _N
    after_normal = np.concatenate([[False], normal[:-1]])
    apart = np.diff(record.beats, prepend=0) > APART_S * record.fs
    beats = record.beats[normal & after_normal & apart]
    if len(beats) == 0:
        return signal
    first, last = round(P_WAVE_S[0] * record.fs), round(P_WAVE_S[1] * record.fs)
    at = beats[:, None] + np.arange(first, last)
    waves = signal[at]
    slope = np.linspace(0.0, 1.0, last - first)[:, None]
    usual = np.median(waves - waves[:, :1] - slope * (waves[:, -1:] - waves[:, :1]), axis=0)
    height = rng.uniform(*P_HEIGHT, size=signal.shape[1]) * qrs_height(signal, beats, record.fs)
    gain = np.clip(height / (np.ptp(usual, axis=0) + 1e-9), 1.0, P_GAIN)
    taller = signal.copy()
    taller[at] += np.sqrt(np.hanning(last - first + 2)[1:-1, None]) * (gain - 1.0) * usual
    return taller
