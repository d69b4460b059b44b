from __future__ import annotations

import json

import numpy as np
import pytest

from ecg_stream.offline.episodes.marks import united
from ecg_stream.offline.rhythm_evaluation import (
    COMPARED,
    compare_record,
    compare_told,
    rules_on_reference,
    told_episodes,
)
from ecg_stream.offline.rhythm_report import content_of, figures, fill_report
from ecg_stream.replay.annotations import Annotations
from ecg_stream.stream.core.messages import Rhythm
from ecg_stream.stream.core.rhythm_names import RhythmName
from ecg_stream.stream.rhythm.limits import RhythmLimits

FS = 250.0
N = 100_000


def span(name: RhythmName, begin: int, end: int | None, told_s: float = 1.0) -> list[Rhythm]:
    found = [Rhythm(name, "begin", begin, begin / FS, 1000.0 * told_s, "")]
    return found if end is None else [*found, Rhythm(name, "end", end, end / FS, 140.0, "", (end - begin) / FS)]


def annotations(*marks: tuple[int, str, str]) -> Annotations:
    samples, symbols, notes = zip(*sorted(marks), strict=True)
    return Annotations(np.array(samples), symbols, np.zeros(len(samples), np.int64), notes)


def beats(labels: str, interval: int = 100, begin: int = 200) -> list[tuple[int, str, str]]:
    return [(begin + interval * k, label, "") for k, label in enumerate(labels)]


def test_a_run_that_goes_on_as_a_tachycardia_is_one_episode():
    told = [*span("ventricular-run", 1000, 2000), *span("ventricular-tachycardia", 1000, 4000, 3.0)]
    found = told_episodes(told, COMPARED["ventricular runs"].names, FS, N)
    assert found.episodes.spans.tolist() == [[1000, 4000]]
    assert found.told.tolist() == [1250, 1750]


def test_an_episode_that_is_not_ended_lasts_to_the_end():
    assert told_episodes(span("asystole", 500, None), ("asystole",), FS, N).episodes.spans.tolist() == [[500, N]]


def test_what_takes_no_time_is_the_same_within_the_match_window_of_beats():
    def at(sample: int):
        return told_episodes(span("r-on-t", sample, sample), ("r-on-t",), FS, N)

    assert compare_told(at(1000).episodes, at(1030), FS, 0, N).score.tps == 1
    assert compare_told(at(1000).episodes, at(1040), FS, 0, N).score.tps == 0


def test_the_delay_counts_from_the_onset_of_the_reference_to_the_first_telling():
    told = told_episodes([*span("bigeminy", 1100, 1500, 2.0), *span("bigeminy", 1600, 2500, 3.0)], ("bigeminy",), FS, N)
    found = compare_told(united([(1000, 3000), (9000, 9500)]), told, FS, 0, N)
    assert found.delays_s == (pytest.approx(100 / FS + 2.0),)
    assert (found.score.tps, found.score.fn, found.score.tpp, found.score.fp) == (1, 1, 2, 0)


def test_what_is_told_before_the_onset_is_not_late():
    told = told_episodes(span("bigeminy", 100, 2500, 1.0), ("bigeminy",), FS, N)
    assert compare_told(united([(1000, 3000)]), told, FS, 0, N).delays_s == (0.0,)


def test_the_rules_are_asked_of_reference_beats():
    reference = annotations(*beats("NNNNVVVVVVVVNNNN"))
    names = [
        each.name for each in rules_on_reference(reference, FS, ("II",), N, RhythmLimits()) if each.state == "begin"
    ]
    assert names[:3] == ["ventricular-run", "tachycardia", "ventricular-tachycardia"]


def test_fibrillation_is_a_gap_between_reference_beats():
    """Its flutter waves are no beats, and what is marked in it neither."""
    inside = [(1500, "[", ""), *beats("!!VVV", 60, 1550), (2500, "]", "")]
    reference = annotations(*beats("NNNNNN"), *inside, *beats("NNNN", 100, 2600))
    told = rules_on_reference(reference, FS, ("II",), 3000, RhythmLimits())
    assert [each for each in told if each.name in ("ventricular-run", "pause")] == []


def test_tachycardia_that_is_told_as_fibrillation_is_right_where_both_are_asked_for():
    reference = annotations((10, "+", "(N"), (5000, "+", "(VT"), (7000, "+", "(VFL"), (9000, "+", "(N"))
    told = span("ventricular-fibrillation", 5500, 9000)
    found = compare_record("db/one", told, reference, FS, ("II",), N, 0.0).by_marks
    both = found["ventricular tachycardia or fibrillation"]
    assert (both.score.tps, both.score.fn, both.score.tpp, both.score.fp) == (1, 0, 1, 0)
    assert both.score.reference_s == 4000 / FS
    assert both.delays_s == (pytest.approx(500 / FS + 1.0),)
    assert (found["ventricular runs"].score.fn, found["ventricular fibrillation"].score.tps) == (1, 1)


def test_what_is_told_in_fibrillation_is_not_compared_with_beats():
    """There are none: the rules cannot be asked."""
    reference = annotations(*beats("NNNNNN"), (1500, "[", ""), (2500, "]", ""), *beats("NNNN", 100, 2600))
    inside = span("ventricular-tachycardia", 1600, 2400)
    found = compare_record("db/one", inside, reference, FS, ("II",), 3000, 0.0)
    assert found.by_rule["ventricular runs"].score.fp == 0
    assert found.by_marks["ventricular runs"].score.fp == 1


def runs():
    reference = annotations(
        (10, "+", "(N"), (5000, "+", "(VT"), (9000, "+", "(N"), *beats("N" * 40), *beats("V" * 40, 100, 5000)
    )
    right = span("ventricular-tachycardia", 5100, 9000, 2.4)
    wrong = span("bigeminy", 20_000, 21_000)
    return [
        compare_record("db/one", [*right, *wrong], reference, FS, ("II",), N, 0.0),
        compare_record("db/two", [], reference, FS, ("II",), N, 0.0),
    ]


def test_both_references_are_compared_with():
    one, _ = runs()
    assert one.by_marks["ventricular runs"].score.tps == 1
    assert one.by_rule["ventricular runs"].score.tps == 1
    assert one.by_marks["bigeminy"].score.fp == 1
    assert "couplet" not in one.by_marks
    assert "atrial fibrillation" not in one.by_rule


def test_figures_are_gross_mean_and_interval():
    found = {each.rhythm: each for each in figures(runs(), draws=50)["marks"]}
    both = "ventricular tachycardia or fibrillation"
    assert list(found) == ["ventricular runs", "bigeminy", both]  # what no side has is left out
    row = found["ventricular runs"].row()
    assert row[:7] == ("ventricular runs", "2", "1", "1", "1", "50.0", "100.0")
    assert found["ventricular runs"].delays_s()["max"] == pytest.approx(0.4 + 2.4)
    low, high = found["ventricular runs"].interval
    assert (low.episode_sensitivity, high.episode_sensitivity) == (0.0, 100.0)


def test_the_report_has_tables_figures_and_timelines(tmp_path):
    pytest.importorskip("matplotlib")
    head = {"model": "context", "leads": "all", "from_s": 0.0, "missing": ["db/three"]}
    fill_report(tmp_path, runs(), head, "ecg-stream evaluate rhythm")
    text = (tmp_path / "report.md").read_text()
    assert "| ventricular runs | 2 | 1 | 1 | 1 | 50.0 | 100.0 |" in text
    assert "db/three" in text
    content = json.loads((tmp_path / "report.json").read_bytes())
    assert content["marks"] == json.loads(json.dumps(content_of(figures(runs()))["marks"]))
    assert (tmp_path / "db-two.png").stat().st_size > 5000
