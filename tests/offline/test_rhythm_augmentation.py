from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.offline.rhythm_augmentation import AFTER_QRS_S, with_other_rhythm
from ecg_stream.offline.training_records import read_training_records
from ecg_stream.offline.variations import Variation, varied

N, S = 0, 1
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def demo():
    return next(read_training_records(["demo"]))


@settings(max_examples=10)
@given(seeds)
def test_every_beat_is_still_there_and_only_n_beats_become_s(demo, seed):
    before = demo.signal.copy()
    other = with_other_rhythm(demo, np.random.default_rng(seed))
    assert len(other.beats) == len(demo.beats)
    assert (np.diff(other.beats) > 0).all()
    assert other.beats[0] >= 0
    assert other.beats[-1] < len(other.signal)
    changed = other.classes != demo.classes
    assert (demo.classes[changed] == N).all()
    assert (other.classes[changed] == S).all()
    np.testing.assert_array_equal(demo.signal, before)


@settings(max_examples=10)
@given(seeds)
def test_what_becomes_s_comes_earlier_than_it_did(demo, seed):
    other = with_other_rhythm(demo, np.random.default_rng(seed))
    became = np.flatnonzero(other.classes != demo.classes)
    was, came = np.diff(demo.beats)[became - 1], np.diff(other.beats)[became - 1]
    assert (came < 0.95 * was).all()


@settings(max_examples=10)
@given(seeds)
def test_qrs_complexes_stay_as_they_are(demo, seed):
    other = with_other_rhythm(demo, np.random.default_rng(seed))
    reach = np.arange(-round(0.05 * demo.fs), round(AFTER_QRS_S * demo.fs))
    ours, theirs = (record.signal[record.beats[1:-1, np.newaxis] + reach] for record in (other, demo))
    # Where P stands on T a stretch may reach into the end of a QRS complex.
    assert (ours == theirs).all(axis=(1, 2)).mean() > 0.98


def test_the_same_chance_gives_the_same_rhythm_and_another_one_another(demo):
    first, again, another = (with_other_rhythm(demo, np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.signal, again.signal)
    assert len(first.signal) != len(another.signal)


def longest_run(early):
    ends = np.flatnonzero(~np.concatenate([[False], early, [False]]))
    return int(np.diff(ends).max()) - 1


@pytest.mark.parametrize(("interval_s", "runs"), [(1.0, range(5, 30)), (0.6, range(60, 401))])
def test_only_a_fast_heart_has_a_tachycardia_that_lasts(demo, interval_s, runs):
    beats = (np.arange(1, 1500) * interval_s * demo.fs).astype(np.int64)
    signal = np.zeros((beats[-1] + 500, 2), dtype=np.float32)
    regular = replace(demo, signal=signal, beats=beats, classes=np.full(len(beats), N))
    rng = np.random.default_rng(3)
    assert max(longest_run(with_other_rhythm(regular, rng).classes == S) for _ in range(16)) in runs


def test_runs_and_bigeminy_are_met_in_a_long_time(demo):
    rng = np.random.default_rng(0)
    others = [varied(demo, Variation(rhythm=True), {}, rng) for _ in range(6)]
    early = [other.classes == S for other in others]
    in_runs = sum(int((mine[2:] & mine[1:-1] & mine[:-2]).sum()) for mine in early)
    in_bigeminy = sum(int((mine[2:] & ~mine[1:-1] & mine[:-2]).sum()) for mine in early)
    assert in_runs > 10
    assert in_bigeminy > 10


def test_bigeminy_may_last_for_minutes(demo):
    beats = (np.arange(1, 1500) * 0.8 * demo.fs).astype(np.int64)
    signal = np.zeros((beats[-1] + 500, 2), dtype=np.float32)
    regular = replace(demo, signal=signal, beats=beats, classes=np.full(len(beats), N))
    rng = np.random.default_rng(3)
    longest = 0
    for _ in range(16):
        early = with_other_rhythm(regular, rng).classes == S
        turns = early[1:] != early[:-1]
        longest = max(longest, longest_run(turns))
    assert 130 < longest <= 400
