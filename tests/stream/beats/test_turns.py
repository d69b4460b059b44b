"""Leads that are turned in mid-stream: the same beats, in leads upside down or swapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_beats import found, group, regular

import ecg_stream as es
from ecg_stream.replay.record import Record
from ecg_stream.stream.beats.turns import BEATS, FIRST_DOWN, SECOND_DOWN, SWAPPED
from ecg_stream.stream.beats.windows import BeatWindows, DescribedBeats, Found

TURNED_AT = 20
ALL_TURNS = [FIRST_DOWN, SECOND_DOWN, FIRST_DOWN + SECOND_DOWN, SWAPPED, SWAPPED + FIRST_DOWN, SWAPPED + SECOND_DOWN, 7]


def two_leads(peaks: np.ndarray, seconds: float, width_s: float = 0.012) -> np.ndarray:
    """Beats that no turn of one lead makes those of the other: R and S, and r and a deep S."""
    t = np.arange(round(seconds * 250)) / 250.0
    x = np.zeros((len(t), 2))
    for peak in peaks:
        for lead, waves in enumerate((((-0.01, 1.0), (0.025, -0.5)), ((-0.035, 0.5), (0.02, -0.9)))):
            for at, height in waves:
                x[:, lead] += height * np.exp(-0.5 * ((t - round(peak * 250) / 250.0 - at) / width_s) ** 2)
    return x


def turned(x: np.ndarray, turn: int) -> np.ndarray:
    """Turn the leads, so that slot k then reads what it read before."""
    y = x * [-1.0 if turn & FIRST_DOWN else 1.0, -1.0 if turn & SECOND_DOWN else 1.0]
    return y[:, ::-1] if turn & SWAPPED else y


def described(x: np.ndarray, peaks: np.ndarray) -> DescribedBeats:
    return BeatWindows(250.0, x.shape[1], 0).push(
        Found(x, found(peaks), np.rint((peaks + 0.15) * 250).astype(np.int64))
    )


@pytest.mark.parametrize("turn", ALL_TURNS)
def test_beats_go_on_as_the_usual_ones_in_leads_that_are_turned(turn):
    peaks = regular(40)
    x = two_leads(peaks, 34.0)
    from_here = round((peaks[TURNED_AT] - 0.4) * 250)
    y = np.concatenate([x[:from_here], turned(x[from_here:], turn)])
    beats, unaltered = described(y, peaks), described(x, peaks)
    assert beats.turn.tolist() == [-1] * (TURNED_AT + BEATS - 1) + [turn] + [-1] * (20 - BEATS)
    assert beats.turn_since[TURNED_AT + BEATS - 1] == beats.mark[TURNED_AT]
    np.testing.assert_allclose(group(beats, "wave1"), group(unaltered, "wave1"), atol=0.1)
    np.testing.assert_allclose(group(beats, "wave2"), group(unaltered, "wave2"), atol=0.1)
    assert (unaltered.turn == -1).all()


def test_leads_that_are_turned_back_are_as_at_first():
    peaks = regular(60)
    x = two_leads(peaks, 50.0)
    first, then = (round((peaks[k] - 0.4) * 250) for k in (20, 40))
    y = np.concatenate([x[:first], turned(x[first:then], SWAPPED + FIRST_DOWN), x[then:]])
    beats = described(y, peaks)
    assert beats.turn[beats.turn >= 0].tolist() == [SWAPPED + FIRST_DOWN, 0]


def test_one_lead_upside_down():
    peaks = regular(40)
    x = two_leads(peaks, 34.0)[:, :1]
    from_here = round((peaks[TURNED_AT] - 0.4) * 250)
    x[from_here:] *= -1.0
    detections = replace(found(peaks), weight=np.ones((len(peaks), 1)))
    ready = np.rint((peaks + 0.15) * 250).astype(np.int64)
    beats = BeatWindows(250.0, 1, 0).push(Found(x, detections, ready))
    assert beats.turn[beats.turn >= 0].tolist() == [FIRST_DOWN]


def test_wide_beats_upside_down_and_early_ones_are_no_turned_leads():
    peaks = regular(40)
    x = two_leads(peaks, 34.0)
    wide = -two_leads(peaks[TURNED_AT:], 34.0, width_s=0.03)
    from_here = round((peaks[TURNED_AT] - 0.4) * 250)
    assert (described(np.concatenate([x[:from_here], wide[from_here:]]), peaks).turn == -1).all()
    early = np.concatenate([peaks[:TURNED_AT], peaks[TURNED_AT - 1] + 0.45 * np.arange(1, 21)])
    y = two_leads(early, 34.0)
    from_here = round((early[TURNED_AT] - 0.2) * 250)
    beats = described(np.concatenate([y[:from_here], -y[from_here:]]), early)
    assert (beats.turn[: TURNED_AT + 4] == -1).all()


@pytest.mark.parametrize(("name", "at_s"), [("112", 260.0), ("804", 499.0)])
def test_a_normal_rhythm_in_turned_leads_has_no_v_and_an_event(
    name: str, at_s: float, real_record: Callable[[str], Record]
):
    record = real_record(name)
    x = np.array(record.signal(0, round((at_s + 60) * record.fs)))
    before = es.classify(x, record.fs, leads=record.leads)
    at = round(at_s * record.fs)
    x[at:, 0] *= -1.0
    after = es.classify(x, record.fs, leads=record.leads)
    (event,) = [event for event in after.events if event.kind == "leads-swapped"]
    assert 0.0 <= event.time - at_s < 2.0
    assert event.detail == f"{record.leads[0]} upside down"
    assert not [event for event in before.events if event.kind == "leads-swapped"]
    labels = [[beat.label for beat in result if beat.sample > at].count("V") for result in (before, after)]
    assert labels[1] <= labels[0] + 1
