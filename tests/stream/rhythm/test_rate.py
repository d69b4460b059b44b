from __future__ import annotations

import pytest
from rhythm_beats import beat, beats, names, row, told


def test_a_fast_rate_begins_and_ends_with_hysteresis():
    """Above 120/min it begins, and goes on at 115, until 110."""
    fast, less, back = 60 / 125, 60 / 115, 60 / 100
    rhythms = told(beats([*row("N" * 12), *row("N" * 12, fast), *row("N" * 12, less), *row("N" * 12, back)]))
    assert names(rhythms) == ["+tachycardia", "-tachycardia"]
    begin, end = rhythms
    assert begin.why == "median rate 125/min over 8 intervals"
    assert end.length_s == pytest.approx((end.sample - begin.sample) / 250)
    assert 12 * less < end.length_s < 12 * (fast + less + back)


def test_a_slow_rate_is_told_after_eight_intervals():
    rhythms = told(beats(row("N" * 9, 1.3)), finish=False)
    assert names(rhythms) == ["+bradycardia"]
    assert rhythms[0].ongoing == ("bradycardia",)
    assert told(beats(row("N" * 8, 1.3)), finish=False) == []


def test_one_early_beat_and_its_pause_are_no_change_of_rate():
    assert told(beats([*row("N" * 12, 0.52), ("V", 0.3), ("N", 0.8), *row("N" * 12, 0.52)])) == []


def test_where_intervals_are_missing_nothing_is_known_of_the_rate():
    decided = beats(row("N" * 12, 0.4))
    decided.append((decided[-1][0] + 500, beat(decided[-1][0] + 450)))
    begin, end = told(decided)
    assert (begin.name, end.state, end.why) == ("tachycardia", "end", "intervals are missing")


def test_a_bigeminy_that_ends_is_no_bradycardia():
    """After one more long interval the median is that of the long ones, and the heart beats 60 times a minute."""
    bigeminy = [("V", 0.56), ("N", 1.40)] * 6
    assert names(told(beats([*row("N" * 9, 0.97), *bigeminy, *row("N", 1.12), *row("N" * 9, 0.97)]))) == [
        "+bigeminy",
        "-bigeminy",
    ]
