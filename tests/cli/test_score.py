"""`ecg-stream score`: tables and JSON of a comparison, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecg_stream.cli.app import run
from ecg_stream.replay.annotations import write_annotations
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.labels import AAMI_CLASS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of the demo record: all of its beats but every tenth, the V beats called N in half the cases."""
    record = find_record("demo")
    reference = record.annotations()
    assert reference is not None
    beats = reference.beats()
    labels = [AAMI_CLASS[symbol] for symbol in beats.symbols]
    labels = ["N" if label == "V" and k % 2 else label for k, label in enumerate(labels)]
    kept = [k for k in range(len(beats)) if k % 10]
    folder = tmp_path_factory.mktemp("annotations")
    write_annotations(folder, "demo", record.fs, beats.samples[kept], [labels[k] for k in kept])
    return folder


def test_json_is_one_object_on_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "demo", "--annotations", str(folder), "--from", "0", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    answer = json.loads(out)
    (record,) = answer["records"]
    beats = sum(count for cell, count in record["counts"].items() if cell[0] not in "OX")
    missed = sum(count for cell, count in record["counts"].items() if cell[1] == "o")
    assert missed == -(-beats // 10)
    assert record["qrs"]["sensitivity"] == pytest.approx(100 * (1 - missed / beats), abs=1e-3)
    assert record["qrs"]["positive_predictivity"] == 100.0
    assert 0 < record["v"]["sensitivity"] < 90
    assert answer["gross"]["counts"] == record["counts"]
    assert answer["average"]["qrs"] == record["qrs"]
    assert (answer["label_map"], answer["from_s"], answer["window_ms"]) == ("aami", 0.0, 150)


def test_tables_show_records_gross_average_and_the_full_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "demo", "--annotations", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["Record", "demo", "gross", "average"]
    assert all(len(line) <= 80 for line in lines)
    assert "from 300 s, window 150 ms, label map aami" in lines[4]
    assert [line.split()[1] for line in lines if line.startswith("│")] == list("NSVFQOX")


def test_intervals_and_false_positives_per_24_hours_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["score", "demo", "demo", "--annotations", str(folder), "--bootstrap", "100", "--per-24h"]
    assert run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines if line.startswith(("demo", "gross", "95", "average"))] == [
        *("demo", "demo", "gross", "95", "95", "average")
    ]
    assert run([*command, "--seed", "3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["draws"], answer["seed"]) == (100, 3)
    assert answer["interval"]["from"]["v"] == answer["gross"]["v"]  # the same record twice leaves nothing open
    v = answer["gross"]["v"]
    assert v["false_positives_per_24h"] == pytest.approx(24 * v["false_positives_per_hour"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--test", "xyz"], "no annotations"),
        (["--reference", "xyz"], "has no annotations 'xyz'"),
        (["--from", "700"], "ends at 600 s"),
        (["--map", "mit"], "not one of 'aami', 'bxb'"),
        (["--from", "-1"], "--from"),
        (["--bootstrap", "99"], "--bootstrap"),
        (["--bootstrap", "100"], "needs two of them"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["score", "demo", "--annotations", str(folder), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_annotations_of_a_longer_record_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = find_record("demo")
    write_annotations(tmp_path, "demo", record.fs, [100, record.n_samples + 1000], ["N", "N"])
    assert run(["score", "demo", "--annotations", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "marks sample 151000, the record ends at 150000" in err


def test_a_file_that_is_no_annotation_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo.ecs").write_bytes(b"not annotations")
    assert run(["score", "demo", "--annotations", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
