"""What each millisecond of the denoiser's look-ahead buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...stream.core.messages import Samples, Signal
from ...stream.signal.denoise import WaveletDenoiser
from ...stream.signal.highpass import HighPass
from ..training_records import TrainingRecord
from ..variations import noise_like

SETTLE_S = 20.0
"""Left out at the start, while the noise estimate settles."""


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Effect of one look-ahead on records of one database.

    Attributes
    ----------
    seconds
        The look-ahead.
    taken_off
        Share of the error energy that it takes off: 1 is all of the noise, below 0 it adds to it.
    share
        The same as a share of what the longest look-ahead takes off.
    """

    seconds: float
    taken_off: float
    share: float


def look_ahead_effect(
    records: Sequence[TrainingRecord],
    look_aheads: Sequence[float],
    noise: Samples | None,
    snr_db: float = 12.0,
    seed: int = 0,
) -> list[LookAhead]:
    """Add noise to records, denoise with each look-ahead, and compare the error energy before and after.

    The denoised clean record stands for the truth, so that what the denoiser does to a clean signal does not count.

    Parameters
    ----------
    records
        Of one sampling rate or several.
    look_aheads
        Seconds, ascending; the last is what the others are compared with.
    noise
        ``(n, 2)`` at 360 Hz, see `training_records.read_noises`; None is white noise.
    snr_db
        QRS power over noise power.
    seed
        Random seed.
    """
    before = 0.0
    after = np.zeros(len(look_aheads))
    for record in records:
        signal = record.signal.astype(np.float64)
        added = noise_like(record, noise, snr_db, np.random.default_rng(seed))
        high_pass = HighPass(record.fs, signal.shape[1])
        clean = high_pass.push(signal)
        noisy = HighPass(record.fs, signal.shape[1]).push(signal + added)
        settled = round(SETTLE_S * record.fs)
        before += float(((noisy - clean)[settled:] ** 2).sum())
        for place, seconds in enumerate(look_aheads):
            error = _denoised(noisy, record.fs, seconds) - _denoised(clean, record.fs, seconds)
            after[place] += float((error[settled:] ** 2).sum())
    taken_off = 1.0 - after / before
    return [
        LookAhead(seconds, float(gain), float(gain / taken_off[-1]))
        for seconds, gain in zip(look_aheads, taken_off, strict=True)
    ]


def _denoised(signal: Samples, fs: float, look_ahead_s: float) -> Samples:
    denoiser = WaveletDenoiser(fs, signal.shape[1], look_ahead_s=look_ahead_s)
    return np.concatenate([denoiser.push(Signal.all_good(signal)), denoiser.flush()])
