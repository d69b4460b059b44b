from __future__ import annotations

from itertools import pairwise

import pytest
from rhythm_beats import beats, names, row, told


def patterns(text: str, **options: float):
    """V early, and the beat after them so much later."""
    early = [(label, 0.6 if label == "V" else 1.0 if before == "V" else 0.8) for before, label in pairwise("N" + text)]
    return [each for each in told(beats(early), **options) if each.name in ("bigeminy", "trigeminy")]


def test_beats_of_two_shapes_that_take_turns_at_one_rate_are_no_bigeminy():
    """As a tachycardia of two shapes may be labelled; interpolated beats of that kind are lost."""
    rhythms = told(beats([*row("N" * 9), *[(label, 0.55) for label in "NVNVNVNVNVNV"], *row("N" * 9)]))
    assert not [each for each in rhythms if each.name == "bigeminy"]


def test_every_second_beat_three_times_is_a_bigeminy():
    begin, end = patterns("NNNVNVNVNVNNN")
    assert (begin.name, begin.why) == ("bigeminy", "V every second beat, 3 times")
    assert begin.sample == 125 + 3 * 200 - 50
    assert begin.delay_ms == pytest.approx(4 * 800 + 140)
    assert end.why == "V every second beat, 4 times"
    assert end.sample == 125 + 11 * 200  # the N that breaks it


def test_every_third_beat_three_times_is_a_trigeminy():
    assert names(patterns("NNVNNVNNVNNNN")) == ["+trigeminy", "-trigeminy"]
    assert patterns("NNVNNVNNNVNNVNNN") == []


@pytest.mark.parametrize("text", ["NVNVNNVNVN", "NVVNVVNVVN", "NNNNNNNN", "NVNNVNVNNV", "VVVVVVV", "SNSNSNSN"])
def test_other_patterns_are_none(text):
    assert patterns(text) == []


def test_a_bigeminy_that_turns_into_a_trigeminy_ends():
    rhythms = patterns("NVNVNVNVNNVNNVNNVNNN")
    assert names(rhythms) == ["+bigeminy", "-bigeminy", "+trigeminy", "-trigeminy"]


def test_a_pause_ends_a_pattern_by_the_clock():
    _, end = patterns("NVNVNVNV", stop_s=20.0)
    assert (end.why, end.sample) == ("no beat for 2 s", 125 + 7 * 200 - 50)
