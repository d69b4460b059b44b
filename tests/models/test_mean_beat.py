"""The mean beat inside a network: right beats, aligned, outliers left out, and the same in ONNX."""

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("keras", reason="the networks need the extra [train]")

from ecg_stream.models.mean_beat import BEAT_SAMPLES, mean_beat_network
from ecg_stream.models.onnx_export import quiet_export


def beat(fs: int, gains: tuple[float, ...]) -> np.ndarray:
    """``(0.8 s, leads)`` mV: P wave, QRS complex 0.3 s after the start, T wave."""
    time = np.arange(round(0.8 * fs)) / fs - 0.3

    def bump(at: float, width: float, height: float) -> np.ndarray:
        return height * np.exp(-0.5 * ((time - at) / width) ** 2)

    wave = bump(-0.16, 0.02, 0.1) + bump(0.0, 0.012, 1.0) + bump(0.03, 0.01, -0.3) + bump(0.25, 0.04, 0.25)
    return wave[:, None] * np.array(gains)


def window(fs: int, gains: tuple[float, ...], at: list[float]) -> np.ndarray:
    """Ten seconds with a beat's QRS complex at each of these seconds."""
    x = np.zeros((10 * fs + 2 * fs, len(gains)))
    one = beat(fs, gains)
    for second in at:
        start = fs + round((second - 0.3) * fs)
        x[start : start + len(one)] += one
    return x[fs : 11 * fs].astype(np.float32)


def mean_of(x: np.ndarray, fs: int = 100) -> np.ndarray:
    network = mean_beat_network(fs=fs, n_leads=x.shape[-1], n_samples=10 * fs)
    return np.asarray(network(x[None] if x.ndim == 2 else x))


UNEVEN = [0.1, 0.93, 1.78, 2.51, 3.44, 4.37, 5.10, 6.02, 6.99, 7.83, 8.71, 9.9]
"""Seconds of the QRS complexes; the first and the last beat are cut off by the window."""


def test_the_mean_of_equal_beats_is_the_beat():
    gains = (1.0, -0.6)
    (mean,) = mean_of(window(100, gains, UNEVEN))
    assert mean.shape == (BEAT_SAMPLES, 2)
    likeness = [np.corrcoef(mean[5 + k : 75 + k, 0], beat(100, gains)[5:75, 0])[0, 1] for k in range(-2, 3)]
    assert max(likeness) > 0.999
    np.testing.assert_allclose(mean[:, 1], -0.6 * mean[:, 0], atol=1e-4)
    assert mean[:, 0].max() == pytest.approx(1.0, abs=0.02)


def test_noise_is_averaged_away():
    rng = np.random.default_rng(0)
    clean = window(100, (1.0, 0.8), UNEVEN)
    noisy = clean + rng.normal(0.0, 0.05, clean.shape).astype(np.float32)
    (mean,), (reference,) = mean_of(noisy), mean_of(clean)
    errors = [np.std(mean[5 + k : 75 + k] - reference[5:75]) for k in range(-2, 3)]
    assert min(errors) < 0.05 / np.sqrt(10) * 1.3


def test_a_wide_extra_beat_is_left_out():
    clean = window(100, (1.0,), UNEVEN)
    time = np.arange(1000) / 100
    extra = 1.5 * np.exp(-0.5 * ((time - 4.76) / 0.06) ** 2)[:, None] * np.sign(time - 4.76)[:, None]
    (mean,), (reference,) = mean_of(clean + extra.astype(np.float32)), mean_of(clean)
    core = slice(20, 45)  # the QRS complex; the extra beat's tails lie over the neighbours' P and T waves
    np.testing.assert_allclose(mean[core], reference[core], atol=0.03)


def test_amplitude_stays_and_an_offset_does_not_matter_to_the_alignment():
    x = window(100, (1.0,), UNEVEN)
    (mean,) = mean_of(x)
    np.testing.assert_allclose(mean_of(2.0 * x)[0], 2.0 * mean, atol=1e-4)
    np.testing.assert_allclose(mean_of(x + 0.5)[0], mean + 0.5, atol=1e-3)


def test_higher_rates_give_the_same_beat():
    (slow,), (fast,) = mean_of(window(100, (1.0,), UNEVEN)), mean_of(window(500, (1.0,), UNEVEN), fs=500)
    assert slow.shape == fast.shape
    at = np.arange(BEAT_SAMPLES)  # the two grids may stand up to a sample apart
    moved = [np.interp(at + k / 10, at, fast[:, 0]) for k in range(-15, 16)]
    assert max(np.corrcoef(slow[5:75, 0], other[5:75])[0, 1] for other in moved) > 0.98


def test_no_beat_gives_zeros():
    flat = np.zeros((1000, 2), dtype=np.float32)
    assert not mean_of(flat).any()


def test_onnx_finds_the_same_beats(tmp_path):
    rng = np.random.default_rng(3)
    x = np.stack([window(100, (1.0, 0.5, -0.8), UNEVEN) for _ in range(20)])
    x += rng.normal(0.0, 0.03, x.shape).astype(np.float32)
    network = mean_beat_network(fs=100, n_leads=3, n_samples=1000)
    quiet_export(network, tmp_path / "mean.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "mean.onnx"), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"ecg": x})[0], np.asarray(network(x)), atol=1e-5)
