"""`ecg-stream score --episodes`: tables and JSON of a comparison of episodes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecg_stream.cli.app import run
from ecg_stream.replay.annotations import write_annotations

Capture = pytest.CaptureFixture[str]


def write(folder: Path, name: str, extension: str, *marks: tuple[int, str, str]) -> None:
    wfdb.wrann(
        name,
        extension,
        np.array([sample for sample, _, _ in marks]),
        symbol=[symbol for _, symbol, _ in marks],
        aux_note=[note for _, _, note in marks],
        fs=100,
        write_dir=str(folder),
    )


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute with atrial fibrillation from second 10 to 30, found from 20 to 40, and a run and a pause beside it."""
    folder = tmp_path_factory.mktemp("record")
    wfdb.wrsamp(
        *("r1", 100, ["mV"], ["I"], np.zeros((6000, 1))), fmt=["16"], adc_gain=[100.0], baseline=[0], write_dir=folder
    )
    reference = [(1000, "+", "(AFIB"), (3000, "+", "(N"), (4000, "[", ""), (4200, "]", ""), (4500, "+", "(VT")]
    write(folder, "r1", "atr", *reference)
    test = [(500, "N", ""), (900, "N", ""), (2000, "+", "(AFIB"), (4000, "+", "(VFL"), (4200, "+", "(N")]
    write(folder, "r1", "tst", *test)
    return folder / "r1"


def scored(record: Path, capsys: Capture, *arguments: str) -> str:
    command = ["score", str(record), "--test", "tst", "--annotations", str(record.parent), "--episodes", "--from", "0"]
    assert run([*command, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_json_is_one_object_on_one_line(record: Path, capsys: Capture) -> None:
    out = scored(record, capsys, "--json")
    assert out.count("\n") == 1
    answer = json.loads(out)
    assert list(answer["episodes"]) == ["AF", "VF", "ST0", "ST1", "ST", "(N", "(VFL", "(VT"]
    found = answer["episodes"]["AF"]["records"]["r1"]
    counts = {"tps": 1, "fn": 0, "tpp": 1, "fp": 0, "reference_s": 20.0, "test_s": 20.0, "overlap_s": 10.0}
    assert found.items() >= counts.items()
    assert answer["episodes"]["AF"]["gross"] == found
    assert answer["episodes"]["AF"]["average"]["duration_sensitivity"] == 50.0
    assert answer["episodes"]["VF"]["gross"]["fn"] == 1
    assert answer["from_s"] == 0.0


def test_tables_show_what_has_an_episode(record: Path, capsys: Capture) -> None:
    lines = scored(record, capsys).splitlines()
    assert lines[0].strip() == "AF detection"
    assert " ".join(lines[1].split()) == "Record TPs FN TPp FP ESe E+P DSe D+P Ref duration Test duration"
    assert lines[2].split() == ["r1", "1", "0", "1", "0", "100", "100", "50", "50", "0:20.000", "0:20.000"]
    assert [line.split()[0] for line in lines[3:6]] == ["Sum", "Gross", "Average"]
    assert lines[-2:] == ["no episode in either file: ST0, ST1, ST", "from 0 s"]
    assert all(len(line) <= 80 for line in lines)


def test_rhythms_are_chosen_by_name(record: Path, capsys: Capture) -> None:
    out = scored(record, capsys, "--json", "--rhythm", "VT", "--rhythm", "pause", "--pause", "3.5")
    answer = json.loads(out)["episodes"]
    assert list(answer) == ["(VT", "pause"]
    assert answer["pause"]["gross"]["fp"] == 1
    assert answer["pause"]["gross"]["test_s"] == 4.0


def test_rhythm_marks_are_vf_on_request(record: Path, capsys: Capture) -> None:
    answer = json.loads(scored(record, capsys, "--json", "--rhythm", "VF", "--vf-rhythms"))
    assert answer["episodes"]["VF"]["gross"]["overlap_s"] == 2.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--episodes", "--rhythm", "foo"], "no rhythm 'foo' stands in these files: valid are AF, VF, ST0"),
        (["--episodes", "--pause", "0"], "give a limit above 0"),
        (["--episodes", "--bootstrap", "100"], "needs two of them"),
        (["--episodes", "--test", "xyz"], "no annotations"),
        (["--episodes", "--reference", "xyz"], "has no annotations 'xyz'"),
        (["--episodes", "--from", "60"], "ends at 60 s"),
        (["--rhythm", "VT"], "--rhythm is of episodes, and beats are compared: give --episodes"),
        (["--vf-rhythms"], "--vf-rhythms is of episodes"),
        (["--pause", "2"], "--pause is of episodes"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(record: Path, capsys: Capture, arguments: list[str], message: str) -> None:
    command = ["score", str(record), "--test", "tst", "--annotations", str(record.parent), "--from", "0"]
    assert run([*command, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_intervals_on_request(record: Path, tmp_path: Path, capsys: Capture) -> None:
    for extension in ("hea", "dat", "atr", "tst"):
        name = f"r1.{extension}"
        (tmp_path / name.replace("r1", "r2")).write_bytes((record.parent / name).read_bytes().replace(b"r1", b"r2"))
    (tmp_path / "r1.tst").write_bytes((record.parent / "r1.tst").read_bytes())
    command = ["score", str(record), str(tmp_path / "r2"), "--test", "tst", "--annotations", str(tmp_path)]
    command += ["--episodes", "--from", "0", "--rhythm", "AF", "--bootstrap", "100"]
    assert run(command) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("95 %")]
    assert [" ".join(line.split()) for line in lines] == ["95 % from 100 100 50 50", "95 % to 100 100 50 50"]
    assert run([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["episodes"]["AF"]["interval"]["from"] == answer["episodes"]["AF"]["average"]
    assert (answer["draws"], answer["seed"]) == (100, 0)


def test_a_record_is_scored_once(record: Path, capsys: Capture) -> None:
    command = ["score", str(record), str(record), "--test", "tst", "--annotations", str(record.parent), "--from", "0"]
    assert run([*command, "--episodes"]) == 2
    assert "r1 is there twice" in capsys.readouterr().err


def test_a_file_without_a_rhythm_has_no_episode(record: Path, tmp_path: Path, capsys: Capture) -> None:
    write_annotations(tmp_path, "r1", 100, [100, 200], ["N", "V"], "tst")
    command = ["score", str(record), "--test", "tst", "--annotations", str(tmp_path), "--from", "0"]
    assert run([*command, "--episodes"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split()[:5] == ["r1", "0", "1", "0", "0"]
