"""Ventricular beats of one patient in the record of another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.offline.beat_dataset import gather
from ecg_stream.offline.ectopic_beats import AFTER_S, P_WAVE_S, WAVE_HZ, another, donors, put_in_place
from ecg_stream.offline.rhythm_augmentation import with_other_rhythm
from ecg_stream.offline.training_records import read_training_records
from ecg_stream.offline.variations import Variation
from ecg_stream.stream.qrs.detector import load_network

N, S, V = 0, 1, 2
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def demo():
    return next(read_training_records(["demo"]))


@pytest.fixture(scope="module")
def donor(demo):
    (one,) = donors([replace(demo, patient="somebody else")])
    return one


def test_donated_beats_begin_and_end_at_zero_and_are_wide(demo, donor):
    assert donor.patient == "somebody else"
    n, n_samples, n_leads = donor.waves.shape
    assert (n <= (demo.classes == V).sum(), n_leads) == (True, demo.signal.shape[1])
    assert np.abs(donor.waves[:, [0, -1]]).max() < 0.2 * np.abs(donor.waves).max()
    middle = np.abs(donor.waves[:, :, 0]).mean(axis=0)[: n_samples // 2]
    assert (middle > 0.5 * middle.max()).sum() / WAVE_HZ > 0.06


def test_who_has_no_ventricular_beats_is_no_donor(demo):
    assert donors([replace(demo, classes=np.zeros_like(demo.classes))]) == []


@settings(max_examples=10)
@given(seeds)
def test_only_the_surroundings_of_what_was_replaced_are_altered(demo, donor, seed):
    rng = np.random.default_rng(seed)
    signal = demo.signal.astype(np.float64)
    chosen = np.sort(rng.choice(np.flatnonzero(demo.classes == N), 20, replace=False))
    placed = put_in_place(signal, demo, chosen, donor, rng)
    assert set(placed.tolist()) <= set(chosen.tolist())
    assert len(placed) > 0
    changed = np.flatnonzero((signal != demo.signal).any(axis=1)) / demo.fs
    marks = demo.beats[placed] / demo.fs
    offset = changed[:, np.newaxis] - marks
    near = (offset > P_WAVE_S - 0.01) & (offset < 1.2 * AFTER_S + 0.01)
    assert near.any(axis=1).all()
    assert near.any(axis=0).all()


@settings(max_examples=10)
@given(seeds)
def test_every_beat_is_still_there_and_n_beats_become_v_or_s(demo, donor, seed):
    before = demo.signal.copy()
    other = with_other_rhythm(demo, np.random.default_rng(seed), donor)
    assert len(other.beats) == len(demo.beats)
    assert (np.diff(other.beats) > 0).all()
    assert other.donor == "somebody else"
    changed = other.classes != demo.classes
    assert (demo.classes[changed] == N).all()
    assert set(other.classes[changed].tolist()) <= {S, V}
    np.testing.assert_array_equal(demo.signal, before)


def test_in_a_long_time_there_are_ventricular_beats_early_and_late_and_alone_and_in_runs(demo, donor):
    rng = np.random.default_rng(0)
    usual = np.median(np.diff(demo.beats))
    intervals, runs = [], 0
    for _ in range(8):
        other = with_other_rhythm(demo, rng, donor)
        became = (other.classes == V) & (demo.classes == N)
        alone = became & ~np.concatenate([[False], became[:-1]]) & ~np.concatenate([became[1:], [False]])
        intervals += (np.diff(other.beats, prepend=0)[alone] / usual).tolist()
        runs += int((became[2:] & became[1:-1] & became[:-2]).sum())
    assert min(intervals) < 0.7
    assert np.mean(np.array(intervals) > 0.9) > 0.05
    assert runs > 10


def test_a_donor_is_another_patient(demo, donor):
    rng = np.random.default_rng(0)
    (own,) = donors([demo])
    assert {another([own, donor], demo.patient, rng).patient for _ in range(20)} == {"somebody else"}
    assert another([own], demo.patient, rng) is None


def test_a_patient_left_out_is_left_out_as_a_donor_too(demo):
    cut = replace(demo, signal=demo.signal[:30_000], beats=demo.beats[demo.beats < 29_000])
    cut = replace(cut, classes=demo.classes[: len(cut.beats)])
    three = [replace(cut, patient=name) for name in ("a", "b", "c")]
    beats = gather(three, [Variation(), Variation(rhythm=True, ectopic=True)], {}, load_network(), seed=1)
    assert set(beats.donors[beats.unaltered].tolist()) == {-1}
    assert set(beats.donors[~beats.unaltered].tolist()) <= {0, 1, 2}
    assert (beats.donors != beats.patients).all()
    left = beats.without(np.array([1]))
    assert (beats.donors == 1).any()
    assert 0 < len(left) < (beats.patients != 1).sum()
    assert 1 not in left.patients
    assert 1 not in left.donors
