"""`ecg-stream evaluate beat`: the real pipeline over the demo record, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecg_stream.cli.app import run


def test_json_and_report_of_the_demo_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report"
    arguments = ["evaluate", "beat", "--records", "demo", "--leads", "first", "--report", str(report), "--json"]
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    answer = json.loads(out)
    assert answer["leads"] == "first"
    (database,) = answer["databases"]
    assert database["database"] == "demo"
    assert database["missing"] == []
    assert database["gross"]["qrs"]["sensitivity"] > 95
    assert database["delay_ms"]["p50"] < 400
    assert json.loads((report / "report.json").read_text()) == answer
    command = f"ecg-stream evaluate beat --model {answer['model']} --records demo --leads first --from 300 --map aami"
    assert f"{command} --report {report}" in (report / "report.md").read_text()


def test_records_that_are_missing_are_named_and_the_rest_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    assert run(["evaluate", "beat", "--records", "demo,100", "--records", "e0103"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("demo (1)")
    assert "mitdb: not at hand, and skipped: mitdb/100" in err
    assert "edb: not at hand, and skipped: edb/e0103" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name lists with --db"),
        (["--db", "cudb"], "no record list 'cudb'"),
        (["--db", "ds1", "--records", "100"], "no record 100 in mitdb-ds1"),
        (["--db", "svdb"], "none of the records of svdb is in the data folder"),
        (["--records", "demo", "--from", "600"], "before scoring begins"),
        (["--records", "demo", "--model", "nope"], "no model 'nope'"),
        (["--records", "demo", "--model", ""], "no model ''"),
        (["--records", "demo", "--detector", ""], "no model ''"),
        (["--records", "demo", "--jobs", "0"], "--jobs"),
        (["--records", "demo", "--report", "/proc/report"], "name another folder with --report"),
        (["--records", "demo", "--leads", "V1"], "'first', 'all'"),
        (["--records", "demo", "--noise", "em"], "--noise and --snr go together"),
        (["--records", "demo", "--snr", "0"], "--noise and --snr go together"),
        (["--records", "demo", "--noise", "em", "--snr", "0"], "nstdb/em"),
        *[
            (["--records", "demo", "--noise", "em", "--snr", snr], "valid for --snr is -100 to 100")
            for snr in ("nan", "-inf", "inf", "-7000")
        ],
    ],
)
def test_a_wrong_request_ends_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    assert run(["evaluate", "beat", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]


@pytest.mark.parametrize("what", ["beat", "labels", "rhythm"])
def test_a_model_and_folds_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    assert run(["evaluate", what, "--model", "context", "--folds", str(tmp_path)]) == 2
    assert "--model and --folds do not go together: give one of them" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["labels", "pauses", "rhythm", "quality"])
def test_records_of_which_none_is_at_hand_are_told_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    assert run(["evaluate", what]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "is in the data folder" in err
    assert "fetch them with `ecg-stream download DB`" in err
