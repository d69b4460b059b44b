"""Labels by annotated rhythm: which beats count, and how records are put together."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline.rhythm_labels import RecordLabels, RhythmStretch, labels_by_rhythm, rhythm_stretches, shares
from ecg_stream.replay.annotations import Annotations
from ecg_stream.replay.catalog import data_folder


def test_a_rhythm_lasts_to_the_next_mark_or_the_end():
    reference = Annotations(
        np.array([0, 10, 1000, 1500, 2500]),
        ("N", "+", "+", "N", "+"),
        np.zeros(5, dtype=np.int64),
        ("", "(N", "(VT", "", "(N"),
    )
    assert list(rhythm_stretches(reference, 3000)) == [
        RhythmStretch("(N", 10, 1000),
        RhythmStretch("(N", 2500, 3000),
        RhythmStretch("(VT", 1000, 2500),
    ]


def test_beats_near_an_edge_are_left_out():
    stretches = [RhythmStretch("(N", 0, 1000), RhythmStretch("(VT", 1000, 2500), RhythmStretch("(N", 2500, 2600)]
    beats = [(250, "N"), (740, "V"), (760, "V"), (1240, "N"), (1260, "V"), (2200, "Q"), (2260, "V"), (2550, "S")]
    found = labels_by_rhythm("db/1", stretches, beats, 250.0)
    assert found.counts == {"(N": Counter(N=1, V=1), "(VT": Counter(V=1, Q=1)}
    assert found.seconds == {"(N": 2.0, "(VT": 4.0}


def test_each_record_weighs_the_same_in_the_mean_and_each_beat_in_the_gross_figure():
    many = RecordLabels("db/1", {"(VT": 60.0}, {"(VT": Counter(V=90, N=10)})
    few = RecordLabels("db/2", {"(VT": 5.0, "(N": 9.0}, {"(VT": Counter(Q=2), "(N": Counter()})
    vt, sinus = shares([many, few])
    assert (vt.rhythm, vt.records, vt.beats, vt.seconds) == ("(VT", 2, 102, 65.0)
    assert vt.mean == (5.0, 0.0, 45.0, 0.0, 50.0)
    assert vt.gross[2] == pytest.approx(100 * 90 / 102)
    assert (sinus.records, sinus.beats, sinus.gross) == (0, 0, (0.0,) * 5)


@pytest.mark.skipif(not (data_folder() / "vfdb" / "421.hea").is_file(), reason="vfdb/421 is not in the data folder")
def test_the_command_counts_what_a_rhythm_is_called(capsys):
    assert run(["evaluate", "labels", "--records", "421", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [record["record"] for record in found["records"]] == ["vfdb/421"]
    assert found["missing"] == []
    assert sum(row["beats"] for row in found["rhythms"]) > 1000
    assert run(["evaluate", "labels", "--records", "421"]) == 0
    assert "percent: of all / mean of records" in " ".join(capsys.readouterr().out.split())


def test_records_that_are_not_there_are_told_in_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    assert run(["evaluate", "labels"]) == 2
    assert run(["evaluate", "labels", "--db", "nowhere"]) == 2
    assert run(["evaluate", "labels", "--records", "421,422x"]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert "no record 422x in vfdb" in third
    assert "valid are lists of vfdb, mitdb" in first
    assert "no record list 'nowhere': valid are vfdb, mitdb" in second
