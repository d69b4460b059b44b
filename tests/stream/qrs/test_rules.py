"""Each rule of the QRS detector, by a signal on which it matters: without the rule other beats are found.

Most run with the network of a plain threshold, `height_network`, to which a complex of the usual height is a beat, one
of a fifth of it is none, and one in between is in doubt: what is seen then is the rule, and not the network.
"""

from __future__ import annotations

import numpy as np
import pytest
from qrs_signals import beats, bumps, demo, detect, missed_and_false, near

from ecg_stream.offline.qrs_training import height_network
from ecg_stream.stream.qrs.detector import Detections
from ecg_stream.stream.qrs.kernel import HOLD, WAIT
from ecg_stream.stream.qrs.network import DetectorNetwork
from ecg_stream.stream.qrs.state import CENTRE_LAG
from ecg_stream.stream.signal.grid import GRID_HZ

COMPLEXES = np.arange(1.0, 59.0)
QRS = 1.2
"""The usual height, mV."""


def plain(share: float = 0.4, back: float = 0.04) -> DetectorNetwork:
    """Take what is higher than this share of the level; search-back, what is more probable than `back`."""
    return height_network(share)._replace(threshold=0.5, back_threshold=back)


NO_SEARCH_BACK = 1.0


def waited(found: Detections) -> np.ndarray:
    """Grid samples from the peak in the envelope to the decision."""
    return found.row - (found.centre + CENTRE_LAG)


# ---- one beat at a time


def test_refractory_time():
    second = COMPLEXES[10:50:4]
    for after_s, counts in ((0.136, False), (0.176, False), (0.24, True)):
        found = detect(bumps(COMPLEXES, QRS) + bumps(second + after_s, QRS), network=plain())
        assert near(found, COMPLEXES[1:], 0.04).all()
        assert (near(found, second + after_s, 0.04) == counts).all(), after_s


@pytest.mark.parametrize("pr_s", [0.12, 0.16, 0.20, 0.23])
def test_a_low_doubtful_candidate_waits_for_a_surer_one(pr_s):
    x = bumps(COMPLEXES, QRS) + bumps(COMPLEXES[20:] - pr_s, 0.6)
    assert missed_and_false(detect(x, network=plain()), COMPLEXES, 3.0, 58.5) == (0, 0)


def test_a_low_doubtful_candidate_without_another_after_it_is_told_a_little_later():
    low = np.arange(20, 58, 3)
    heights = np.full(len(COMPLEXES), QRS)
    heights[low] = 0.6
    found = detect(bumps(COMPLEXES, heights), network=plain())
    assert missed_and_false(found, COMPLEXES, 3.0, 58.5) == (0, 0)
    is_low = np.abs(found.centre[:, np.newaxis] / GRID_HZ - COMPLEXES[low]).min(axis=1) < 0.1
    assert is_low.sum() == len(low)
    assert (waited(found)[is_low] == WAIT).all()
    assert (waited(found)[~is_low & (found.centre > 10 * GRID_HZ)] == HOLD).all()


def test_a_candidate_that_waits_gives_way_to_none_that_is_less_sure():
    low = np.arange(20, 58, 3)
    heights = np.full(len(COMPLEXES), QRS)
    heights[low] = 0.7
    x = bumps(COMPLEXES, heights) + bumps(COMPLEXES[low] + 0.12, 0.55)
    found = detect(x, network=plain())
    assert near(found, COMPLEXES[low], 0.03).all()
    assert not near(found, COMPLEXES[low] + 0.12, 0.03).any()


def test_the_wait_goes_on_while_the_envelope_rises_to_what_may_be_the_qrs_complex():
    """Its peak is confirmed a little too late for the wait, which its rise has prolonged."""
    pr_s = 0.20
    x = bumps(COMPLEXES, QRS) + bumps(COMPLEXES[20:] - pr_s, 0.6)
    found = detect(x, network=plain())
    assert not near(found, COMPLEXES[20:] - pr_s, 0.04).any()


# ---- looking back


@pytest.mark.parametrize("later_s", [0.40, 0.90])
def test_search_back_takes_a_weak_beat_in_a_pause(later_s):
    x, complexes, weak = with_pauses(later_s)
    found = detect(x, network=plain())
    assert near(found, complexes[3:-1]).all()
    assert near(found, weak[:-1], 0.04).all()
    assert (waited(found)[np.abs(found.centre[:, np.newaxis] / GRID_HZ - weak).min(axis=1) < 0.04] > 60).all()


@pytest.mark.parametrize("later_s", [0.20, 0.24])
def test_search_back_leaves_t_waves_alone(later_s):
    x, complexes, t_waves = with_pauses(later_s)
    found = detect(x, network=plain())
    assert near(found, complexes[3:-1]).all()
    assert not near(found, t_waves, 0.04).any()


def with_pauses(later_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A signal in which a beat is missing every six seconds; the beats, and where a weak wave stands in each pause."""
    before_pause = np.arange(10.0, 58.0, 6.0)
    complexes = np.setdiff1d(COMPLEXES, before_pause + 1.0)
    return bumps(complexes, QRS) + bumps(before_pause + later_s, 0.27), complexes, before_pause + later_s


@pytest.mark.parametrize(("width_s", "later_s"), [(0.025, 0.096), (0.035, 0.064)])
def test_two_leads_that_show_a_beat_at_different_times_are_judged_apart(width_s, later_s):
    """Wide beats between two others, so that no pause calls for search-back; the network is the one that is served."""
    x, before = demo(), beats()
    between = (before[12:-1:6] + before[13::6])[:10] / 2.0
    seconds = np.arange(len(x))[:, np.newaxis] / GRID_HZ
    for lead in range(2):
        x[:, lead] += np.exp(-0.5 * ((seconds - between - lead * later_s) / width_s) ** 2).sum(axis=1)
    for leads in ([0], [1], [0, 1], [1, 0]):
        found = detect(x[:, leads])
        assert near(found, between + 0.04, 0.12).sum() >= 8, leads
        assert len(found.centre) <= len(before) + len(between) + 1, leads


# ---- what is learnt


def test_a_complex_twice_as_high_counts_in_the_refractory_time_of_a_p_wave_taken_for_a_beat():
    assert_p_waves_are_forgotten(pr_s=0.184, height=0.3, share=0.40)


@pytest.mark.parametrize("pr_s", [0.27, 0.29, 0.31])
def test_what_a_p_wave_has_taught_is_unlearnt(pr_s):
    """Else the level stays between that of the P waves and that of the complexes, and both are beats for ever."""
    assert_p_waves_are_forgotten(pr_s, height=0.45, share=0.45)


def assert_p_waves_are_forgotten(pr_s: float, height: float, share: float) -> None:
    """P waves alone at first, which are taken for beats; then the QRS complexes that they belong to."""
    complexes = np.arange(20.0 + pr_s, 59.0)
    found = detect(bumps(COMPLEXES, height) + bumps(complexes, QRS), network=plain(share))
    assert near(found, COMPLEXES[:18], 0.04).all()
    assert near(found, complexes, 0.04).mean() > 0.9
    assert not near(found, COMPLEXES[COMPLEXES > 35.0], 0.04).any()


def test_a_long_pause_lowers_the_level():
    """After two seconds; until then the beats that have become small are none. Search-back is off."""
    small = np.arange(21.0, 59.0)
    x = bumps(np.arange(1.0, 20.0), QRS) + bumps(small, 0.24)
    found = detect(x, network=plain(back=NO_SEARCH_BACK))
    assert not near(found, small[small < 22.0]).any()
    assert near(found, small[small > 26.0]).all()


def test_the_level_sinks_no_lower_than_a_sixteenth_in_silence():
    """A minute of low noise holds no beat, and what comes after it is found."""
    complexes = np.concatenate([np.arange(1.0, 20.0), np.arange(80.0, 99.0)])
    x = bumps(complexes, QRS, 100.0)
    x[round(19.5 * GRID_HZ) : round(79.5 * GRID_HZ)] += np.random.default_rng(1).normal(scale=0.006, size=(7500, 1))
    found = detect(x, network=plain(back=NO_SEARCH_BACK))
    assert missed_and_false(found, complexes, 3.0, 98.5) == (0, 0)


# ---- where no QRS complex comes


def waves(times: np.ndarray, height: float, width_s: float, seconds: float = 60.0) -> np.ndarray:
    """One lead of humps of any width."""
    t = np.arange(round(seconds * GRID_HZ))[:, np.newaxis] / GRID_HZ
    return (height * np.exp(-0.5 * ((t - times) / width_s) ** 2)).sum(axis=1)[:, np.newaxis]


PR_S = 0.17


def sinus_rhythm(until_s: float, height: float = 0.3) -> np.ndarray:
    complexes = np.arange(1.0, until_s)
    return bumps(complexes, QRS) + waves(complexes - PR_S, height, 0.024)


@pytest.mark.parametrize("height", [0.15, 0.25, 0.4])
def test_p_waves_alone_are_no_beats_however_long_the_standstill(height):
    """To this network what is higher than two fifths of the level is a beat, and the level sinks."""
    x = sinus_rhythm(30.0, height) + waves(np.arange(30.0, 59.0) - PR_S, height, 0.024)
    found = detect(x, network=plain())
    assert missed_and_false(found, np.arange(1.0, 30.0), 3.0, 58.0) == (0, 0)


def test_a_lower_qrs_complex_is_a_beat_after_a_standstill():
    """Half as high, and another one: what is asked for is no P wave, not the patient's own complex."""
    x = sinus_rhythm(30.0) + waves(np.arange(30.0, 38.0) - PR_S, 0.3, 0.024)
    escape = np.arange(38.5, 58.0, 2.0)
    x += waves(escape, -0.55, 0.03)
    found = detect(x, network=plain())
    assert near(found, escape, 0.12).all()
    assert not near(found, np.arange(30.0, 37.0) - PR_S, 0.1).any()


def test_beats_that_become_low_are_found_within_seconds():
    """P wave and QRS complex alike, as when an electrode dries."""
    x = sinus_rhythm(60.0)
    x[round(29.5 * GRID_HZ) :] *= 0.2
    found = detect(x, network=plain())
    assert near(found, np.arange(34.0, 58.0)).all()
    assert not near(found, np.arange(34.0, 58.0) - PR_S, 0.1).any()


def test_search_back_takes_nothing_low_and_strange_in_a_pause():
    x = sinus_rhythm(30.0, 0.0) + waves(np.array([31.6]), 0.4, 0.045)
    assert missed_and_false(detect(x, network=plain()), np.arange(1.0, 30.0), 3.0, 58.0) == (0, 0)


@pytest.mark.parametrize("height", [0.25, 0.35, 0.5])
@pytest.mark.parametrize("width_s", [0.03, 0.06])
def test_what_two_leads_show_low_and_strange_in_a_pause_is_no_beat(height, width_s):
    one = sinus_rhythm(30.0, 0.0) + waves(np.array([32.5]), height, width_s)
    found = detect(np.column_stack([one, 0.8 * one]), network=plain())
    assert missed_and_false(found, np.arange(1.0, 30.0), 3.0, 58.0) == (0, 0)


# ---- leads that come, go and are noisy


def lost(x: np.ndarray, at_s: np.ndarray, length: int) -> np.ndarray:
    """Validity of a signal of which `length` samples are lost at each of the times; they are held, in place."""
    good = np.ones(x.shape, dtype=np.bool_)
    for begin in np.rint(at_s * GRID_HZ).astype(int):
        x[begin : begin + length] = x[begin - 1]
        good[begin : begin + length] = False
    return good


@pytest.mark.parametrize("length", [1, 3, 5])
def test_single_lost_samples_are_bridged(length):
    x = bumps(COMPLEXES, QRS)
    found = detect(x, lost(x, COMPLEXES[5:50:3] + 0.08, length), plain())
    assert missed_and_false(found, COMPLEXES, 3.0, 58.5) == (0, 0)
    assert not found.gap.any()


def test_more_than_40_ms_lost_is_an_interruption():
    x = bumps(COMPLEXES, QRS)
    found = detect(x, lost(x, COMPLEXES[5:50:3] + 0.5, 6), plain())
    assert found.gap.sum() == len(COMPLEXES[5:50:3])


def test_a_lead_that_returns_is_left_out_while_the_filters_ring():
    x = bumps(COMPLEXES, QRS)
    begin = COMPLEXES[10:50:5] + 0.4
    good = lost(x, begin, 25)
    ringing = begin + 25 / GRID_HZ + 0.05
    found = detect(x + bumps(ringing, QRS), good, plain())
    assert not near(found, ringing, 0.04).any()
    assert near(found, COMPLEXES[1:-1]).all()


def test_a_new_lead_waits_until_its_size_is_known():
    """It comes after half a minute, and has its say from the third beat on, or after two seconds."""
    x = np.tile(bumps(COMPLEXES, QRS), (1, 2))
    good = np.ones(x.shape, dtype=np.bool_)
    good[: round(30.5 * GRID_HZ), 1] = False
    found = detect(x, good, plain())
    seconds = found.centre / GRID_HZ
    assert missed_and_false(found, COMPLEXES, 3.0, 58.5) == (0, 0)
    assert (found.weight[(seconds > 30.9) & (seconds < 32.5), 1] == 0.0).all()
    assert (found.weight[seconds > 34.5, 1] > 0.3).all()


def test_a_noisy_lead_has_little_say():
    noise = np.random.default_rng(2).normal(scale=0.25 * QRS, size=(7500, 1))
    x = np.concatenate([bumps(COMPLEXES, QRS), bumps(COMPLEXES, QRS) + noise], axis=1)
    found = detect(x, network=plain())
    assert missed_and_false(found, COMPLEXES, 5.0, 58.5) == (0, 0)
    assert (found.weight[found.centre > 10 * GRID_HZ, 1] < 0.2).all()
