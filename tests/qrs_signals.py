"""Signals for tests of the QRS detector, on its grid of 125 Hz: the demo, and complexes made one by one."""

from __future__ import annotations

import numpy as np

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.qrs.detector import Detections, QrsDetector, load_network
from ecg_stream.stream.qrs.network import DetectorNetwork
from ecg_stream.stream.signal.grid import GRID_HZ, Grid
from ecg_stream.stream.signal.highpass import HighPass

TOLERANCE_S = 0.1


def on_grid(x: np.ndarray, fs: float = 250.0) -> np.ndarray:
    filtered = HighPass(fs, x.shape[1]).push(x)
    return Grid(fs, x.shape[1]).push(Signal.all_good(filtered)).signal.samples


def demo(seconds: float = 60.0) -> np.ndarray:
    """The beginning of the demo on the grid, where both leads are on."""
    return on_grid(demo_record().signal(0, round(seconds * 250)))


def beats(seconds: float = 60.0) -> np.ndarray:
    """The R peaks in it, seconds."""
    reference = demo_record().annotations()
    assert reference is not None
    times = reference.samples / 250.0
    return times[times < seconds - 0.2]


def bumps(peaks: np.ndarray, heights: np.ndarray | float, seconds: float = 60.0) -> np.ndarray:
    """One lead of narrow complexes, at `peaks` in seconds, ``(n_samples, 1)``."""
    times = np.arange(round(seconds * GRID_HZ))[:, np.newaxis] / GRID_HZ
    return (heights * np.exp(-0.5 * ((times - peaks) / 0.012) ** 2)).sum(axis=1)[:, np.newaxis]


def detect(x: np.ndarray, good: np.ndarray | None = None, network: DetectorNetwork | None = None) -> Detections:
    signal = Signal.all_good(x) if good is None else Signal(x, good)
    return QrsDetector(network or load_network(), x.shape[1]).push(signal)


def near(found: Detections, times: np.ndarray, within_s: float = TOLERANCE_S) -> np.ndarray:
    """Which of the times, in seconds, have a beat that was found near them."""
    return (np.abs(found.centre[:, np.newaxis] / GRID_HZ - times) <= within_s).any(axis=0)


def missed_and_false(found: Detections, reference: np.ndarray, after_s: float, until_s: float) -> tuple[int, int]:
    times = found.centre / GRID_HZ
    is_near = np.abs(times[:, np.newaxis] - reference) <= TOLERANCE_S
    inside, wanted = (times > after_s) & (times < until_s), (reference > after_s) & (reference < until_s)
    return int(np.sum(wanted & ~is_near.any(axis=0))), int(np.sum(inside & ~is_near.any(axis=1)))
