from __future__ import annotations

import math

import numpy as np
import pytest

from ecg_stream.front.result import Intervals

nk = pytest.importorskip("neurokit2")


def intervals(ms: np.ndarray) -> Intervals:
    return Intervals(np.cumsum(ms) / 1000.0, ms)


def test_sdnn_and_rmssd_are_those_of_another_library():
    ms = np.random.default_rng(1).normal(800.0, 40.0, 300).round()
    found = nk.hrv_time({"RRI": ms, "RRI_Time": np.cumsum(ms) / 1000.0})
    assert intervals(ms).sdnn_ms == pytest.approx(found["HRV_SDNN"][0])
    assert intervals(ms).rmssd_ms == pytest.approx(found["HRV_RMSSD"][0])


def test_a_difference_across_what_is_left_out_is_none():
    """Two stretches of 800 and of 900 ms, with an ectopic beat between them."""
    ms = np.array([800.0] * 5 + [900.0] * 5)
    times = np.cumsum(ms) / 1000.0
    times[5:] += 1.7
    assert Intervals(times, ms).rmssd_ms == 0.0
    assert Intervals(times - np.r_[np.zeros(5), np.full(5, 1.7)], ms).rmssd_ms == pytest.approx(100.0 / 3.0)


def test_lf_hf_tells_slow_from_fast_variation():
    t = np.cumsum(np.full(400, 0.8))
    slow, fast = np.sin(2 * np.pi * 0.1 * t), np.sin(2 * np.pi * 0.25 * t)
    assert intervals(800.0 + 40.0 * slow + 20.0 * fast).lf_hf() == pytest.approx(4.0, rel=0.1)
    assert intervals(800.0 + 20.0 * slow + 40.0 * fast).lf_hf() == pytest.approx(0.25, rel=0.1)
    assert math.isnan(intervals(np.full(100, 800.0)).lf_hf())


def test_of_too_few_intervals_there_is_none():
    assert math.isnan(intervals(np.array([800.0])).sdnn_ms)
    assert math.isnan(intervals(np.zeros(0)).rmssd_ms)
