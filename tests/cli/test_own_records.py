"""Records of a user's own: training on them and evaluating on them, by patient."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecg_stream.cli import training_options
from ecg_stream.cli.app import run
from ecg_stream.errors import RequestError
from ecg_stream.models import keras_library
from ecg_stream.offline import beat_training
from ecg_stream.offline.beat_dataset import BeatSet
from ecg_stream.offline.own_records import read_own
from ecg_stream.offline.splits import patient_folds
from ecg_stream.replay.demo import demo_record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, write_record: Callable[..., Path]) -> Path:
    """Seven records of six patients: six of WFDB in two folders, one CSV, each with its reference."""
    root = tmp_path_factory.mktemp("own")
    for name in ("r1", "r2", "r3"):
        write_record(root / "ward", name, seconds=90)
        write_record(root, name, seconds=90)
    shutil.copy(root / "r1.atr", root / "ride.atr")
    samples = demo_record().signal(0, 90 * 250)
    rows = np.column_stack([np.arange(len(samples)) / 250, samples])
    np.savetxt(root / "ride.csv", rows, "%.3f,%.3f,%.3f", header="time,MLII,V5", comments="")
    (root / "LIST.txt").write_text(
        "# my records\nr1 P1\nr2,P1\n\nr3\tP3\nward/r1 P4\nward/r2.hea P5\nward/r3\nride.csv P7  # a ride\n"
    )
    return root


def test_a_list_says_whose_records_they_are(folder: Path) -> None:
    own = read_own(folder / "LIST.txt", folder)
    assert own.records == (
        "@LIST/P1/r1",
        "@LIST/P1/r2",
        "@LIST/P3/r3",
        "@LIST/P4/ward/r1",
        "@LIST/P5/ward/r2",
        "@LIST/ward_r3/ward/r3",
        "@LIST/P7/ride.csv",
    )
    for fold in patient_folds(own.records, 3):
        assert len({"@LIST/P1/r1", "@LIST/P1/r2"} & set(fold)) in (0, 2)


def test_evaluate_runs_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = folder / "three.txt"
    listed.write_text("r1 P1\nr2 P1\nride.csv\n")
    arguments = ["evaluate", "beat", "--records", str(listed), "--data", str(folder), "--from", "10", "--json"]
    assert run(arguments) == 0
    (database,) = json.loads(capsys.readouterr().out)["databases"]
    assert database["database"] == "@three"
    assert database["gross"]["qrs"]["sensitivity"] > 95
    assert list(database["offset_ms"]["by_record"]) == ["@three/P1/r1", "@three/P1/r2", "@three/ride.csv/ride.csv"]


def test_train_splits_them_by_patient(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def train(beats: BeatSet, **settings: Any) -> None:
        seen["patients"] = np.unique(beats.patients)
        raise RequestError("that is far enough")

    noted: list[tuple[list[str], list[str]]] = []
    split = training_options.training_split

    def splitting(*arguments: Any, **options: Any) -> tuple[list[str], list[str]]:
        noted.append(split(*arguments, **options))
        return noted[-1]

    monkeypatch.setattr(keras_library, "import_keras", lambda: None)
    monkeypatch.setattr(beat_training, "train_beat_network", train)
    monkeypatch.setattr(training_options, "training_split", splitting)
    arguments = ["train", "beat", "--records", str(folder / "LIST.txt"), "--data", str(folder), "--arch", "dense"]
    arguments += ["--folds", "3", "--fold", "0", "--output", str(tmp_path / "bundle")]
    assert run(arguments) == 2
    assert "far enough" in capsys.readouterr().err
    ((trained, held_out),) = noted
    assert sorted([*trained, *held_out]) == sorted(read_own(folder / "LIST.txt", folder).records)
    whose = {name.split("/")[1] for name in trained}
    assert whose
    assert held_out
    assert not whose & {name.split("/")[1] for name in held_out}
    assert len(seen["patients"]) == len(whose)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "names no record"),
        ("r1 P1\nr1 P2\n", "names r1 more than once"),
        ("none P1\n", "no record none"),
        ("../r1\n", "outside"),
        ("r1 P1 V5 250\n", "no line of a list"),
        ("bare\n", "no reference beats"),
        ("\xff\xfe\x00", "no line of a list"),
    ],
)
def test_a_bad_list_is_one_line(
    content: str, words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for end in ("hea", "dat"):
        shutil.copy(folder / f"r1.{end}", folder / f"bare.{end}")
    (folder / "bare.hea").write_text((folder / "r1.hea").read_text().replace("r1", "bare"))
    listed = tmp_path / "bad.txt"
    listed.write_text(content)
    assert run(["evaluate", "beat", "--records", str(listed), "--data", str(folder)]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "beat", "--data", "."],
        ["train", "beat", "--records", "LIST"],
        ["evaluate", "beat", "--data", "."],
        ["evaluate", "beat", "--data", ".", "--records", "LIST", "--db", "mitdb"],
        ["evaluate", "beat", "--data", "none", "--records", "LIST"],
        ["evaluate", "beat", "--data", ".", "--records", "none"],
    ],
)
def test_half_a_request_is_one_line(
    arguments: list[str],
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("LIST").write_text("r1\n")
    output = ["--output", "x"] if arguments[0] == "train" else []
    assert run([*arguments, *output]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not Path("x").exists()
