"""Noise drawn at random, for what judges fibrillation: it is to be none, and no record holds all of its kinds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..stream.core.messages import Samples
from .episodes.marks import Episodes
from .fibrillation_windows import Windows, described

FS = 250.0
RECORDS, STRETCHES, STRETCH_S = 10, 12, 15.0
"""Each record has stretches of kinds, and of sizes from 0.03 to 2 mV, drawn at random."""


def made_noise(seed: int = 0) -> Iterator[Windows]:
    """Give the windows of records of noise alone, two leads each."""
    nothing = Episodes(np.zeros((0, 2), dtype=np.int64))
    for number in range(RECORDS):
        rng = np.random.default_rng((seed, number))
        samples = np.concatenate([_stretch(rng) for _ in range(STRETCHES)])
        name = f"noise/made-{number}"
        end, features = described(FS, ("1", "2"), [samples])
        none = np.zeros(len(end))
        yield Windows(name, FS, end, features, none, none, none, nothing)


def _stretch(rng: np.random.Generator) -> Samples:
    """Draw a stretch of one kind, ``(n, 2)`` mV."""
    n = round(STRETCH_S * FS)
    kind = rng.integers(6)
    if kind == 0:  # white
        wave = rng.normal(0.0, 1.0, (n, 2))
    elif kind == 1:  # muscle: from some 10 Hz up, in bursts
        wave = np.diff(rng.normal(0.0, 1.0, (n + 1, 2)), axis=0) * rng.uniform(0.0, 1.5, (6, 2)).repeat(n // 6, axis=0)
    elif kind == 2:  # wander
        wave = 0.15 * np.cumsum(rng.normal(0.0, 1.0, (n, 2)), axis=0)
    elif kind == 3:  # an electrode that is touched: steps that die away
        steps = np.zeros((n, 2))
        at = rng.integers(0, n, 12)
        steps[at] = rng.normal(0.0, 3.0, (12, 2))
        wave = _decaying(steps, rng.uniform(0.05, 0.6))
    elif kind == 4:  # mains
        hz = rng.choice([50.0, 60.0]) + rng.normal(0.0, 0.05)
        wave = np.sin(2.0 * np.pi * hz * np.arange(n)[:, None] / FS) + rng.normal(0.0, 0.1, (n, 2))
    else:  # between white and wander
        spectrum = np.fft.rfft(rng.normal(0.0, 1.0, (n, 2)), axis=0)
        hz = np.maximum(np.arange(len(spectrum)) / STRETCH_S, 0.3)
        wave = np.fft.irfft(spectrum / hz[:, None] ** rng.uniform(0.3, 0.7), n, axis=0)
    sizes = wave.std(axis=0) + 1e-6
    return np.asarray(np.exp(rng.uniform(np.log(0.03), np.log(2.0))) * wave / sizes)


def _decaying(steps: Samples, seconds: float) -> Samples:
    """Let each step die away with a time constant."""
    keep = float(np.exp(-1.0 / (seconds * FS)))
    wave = np.empty_like(steps)
    level = np.zeros(steps.shape[1])
    for i, step in enumerate(steps):
        level = keep * level + step
        wave[i] = level
    return wave
