"""A paced rhythm: when it begins, and what ends it."""

from __future__ import annotations

from dataclasses import replace

from rhythm_beats import beats, names, row, told


def paced(text: str, **options: float):
    """Rhythms of beats, where P stands for a paced one."""
    plain = beats(row(text.replace("P", "Q")))
    marked = [
        (decided, each._replace(beat=replace(each.beat, paced=symbol == "P")))
        for (decided, each), symbol in zip(plain, text, strict=True)
    ]
    return [each for each in told(marked, **options) if each.name == "paced"]


def test_three_paced_beats_are_a_rhythm_that_ends_with_the_last():
    begin, end = paced("NNPPPPNNN")
    assert (begin.sample, begin.why) == (125 + 2 * 200, "3 beats after pacing spikes")
    assert (end.sample, end.why) == (125 + 5 * 200, "3 beats without a spike")


def test_an_own_beat_in_between_does_not_end_it_and_two_are_none():
    assert names(paced("NPPPNPNNPPPVP")) == ["+paced", "-paced"]
    assert paced("NPPNPPNNPP") == []
    assert names(paced("PPPNNNPPP")) == ["+paced", "-paced", "+paced", "-paced"]


def test_a_pause_ends_it_by_the_clock():
    _, end = paced("NPPPP", stop_s=20.0)
    assert (end.why, end.sample) == ("no beat for 2 s", 125 + 4 * 200)
