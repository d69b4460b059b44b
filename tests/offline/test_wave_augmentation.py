"""Taller P waves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.offline.training_records import qrs_height, read_training_records
from ecg_stream.offline.variations import Variation, varied
from ecg_stream.offline.wave_augmentation import P_HEIGHT, P_WAVE_S, with_tall_p_waves

N = 0
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def demo():
    return next(read_training_records(["demo"]))


def _p_height(signal, record):
    """Height of the median P wave over the median QRS height, by lead."""
    normal = record.classes == N
    beats = record.beats[normal & np.concatenate([[False], normal[:-1]])]
    beats = beats[beats > record.fs]
    first, last = (round(second * record.fs) for second in P_WAVE_S)
    waves = np.median(signal[beats[:, None] + np.arange(first, last)], axis=0)
    base = np.linspace(waves[0], waves[-1], len(waves))
    return np.ptp(waves - base, axis=0) / qrs_height(signal, beats, record.fs)


@settings(max_examples=10)
@given(seeds)
def test_p_waves_become_taller_in_every_lead_or_stay(demo, seed):
    signal = demo.signal.astype(np.float64)
    taller = with_tall_p_waves(signal, demo, np.random.default_rng(seed))
    before, after = _p_height(signal, demo), _p_height(taller, demo)
    assert (after > before - 0.01).all()
    assert after.max() < P_HEIGHT[1] + 0.15


def test_they_become_as_tall_as_is_wanted(demo):
    signal = demo.signal.astype(np.float64)
    rng = np.random.default_rng(0)
    heights = np.concatenate([_p_height(with_tall_p_waves(signal, demo, rng), demo) for _ in range(10)])
    assert heights.max() > 0.45
    assert np.median(heights) > 1.5 * np.median(_p_height(signal, demo))


@settings(max_examples=10)
@given(seeds)
def test_only_p_waves_of_normal_beats_are_altered(demo, seed):
    before = demo.signal.astype(np.float64)
    kept = before.copy()
    taller = with_tall_p_waves(before, demo, np.random.default_rng(seed))
    np.testing.assert_array_equal(before, kept)
    changed = np.flatnonzero((taller != before).any(axis=1))
    beats = demo.beats[demo.classes == N]
    offset = (changed - beats[np.minimum(np.searchsorted(beats, changed), len(beats) - 1)]) / demo.fs
    assert ((offset >= P_WAVE_S[0] - 0.01) & (offset <= P_WAVE_S[1] + 0.01)).all()


def test_a_record_without_normal_beats_keeps_its_p_waves(demo):
    signal = demo.signal.astype(np.float64)
    none = replace(demo, classes=np.full_like(demo.classes, 2))
    np.testing.assert_array_equal(with_tall_p_waves(signal, none, np.random.default_rng(0)), signal)


def test_a_variation_raises_p_waves_and_moves_no_beat(demo):
    other = varied(demo, Variation(tall_p=True), {}, np.random.default_rng(1))
    np.testing.assert_array_equal(other.beats, demo.beats)
    assert not np.array_equal(other.signal, demo.signal)
