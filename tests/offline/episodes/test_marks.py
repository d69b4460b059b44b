"""What an annotation file marks as an episode."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.offline.episodes.marks import fibrillation, pauses, rhythm, rhythm_names, st_change, united
from ecg_stream.replay.annotations import Annotations

END = 10_000


def file_of(*marks: tuple[int, str, str]) -> Annotations:
    return Annotations(
        samples=np.array([sample for sample, _, _ in marks], dtype=np.int64),
        symbols=tuple(symbol for _, symbol, _ in marks),
        subtypes=np.zeros(len(marks), dtype=np.int64),
        notes=tuple(note for _, _, note in marks),
    )


def rhythms(*marks: tuple[int, str]) -> Annotations:
    return file_of(*((sample, "+", note) for sample, note in marks))


def st_marks(*marks: tuple[int, str]) -> Annotations:
    return file_of(*((sample, "s", note) for sample, note in marks))


class TestRhythm:
    def test_lasts_to_the_next_mark_of_another(self) -> None:
        file = rhythms((0, "(N"), (1000, "(AFIB"), (3000, "(VT"), (3500, "(AFIB"), (4000, "(N"))
        assert rhythm(file, ("(AFIB",), END).spans.tolist() == [[1000, 3000], [3500, 4000]]

    def test_marked_again_goes_on(self) -> None:
        file = rhythms((1000, "(AFIB"), (2000, "(AFIB"), (3000, "(N"))
        assert rhythm(file, ("(AFIB",), END).spans.tolist() == [[1000, 3000]]

    def test_not_ended_lasts_to_the_end_of_the_record(self) -> None:
        assert rhythm(rhythms((1000, "(AFIB")), ("(AFIB",), END).spans.tolist() == [[1000, END]]

    def test_a_name_is_whole(self) -> None:
        file = rhythms((1000, "(VT"), (2000, "(VFL"), (3000, "(T"))
        assert rhythm(file, ("(VF",), END).spans.tolist() == []

    def test_other_symbols_neither_begin_nor_end_one(self) -> None:
        file = file_of((1000, "+", "(B"), (1500, "N", "(T"), (1600, "~", ""), (1700, '"', "(T"), (2000, "+", "(N"))
        assert rhythm(file, ("(B",), END).spans.tolist() == [[1000, 2000]]
        assert rhythm_names(file) == {"(B", "(N"}

    def test_nothing_marked_is_no_episode(self) -> None:
        assert rhythm(file_of(), ("(B",), END).spans.shape == (0, 2)


class TestFibrillation:
    file = file_of((100, "[", ""), (150, "+", "(VFL"), (200, "[", ""), (300, "]", ""), (350, "+", "(N"), (400, "]", ""))

    def test_lasts_from_bracket_to_bracket(self) -> None:
        assert fibrillation(self.file, END).spans.tolist() == [[100, 300]]

    def test_rhythm_marks_count_on_request(self) -> None:
        assert fibrillation(self.file, END, rhythms=True).spans.tolist() == [[100, 350]]
        for name in ("(VF", "(VFL", "(VFIB"):
            file = rhythms((500, name), (900, "(N"))
            assert fibrillation(file, END).spans.tolist() == []
            assert fibrillation(file, END, rhythms=True).spans.tolist() == [[500, 900]]

    def test_not_ended_lasts_to_the_end_of_the_record(self) -> None:
        assert fibrillation(file_of((100, "[", "")), END).spans.tolist() == [[100, END]]


class TestStChange:
    file = st_marks(
        *((100, "(ST0-"), (200, "(ST1+"), (250, "AST1+150"), (300, "ST0-)"), (400, "AST0-100")),
        *((500, "ST1+)"), (600, "(ST0+"), (700, "ST0+)"), (800, "ST0+)"), (900, "(ST1-")),
    )

    def test_one_lead(self) -> None:
        found = st_change(self.file, END, 0)
        assert found.spans.tolist() == [[100, 300], [600, 700]]
        assert found.extrema.tolist() == [400]

    def test_all_leads_from_the_first_begin_to_the_last_end(self) -> None:
        found = st_change(self.file, END)
        assert found.spans.tolist() == [[100, 500], [600, 700], [900, END]]
        assert found.extrema.tolist() == [250, 400]

    def test_a_second_begin_of_one_lead_does_not_prolong_it(self) -> None:
        file = st_marks((100, "(ST1-"), (200, "(ST1+"), (300, "ST1+"), (400, "ST1-)"))
        assert st_change(file, END, 1).spans.tolist() == [[100, 300]]
        assert st_change(file, END).spans.tolist() == [[100, 400]]

    def test_t_episodes_and_notes_on_beats_are_none(self) -> None:
        file = file_of((100, "T", "(T0-"), (200, "N", "(ST0-"), (300, "T", "T0-)"))
        assert len(st_change(file, END)) == 0


def test_pauses_are_long_intervals_outside_fibrillation() -> None:
    beats = [(1000, "N", ""), (2000, "N", ""), (2500, "[", ""), (4000, "]", ""), (4500, "N", ""), (5400, "V", "")]
    assert pauses(file_of(*beats), 950).spans.tolist() == [[1000, 2000]]
    assert pauses(file_of(*beats), 899).spans.tolist() == [[1000, 2000], [4500, 5400]]
    assert pauses(file_of(), 100).spans.shape == (0, 2)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(5, 7), (1, 3)], [[1, 3], [5, 7]]),
        ([(1, 5), (2, 3), (5, 6)], [[1, 6]]),
        ([(4, 4), (6, 2)], []),
    ],
)
def test_united(spans: list[tuple[int, int]], expected: list[list[int]]) -> None:
    assert united(spans).spans.tolist() == expected
