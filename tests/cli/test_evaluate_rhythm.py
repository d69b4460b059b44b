"""`ecg-stream evaluate rhythm`: a record whose rhythms are known, from the data folder to the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecg_stream.cli.app import run
from ecg_stream.replay.annotations import write_annotations
from ecg_stream.replay.demo_rhythms import demo_rhythms


@pytest.fixture
def at_hand(tmp_path: Path, write_record, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which the record of rhythms lies under a name of vfdb."""
    made = demo_rhythms()
    reference = made.annotations()
    assert reference is not None
    write_record(tmp_path / "vfdb", "418", p_signal=made.signal().copy())
    write_annotations(tmp_path / "vfdb", "418", made.fs, reference.samples, reference.symbols, "atr", reference.notes)
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    return tmp_path


def test_what_is_told_is_compared_with_marks_and_rules(at_hand: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["evaluate", "rhythm", "--db", "vfdb", "--records", "418", "--from", "0"]
    assert run([*ask, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["records"] == ["vfdb/418"]
    for rhythm in ("bigeminy", "trigeminy", "atrial fibrillation", "ventricular fibrillation", "bradycardia"):
        counts = answer["marks"][rhythm]["records"]["vfdb/418"]
        assert (counts["tps"], counts["fn"], counts["fp"]) == (1, 0, 0), rhythm
    both = answer["marks"]["ventricular tachycardia or fibrillation"]
    assert (both["records"]["vfdb/418"]["tps"], both["records"]["vfdb/418"]["fn"]) == (2, 0)
    assert both["onset_to_told_s"]["max"] < 10.0
    assert answer["rule"]["pause"]["records"]["vfdb/418"]["tps"] == 2  # one goes on as an asystole


@pytest.mark.parametrize("wrong", [["--noise", "em"], ["--snr", "0"], ["--noise", "em", "--snr", "1000"]])
def test_noise_without_a_ratio_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "rhythm", "--db", "vfdb", *wrong]) == 2
    assert "--snr" in capsys.readouterr().err
