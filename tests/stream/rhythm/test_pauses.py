from __future__ import annotations

import numpy as np
import pytest
from rhythm_beats import FS, beat, beats, heard, names, row

from ecg_stream.stream.core.messages import Rhythm
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.stage import RhythmStage

BEFORE = 10


def signal(decided, stop_s: float | None = None, n_leads: int = 1, height: float = 1.0) -> np.ndarray:
    """A QRS of 80 ms and a T wave for each beat, with noise of 10 uV; it ends a second after the last of them."""
    stop_s = decided[-1][0] / FS + 1.0 if stop_s is None else stop_s
    x = np.random.default_rng(2).normal(0.0, 0.01, (round(stop_s * FS), n_leads))
    t = np.arange(len(x)) / FS
    for _, each in decided:
        peak = each.beat.sample / FS
        x += (height * np.exp(-0.5 * ((t - peak) / 0.02) ** 2))[:, None]
        x += (0.3 * height * np.exp(-0.5 * ((t - peak - 0.28) / 0.05) ** 2))[:, None]
    return x


def paused(seconds: float, after: str = "NNN"):
    """Ten beats, a pause, and beats after it."""
    return beats([*row("N" * BEFORE), *([("N", seconds), *row(after)] if after else [])])


def told(decided, x: np.ndarray, good: np.ndarray | None = None, size: int = 0) -> list[Rhythm]:
    """What a stage tells of pauses, in chunks of `size` samples."""
    stage = RhythmStage(RhythmLimits(), FS, tuple(f"ECG{k}" for k in range(x.shape[1])))
    good = np.ones(x.shape, dtype=np.bool_) if good is None else good
    size = size or len(x)
    outputs = []
    for at in range(0, len(x), size):
        now = [item for item in decided if at <= item[0] < at + size]
        outputs += stage.push(now, heard(x[at : at + size], good[at : at + size], at), min(at + size, len(x)))
    return [each for each in outputs if isinstance(each, Rhythm) and each.name in ("pause", "asystole")]


LAST = 125 + (BEFORE - 1) * 200  # the beat before the pause


def test_a_pause_is_told_while_no_beat_comes():
    decided = paused(3.0)
    begin, end = told(decided, signal(decided))
    assert (begin.name, begin.sample, begin.delay_ms, begin.why) == ("pause", LAST, 2500.0, "no beat for 2.5 s")
    assert (end.sample, end.length_s, end.delay_ms) == (LAST + 750, 3.0, 140.0)
    assert end.why == "a beat after 3.0 s"


def test_one_that_a_beat_ends_before_is_told_with_that_beat():
    decided = paused(2.2)
    begin, end = told(decided, signal(decided))
    assert (begin.sample, begin.delay_ms, end.delay_ms) == (LAST, 2340.0, 140.0)
    decided = paused(1.9)
    assert told(decided, signal(decided)) == []


def test_asystole_is_told_in_time_and_ends_with_a_beat():
    decided = paused(7.0)
    rhythms = told(decided, signal(decided))
    assert names(rhythms) == ["+pause", "-pause", "+asystole", "-asystole"]
    assert rhythms[2].sample == LAST
    assert rhythms[2].delay_ms == 4500.0
    assert rhythms[3].length_s == pytest.approx(7.0)


def test_a_missed_low_beat_is_no_pause():
    """A QRS of two fifths of the usual height stands in it, and was not found."""
    decided = paused(2.4)
    x = signal(decided)
    low = LAST + 300
    x[low - 10 : low + 10, 0] += 0.4 * np.hanning(20)
    assert told(decided, x) == []


def test_p_waves_alone_do_not_make_it_less_of_a_pause():
    decided = paused(5.6)
    x = signal(decided)
    t = np.arange(len(x)) / FS
    for k in range(1, 7):
        x[:, 0] += 0.15 * np.exp(-0.5 * ((t - LAST / FS - 0.8 * k) / 0.025) ** 2)
    assert names(told(decided, x)) == ["+pause", "-pause", "+asystole", "-asystole"]


def test_noise_is_no_pause():
    decided = paused(6.0)
    x = signal(decided)
    x[LAST + 100 :, 0] += np.random.default_rng(5).normal(0.0, 0.3, len(x) - LAST - 100)
    assert told(decided, x) == []


def test_a_lead_that_is_off_is_no_pause():
    decided = paused(6.0)
    x = signal(decided)
    good = np.ones(x.shape, dtype=np.bool_)
    good[LAST + 200 : LAST + 1300] = False
    x[LAST + 200 : LAST + 1300] = 0.0
    assert told(decided, x, good) == []


def test_one_lead_that_is_good_and_quiet_is_enough():
    decided = paused(3.0)
    x = signal(decided, n_leads=2)
    good = np.ones(x.shape, dtype=np.bool_)
    good[:, 1] = False
    assert names(told(decided, x, good)) == ["+pause", "-pause"]


def test_an_asystole_that_began_unseen_counts_from_where_the_signal_is_read_again():
    decided = paused(0.0, after="")
    x = signal(decided, 30.0)
    good = np.ones(x.shape, dtype=np.bool_)
    good[LAST + 200 : LAST + 1200] = False
    (begin,) = told(decided, x, good)
    assert begin.name == "asystole"
    assert begin.sample == pytest.approx(LAST + 1200, abs=30)
    assert 4000.0 <= begin.delay_ms <= 5000.0


def test_an_asystole_of_which_nothing_can_be_read_any_more_ends():
    decided = paused(0.0, after="")
    x = signal(decided, 40.0)
    good = np.ones(x.shape, dtype=np.bool_)
    good[LAST + 3000 :] = False
    rhythms = told(decided, x, good)
    assert names(rhythms) == ["+pause", "-pause", "+asystole", "-asystole"]
    assert rhythms[-1].why == "no lead can be read"


def test_a_gap_is_no_pause():
    """Its samples are missing, and the beat after it has no interval."""
    decided = beats(row("N" * BEFORE))
    again = LAST + 1500
    decided.append((again + 35, beat(again)))
    x = signal(decided, 16.0)
    stage = RhythmStage(RhythmLimits(), FS, ("II",))
    parts = [*heard(x[: LAST + 100]), *heard(x[again - 200 :], start=again - 200)]
    outputs = stage.push(decided, parts, len(x))
    assert [each for each in outputs if isinstance(each, Rhythm) and each.name in ("pause", "asystole")] == []


@pytest.mark.parametrize("size", [1, 13, 25, 250, 999])
def test_any_chunks_tell_the_same(size):
    decided = paused(7.0)
    x = signal(decided)
    assert told(decided, x, size=size) == told(decided, x)
