"""What the intervals tell of a beat: early, in bigeminy, in a run, in a rhythm of no rule."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from made_beats import FIRST_S, describe, found, group, regular, shape

from ecg_stream.stream.beats.windows import BeatWindows, Found


def test_an_early_beat_stands_out_in_the_rhythm_and_not_in_the_shape():
    peaks = regular(20)
    peaks[15] -= 0.3
    beats = describe(250.0, peaks)
    ratio = group(beats, "rr_to_mean10")[:, 0]
    assert ratio[15] == pytest.approx(0.5 / 0.8, rel=0.01)
    assert ratio[16] > 1.3
    assert group(beats, "dominant_corr")[15, 0] > 0.98


def test_bigeminy_that_lasts_is_known_as_such():
    peaks = FIRST_S + np.cumsum(np.tile([0.9, 0.7], 10))
    beats = describe(250.0, peaks)
    alternation, depth = group(beats, "alternation8")[:, 0], group(beats, "alternation_depth8")[:, 0]
    short = np.arange(20) % 2 == 1
    late = np.arange(20) >= 9
    np.testing.assert_allclose(alternation[late & short], -1.0)
    np.testing.assert_allclose(alternation[late & ~short], 1.0)
    np.testing.assert_allclose(np.abs(depth[late]), 0.2 / 0.8, rtol=0.05)
    np.testing.assert_array_equal(group(beats, "irregular48")[4:, 0], 0.0)
    regular_depth = group(describe(250.0, regular(20)), "alternation_depth8")[:, 0]
    np.testing.assert_allclose(regular_depth, 0.0, atol=1e-6)


def test_a_rhythm_of_no_rule_is_irregular():
    peaks = FIRST_S + np.cumsum(np.random.default_rng(4).uniform(0.45, 1.1, 60))
    assert group(describe(250.0, peaks), "irregular48")[20:, 0].min() > 0.4


def test_a_tachycardia_that_lasts_is_a_run_and_a_rhythm_after_pauses_is_none():
    tachycardia = FIRST_S + np.cumsum(np.repeat([0.8, 0.5], [40, 200]))
    run = group(describe(250.0, tachycardia), "run_length")[:, 0]
    np.testing.assert_allclose(run[40:], np.log1p(np.arange(1, 201)), rtol=1e-6)
    after_pauses = FIRST_S + np.cumsum(np.repeat([0.9, 1.8, 0.9], [200, 8, 40]))
    run = group(describe(250.0, after_pauses), "run_length")[:, 0]
    assert run[209:].max() == 0.0


def test_a_run_waits_for_a_rhythm_and_a_mild_one_is_forgotten():
    after_a_false_beat = np.cumsum([0.5, 1.1, *[0.83] * 40])
    assert group(describe(250.0, after_a_false_beat), "run_length").max() == 0.0
    faster_from_now_on = np.cumsum([*[1.1] * 40, *[0.84] * 200])
    beats = describe(250.0, faster_from_now_on)
    run = group(beats, "run_length")[:, 0]
    assert run[45] > 0.0
    assert run[-60:].max() == 0.0
    assert group(beats, "rr_to_base")[-60:].min() > 0.9


def test_one_long_interval_does_not_end_a_tachycardia_and_another_one_is_told_after_a_long_one():
    first, pause, rest, second = [0.5] * 300, [0.85], [0.8] * 20, [0.5] * 60
    beats = describe(250.0, FIRST_S + np.cumsum([*[0.8] * 40, *first, *pause, *first, *rest, *second]))
    base, run = group(beats, "rr_to_base")[:, 0], group(beats, "run_length")[:, 0]
    in_run = np.r_[40:340, 341:641, 661:721]
    assert base[in_run].max() < 0.72
    assert run[in_run].min() > 0.0
    assert np.abs(base[643:661] - 1.0).max() < 0.1


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="an hour of beats takes minutes without machine code")
def test_what_lasts_for_half_an_hour_and_more_becomes_the_rhythm():
    fs, beat_s = 128.0, 0.5
    peaks = FIRST_S + np.cumsum(np.repeat([0.8, beat_s], [40, 3600]))
    x = np.zeros((round((peaks[-1] + 1.0) * fs), 2))
    wave = shape(np.arange(-16, 17) / fs)[:, np.newaxis] * [1.0, -0.5]
    for at in np.rint(peaks * fs).astype(np.int64):
        x[at - 16 : at + 17] = wave
    beats = BeatWindows(fs, 2, 0).push(Found(x, found(peaks), np.rint((peaks + 0.12) * fs).astype(np.int64)))
    base = group(beats, "rr_to_base")[:, 0]
    assert base[40:3000].max() < 0.72
    assert base[-100:].min() > 0.84


def test_what_a_premature_beat_is_held_against_is_not_made_of_premature_beats():
    """Of three beats two are premature, for minutes: the median of eight is a premature interval."""
    beats = describe(250.0, FIRST_S + np.cumsum([*[0.8] * 30, *[0.8, 0.45, 0.45] * 60]))
    late = group(beats, "rr_to_base")[-30:, 0]
    assert group(beats, "rr_to_median8")[-30:, 0].max() > 1.7
    np.testing.assert_allclose(late, np.tile([1.0, 0.56, 0.56], 10), atol=0.06)


def test_a_slow_run_is_none():
    """After two seconds between beats a usual rhythm is fast, but no tachycardia."""
    beats = describe(250.0, FIRST_S + np.cumsum([*[2.0] * 20, *[0.9] * 100]))
    assert group(beats, "run_length")[-60:].max() == 0.0
    assert group(beats, "rr_to_base")[-60:].min() > 0.85
