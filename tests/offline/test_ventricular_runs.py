"""Runs of ventricular beats put into records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.offline.ectopic_beats import BEFORE_S, donors
from ecg_stream.offline.training_records import read_training_records
from ecg_stream.offline.variations import Variation, varied
from ecg_stream.offline.ventricular_runs import COUPLING_S, P_WAVE_S, REST_S, SHORT, with_runs

N, V = 0, 2
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def demo():
    """Its normal beats only, so that every ventricular beat found in it was put in."""
    record = next(read_training_records(["demo"]))
    return replace(record, classes=np.zeros_like(record.classes))


@pytest.fixture(scope="module")
def donor():
    (one,) = donors([replace(next(read_training_records(["demo"])), patient="somebody else")])
    return one


def _runs(record):
    """First and last number of each row of ventricular beats."""
    edges = np.diff(np.concatenate([[0], record.classes == V, [0]]))
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True))


@settings(max_examples=15)
@given(seeds)
def test_a_run_has_the_rate_of_a_tachycardia_and_room_about_it(demo, donor, seed):
    other = with_runs(demo, np.random.default_rng(seed), donor)
    assert (np.diff(other.beats) > 0).all()
    for first, last in _runs(other):
        assert SHORT.beats[0] <= last - first + 1 <= SHORT.beats[1]
        seconds = np.diff(other.beats[first - 1 : last + 2]) / other.fs
        assert seconds[0] > COUPLING_S - 0.01
        assert seconds[-1] > REST_S - 0.01
        assert SHORT.interval_s[0] * 0.75 < seconds[1:-1].min()
        assert seconds[1:-1].max() < SHORT.interval_s[1] * 1.25


@settings(max_examples=15)
@given(seeds)
def test_beats_and_signal_outside_of_the_runs_stay_as_they_are(demo, donor, seed):
    before = demo.signal.copy()
    other = with_runs(demo, np.random.default_rng(seed), donor)
    np.testing.assert_array_equal(demo.signal, before)
    assert other.signal.shape == demo.signal.shape
    assert set(other.beats[other.classes == N].tolist()) <= set(demo.beats.tolist())
    kept = np.ones(len(demo.signal), dtype=np.bool_)
    for first, last in _runs(other):
        begin = other.beats[first] - round(1.3 * BEFORE_S * other.fs)
        kept[begin : other.beats[last + 1] - round(P_WAVE_S * other.fs)] = False
        inside = (demo.beats > other.beats[first - 1]) & (demo.beats < other.beats[last + 1])
        assert not np.isin(demo.beats[inside], other.beats[other.classes == N]).any()
    np.testing.assert_array_equal(other.signal[kept], demo.signal[kept])


def test_runs_are_put_in_and_the_leads_show_them(demo, donor):
    rng = np.random.default_rng(0)
    n_runs, shares = 0, []
    for _ in range(8):
        other = with_runs(demo, rng, donor)
        runs = _runs(other)
        n_runs += len(runs)
        assert other.donor == ("somebody else" if runs else "")
        for first, last in runs:
            stretch = slice(other.beats[first], other.beats[last])
            shares.append(np.ptp(other.signal[stretch] - demo.signal[stretch], axis=0).max())
    assert n_runs > 4
    assert min(shares) > 0.1  # mV


def test_nothing_but_normal_beats_outside_of_flutter_gives_way(demo, donor):
    flutter = np.array([[0, len(demo.signal) - 1]])
    assert with_runs(replace(demo, flutter=flutter), np.random.default_rng(0), donor).donor == ""
    others = replace(demo, classes=np.where(np.arange(len(demo.classes)) % 2 == 0, N, 1))
    for seed in range(5):
        other = with_runs(others, np.random.default_rng(seed), donor)
        assert (other.classes == 1).sum() == (others.classes == 1).sum()


def test_a_variation_may_have_runs_without_another_rhythm(demo, donor):
    rng = np.random.default_rng(3)
    named = {varied(demo, Variation(runs=True), {}, rng, [donor]).donor for _ in range(8)}
    assert "somebody else" in named
    assert varied(demo, Variation(runs=True), {}, rng).donor == ""
    rewritten = [varied(demo, Variation(runs=True, rhythm=True), {}, rng, [donor]) for _ in range(8)]
    with_runs = [record for record in rewritten if record.donor]
    assert with_runs
    for record in with_runs:  # what the rhythm makes premature stays the patient's own
        assert all(last - first + 1 >= SHORT.beats[0] for first, last in _runs(record))
