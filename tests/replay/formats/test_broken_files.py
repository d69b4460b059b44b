"""Files that are not what they seem: one clear line each, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.errors import MissingExtraError, RecordError
from ecg_stream.replay.catalog import find_record

ROWS = "".join(f"{k / 250:.3f},{k % 7 / 10},{k % 5 / 10}\n" for k in range(100))


TEXT = {
    "empty.csv": ("", "empty.csv is empty"),
    "blank.csv": ("\n\n \n", "blank.csv is empty"),
    "header.csv": ("time,I,II\n", "header.csv has no row of numbers: a header and no sample"),
    "cell.csv": ("time,I,II\n" + ROWS + "0.4,abc,1\n", "cell.csv line 102: 'abc' in column I is no number"),
    "shorter.csv": ("time,I,II\n" + ROWS + "0.4,1\n", "shorter.csv line 102 has 2 cells, those before it 3"),
    "longer.csv": (ROWS + "0.4,1,2,3\n", "longer.csv line 101 has 4 cells, those before it 3"),
    "rate.csv": ("I,II\n1,2\n2,3\n", "rate.csv does not say its sampling rate: give it in hertz with --fs"),
    "counted.csv": (
        "sample,II\n" + "".join(f"{k},{k % 7}\n" for k in range(99)),
        "counted.csv does not say its sampling rate: column sample counts samples: give it in hertz with --fs",
    ),
    "backward.csv": (
        "time,I,II\n" + ROWS + "0.1,1,2\n",
        "backward.csv line 102: the time in column time runs backward",
    ),
    "uneven.csv": (
        "time,II\n" + "".join(f"{k**2 / 1000},{k % 7}\n" for k in range(99)),
        "uneven.csv: the times in column time are uneven, 0.001 to 0.195 apart: bring it to one sampling rate",
    ),
    "year.csv": (
        "time,I,II\n" + ROWS + "9999999,1,2\n",
        "year.csv line 102: the time jumps by 2,778 hours, more than a day: divide it into two recordings",
    ),
    "slow.csv": (
        "time (s),II\n" + "".join(f"{k},{k % 7}\n" for k in range(99)),
        "record slow.csv: a sampling rate of 1 Hz, as its header says, is not one of an ECG: valid are 50 to 5000 Hz",
    ),
    "no lead.csv": (
        "time\n0\n0.004\n0.008\n0.012\n",
        "no lead.csv has no column of samples beside the time: name it with --column",
    ),
    "pleth.csv": (
        "time,PLETH\n" + "".join(f"{k / 100},{k % 7}\n" for k in range(99)),
        "record pleth has no ECG lead: its signals are PLETH in mV: name those to play with --lead",
    ),
    "wide.csv": (
        ",".join("1" * 5000) + "\n",
        "wide.csv has 5000 columns: valid is a row a sample and a column a lead, up to 1000",
    ),
    "wider.csv": (
        "0.1," * 1_000_000 + "\n",
        "wider.csv line 1 is longer than 262,144 characters: valid is a table with a row a sample and a column a lead",
    ),
    "prose.txt": ("This is\nno table\nat all\n", "prose.txt has no row of numbers"),
}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run([*arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("ecg-stream: ").rstrip("\n")


@pytest.mark.parametrize("name", TEXT)
def test_text(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, message = TEXT[name]
    (tmp_path / name).write_text(content)
    out = tmp_path / "out"
    assert refused(capsys, "replay", str(tmp_path / name), "--speed", "max", "--output", str(out / "b.csv")) == message
    assert not out.exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".parquet", ".edf", ".bdf", ".h5", ".dcm"])
@pytest.mark.parametrize(
    "content", [b"", b"no such thing", b"\x93NUMPY\x01\x00", b"PAR1" * 20, b"PK\x03\x04" * 30, b"0" * 600]
)
def test_damaged(suffix: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needed = {".parquet": "pyarrow", ".edf": "edfio", ".bdf": "edfio", ".h5": "h5py", ".dcm": "pydicom"}
    if suffix in needed:
        pytest.importorskip(needed[suffix])
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    message = refused(capsys, "info", str(path), "--fs", "250")
    assert message.startswith("x" + suffix)
    assert (message == f"x{suffix} is empty") == (content == b"")


def test_binary_called_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_bytes(bytes(range(256)))
    assert refused(capsys, "info", str(tmp_path / "x.csv")) == "x.csv is no text"


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.zeros((2, 3, 4)),
            "x.npy holds an array of shape (2, 3, 4): valid is (n_samples, n_leads), or (n_samples,)",
        ),
        (np.zeros((0, 2)), "x.npy holds an array of shape (0, 2): valid is (n_samples, n_leads), or (n_samples,)"),
        (np.zeros((500, 1_000_000 // 500)), "x.npy holds an array of shape (500, 2000): valid is (n_samples, n_leads)"),
        (np.array(["a", "b"]), "x.npy holds <U1: valid are integers and floating-point numbers"),
    ],
)
def test_arrays(x: np.ndarray, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", x)
    assert refused(capsys, "info", str(tmp_path / "x.npy"), "--fs", "250") == message


def test_several_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, left=np.zeros(500), right=np.ones(500))
    message = "x.npz holds left, right: it is not told which array the samples are: name it with --column"
    assert refused(capsys, "info", str(path), "--fs", "250") == message
    assert find_record(str(path), fs=250, columns=["right"]).signal().max() == 1


def test_a_rate_that_is_not_the_one_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,I,II\n" + ROWS)
    message = "x.csv: column time says 250 Hz, not 360 Hz: give it in hertz with --fs"
    assert refused(capsys, "info", str(path), "--fs", "360") == message
    assert find_record(str(path), fs=250).fs == 250


def test_a_column_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,I,II\n" + ROWS)
    assert "has no column 'V9': valid are time, I, II, or" in refused(capsys, "info", str(path), "--column", "V9")
    assert "has no column 4: its columns are 1 to 3" in refused(capsys, "info", str(path), "--column", "4")


def test_a_rate_goes_with_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert "record demo has a header" in refused(capsys, "info", "demo", "--fs", "360")


@pytest.mark.parametrize("name", ["x.ecg", "x.scp", "x.xml", "x.gdf", "x.xlsx"])
def test_other_formats_name_what_reads_them(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert refused(capsys, "info", str(tmp_path / name)).startswith(f"{name} is a")


def test_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "info", str(tmp_path / "x.csv")) == f"no file {tmp_path / 'x.csv'}"
    (tmp_path / "y.csv").mkdir()
    assert "it is a folder" in refused(capsys, "info", str(tmp_path / "y.csv"))


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("x.edf", "edfio"),
        ("x.bdf", "edfio"),
        ("x.parquet", "pyarrow"),
        ("x.h5", "h5py"),
        ("x.dcm", "pydicom"),
    ],
)
def test_without_the_extra(name: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(MissingExtraError, match=rf"reading {name} needs the extra \[files\]"):
        find_record(str(tmp_path / name))


def test_an_edf_file_cut_short_is_played_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    edfio = pytest.importorskip("edfio")
    path = tmp_path / "x.edf"
    edfio.Edf([edfio.EdfSignal(np.sin(np.arange(5000) / 9), 250, label="II", physical_dimension="mV")]).write(path)
    path.write_bytes(path.read_bytes()[:-700])
    record = find_record(str(path))
    assert record.n_samples == 4500
    assert record.signal().shape == (4500, 1)
    assert any("file contains 18" in note for note in record.notes)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RecordError, match=r"x\.edf is damaged or no EDF file"):
        find_record(str(path))
