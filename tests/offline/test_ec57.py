"""The beat-by-beat comparison, on cases small enough to count by hand, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.errors import RequestError
from ecg_stream.offline.ec57 import COLUMNS, ROWS, RecordScore, compare
from ecg_stream.replay.annotations import Annotations

FS = 1000.0  # one sample a millisecond: the match window is 150 samples
UNREADABLE, READABLE = 0x30, 0x10


def file_of(*marks: tuple[int, str] | tuple[int, str, int]) -> Annotations:
    return Annotations(
        samples=np.array([mark[0] for mark in marks], dtype=np.int64),
        symbols=tuple(mark[1] for mark in marks),
        subtypes=np.array([mark[2] if len(mark) == 3 else 0 for mark in marks], dtype=np.int64),
        notes=("",) * len(marks),
    )


def cells(score: RecordScore) -> dict[str, int]:
    """The cells of the table that are not empty, named as in the standard."""
    return {
        row + column: int(score.counts[i, j])
        for i, row in enumerate(ROWS)
        for j, column in enumerate(COLUMNS)
        if score.counts[i, j]
    }


def compared(
    reference: Annotations, test: Annotations, start_s: float = 0.0, end_s: float | None = None
) -> dict[str, int]:
    return cells(compare(reference, test, FS, start_s=start_s, end_s=end_s))


@pytest.mark.parametrize(("offset", "expected"), [(150, {"Nn": 1}), (-150, {"Nn": 1}), (151, {"No": 1, "On": 1})])
def test_two_marks_up_to_the_window_apart_are_one_beat(offset: int, expected: dict[str, int]) -> None:
    assert compared(file_of((1000, "N")), file_of((1000 + offset, "N"))) == expected


def test_the_window_is_rounded_to_the_nearest_sample_half_up() -> None:
    # 0.15 s are 37.5 samples at 250 Hz, and 19.2 at 128 Hz
    for fs, furthest in ((250.0, 38), (128.0, 19)):
        for offset, expected in ((furthest, {"Nn": 1}), (furthest + 1, {"No": 1, "On": 1})):
            score = compare(file_of((1000, "N")), file_of((1000 + offset, "N")), fs, start_s=0.0)
            assert cells(score) == expected


def test_the_nearer_of_two_test_beats_answers() -> None:
    assert compared(file_of((1000, "V")), file_of((900, "N"), (1050, "V"))) == {"Vv": 1, "On": 1}


def test_the_nearer_of_two_reference_beats_is_answered() -> None:
    assert compared(file_of((1000, "N"), (1140, "V")), file_of((1100, "V"))) == {"No": 1, "Vv": 1}


def test_a_rival_with_a_nearer_partner_of_its_own_leaves_the_pair_alone() -> None:
    reference = file_of((1000, "N"), (1256, "N"))
    assert compared(reference, file_of((1128, "N"), (1356, "N"))) == {"Nn": 2}
    assert compared(reference, file_of((1128, "N"))) == {"No": 1, "Nn": 1}


def test_symbols_are_grouped_into_classes_by_either_map() -> None:
    symbols = 'NLRBejnAaJSVErF/fQ?+~|!"x'
    reference = file_of(*((1000 * (k + 1), symbol) for k, symbol in enumerate(symbols)))
    assert compared(reference, reference) == {"Nn": 7, "Ss": 4, "Vv": 3, "Ff": 1, "Qq": 4}
    score = compare(reference, reference, FS, start_s=0.0, label_map="bxb")
    assert cells(score) == {"Nn": 4, "Ss": 7, "Vv": 3, "Ff": 1, "Qq": 4}


class TestLearningPeriod:
    def test_beats_before_the_start_do_not_count(self) -> None:
        beats = file_of((1000, "N"), (2000, "V"), (3000, "N"))
        assert compared(beats, beats, start_s=1.5) == {"Vv": 1, "Nn": 1}

    def test_five_minutes_unless_told_otherwise(self) -> None:
        beats = file_of((299_000, "N"), (301_000, "V"))
        assert cells(compare(beats, beats, FS)) == {"Vv": 1}

    def test_a_test_beat_just_before_the_start_answers_the_first_reference_beat(self) -> None:
        reference = file_of((2010, "V"), (3000, "N"))
        assert compared(reference, file_of((1990, "V"), (3000, "N")), start_s=2.0) == {"Vv": 1, "Nn": 1}

    def test_a_test_beat_just_after_the_start_whose_partner_was_before_does_not_count(self) -> None:
        reference = file_of((1990, "V"), (3000, "N"))
        assert compared(reference, file_of((2010, "V"), (3000, "N")), start_s=2.0) == {"Nn": 1}

    def test_without_a_learning_period_an_early_extra_beat_counts(self) -> None:
        assert compared(file_of((1000, "N")), file_of((50, "N"), (1000, "N"))) == {"On": 1, "Nn": 1}


def test_the_end_cuts_both_files() -> None:
    beats = file_of((1000, "N"), (2000, "V"), (3000, "N"))
    assert compared(beats, beats, end_s=2.5) == {"Nn": 1, "Vv": 1}


class TestFibrillation:
    reference = file_of((1000, "N"), (2000, "["), (2300, "!"), (2600, "V"), (3000, "]"), (4000, "N"))

    def test_nothing_inside_counts(self) -> None:
        test = file_of((1000, "N"), (2300, "V"), (2600, "V"), (2900, "N"), (4000, "N"))
        assert compared(self.reference, test) == {"Nn": 2}

    def test_beats_just_outside_do(self) -> None:
        assert compared(self.reference, file_of((1999, "V"), (3001, "V"))) == {"No": 2, "Ov": 2}

    def test_an_unended_episode_lasts_to_the_end_of_the_file(self) -> None:
        reference = file_of((1000, "N"), (2000, "["))
        assert compared(reference, file_of((1000, "N"), (5000, "V"))) == {"Nn": 1}

    def test_no_rr_interval_spans_it(self) -> None:
        beats = file_of((1000, "N"), (4000, "N"), (5000, "N"))
        assert compare(self.reference, beats, FS, start_s=0.0).rr_errors == 0


class TestShutdown:
    def test_extra_beats_in_shutdown_of_the_reference_are_marked_so(self) -> None:
        reference = file_of((1000, "N"), (2000, "~", UNREADABLE), (3000, "~", READABLE), (4000, "N"))
        test = file_of((1000, "N"), (2500, "V"), (3500, "V"), (4000, "N"))
        assert compared(reference, test) == {"Nn": 2, "Xv": 1, "Ov": 1}

    def test_beats_missed_in_shutdown_of_the_test_are_marked_so_and_its_length_is_told(self) -> None:
        reference = file_of((1000, "N"), (2500, "V"), (3500, "V"), (4000, "N"))
        test = file_of((1000, "N"), (2000, "~", -1), (3000, "~", 0), (4000, "N"))
        score = compare(reference, test, FS, start_s=0.0)
        assert cells(score) == {"Nn": 2, "Vx": 1, "Vo": 1}
        assert score.shutdown_s == pytest.approx(1.0)

    def test_a_mark_that_stands_alone_reaches_from_the_beat_before_to_the_beat_after(self) -> None:
        reference = file_of((1000, "N"), (2000, "~", -1), (4000, "N"))
        test = file_of((1000, "N"), (1149, "V"), (1151, "V"), (3849, "S"), (3851, "S"), (4000, "N"))
        assert compared(reference, test) == {"Nn": 2, "Ov": 1, "Xv": 1, "Xs": 1, "Os": 1}

    def test_an_unended_shutdown_lasts_to_the_end(self) -> None:
        reference = file_of((1000, "N"), (3000, "N"))
        score = compare(reference, file_of((1000, "N"), (2000, "~", -1)), FS, start_s=0.0, end_s=5.0)
        assert cells(score) == {"Nn": 1, "Nx": 1}
        assert score.shutdown_s == pytest.approx(3.0)

    def test_noise_with_a_readable_signal_is_no_shutdown(self) -> None:
        reference = file_of((1000, "N"), (2000, "~", 0x13), (4000, "N"))
        assert compared(reference, file_of((1000, "N"), (2500, "N"), (4000, "N"))) == {"Nn": 2, "On": 1}


def test_rr_error_is_the_difference_of_intervals() -> None:
    score = compare(
        file_of((1000, "N"), (2000, "N"), (3000, "N")),
        file_of((1000, "N"), (2030, "N"), (3030, "N")),
        FS,
        start_s=0.0,
    )
    assert score.rr_errors == 2
    assert score.rr_squares_ms2 == pytest.approx(900.0)


def test_outcomes_point_into_both_files() -> None:
    reference = file_of((500, "+"), (1000, "N"), (2000, "V"))
    test = file_of((1005, "S"), (1500, "N"))
    outcomes = compare(reference, test, FS, start_s=0.0).outcomes
    assert [(o.row + o.column, o.reference, o.test) for o in outcomes] == [("Ns", 1, 0), ("On", -1, 1), ("Vo", 2, -1)]


def test_empty_files_compare_to_nothing() -> None:
    nothing = file_of()
    assert compared(nothing, nothing) == {}
    assert compared(file_of((1000, "N")), nothing) == {"No": 1}
    assert compared(nothing, file_of((1000, "V"))) == {"Ov": 1}


@pytest.mark.parametrize(("start_s", "end_s", "window_s"), [(-1.0, 1.0, 0.15), (2.0, 1.0, 0.15), (0.0, 1.0, -0.1)])
def test_an_impossible_comparison_is_refused(start_s: float, end_s: float, window_s: float) -> None:
    with pytest.raises(RequestError, match="cannot compare"):
        compare(file_of(), file_of(), FS, start_s=start_s, end_s=end_s, window_s=window_s)


def test_an_unknown_label_map_is_refused() -> None:
    with pytest.raises(RequestError, match="valid are aami, bxb"):
        compare(file_of(), file_of(), FS, label_map="mit")  # type: ignore[arg-type]


beat_files = st.lists(st.tuples(st.integers(1, 20_000), st.sampled_from("NSVFQ")), unique_by=lambda mark: mark[0]).map(
    lambda marks: file_of(*sorted(marks))
)


@given(beat_files, beat_files, st.sampled_from([0.0, 5.0]))
def test_every_reference_beat_counts_exactly_once(reference: Annotations, test: Annotations, start_s: float) -> None:
    outcomes = compare(reference, test, FS, start_s=start_s).outcomes
    counted = [outcome.reference for outcome in outcomes if outcome.reference >= 0]
    assert counted == [k for k, sample in enumerate(reference.samples) if sample >= start_s * FS]
    extra = [outcome.test for outcome in outcomes if outcome.test >= 0]
    assert len(set(extra)) == len(extra)


@given(beat_files, beat_files)
def test_matched_beats_are_at_most_a_window_apart(reference: Annotations, test: Annotations) -> None:
    for outcome in compare(reference, test, FS, start_s=0.0).outcomes:
        if outcome.reference >= 0 and outcome.test >= 0:
            assert abs(reference.samples[outcome.reference] - test.samples[outcome.test]) <= 150


@given(beat_files, beat_files)
def test_swapping_the_files_transposes_the_table(reference: Annotations, test: Annotations) -> None:
    there = compare(reference, test, FS, start_s=0.0)
    back = compare(test, reference, FS, start_s=0.0)
    np.testing.assert_array_equal(there.counts, back.counts.T)
    assert there.rr_squares_ms2 == back.rr_squares_ms2


@given(beat_files)
def test_a_file_agrees_with_itself(beats: Annotations) -> None:
    score = compare(beats, beats, FS, start_s=0.0)
    assert score.counts.sum() == np.trace(score.counts) == len(beats)
    assert score.rr_squares_ms2 == 0


@given(
    st.lists(st.tuples(st.integers(400, 2000), st.integers(-150, 150), st.sampled_from(["hit", "miss", "double"]))),
)
def test_jitter_within_the_window_misses_and_doubles_are_told_apart(beats: list[tuple[int, int, str]]) -> None:
    """Where beats are further apart than two windows and a jitter, counting needs no algorithm."""
    reference, test, at = [], [], 1000
    for gap, jitter, kind in beats:
        at += gap + 400
        reference.append((at, "N"))
        if kind != "miss":
            test.append((at + jitter, "N"))
        if kind == "double":
            test.append((at + 200, "V"))
    kinds = [kind for *_, kind in beats]
    expected = {"Nn": len(kinds) - kinds.count("miss"), "No": kinds.count("miss"), "Ov": kinds.count("double")}
    assert compared(file_of(*reference), file_of(*test)) == {k: n for k, n in expected.items() if n}
