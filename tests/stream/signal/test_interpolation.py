"""Interpolation goes through the samples, and is exact for what a spline of the second order can follow."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from ecg_stream.stream.signal.interpolation import catmull_rom


@njit
def weights(t: float) -> tuple[float, float, float, float]:
    return catmull_rom(t)


def between(samples: np.ndarray, t: float) -> float:
    return float(np.dot(weights(t), samples))


@pytest.mark.parametrize(("t", "place"), [(0.0, 1), (1.0, 2)])
def test_at_a_sample_it_is_the_sample(t, place):
    samples = np.array([3.0, -1.0, 4.0, 1.5])
    assert between(samples, t) == samples[place]


@pytest.mark.parametrize("t", np.linspace(0.0, 1.0, 9))
def test_a_line_and_a_parabola_are_met(t):
    n = np.arange(-1.0, 3.0)
    assert between(2.0 + 3.0 * n, t) == pytest.approx(2.0 + 3.0 * t)
    assert between(n * n, t) == pytest.approx(t * t)


@pytest.mark.parametrize("t", np.linspace(0.0, 1.0, 9))
def test_from_the_other_side_it_is_the_same(t):
    samples = np.array([3.0, -1.0, 4.0, 1.5])
    assert between(samples, t) == pytest.approx(between(samples[::-1], 1.0 - t))
