"""Beats of stated shape and time, through the beat windows."""

from __future__ import annotations

import numpy as np

from ecg_stream.stream.beats.features import columns
from ecg_stream.stream.beats.windows import BeatWindows, DescribedBeats, Found
from ecg_stream.stream.qrs.detector import Detections
from ecg_stream.stream.signal.grid import GRID_HZ

RATES = (128.0, 250.0, 360.0, 500.0, 1000.0)
FIRST_S, RR_S = 1.0, 0.8


def shape(t: np.ndarray) -> np.ndarray:
    """P, QRS and T of a beat whose R peak, the middle of its QRS complex, is at 0 s, mV."""
    waves = ((-0.17, 0.02, 0.15), (-0.03, 0.012, -0.15), (0.0, 0.015, 1.0), (0.03, 0.012, -0.15), (0.3, 0.05, 0.3))
    return sum((height * np.exp(-0.5 * ((t - at) / width) ** 2) for at, width, height in waves), np.zeros_like(t))


def signal(peaks_s: np.ndarray, fs: float, seconds: float) -> np.ndarray:
    """Two leads, the second upside down and half as high; every peak falls on a sample."""
    t = np.arange(round(seconds * fs)) / fs
    x = sum((shape(t - round(peak * fs) / fs) for peak in peaks_s), np.zeros_like(t))
    return np.stack([x, -0.5 * x], axis=1)


def found(peaks_s: np.ndarray, off_s: float = 0.0, weight: tuple[float, float] = (0.5, 0.5)) -> Detections:
    n = len(peaks_s)
    return Detections(
        centre=np.rint((peaks_s + off_s) * GRID_HZ).astype(np.int64),
        row=np.zeros(n, dtype=np.int64),
        probability=np.ones(n),
        weight=np.tile(weight, (n, 1)),
        gap=np.zeros(n, dtype=np.bool_),
    )


def describe(
    fs: float, peaks_s: np.ndarray, off_s: float = 0.0, weight: tuple[float, float] = (0.5, 0.5)
) -> DescribedBeats:
    x = signal(peaks_s, fs, peaks_s[-1] + 1.0)
    stage = BeatWindows(fs, 2, 0)
    return stage.push(Found(x, found(peaks_s, off_s, weight), np.rint((peaks_s + 0.12) * fs).astype(np.int64)))


def regular(n: int = 12) -> np.ndarray:
    return FIRST_S + RR_S * np.arange(n)


def group(beats: DescribedBeats, name: str) -> np.ndarray:
    return beats.features[:, columns([name])]
