from __future__ import annotations

from rhythm_beats import beats, names, row, told

NAME = "supraventricular-tachycardia"


def tachycardias(intervals):
    return [each for each in told(beats(intervals)) if each.name == NAME]


def test_three_s_in_a_row_are_one_and_its_later_beats_may_be_called_n():
    begin, end = tachycardias([*row("NNNN"), *row("SSS", 0.4), *row("NNNN", 0.41), ("N", 0.8), *row("NN")])
    assert begin.why == "3 S in a row at 150/min"
    assert begin.sample == 125 + 3 * 200 + 100
    assert end.sample == begin.sample + 200 + 4 * round(0.41 * 250)
    assert end.why == "slower again"


def test_two_s_or_slow_ones_are_none():
    assert tachycardias([*row("NNNN"), *row("SS", 0.4), *row("NNNN")]) == []
    assert tachycardias([*row("NNNN"), *row("SSSS", 0.7), *row("NNNN")]) == []


def test_narrow_beats_that_are_fast_at_once():
    begin, end = tachycardias([*row("N" * 12), *row("N" * 12, 0.4), *row("NNN")])
    assert begin.why == "150/min at once, after 75/min"
    assert begin.sample == 125 + 11 * 200 + 100  # the first fast beat
    assert end.state == "end"


def test_a_rate_that_grows_slowly_is_none():
    grows = [("N", 0.7 - 0.006 * k) for k in range(50)]
    assert tachycardias(grows) == []
    assert "+tachycardia" in names(told(beats(grows)))


def test_a_v_or_a_pause_ends_it():
    assert tachycardias([*row("NNNN"), *row("SSSS", 0.4), ("V", 0.4), *row("NN")])[1].why == "a V"
    rhythms = [each for each in told(beats([*row("NNNN"), *row("SSSS", 0.4)]), stop_s=12.0) if each.name == NAME]
    assert rhythms[1].why == "no beat for 2 s"


def test_it_takes_the_place_of_a_rate_that_is_high():
    rhythms = told(beats([*row("N" * 12), *row("N" * 30, 0.4)]), finish=False)
    assert names(rhythms) == ["+tachycardia", "-tachycardia", f"+{NAME}"]
    assert rhythms[1].why == "now supraventricular tachycardia"
