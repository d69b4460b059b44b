"""Statistics of comparisons: by the definitions of the standard, gross and average."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.offline.ec57 import COLUMNS, ROWS, RecordScore
from ecg_stream.offline.ec57_statistics import average, gross, statistics, total


def score(hours: float = 1.0, rr: tuple[int, float] = (0, 0.0), **cells: int) -> RecordScore:
    counts = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    for cell, count in cells.items():
        counts[ROWS.index(cell[0]), COLUMNS.index(cell[1])] = count
    return RecordScore("a record", counts, hours, rr[0], rr[1], shutdown_s=0.0)


def test_qrs_counts_every_beat_whatever_it_was_called() -> None:
    found = statistics(score(hours=0.5, Nn=80, Vn=5, Sv=5, Qf=8, No=1, Vx=1, On=1, Xv=1)).qrs
    assert found.sensitivity == pytest.approx(98.0)
    assert found.positive_predictivity == pytest.approx(98.0)
    assert found.false_positives_per_hour == pytest.approx(4.0)


def test_v_excuses_fusion_and_unclassifiable_beats_called_v() -> None:
    found = statistics(score(Nn=95, Vv=30, Vn=6, Vo=3, Vx=1, Nv=4, Sv=3, Ov=2, Xv=1, Fv=50, Qv=50))
    assert found.v.sensitivity == pytest.approx(75.0)
    assert found.v.positive_predictivity == pytest.approx(75.0)
    assert found.v.false_positives_per_hour == pytest.approx(10.0)
    assert found.v_false_positive_rate == pytest.approx(100.0 * 10 / 105)


def test_s_excuses_unclassifiable_beats_called_s() -> None:
    found = statistics(score(Ss=30, Sn=6, Sv=2, So=1, Sx=1, Ns=4, Vs=2, Fs=2, Os=1, Xs=1, Qs=50)).s
    assert found.sensitivity == pytest.approx(75.0)
    assert found.positive_predictivity == pytest.approx(75.0)
    assert found.false_positives_per_hour == pytest.approx(10.0)


def test_what_cannot_be_divided_is_none() -> None:
    nothing = statistics(score(hours=0.0))
    assert nothing.qrs.sensitivity is None
    assert nothing.s.positive_predictivity is None
    assert nothing.v.false_positives_per_hour is None
    assert nothing.v_false_positive_rate is None
    assert nothing.rr_error_ms is None


def test_gross_pools_beats_and_average_pools_records() -> None:
    scores = [score(Vv=90, Vn=10, rr=(1, 100.0)), score(Vv=1, Vn=1, rr=(3, 300.0 * 4)), score(Nn=5)]
    assert gross(scores).v.sensitivity == pytest.approx(100.0 * 91 / 102)
    assert average(scores).v.sensitivity == pytest.approx(70.0)  # the third record has no V and does not count
    assert gross(scores).rr_error_ms == pytest.approx((1300.0 / 4) ** 0.5)
    assert average(scores).rr_error_ms == pytest.approx((10.0 + 20.0) / 2)


def test_gross_and_average_leave_fusion_beats_called_s_out() -> None:
    one = score(Ss=3, Ns=1, Fs=6)
    assert statistics(one).s.positive_predictivity == pytest.approx(30.0)
    assert gross([one]).s.positive_predictivity == pytest.approx(75.0)
    assert average([one]).s.positive_predictivity == pytest.approx(75.0)


def test_a_total_adds_up_and_of_nothing_is_nothing() -> None:
    both = total([score(hours=0.25, Nn=2, Vv=1), score(hours=0.5, Nn=3)])
    assert both.counts.sum() == 6
    assert both.hours == pytest.approx(0.75)
    assert total([]).counts.sum() == 0
    assert average([]).qrs.sensitivity is None
