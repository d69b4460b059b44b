"""`ecg-stream replay` and `info` of records as people have them: what is played, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.replay.demo import demo_record

Capture = pytest.CaptureFixture[str]
WriteRecord = Callable[..., Path]
ECG = demo_record().signal(0, 30 * 250)


@pytest.fixture
def replayed(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[list[dict[str, Any]], str]]:
    """Replays a record at full speed; gives the lines without the summary, and what was said on standard error."""

    def replay(path: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
        assert run(["replay", str(path), "--speed", "max", "--format", "json", *arguments]) == 0
        out, err = capfdbinary.readouterr()
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines.pop()["type"] == "summary"
        told = [{key: value for key, value in line.items() if key not in ("record", "stream", "id")} for line in lines]
        return told, err.decode()

    return replay


Replay = Callable[..., tuple[list[dict[str, Any]], str]]


@pytest.mark.parametrize("other", ["PLETH", "Resp (chest)", "SCG"])
def test_beside_another_signal_the_beats_are_those_of_the_ecg(
    tmp_path: Path, write_record: WriteRecord, replayed: Replay, other: str
) -> None:
    made = 2.0 * np.sin(np.arange(len(ECG)) / 40.0)
    alone = write_record(tmp_path, "alone", p_signal=ECG.copy(), sig_name=["II", "V5"])
    three = np.column_stack([made, ECG])
    both = write_record(tmp_path, "both", p_signal=three, sig_name=[other, "II", "V5"])
    expected, silent = replayed(alone)
    assert silent == ""
    assert sum(line["type"] == "beat" for line in expected) > 30
    lines, err = replayed(both)
    assert lines == expected
    assert err == f"ecg-stream: record both: {other} (not an ECG by its name) left out; played: II, V5\n"
    asked, silent = replayed(both, "--lead", "II", "--lead", "v5")
    assert (asked, silent) == (expected, "")


def test_microvolts_and_counts_called_millivolts_are_told_and_mended(
    tmp_path: Path, write_record: WriteRecord, replayed: Replay
) -> None:
    expected, _ = replayed(write_record(tmp_path, "right", p_signal=ECG.copy(), adc_gain=[200.0] * 2))
    for unit, factor in (("uV", 1000.0), ("200/mV", 200.0)):
        path = write_record(tmp_path, "wrong", p_signal=ECG * factor, adc_gain=[200.0 / factor] * 2)
        _, err = replayed(path)
        assert err.count("\n") == 1
        assert "as microvolts, or steps of a converter, called mV would: play it with --unit uV" in err
        lines, silent = replayed(path, "--unit", unit)
        assert silent == ""
        assert [(line["type"], line["sample"]) for line in lines] == [(e["type"], e["sample"]) for e in expected]


def test_an_end_behind_the_end_plays_to_the_end(tmp_path: Path, write_record: WriteRecord, replayed: Replay) -> None:
    path = write_record(tmp_path, p_signal=ECG.copy())
    assert replayed(path, "--end", "1e6") == replayed(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lead", "nosuch"], "has no lead 'nosuch': valid are PLETH, ECG, or 0\n"),
        (["--lead", "PLETH"], "has PLETH in NU, which is no voltage: say what its values are in with --unit"),
        (["--unit", "mmHg"], "no unit 'mmHg': valid are V, mV, uV, nV, and steps of a converter, such as 200/mV\n"),
    ],
)
def test_wrong_requests_get_one_line_and_2(
    tmp_path: Path, write_record: WriteRecord, capsys: Capture, arguments: list[str], message: str
) -> None:
    path = write_record(tmp_path, p_signal=ECG.copy(), sig_name=["PLETH", "ECG"], units=["NU", "mV"])
    assert run(["replay", str(path), "--speed", "max", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_a_record_without_an_ecg_is_refused(tmp_path: Path, write_record: WriteRecord, capsys: Capture) -> None:
    path = write_record(tmp_path, p_signal=ECG.copy(), sig_name=["PLETH", "RESP"])
    assert run(["replay", str(path)]) == 2
    told = capsys.readouterr().err
    assert told == (
        "ecg-stream: record r1 has no ECG lead: its signals are PLETH in mV, RESP in mV: "
        "name those to play with --lead\n"
    )


def test_info_shows_the_date_and_what_is_left_out(tmp_path: Path, write_record: WriteRecord, capsys: Capture) -> None:
    path = write_record(tmp_path, p_signal=ECG.copy(), sig_name=["RESP", "ECG"])
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace("r1 2 250 7500", "r1 2 250 0 17:27:45 1994-08-15"))
    assert run(["info", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "1994-08-15 17:27:45" in out
    assert "RESP (not an ECG by its name)" in out
    left_out, length = err.splitlines()
    assert left_out == "ecg-stream: record r1: RESP (not an ECG by its name) left out; played: ECG"
    assert length.endswith("does not say how long it is; played is what r1.dat holds, 7500 samples, 30 s")
    assert run(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["began"] == "1994-08-15 17:27:45"


def test_a_name_that_no_file_can_have_is_told(capsys: Capture) -> None:
    for name in ("x" * 5000, "~nobody-of-that-name/r1"):
        assert run(["info", name]) == 2
        assert capsys.readouterr().err.count("\n") == 1
