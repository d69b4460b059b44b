from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.stream.core.messages import Beat
from ecg_stream.stream.screen.agreement import SETTLED_S, Reference, RunningAgreement

FS = 250.0


def beat(sample: int, label: str = "N") -> Beat:
    return Beat(sample, sample / FS, label, (1.0, 0.0, 0.0, 0.0, 0.0), None, 148.0)


def agreement(reference: Iterable[tuple[int, str]], beats: Iterable[Beat], start: int = 0) -> RunningAgreement:
    marks = list(reference)
    running = RunningAgreement(Reference(np.array([m[0] for m in marks], np.int64), tuple(m[1] for m in marks)))
    running.begin(start)
    for each in beats:
        running.add(each)
    running.settle(10**6, FS)
    return running


def test_beats_within_150_ms_match_and_their_classes_are_compared() -> None:
    reference = [(250, "N"), (500, "V"), (750, "N"), (1000, "S")]
    found = [beat(250 + 37), beat(500, "V"), beat(750 - 37, "V"), beat(1000, "N")]
    counts = agreement(reference, found).counts()
    assert counts.detection() == (1.0, 1.0)
    assert counts.same_class() == 0.5
    assert counts.of_class("V") == (1.0, 0.5)
    assert counts.of_class("S") == (0.0, None)
    assert counts.of_class("F") == (None, None)


def test_a_beat_too_far_off_is_missed_and_extra() -> None:
    counts = agreement([(250, "N"), (500, "V")], [beat(250), beat(500 + 38, "V")]).counts()
    assert counts.detection() == (0.5, 0.5)
    assert counts.of_class("V") == (0.0, 0.0)


def test_of_two_beats_the_nearer_one_matches() -> None:
    counts = agreement([(500, "V")], [beat(470), beat(505, "V")]).counts()
    assert counts.matched[2, 2] == 1
    assert counts.extra.tolist() == [1, 0, 0, 0, 0]


def test_of_two_reference_beats_the_nearer_one_matches() -> None:
    counts = agreement([(470, "N"), (505, "V")], [beat(500, "V")]).counts()
    assert counts.matched[2, 2] == 1
    assert counts.missed.tolist() == [1, 0, 0, 0, 0]


def test_a_beat_found_late_still_counts() -> None:
    assert agreement([(250, "N"), (500, "N")], [beat(500), beat(250)]).counts().detection() == (1.0, 1.0)


def test_what_may_still_be_found_is_not_yet_counted() -> None:
    running = RunningAgreement(Reference(np.array([250, 500], np.int64), ("N", "N")))
    running.begin(0)
    now = round(SETTLED_S * FS) + 400
    running.settle(now, FS)
    assert running.counts().missed.sum() == 1
    running.settle(now, FS, ended=True)
    assert running.counts().missed.sum() == 2


def test_a_stream_that_begins_later_is_not_blamed_for_what_came_before() -> None:
    assert agreement([(250, "N"), (500, "N")], [beat(500)], start=300).counts().detection() == (1.0, 1.0)


@given(
    st.lists(st.integers(0, 5000), max_size=40, unique=True),
    st.lists(st.integers(0, 5000), max_size=40, unique=True),
    st.integers(1, 500),
)
def test_every_beat_counts_once_however_the_stream_is_cut(reference: list[int], found: list[int], step: int) -> None:
    def total(pieces: int) -> tuple[list[int], ...]:
        running = RunningAgreement(Reference(np.array(sorted(reference), np.int64), ("N",) * len(reference)))
        running.begin(0)
        waiting = sorted(found)
        for now in range(0, 6000, pieces):
            while waiting and waiting[0] < now:
                running.add(beat(waiting.pop(0)))
            running.settle(now, FS)
        for sample in waiting:
            running.add(beat(sample))
        running.settle(6000, FS, ended=True)
        counts = running.counts()
        assert counts.matched.sum() + counts.missed.sum() == len(reference)
        assert counts.matched.sum() + counts.extra.sum() == len(found)
        return counts.matched.tolist(), counts.missed.tolist(), counts.extra.tolist()

    assert total(step) == total(6000)


def test_unknown_shares_are_none() -> None:
    counts = agreement([], []).counts()
    assert counts.detection() == (None, None)
    assert counts.same_class() is None
    with pytest.raises(ValueError, match="tuple"):
        counts.of_class("X")
