"""Signals for those who look for fibrillation, made and drawn at random."""

from __future__ import annotations

import numpy as np

from ecg_stream.replay.demo import demo_record


def fibrillating(seconds: float, fs: float, n_leads: int = 2, seed: int = 4) -> np.ndarray:
    """Ventricular fibrillation: waves of 4 to 6 Hz whose rate and size wander, mV, ``(n, n_leads)``."""
    rng = np.random.default_rng(seed)
    n = round(seconds * fs)
    wander = np.cumsum(rng.normal(0.0, 1.0, n)) / fs**0.5
    hz = 4.8 + 0.8 * np.sin(wander)
    phase = 2.0 * np.pi * np.cumsum(hz) / fs
    size = 0.45 + 0.25 * np.sin(2.0 * np.pi * 0.31 * np.arange(n) / fs + 1.0)
    wave = size * (np.sin(phase) + 0.25 * np.sin(1.7 * phase + 1.0) + 0.15 * np.sin(0.6 * phase))
    leads = [wave * gain + rng.normal(0.0, 0.02, n) for gain in (1.0, -0.7, 0.5)[:n_leads]]
    return np.stack(leads, axis=1)


def demo_then_fibrillation(before_s: float, seconds: float, after_s: float) -> tuple[np.ndarray, float]:
    """The demo record, with fibrillation from `before_s` on for `seconds`: samples, mV, and sampling rate, Hz."""
    record = demo_record()
    fs = record.fs
    first, last = round(before_s * fs), round((before_s + seconds) * fs)
    signal = record.signal(0, last + round(after_s * fs)).copy()
    signal[first:last] = fibrillating(seconds, fs, signal.shape[1])[: last - first] + signal[first]
    return signal, fs
