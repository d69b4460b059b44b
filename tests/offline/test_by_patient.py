"""Means over patients: who counts, and that a patient with many beats weighs no more than another."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.offline.by_patient import patient_means
from ecg_stream.offline.ec57 import COLUMNS, ROWS, RecordScore


def score(record: str, **cells: int) -> RecordScore:
    """A record with these counts, by reference class and class given: ``Vv=3``."""
    counts = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    for (row, column), value in cells.items():
        counts[ROWS.index(row), COLUMNS.index(column)] = value
    return RecordScore(record, counts, 0.5, 0, 0.0, 0.0)


def test_each_patient_weighs_the_same():
    v, s = patient_means([score("mitdb/100", Vv=1000, Nn=10), score("mitdb/101", Vv=5, Vn=5, Nv=5, Nn=100)])
    assert v.f1 == {"mitdb/100": 100.0, "mitdb/101": 50.0}
    assert v.mean == 75.0
    assert v.low == 50.0
    assert v.high == 100.0
    assert (s.f1, s.mean, s.low) == ({}, None, None)


def test_records_of_one_patient_are_added_up():
    v, _ = patient_means([score("mitdb/201", Vv=3), score("mitdb/202", Vn=3)])
    assert v.f1 == {"mitdb/201": pytest.approx(200 / 3)}
    assert (v.mean, v.low) == (pytest.approx(200 / 3), None)


def test_a_patient_with_few_beats_of_a_class_says_nothing_of_it_and_missed_beats_count():
    _, s = patient_means([score("svdb/800", Ss=4), score("svdb/801", Ss=4, So=1), score("svdb/802", So=9)])
    assert s.f1 == {"svdb/801": pytest.approx(200 * 0.8 / 1.8), "svdb/802": 0.0}
