"""`ecg-stream info`: tables and JSON of a record, and one line for every record that is not what it should be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecg_stream.cli.app import run
from ecg_stream.cli.info import age_and_sex
from ecg_stream.replay.annotations import write_annotations
from ecg_stream.replay.demo import demo_record

Capture = pytest.CaptureFixture[str]


def test_json_is_one_object_on_one_line(capsys: Capture) -> None:
    assert run(["info", "demo", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    told = json.loads(out)
    assert told["record"] == "demo"
    assert (told["fs"], told["samples"], told["seconds"], told["leads"]) == (250, 150_000, 600, ["MLII", "V5"])
    assert told["signals"][0] == {
        "name": "MLII", "units": "mV", "gain": 200, "baseline": 0, "adc_bits": 12, "fs": 250, "streamed": True,
        "left_out": "",
    }  # fmt: skip
    reference = demo_record().annotations()
    assert reference is not None
    annotations = told["annotations"]
    assert annotations["symbols"] == reference.counts()
    assert sum(annotations["classes"].values()) == annotations["beats"] == annotations["total"] == len(reference)
    assert annotations["classes"]["S"] == annotations["symbols"]["A"]


def test_the_changes_of_rhythm_are_listed(tmp_path: Path, capsys: Capture) -> None:
    record = np.zeros((1000, 1))
    wfdb.wrsamp("rhythms", 100, ["mV"], ["I"], p_signal=record, fmt=["16"], write_dir=str(tmp_path))
    wfdb.wrann(
        "rhythms",
        "atr",
        np.array([0, 300, 500]),
        ["+", "+", "+"],
        aux_note=["(N", "(VT", "(N"],
        write_dir=str(tmp_path),
    )
    path = str(tmp_path / "rhythms")
    assert run(["info", path, "--rhythms", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["annotations"]["rhythms"] == [
        {"name": "(N", "number": 1, "sample": 0, "time": 0.0, "seconds": 3.0},
        {"name": "(VT", "number": 1, "sample": 300, "time": 3.0, "seconds": 2.0},
        {"name": "(N", "number": 2, "sample": 500, "time": 5.0, "seconds": 5.0},
    ]
    assert run(["info", path, "--rhythms"]) == 0
    assert '"(N:2"' in capsys.readouterr().out
    assert run(["info", "demo", "--rhythms"]) == 0
    assert "no changes of rhythm are marked" in capsys.readouterr().out


def test_tables_fit_eighty_columns(capsys: Capture) -> None:
    assert run(["info", "demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "0:10:00.000, 150000 samples at 250 Hz" in text
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert ["MLII", "mV", "200", "0", "12", "250 Hz"] in rows
    assert [row[0] for row in rows if len(row) == 3] == ["N", "S", "V", "F", "Q", "all"]


def test_a_record_on_disk(write_record: Callable[..., Path], tmp_path: Path, capsys: Capture) -> None:
    path = write_record(tmp_path, units=["mV", "mmHg"], sig_name=["MLII", "A[B]P"])
    with path.with_suffix(".hea").open("a") as header:
        header.write("# Age: 51  Sex: F\n# [heart] failure\n")
    write_annotations(tmp_path, "r1", 250, [5, 50, 90, 300, 400], ["+", "N", "[", "e", "]"], "atr")
    assert run(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "patient  51 years, F" in out
    assert "[heart] failure" in out
    assert "A[B]P (not a voltage)" in out
    assert "N 1, e 1" in out
    assert "not beats: + 1, [ 1, ] 1" in out
    assert run(["info", str(path), "--reference", "ecs"]) == 0
    assert "no annotations 'ecs'" in capsys.readouterr().out
    assert run(["info", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["age"], told["sex"], told["path"], told["leads"]) == (51, "F", str(path), ["MLII"])
    assert told["annotations"]["classes"] == {"N": 2, "S": 0, "V": 0, "F": 0, "Q": 0}
    assert (told["annotations"]["total"], told["annotations"]["beats"]) == (5, 2)


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        (["Age: 47  Sex: M"], (47, "M")),
        (["Diagnosis", "age 60 sex f"], (60, "F")),
        (["69 M 1085 1629 x1", "Aldomet"], (69, "M")),
        (["? F 1 2 x1"], (None, "F")),
        (["-1 M 742 654 x1"], (None, "M")),
        (["1 h of European ST-T Database record e0103"], (None, None)),
        ([], (None, None)),
    ],
)
def test_age_and_sex_are_read_out_of_the_comments(comments: list[str], expected: tuple[object, object]) -> None:
    assert age_and_sex(comments) == expected


def spoil_header(old: str, new: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        header = path.with_suffix(".hea")
        header.write_text(header.read_text().replace(old, new))

    return spoil


def cut(extension: str, left: int) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        file = path.with_suffix(extension)
        file.write_bytes(file.read_bytes()[:left])

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut(".dat", 777), "the file is cut short: fetch it again"),
        (cut(".dat", 0), "the file is cut short"),
        (cut(".atr", 21), "r1.atr ends without the mark of its end"),
        (cut(".hea", 0), "r1.hea is empty"),
        (cut(".hea", 14), "record r1 has no signal"),
        (spoil_header("5000", "-5"), "the length '-5' cannot be read"),
        (spoil_header(" 250 5000", " 50 1000"), "another sampling rate"),
        (spoil_header(" 250 ", " 0 "), "valid are 50 to 5000 Hz"),
    ],
)
def test_bad_records_get_one_line_and_exit_code_2(
    write_record: Callable[..., Path],
    tmp_path: Path,
    capsys: Capture,
    spoil: Callable[[Path], None],
    message: str,
) -> None:
    path = write_record(tmp_path)
    spoil(path)
    assert run(["info", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ecg-stream: ")
    assert err.count("\n") == 1
    assert message in err


def test_an_unknown_record_gets_one_line_and_exit_code_2(capsys: Capture) -> None:
    assert run(["info", "nosuch"]) == 2
    assert capsys.readouterr().err.startswith("ecg-stream: no record 'nosuch': valid are `demo`, ")


def test_the_demo_needs_neither_wfdb_nor_tensorflow() -> None:
    script = (
        "import sys; from ecg_stream.cli.app import run; assert run(['info', 'demo', '--json']) == 0; "
        "print(sorted({'wfdb', 'pandas', 'tensorflow', 'scipy', 'requests'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
