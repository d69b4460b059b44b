"""The comparison against what PhysioNet's `epicmp -l` and `sumstats` made of the same annotation files.

The folder ``epicmp`` in the one that ``ECG_STREAM_GOLDEN`` names holds test annotations ``RECORD.tst``, the reports
``af.txt``, ``vf.txt``, ``st0.txt``, ``st1.txt`` and ``st.txt`` from minute 5, and of each, ``sumstats-NAME.txt``; the
records they belong to lie in the data folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecg_stream.offline.episodes.comparison import EpisodeScore
from ecg_stream.offline.episodes.kinds import Pair, compare_kind, kinds_of
from ecg_stream.offline.episodes.report import rows
from ecg_stream.replay.annotations import read_annotations
from ecg_stream.replay.catalog import find_record

GOLDEN = Path(os.environ.get("ECG_STREAM_GOLDEN", ""), "epicmp")

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="ECG_STREAM_GOLDEN has no folder with reports of epicmp")


def lines(report: str) -> list[list[str]]:
    return [line.split() for line in (GOLDEN / report).read_text().splitlines()[2:]]


def compared(kind: str) -> list[EpisodeScore]:
    pairs = []
    for name, *_ in lines(f"{kind.lower()}.txt"):
        record = find_record(name, download=False)
        reference, test = record.annotations("atr"), read_annotations(GOLDEN / name, record.fs, "tst", record.n_samples)
        assert reference is not None
        assert test is not None
        pairs.append(Pair(name, record.fs, record.n_samples, reference, test))
    (chosen,) = kinds_of(pairs, chosen=[kind])
    return [compare_kind(chosen, pair) for pair in pairs]


@pytest.mark.parametrize("kind", ["AF", "VF", "ST0", "ST1", "ST"])
def test_every_line_is_that_of_epicmp(kind: str) -> None:
    found = rows(compared(kind))[:-3]
    assert found
    assert [list(row) for row in found] == lines(f"{kind.lower()}.txt")


@pytest.mark.parametrize("kind", ["AF", "VF", "ST0", "ST1", "ST"])
def test_sum_gross_and_average_are_those_of_sumstats(kind: str) -> None:
    report = {line[0]: line for line in lines(f"sumstats-{kind.lower()}.txt") if line}
    for row in rows(compared(kind), as_sumstats=True)[-3:]:
        assert [cell for cell in row if cell] == report[row[0]]
