"""The comparison against what PhysioNet's `bxb -L` and `sumstats` made of the same annotation files.

The folder named by ``ECG_STREAM_GOLDEN`` holds test annotations ``RECORD.tst``, the reports ``bxb-L.txt`` (from
minute 5) and ``bxb-L-from-0.txt``, and of the first, ``shutdown.txt`` and ``sumstats.txt``; the records they belong to
lie in the data folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecg_stream.offline.ec57 import COLUMNS, ROWS, RecordScore, compare
from ecg_stream.offline.ec57_statistics import Statistics, average, gross, statistics, total
from ecg_stream.replay.annotations import read_annotations
from ecg_stream.replay.catalog import find_record

GOLDEN = os.environ.get("ECG_STREAM_GOLDEN", "")

pytestmark = pytest.mark.skipif(not GOLDEN, reason="ECG_STREAM_GOLDEN names no folder with reports of bxb")

TABLE = (
    *("Nn Nf Nq", "Sn Sf Sq", "Vn Vf Vq", "Fn Ff Fq Qn Qf Qq", "On Of Oq Xn Xf Xq"),
    *("Ns", "Ss", "Vs", "Fs Qs", "Os Xs"),
    *("Nv", "Sv", "Vv", "Fv Qv", "Ov Xv"),
    *("No Nx", "So Sx", "Vo Vx", "Fo Fx Qo Qx"),
)
"""What each column of ``bxb -L`` adds up."""


def table(score: RecordScore) -> list[str]:
    return [
        str(sum(score.counts[ROWS.index(row), COLUMNS.index(column)] for row, column in map(tuple, cells.split())))
        for cells in TABLE
    ]


def rates(found: Statistics) -> list[str]:
    values = [rate for kind in (found.qrs, found.v, found.s) for rate in (kind.sensitivity, kind.positive_predictivity)]
    return ["-" if value is None else f"{value:.2f}" for value in values]


def lines(report: str) -> list[list[str]]:
    return [line.split() for line in (Path(GOLDEN) / report).read_text().splitlines()[1:]]


def scored(name: str, start_s: float) -> RecordScore:
    record = find_record(name, download=False)
    reference, test = record.annotations("atr"), read_annotations(Path(GOLDEN) / name, record.fs, "tst")
    assert reference is not None
    assert test is not None
    end_s = record.n_samples / record.fs
    return compare(reference, test, record.fs, start_s=start_s, end_s=end_s, label_map="bxb", record=name)


@pytest.mark.parametrize(("report", "start_s"), [("bxb-L.txt", 300.0), ("bxb-L-from-0.txt", 0.0)])
def test_every_line_is_that_of_bxb(report: str, start_s: float) -> None:
    for expected in lines(report):
        score = scored(expected[0], start_s)
        found = statistics(score)
        assert [score.record, *table(score), *rates(found), f"{found.rr_error_ms:.2f}"] == expected


def test_beats_of_each_class_are_those_of_the_shutdown_report() -> None:
    for expected in lines("shutdown.txt")[1:]:
        score = scored(expected[0], 300.0)
        assert [str(score.counts[ROWS.index(row)].sum()) for row in "NSVFQ"] == expected[-5:]
        assert score.counts[:, COLUMNS.index("x")].sum() == 0
        assert score.shutdown_s == 0


def test_sum_gross_and_average_are_those_of_sumstats() -> None:
    report = {line[0]: line[1:] for line in lines("sumstats.txt") if line}
    scores = [scored(name, 300.0) for name in report if (Path(GOLDEN) / f"{name}.tst").is_file()]
    assert table(total(scores)) == report["Sum"]
    assert rates(gross(scores)) == report["Gross"]
    assert rates(average(scores)) == report["Average"][:-1]
    assert average(scores).rr_error_ms == pytest.approx(float(report["Average"][-1]), abs=0.01)
