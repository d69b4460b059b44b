"""Samples as a browser gets them: microvolts, at no more than 500 Hz, which is more than a screen can show."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..core.messages import Chunk, Samples
from .messages import SamplesMessage

MOST_HZ = 500.0
_LARGEST_MV = 2000.0  # more no message may hold; an integer of a browser can

_encoder = msgspec.json.Encoder()


def encode_samples(patient: str, stream: str, chunk: Chunk, leads: slice, *, before: bool = False) -> bytes:
    """Encode some leads of a chunk as a `SamplesMessage`, with a line end.

    Above `MOST_HZ` one sample stands for a group, see `thinned`.
    """
    step = max(1, math.ceil(chunk.fs / MOST_HZ))
    samples = chunk.samples[:, leads]
    thin = samples if step == 1 else thinned(samples, step)
    microvolts = np.rint(1000 * np.clip(thin, -_LARGEST_MV, _LARGEST_MV)).T
    message = SamplesMessage(
        patient, stream, chunk.start / chunk.fs, chunk.fs / step, chunk.leads[leads], _as_lists(microvolts), before
    )
    return _encoder.encode(message) + b"\n"


def thinned(samples: Samples, step: int) -> Samples:
    """Give one sample for each group of `step`: the highest where the group lies low in its range, else the lowest.

    So an R peak and a pacing spike keep their height. ``(ceil(n / step), n_leads)``: the last group may be shorter.
    """
    n_groups = -(-len(samples) // step)
    padded = np.full((n_groups * step, samples.shape[1]), np.nan)
    padded[: len(samples)] = samples
    groups = padded.reshape(n_groups, step, -1)
    known = np.isfinite(groups)
    high = np.where(known, groups, -np.inf).max(axis=1)
    low = np.where(known, groups, np.inf).min(axis=1)
    mean = np.where(known, groups, 0.0).sum(axis=1) / np.maximum(1, known.sum(axis=1))
    return np.where(known.any(axis=1), np.where(high - mean >= mean - low, high, low), np.nan)


def _as_lists(microvolts: NDArray[np.float64]) -> list[list[int | None]]:
    if np.isfinite(microvolts).all():
        return microvolts.astype(np.int64).tolist()  # type: ignore[no-any-return]
    return [[int(each) if math.isfinite(each) else None for each in lead] for lead in microvolts.tolist()]
