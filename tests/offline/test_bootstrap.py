"""The bootstrap over records: what its intervals must hold, whatever the scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.errors import RequestError
from ecg_stream.offline.bootstrap import intervals
from ecg_stream.offline.ec57 import COLUMNS, ROWS, RecordScore
from ecg_stream.offline.ec57_report import as_json, statistics_rows
from ecg_stream.offline.ec57_statistics import gross, gross_interval, statistics
from ecg_stream.offline.episodes.comparison import EpisodeScore
from ecg_stream.offline.episodes.statistics import gross_interval as episode_interval


def pooled(counts: Sequence[tuple[int, int]]) -> list[float | None]:
    """Percentage of right ones in all of the records drawn, as gross figures are."""
    right, all_of_them = (sum(column) for column in zip(*counts, strict=True))
    return [100.0 * right / all_of_them if all_of_them else None]


def score(**cells: int) -> RecordScore:
    counts = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    for cell, count in cells.items():
        counts[ROWS.index(cell[0]), COLUMNS.index(cell[1])] = count
    return RecordScore("r", counts, 0.5, 10, float(10 * cells.get("Nn", 0)), 0.0)


SCORES = [score(Nn=90, Vv=9, Vn=1), score(Nn=80, Vv=2, Vn=8, Nv=3), score(Nn=99, Ov=2), score(Nn=50, Vv=30, No=4)]


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    counts = [(k, 10) for k in range(10)]
    assert intervals(counts, pooled, 200, seed=1) == intervals(counts, pooled, 200, seed=1)
    assert intervals(counts, pooled, 200, seed=1) != intervals(counts, pooled, 200, seed=2)


def test_records_that_are_alike_leave_nothing_open() -> None:
    assert intervals([(8, 10)] * 5, pooled, 100) == [(80.0, 80.0)]


def test_of_two_records_that_differ_either_can_be_drawn_twice() -> None:
    assert intervals([(0, 10), (10, 10)], pooled, 1000) == [(0.0, 100.0)]


def test_of_many_records_it_is_that_of_the_normal_distribution() -> None:
    rights = np.random.default_rng(0).integers(0, 101, 400)
    ((low, high),) = intervals([(int(right), 100) for right in rights], pooled, 2000)
    assert low is not None
    assert high is not None
    error = rights.std() / len(rights) ** 0.5
    assert low == pytest.approx(rights.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(rights.mean() + 1.96 * error, abs=0.15 * error)


def test_what_is_never_defined_has_no_interval() -> None:
    assert intervals([(0, 0)] * 3, pooled, 100) == [(None, None)]
    assert intervals([(0, 0), (5, 10)], pooled, 100) == [(50.0, 50.0)]


@pytest.mark.parametrize(("records", "draws"), [(1, 100), (0, 100), (2, 0)])
def test_fewer_than_two_records_are_refused(records: int, draws: int) -> None:
    with pytest.raises(RequestError, match="needs two of them"):
        intervals([(1, 2)] * records, pooled, draws)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=2, max_size=8), st.integers(0, 99))
def test_an_interval_lies_between_the_worst_and_the_best_record(counts: list[tuple[int, int]], seed: int) -> None:
    rates = [100.0 * right / (right + wrong) for right, wrong in counts]
    ((low, high),) = intervals([(right, right + wrong) for right, wrong in counts], pooled, 50, seed)
    assert low is not None
    assert high is not None
    assert min(rates) - 1e-9 <= low <= high <= max(rates) + 1e-9


def test_every_figure_of_beats_has_one() -> None:
    low, high = gross_interval(SCORES, 500)
    exact = gross(SCORES)
    assert low.v.sensitivity is not None
    assert high.v.sensitivity is not None
    assert exact.v.sensitivity is not None
    assert 20.0 <= low.v.sensitivity < exact.v.sensitivity < high.v.sensitivity <= 100.0
    for figure in ("qrs", "v"):
        for rate in ("sensitivity", "positive_predictivity", "false_positives_per_hour"):
            ends = [getattr(getattr(end, figure), rate) for end in (low, exact, high)]
            assert ends == sorted(ends)
    assert low.s.sensitivity is None
    assert high.rr_error_ms is not None


def test_rows_and_json_have_it_on_request_only() -> None:
    interval = gross_interval(SCORES, 100)
    plain, with_interval = statistics_rows(SCORES), statistics_rows(SCORES, interval=interval)
    assert [row[0] for row in with_interval[4:]] == ["gross", "95 % from", "95 % to", "average"]
    assert [*with_interval[:5], with_interval[-1]] == plain
    assert set(as_json(SCORES, interval=interval)) - set(as_json(SCORES)) == {"interval"}


def test_false_positives_per_24_hours_are_24_times_those_per_hour() -> None:
    by_hour = statistics(SCORES[1]).v.false_positives_per_hour
    assert by_hour == 6.0
    assert statistics_rows(SCORES)[1][8] == "6.0"
    assert statistics_rows(SCORES, per_24h=True)[1][8] == "144.0"
    assert as_json(SCORES, per_24h=True)["records"][1]["v"]["false_positives_per_24h"] == 144.0
    assert "false_positives_per_24h" not in as_json(SCORES)["records"][1]["v"]


def test_every_figure_of_episodes_has_one() -> None:
    scores = [EpisodeScore("r", k, 4 - k, 2, k, 100.0, 80.0, 20.0 * k, 1.0) for k in range(5)]
    low, high = episode_interval(scores, 500)
    assert low.episode_sensitivity is not None
    assert high.episode_sensitivity is not None
    assert 0.0 <= low.episode_sensitivity < 50.0 < high.episode_sensitivity <= 100.0
    assert low.false_positives_per_24h is not None
    assert low.false_positives_per_24h < 48.0
