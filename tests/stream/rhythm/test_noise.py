from __future__ import annotations

from dataclasses import replace

from rhythm_beats import beats, names, row, told


def with_quality(qualities, interval_s: float = 0.8, label: str = "N"):
    decided = beats(row(label * len(qualities), interval_s))
    return [
        (at, each._replace(beat=replace(each.beat, quality=quality)))
        for (at, each), quality in zip(decided, qualities, strict=True)
    ]


def test_beats_that_may_be_none_are_noise_until_they_are_clearly_better():
    begin, end = told(with_quality([0.99] * 12 + [0.2] * 12 + [0.99] * 12))
    assert (begin.name, begin.state, end.state) == ("noise", "begin", "end")
    assert begin.sample == 125 + (12 + 1) * 200  # two of eight
    assert end.why.startswith("quality of 8 beats 0.99")


def test_nothing_is_concluded_from_them():
    rhythms = told(with_quality([0.99] * 12 + [0.2] * 30, 0.4), finish=False)
    assert names(rhythms) == ["+tachycardia", "-tachycardia", "+noise"]
    assert rhythms[1].why == "now noise"
    assert names(told(with_quality([0.2] * 30, 0.3, "V"), finish=False))[-1] == "+noise"


def test_a_single_doubtful_beat_is_no_noise():
    assert told(with_quality([0.99] * 8 + [0.0] + [0.99] * 8)) == []


def test_beats_that_nobody_has_judged_do_not_count():
    assert told(beats(row("N" * 30))) == []


def test_it_is_over_where_no_beat_comes():
    rhythms = [each for each in told(with_quality([0.2] * 12), stop_s=30.0) if each.name == "noise"]
    assert rhythms[1].why == "no beat"


def test_what_was_found_in_noise_is_forgotten_when_it_is_over():
    """A bradycardia that goes on is told again after eight good intervals; what beats in noise made is not told."""
    good, bad = [0.99] * 12, [0.2] * 12
    fast_in_noise = [*row("N" * 12), *row("N" * 12, 0.4), *row("N" * 12)]
    decided = [
        (at, each._replace(beat=replace(each.beat, quality=quality)))
        for (at, each), quality in zip(beats(fast_in_noise), [*good, *bad, *good], strict=True)
    ]
    assert names(told(decided)) == ["+noise", "-noise"]
    slow = told(with_quality([*good, *bad, *good, *good], 1.4))
    assert names(slow) == ["+bradycardia", "-bradycardia", "+noise", "-noise", "+bradycardia", "-bradycardia"]
    again = slow[4]
    assert again.why == "median rate 43/min over 8 intervals"
    assert again.sample == slow[3].sample + 8 * 350
