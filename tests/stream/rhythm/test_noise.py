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
