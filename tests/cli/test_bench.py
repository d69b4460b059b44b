"""``ecg-stream bench``: what it says, not how fast it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline.bench import pipeline
from ecg_stream.offline.bench.pipeline import whole

QUICK = ["--patients", "20", "--no-peers", "--no-start-up"]


def test_figures_come_as_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "demo", *QUICK, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["record"] == "demo"
    assert figures["delay_ms"]["p50"] > 0
    assert figures["compute_ms"].keys() == {"20", "100", "500", "10000"}
    assert all(spread["p50"] > 0 for spread in figures["compute_ms"].values())
    assert figures["realtime_factor"] > 1
    assert figures["patients_per_core"] > 1
    assert 0 < figures["state_kb_per_patient"] < 110
    assert figures["ward"]["patients"] == 20


def test_the_record_may_be_left_out_and_there_is_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "whole", lambda record, seconds=60.0: whole(record, min(seconds, 60.0)))
    assert run(["bench", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "demo, 2 leads at 250 Hz" in out
    assert "patients per core" in out


def test_a_wrong_record_gets_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "nowhere", *QUICK]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bench_is_compared_with_one_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "whole", lambda record, seconds=10.0: whole(record, min(seconds, 10.0)))
    before = tmp_path / "before.json"
    assert run(["bench", *QUICK, "--rounds", "1", "--save", str(before)]) == 0
    slow = json.loads(before.read_text())
    slow["figures"] = {name: [value / 1000.0 for value in values] for name, values in slow["figures"].items()}
    before.write_text(json.dumps(slow))
    capsys.readouterr()
    assert run(["bench", *QUICK, "--rounds", "1", "--compare", str(before), "--json"]) == 1
    changes = {each["name"]: each["verdict"] for each in json.loads(capsys.readouterr().out)["compared"]}
    assert changes["compute_ms.500.p50"] == "slower"
    assert changes["realtime_factor"] == "faster"
    assert run(["bench", *QUICK, "--compare", str(tmp_path / "none.json")]) == 2


def test_a_place_for_figures_that_cannot_be_written_is_told_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(*_: object) -> None:
        raise AssertionError("it was measured before")

    monkeypatch.setattr(pipeline, "delay_ms", measured)
    for place in (tmp_path / "missing" / "a.json", tmp_path):
        assert run(["bench", *QUICK, "--save", str(place)]) == 2
        assert "cannot write" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
