"""The features of a window, against plain NumPy and against signals whose features are known."""

from __future__ import annotations

import numpy as np
import pytest
from fibrillating import fibrillating

from ecg_stream.stream.rhythm.fibrillation_waves import NAMES, RATE_HZ, WINDOW, features_of

T = np.arange(WINDOW) / RATE_HZ


def features(x: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, features_of(x).tolist(), strict=True))


def naive(x: np.ndarray) -> dict[str, float]:
    """The features that NumPy can say in a line or two."""
    v = x.astype(np.float32).astype(np.float64)
    v = v - v.mean()
    d = np.diff(v)
    peak, rms = np.abs(v).max(), v.std()
    half = round(np.pi * np.abs(v).sum() / np.abs(d).sum())
    late, early = v[half:], v[:-half]
    taper = np.hanning(WINDOW + 2)[1:-1]
    hz = 0.8 * np.arange(1, 27)
    power = (
        np.abs(
            np.exp(-2j * np.pi * hz[:, None] * T) @ (v * (0.5 - 0.5 * np.cos(2 * np.pi * (T * RATE_HZ + 0.5) / WINDOW)))
        )
        ** 2
    )
    share = power / power.sum()
    assert taper.shape == v.shape
    return {
        "rms": np.log(rms),
        "leakage": np.abs(late + early).sum() / (np.abs(late) + np.abs(early)).sum(),
        "mean_to_peak": np.abs(v).mean() / peak,
        "slope_mean_to_peak": np.abs(d).mean() / np.abs(d).max(),
        "slope_peak": np.abs(d).max() / rms,
        "quiet": np.mean(np.abs(d) < 0.1 * np.abs(d).max()),
        "kurtosis": np.log(np.mean(v**4) / rms**4),
        "skewness": abs(np.mean(v**3)) / rms**3,
        "asymmetry": abs(np.log(v.max() / -v.min())),
        "centroid": (np.sqrt(power) * hz).sum() / np.sqrt(power).sum(),
        "peak_hz": hz[power.argmax()],
        "spectral_entropy": -(share * np.log(share)).sum() / np.log(26),
        "below_2": share[hz < 2.0].sum(),
        "from_2": share[(hz > 2.0) & (hz < 5.0)].sum(),
        "from_5": share[(hz > 5.0) & (hz < 8.1)].sum(),
        "from_8": share[(hz > 8.1) & (hz < 12.1)].sum(),
        "above_12": share[hz > 12.1].sum(),
    }


@pytest.mark.parametrize("seed", range(4))
def test_they_are_what_plain_numpy_says(seed):
    rng = np.random.default_rng(seed)
    x = fibrillating(5.0, RATE_HZ, 1, seed)[:WINDOW, 0] + rng.normal(0.0, 0.1 * seed, WINDOW)
    found = features(x)
    for name, value in naive(x).items():
        assert found[name] == pytest.approx(value, rel=2e-3, abs=2e-3), name


def test_a_sine_is_regular_and_leaves_nothing():
    found = features(np.sin(2.0 * np.pi * 4.0 * T))
    assert found["leakage"] < 0.15
    assert found["fast_period"] == pytest.approx(1.0, abs=0.03)
    assert found["fast_lag"] == pytest.approx(0.25, abs=0.009)
    assert found["peak_hz"] == pytest.approx(4.0, abs=0.01)
    assert found["peak_share"] > 0.95
    assert found["crossings"] == pytest.approx(4.0, abs=0.4)
    assert found["crossing_spread"] < 0.05


def test_beats_are_quiet_between_and_steep_in_them():
    x = np.zeros(WINDOW)
    for at in range(20, WINDOW - 5, 50):
        x[at : at + 4] = (0.5, 1.5, 0.4, -0.2)
    beats, waves = features(x), features(np.sin(2.0 * np.pi * 4.0 * T))
    assert beats["quiet"] > 0.8 > 0.3 > waves["quiet"]
    assert beats["kurtosis"] > waves["kurtosis"] + 1.0
    assert beats["steep"] == pytest.approx(1.0, abs=0.2)
    assert beats["steep_spread"] < 0.05
    assert beats["slow_lag"] == pytest.approx(0.8, abs=0.02)
    assert beats["boxes"] < waves["boxes"]


def test_size_changes_the_size_alone():
    x = fibrillating(5.0, RATE_HZ, 1)[:WINDOW, 0]
    once, twice = features(x), features(2.0 * x)
    assert twice.pop("rms") == pytest.approx(once.pop("rms") + np.log(2.0), abs=1e-3)
    assert twice == pytest.approx(once, rel=2e-2, abs=5e-3)


def test_a_flat_window_has_features_that_are_numbers():
    assert np.isfinite(features_of(np.zeros(WINDOW))).all()
    assert np.isfinite(features_of(np.full(WINDOW, 3.0))).all()
