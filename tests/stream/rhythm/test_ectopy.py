from __future__ import annotations

import pytest
from rhythm_beats import FS, beat, beats, names, row, told

from ecg_stream.stream.rhythm.ectopy import MultiformRule
from ecg_stream.stream.rhythm.limits import RhythmLimits


def only(rhythms, name):
    return [each for each in rhythms if each.name == name]


def test_a_v_within_the_qt_interval_stands_on_the_t_wave():
    """At 75/min the T wave ends 0.4 s * sqrt(0.8) = 358 ms after the beat."""
    begin, end = only(told(beats([*row("N" * 10), ("V", 0.34), *row("NNN")])), "r-on-t")
    assert begin.why == "V 340 ms after a beat whose T wave ends after 358 ms"
    assert (end.length_s, end.sample) == (0.0, begin.sample)
    assert only(told(beats([*row("N" * 10), ("V", 0.38), *row("NNN")])), "r-on-t") == []
    assert only(told(beats([*row("N" * 10), ("S", 0.34), *row("NNN")])), "r-on-t") == []


def test_in_a_row_of_v_only_the_first_can_stand_on_a_t_wave():
    assert len(only(told(beats([*row("N" * 10), *row("VVVV", 0.34), *row("NNN")])), "r-on-t")) == 2


def test_ten_in_a_minute_are_frequent_until_there_are_clearly_fewer():
    minute = "NNNNNNV" * 10  # one V in 5.6 s
    begin, end = only(told(beats(row(minute + "N" * 100))), "frequent-ventricular-beats")
    assert begin.why == "10 V in a minute"
    last_v = 125 + 200 * (len(minute) - 1)
    fifth_from_the_end = last_v - 5 * 7 * 200
    assert end.sample == fifth_from_the_end + 60 * 250  # five are left, by the clock
    assert only(told(beats(row("NNNNNNNNV" * 12))), "frequent-ventricular-beats") == []  # one in 7.2 s


def test_several_kinds_of_v_in_a_minute():
    one, other = ("V1", 0.8), ("V2", 0.8)
    mixed = beats([*row("NN"), one, *row("NN"), other, *row("NN"), one, *row("NN"), other, *row("N" * 100)])
    begin, end = only(told(mixed), "multiform-ventricular-beats")
    assert begin.why == "2 kinds of V in 60 s"
    assert end.sample == 125 + 2 * 200 + 60 * 250  # a minute after the first
    single = beats([*row("NN"), one, *row("NN"), one, *row("NN"), one, *row("NN"), other, *row("NNN")])
    assert only(told(single), "multiform-ventricular-beats") == []


def test_kinds_that_are_merged_are_one_and_a_place_that_is_taken_anew_is_another():
    rule = MultiformRule(RhythmLimits(), FS, ("II",), 0)
    found = [rule.beat(beat(at, "V", kind=kind), at) for at, kind in ((100, 1), (300, 1), (500, 2), (700, 2))]
    assert [[each.state for each in findings] for findings in found] == [[], [], [], ["begin"]]
    (end,) = rule.beat(beat(900, "V", kind=1)._replace(merged=2), 900)
    assert end.state == "end"
    other = MultiformRule(RhythmLimits(), FS, ("II",), 0)
    assert not any(other.beat(beat(at, "V", kind=1), at) for at in (100, 300))
    assert not any(other.beat(beat(at, "V", kind=1)._replace(is_new=at == 500), at) for at in (500, 700))
    assert other.beat(beat(900, "V", kind=3), 900) == ()


def test_names_are_told_once_at_a_time():
    assert names(told(beats(row("NNNNNNV" * 20)), finish=False)).count("+frequent-ventricular-beats") == 1
    with pytest.raises(Exception, match="frequent_until"):
        RhythmLimits(frequent_beats=5, frequent_until=6)
