"""Rates of records, their sums, and how they read."""

from __future__ import annotations

import pytest

from ecg_stream.offline.episodes.comparison import EpisodeScore
from ecg_stream.offline.episodes.report import as_json, rows, sumstats
from ecg_stream.offline.episodes.statistics import average, rates, total


def score(name: str, tps: int, fn: int, tpp: int, fp: int, ref: float, test: float, both: float) -> EpisodeScore:
    return EpisodeScore(name, tps, fn, tpp, fp, ref, test, both, hours=0.5)


SCORES = [
    score("a", 3, 1, 2, 2, 100.0, 200.0, 50.4),
    score("b", 1, 0, 1, 0, 300.0, 40.0, 40.0),
    score("c", 0, 0, 0, 1, 0.0, 60.0, 0.0),
]


def test_gross_pools_episodes_and_average_pools_records() -> None:
    gross, mean = rates(total(SCORES)), average(SCORES)
    assert gross.episode_sensitivity == pytest.approx(80.0)
    assert gross.episode_positive_predictivity == pytest.approx(50.0)
    assert gross.duration_sensitivity == pytest.approx(100 * 90.4 / 400)
    assert gross.duration_positive_predictivity == pytest.approx(100 * 90.4 / 300)
    assert gross.false_positives_per_24h == pytest.approx(48.0)
    assert mean.episode_sensitivity == pytest.approx(87.5)  # the third record has no episode and does not count
    assert mean.episode_positive_predictivity == pytest.approx(50.0)
    assert mean.duration_sensitivity == pytest.approx((50.4 + 40 / 3) / 2)
    assert mean.false_positives_per_24h == pytest.approx(48.0)


def test_what_cannot_be_divided_is_none() -> None:
    nothing = rates(EpisodeScore("r", 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0))
    assert nothing == average([])
    assert nothing.episode_sensitivity is None
    assert nothing.false_positives_per_24h is None


def test_sumstats_sees_rounded_percentages() -> None:
    gross, mean = sumstats(SCORES)
    # a: 25 % of 200 s of the test, b: 13 % of 300 s of the reference
    assert gross == (80, 50, round(100 * 89 / 400), round(100 * 89 / 300))
    assert mean == (88, 50, 32, 42)  # 31.5 and 41.67: half to even
    assert sumstats([]) == ((None,) * 4,) * 2


def test_rows_are_those_of_epicmp_and_sums() -> None:
    found = rows(SCORES)
    assert found[0] == ("a", "3", "1", "2", "2", "75", "50", "50", "25", "1:40.000", "3:20.000")
    assert found[2] == ("c", "0", "0", "0", "1", "-", "0", "-", "0", "0.000", "1:00.000")
    assert found[3] == ("Sum", "4", "1", "3", "3", "", "", "", "", "6:40.000", "5:00.000")
    assert found[4][5:9] == ("80", "50", "23", "30")
    assert found[5][5:9] == ("88", "50", "32", "42")
    assert rows([score("d", 1, 0, 1, 0, 3723.4567, 59.9996, 1.0)])[0][9:] == ("1:02:03.457", "1:00.000")


def test_json_has_counts_durations_and_rates() -> None:
    answer = as_json({"AF": SCORES})["AF"]
    assert list(answer) == ["records", "gross", "average", "sumstats"]
    assert answer["records"]["a"]["tps"] == 3
    assert answer["records"]["a"]["overlap_s"] == 50.4
    assert answer["records"]["c"]["episode_sensitivity"] is None
    assert answer["gross"]["reference_s"] == 400.0
    assert answer["average"]["episode_sensitivity"] == 87.5
    assert answer["sumstats"]["gross"]["duration_sensitivity"] == 22
    assert "sumstats" not in as_json({"(VT": SCORES})["(VT"]  # which epicmp does not compare
