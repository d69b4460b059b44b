"""The comparison of episodes: on cases small enough to count by hand, beside an obvious oracle, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.offline.episodes.comparison import EpisodeScore, compare_episodes
from ecg_stream.offline.episodes.marks import Episodes, united

FS = 1.0
"""One sample a second: seconds and samples are the same number."""

END = 60

Spans = list[tuple[int, int]]


def episodes(*spans: tuple[int, int], extrema: list[int] | None = None) -> Episodes:
    return Episodes(united(spans).spans, np.array(sorted(extrema or []), dtype=np.int64))


def compared(
    reference: Episodes, test: Episodes, *, share: float = 0.0, excluded: Episodes | None = None, start: int = 0
) -> EpisodeScore:
    return compare_episodes(reference, test, FS, start, END, share=share, excluded=excluded)


def counts(score: EpisodeScore) -> tuple[int, int, int, int]:
    return score.tps, score.fn, score.tpp, score.fp


def test_any_overlap_is_enough_for_fibrillation() -> None:
    score = compared(episodes((10, 30), (40, 50)), episodes((29, 35), (50, 55)))
    assert counts(score) == (1, 1, 1, 1)
    assert (score.reference_s, score.test_s, score.overlap_s) == (30.0, 11.0, 1.0)


def test_one_test_episode_finds_two_of_the_reference() -> None:
    assert counts(compared(episodes((10, 20), (30, 40)), episodes((15, 35)))) == (2, 0, 1, 0)


class TestHalf:
    def test_half_of_an_episode_must_be_covered(self) -> None:
        assert counts(compared(episodes((10, 30)), episodes((20, 60)), share=0.5)) == (1, 0, 0, 1)
        assert counts(compared(episodes((10, 30)), episodes((21, 22)), share=0.5)) == (0, 1, 1, 0)

    def test_two_halves_of_a_half_do_not_add_up(self) -> None:
        assert counts(compared(episodes((0, 40)), episodes((0, 10), (30, 40)), share=0.5)) == (0, 1, 2, 0)

    @pytest.mark.parametrize(("extremum", "found"), [(10, 0), (25, 1), (30, 1), (35, 0)])
    def test_or_the_overlap_holds_the_extremum(self, extremum: int, found: int) -> None:
        reference = episodes((0, 30), extrema=[extremum])
        assert counts(compared(reference, episodes((25, 60)), share=0.5)) == (found, 1 - found, 0, 1)

    def test_each_file_has_its_own_extrema(self) -> None:
        reference, test = episodes((0, 30)), episodes((25, 60), extrema=[27])
        assert counts(compared(reference, test, share=0.5)) == (0, 1, 1, 0)


def test_only_what_lies_within_counts() -> None:
    score = compared(episodes((0, 10), (15, 30), (50, 90)), episodes((5, 12), (15, 22)), start=20)
    assert counts(score) == (1, 1, 1, 0)
    assert (score.reference_s, score.test_s, score.overlap_s) == (20.0, 2.0, 2.0)
    assert score.hours == pytest.approx(40 / 3600)


def test_flutter_of_the_reference_is_neither_right_nor_wrong() -> None:
    flutter = episodes((20, 40))
    inside = compared(episodes(), episodes((25, 35)), excluded=flutter)
    assert counts(inside) == (0, 0, 0, 0)
    assert inside.test_s == 0.0
    across = compared(episodes((10, 20)), episodes((15, 45)), excluded=flutter)
    assert counts(across) == (1, 0, 1, 0)
    assert (across.test_s, across.overlap_s) == (10.0, 5.0)


spans = st.lists(st.tuples(st.integers(0, 80), st.integers(1, 25)).map(lambda both: (both[0], both[0] + both[1])))
marks = st.lists(st.integers(0, 80), max_size=4)
kinds = st.builds(lambda at, extrema: episodes(*at, extrema=extrema), spans, marks)
shares = st.sampled_from([0.0, 0.5])


def oracle(reference: Episodes, test: Episodes, start: int, share: float) -> tuple[float, ...]:
    """The same counts, sample by sample, in sets."""

    def cut(kind: Episodes) -> list[set[int]]:
        each = [set(range(max(begin, start), min(end, END))) for begin, end in kind.spans.tolist()]
        return [one for one in each if one]

    def answered(one: set[int], kind: Episodes, others: list[set[int]]) -> bool:
        for other in others:
            both = one & other
            held = any(min(both) <= extremum <= max(both) + 1 for extremum in kind.extrema.tolist()) if both else False
            if both and (len(both) >= share * len(one) or (share > 0 and held)):
                return True
        return False

    ref, tst = cut(reference), cut(test)
    tps = sum(answered(one, reference, tst) for one in ref)
    tpp = sum(answered(one, test, ref) for one in tst)
    union_ref, union_test = set[int]().union(*ref), set[int]().union(*tst)
    seconds = (len(union_ref), len(union_test), len(union_ref & union_test))
    return tps, len(ref) - tps, tpp, len(tst) - tpp, *seconds


@given(kinds, kinds, st.integers(0, 30), shares)
def test_the_obvious_oracle_agrees(reference: Episodes, test: Episodes, start: int, share: float) -> None:
    score = compared(reference, test, start=start, share=share)
    assert (*counts(score), score.reference_s, score.test_s, score.overlap_s) == oracle(reference, test, start, share)


@given(kinds, st.integers(0, 30), shares)
def test_a_file_agrees_with_itself(kind: Episodes, start: int, share: float) -> None:
    score = compared(kind, kind, start=start, share=share)
    assert (score.fn, score.fp, score.tps) == (0, 0, score.tpp)
    assert score.reference_s == score.test_s == score.overlap_s


@given(kinds, kinds, st.integers(0, 1000), shares)
def test_the_same_offset_for_all_changes_nothing(reference: Episodes, test: Episodes, by: int, share: float) -> None:
    moved = [Episodes(kind.spans + by, kind.extrema + by) for kind in (reference, test)]
    there = compare_episodes(*moved, FS, 20 + by, END + by, share=share)
    assert there == compare_episodes(reference, test, FS, 20, END, share=share)


@given(kinds, kinds, shares)
def test_swapping_the_files_swaps_what_is_found_and_what_is_right(a: Episodes, b: Episodes, share: float) -> None:
    there, back = compared(a, b, share=share), compared(b, a, share=share)
    assert counts(there) == (back.tpp, back.fp, back.tps, back.fn)
    assert (there.reference_s, there.test_s, there.overlap_s) == (back.test_s, back.reference_s, back.overlap_s)


@given(kinds, kinds, st.data())
def test_an_episode_split_in_two_keeps_all_durations(reference: Episodes, test: Episodes, data: st.DataObject) -> None:
    long = [n for n, (begin, end) in enumerate(test.spans.tolist()) if end - begin > 1]
    if not long:
        return
    which = data.draw(st.sampled_from(long))
    begin, end = test.spans[which].tolist()
    at = data.draw(st.integers(begin + 1, end - 1))
    halves = np.array([[begin, at], [at, end]])
    split = Episodes(np.concatenate([test.spans[:which], halves, test.spans[which + 1 :]]), test.extrema)
    whole, parts = compared(reference, test), compared(reference, split)
    assert (whole.reference_s, whole.test_s, whole.overlap_s) == (parts.reference_s, parts.test_s, parts.overlap_s)
    assert (whole.tps, whole.fn) == (parts.tps, parts.fn)


@given(kinds, kinds, kinds)
def test_time_and_episodes_add_up(reference: Episodes, test: Episodes, excluded: Episodes) -> None:
    score = compared(reference, test, excluded=excluded)
    assert score.tps + score.fn == len(reference.within(0, END))
    assert score.tpp + score.fp <= len(test.within(0, END))
    assert score.test_s <= compared(reference, test).test_s
    assert score.overlap_s <= score.reference_s
