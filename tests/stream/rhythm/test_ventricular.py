from __future__ import annotations

import pytest
from rhythm_beats import beats, names, row, told

from ecg_stream.stream.rhythm.limits import RhythmLimits

FAST = 60 / 150


def only(rhythms, *wanted):
    return [each for each in rhythms if each.name in wanted]


def ventricular(rhythms):
    return only(
        rhythms,
        "couplet",
        "ventricular-run",
        "ventricular-tachycardia",
        "sustained-ventricular-tachycardia",
        "idioventricular-rhythm",
    )


def test_two_are_a_couplet_and_one_is_nothing():
    assert ventricular(told(beats(row("NNNVNNNNVNN")))) == []
    begin, end = ventricular(told(beats(row("NNNVVNNN"))))
    assert names([begin, end]) == ["+couplet", "-couplet"]
    assert begin.sample == 125 + 3 * 200  # the first V
    assert end.length_s == pytest.approx(0.8)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_three_to_five_are_a_run_told_at_the_third(n):
    rhythms = ventricular(told(beats([*row("NNN"), *row("V" * n, FAST), *row("NNN")])))
    assert names(rhythms) == ["+ventricular-run", "-ventricular-run"]
    begin, end = rhythms
    assert begin.why == "3 V in a row at 150/min"
    assert begin.delay_ms == pytest.approx(2 * 400 + 140)
    assert end.length_s == pytest.approx((n - 1) * FAST + 0.8)
    assert end.why == f"{n} V in a row"


def test_six_are_a_tachycardia_that_begins_where_the_run_began():
    rhythms = ventricular(told(beats([*row("NNN"), *row("V" * 9, FAST), *row("NNN")])))
    assert names(rhythms) == [
        "+ventricular-run",
        "-ventricular-run",
        "+ventricular-tachycardia",
        "-ventricular-tachycardia",
    ]
    assert rhythms[2].sample == rhythms[0].sample
    assert rhythms[1].why == "now ventricular tachycardia"
    assert rhythms[2].ongoing == ("ventricular-tachycardia",)


def test_a_tachycardia_of_thirty_seconds_is_sustained_by_the_clock():
    rhythms = ventricular(told(beats([*row("NNN"), *row("V" * 100, FAST), *row("NNN")])))
    assert names(rhythms)[2:] == [
        "+ventricular-tachycardia",
        "-ventricular-tachycardia",
        "+sustained-ventricular-tachycardia",
        "-sustained-ventricular-tachycardia",
    ]
    assert rhythms[4].delay_ms == 30_000.0
    assert rhythms[4].sample == rhythms[2].sample
    assert rhythms[5].length_s == pytest.approx(99 * FAST + 0.8)


def test_below_a_hundred_a_minute_it_is_an_idioventricular_rhythm():
    slow = 60 / 70
    rhythms = ventricular(told(beats([*row("NNN"), *row("VVVV", slow), *row("NNN")])))
    assert names(rhythms) == ["+idioventricular-rhythm", "-idioventricular-rhythm"]


def test_an_idioventricular_rhythm_that_grows_fast_is_a_run_from_then_on():
    rhythms = ventricular(told(beats([*row("NNN"), *row("VVVVV", 0.8), *row("VVVVVVVV", 0.4), *row("NNN")])))
    assert names(rhythms) == [
        "+idioventricular-rhythm",
        "+ventricular-run",
        "-idioventricular-rhythm",
        "-ventricular-run",
        "+ventricular-tachycardia",
        "-ventricular-tachycardia",
    ]
    assert rhythms[1].sample == rhythms[4].sample == 125 + 7 * 200  # the last slow beat


def test_two_beats_called_something_else_do_not_end_a_tachycardia_and_three_do():
    fast = [*row("NNN"), *row("VVVVVVVNQVVVV", FAST), *row("NNN")]
    assert names(ventricular(told(beats(fast)))).count("-ventricular-tachycardia") == 1
    broken = [*row("NNN"), *row("VVVVVVVNNNVVVVVV", FAST), *row("NNN")]
    rhythms = ventricular(told(beats(broken)))
    assert names(rhythms).count("-ventricular-tachycardia") == 2
    first_end = next(each for each in rhythms if each.name == "ventricular-tachycardia" and each.state == "end")
    assert first_end.length_s == pytest.approx(7 * FAST)  # where the first N stands


def test_a_beat_after_a_long_interval_ends_a_tachycardia_at_once():
    rhythms = ventricular(told(beats([*row("NNN"), *row("VVVVVVV", FAST), ("N", 0.9), *row("VVV", FAST), *row("NN")])))
    assert names(rhythms).count("+ventricular-run") == 2


def test_where_no_beat_comes_a_run_is_over_by_the_clock():
    begin, end = ventricular(told(beats([*row("NNN"), *row("VVV", FAST)]), stop_s=12.0))
    assert (begin.name, end.why, end.delay_ms) == ("ventricular-run", "no beat for 2 s", 2500.0)
    assert end.length_s == pytest.approx(2 * FAST)


def test_limits_are_parameters():
    limits = RhythmLimits(tachycardia_beats=3, ventricular_rate=120.0)
    assert "+ventricular-tachycardia" in names(told(beats([*row("NNN"), *row("VVV", FAST), *row("NN")]), limits=limits))
    slower = beats([*row("NNN"), *row("VVV", 60 / 110), *row("NN")])
    assert "+idioventricular-rhythm" in names(told(slower, limits=limits))
