"""The same recording as WFDB and in other formats: the same beats; and beats written for other programs."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.cli.app import run
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record

Capture = pytest.CaptureFixture[bytes]
TEN_MINUTES_S = 600


def write_csv(path: Path, record: Record, samples: np.ndarray) -> list[str]:
    with path.open("w") as file:
        file.write(",".join(["time (s)", *(f"{lead} (mV)" for lead in record.leads)]) + "\n")
        for k, row in enumerate(samples.tolist()):
            file.write(",".join([f"{k / record.fs:.6f}", *(f"{x:.3f}" for x in row)]) + "\n")
    return []


def write_npy(path: Path, record: Record, samples: np.ndarray) -> list[str]:
    np.save(path, samples)
    return ["--fs", f"{record.fs:g}"]


def write_edf(path: Path, record: Record, samples: np.ndarray) -> list[str]:
    edfio = pytest.importorskip("edfio")
    fields = {"physical_dimension": "mV", "physical_range": (-10.24, 10.235), "digital_range": (-2048, 2047)}
    leads = [
        edfio.EdfSignal(x, record.fs, label=lead, **fields) for lead, x in zip(record.leads, samples.T, strict=True)
    ]
    edfio.Edf(leads).write(path)
    return []


WRITERS: dict[str, Callable[[Path, Record, np.ndarray], list[str]]] = {
    ".csv": write_csv,
    ".npy": write_npy,
    ".edf": write_edf,
}


@pytest.fixture
def beats_of(capfdbinary: Capture) -> Callable[..., list[tuple[int, str]]]:
    """Replays at full speed; gives sample and label of each beat."""

    def replayed(*arguments: str) -> list[tuple[int, str]]:
        assert run(["replay", *arguments, "--speed", "max", "--format", "json"]) == 0
        lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        return [(line["sample"], line["label"]) for line in lines if line["type"] == "beat"]

    return replayed


def same_beats(found: list[tuple[int, str]], expected: list[tuple[int, str]]) -> bool:
    if [label for _, label in found] != [label for _, label in expected]:
        return False
    return all(abs(a - b) <= 1 for (a, _), (b, _) in zip(found, expected, strict=True))


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_demo_has_the_same_beats(
    suffix: str, tmp_path: Path, beats_of: Callable[..., list[tuple[int, str]]]
) -> None:
    record = demo_record()
    samples = record.signal()
    if suffix == ".edf":  # which cannot say that a lead was off
        samples = samples[: np.isnan(samples).any(axis=1).argmax()]
    file = tmp_path / f"demo{suffix}"
    options = WRITERS[suffix](file, record, samples)
    expected = beats_of("demo", "--end", str(len(samples) / record.fs))
    assert len(expected) > 300
    assert same_beats(beats_of(str(file), *options), expected)


def as_stdin(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))


def test_the_demo_on_standard_input_has_the_same_beats(
    tmp_path: Path, beats_of: Callable[..., list[tuple[int, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path / "demo.csv", demo_record(), demo_record().signal())
    as_stdin(tmp_path / "demo.csv", monkeypatch)
    assert same_beats(beats_of("-"), beats_of("demo"))


def test_ten_minutes_of_119_on_standard_input_have_the_same_beats(
    tmp_path: Path,
    beats_of: Callable[..., list[tuple[int, str]]],
    monkeypatch: pytest.MonkeyPatch,
    real_record: Callable[[str], Record],
    data_folder: Path,
) -> None:
    record = real_record("119")
    write_csv(tmp_path / "119.csv", record, record.signal(0, TEN_MINUTES_S * 360))
    as_stdin(tmp_path / "119.csv", monkeypatch)
    expected = beats_of(str(data_folder / "mitdb/119"), "--end", str(TEN_MINUTES_S))
    assert same_beats(beats_of("-"), expected)


@pytest.mark.parametrize("suffix", WRITERS)
def test_ten_minutes_of_119_have_the_same_beats(
    suffix: str,
    tmp_path: Path,
    beats_of: Callable[..., list[tuple[int, str]]],
    real_record: Callable[[str], Record],
    data_folder: Path,
) -> None:
    record = real_record("119")
    file = tmp_path / f"119{suffix}"
    options = WRITERS[suffix](file, record, record.signal(0, TEN_MINUTES_S * 360))
    expected = beats_of(str(data_folder / "mitdb/119"), "--end", str(TEN_MINUTES_S))
    assert len(expected) > 600
    assert same_beats(beats_of(str(file), *options), expected)


@pytest.fixture
def ride(tmp_path: Path) -> Path:
    """A minute of the demo as CSV."""
    path = tmp_path / "ride.csv"
    write_csv(path, demo_record(), demo_record().signal(0, 60 * 250))
    return path


def test_every_command_takes_a_file(ride: Path, capfdbinary: Capture) -> None:
    folder = ride.parent
    assert run(["info", str(ride), "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["leads"] == ["MLII", "V5"]
    assert run(["replay", str(ride), "--speed", "max", "--format", "lines", "--annotations", str(folder)]) == 0
    (folder / "ride.ecs").rename(folder / "ride.atr")
    assert run(["replay", str(ride), "--speed", "max", "--annotations", str(folder)]) == 0
    capfdbinary.readouterr()
    assert run(["score", str(ride), "--annotations", str(folder), "--from", "0", "--json"]) == 0
    score = json.loads(capfdbinary.readouterr().out)
    assert "100" in json.dumps(score)
    assert run(["plot", str(ride), "--what", "monitor", "--output", str(folder / "m.svg"), "--start", "20"]) == 0
    assert run(["predict", str(ride)]) == 2  # it has none of the leads of a record model
    assert "lead" in capfdbinary.readouterr().err.decode()
    result = es.classify(ride)
    assert len(result) > 60
    assert es.classify(es.read_record(ride)).beats == result.beats


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_beats_as_csv_and_parquet_and_edf(ride: Path, capfdbinary: Capture) -> None:
    expected = es.classify(ride).beats
    out = ride.parent / "new/beats.csv"
    assert run(["replay", str(ride), "--speed", "max", "--format", "csv", "--output", str(out)]) == 0
    shown = capfdbinary.readouterr().out.decode()
    assert shown == out.read_text()
    table = rows(shown)
    assert [(int(row["sample"]), row["label"]) for row in table] == [(b.sample, b.label) for b in expected]
    assert table[0]["rr_ms"] == ""
    assert len({row["id"] for row in table}) == len(table)
    assert float(table[5]["p_N"]) == pytest.approx(expected[5].probabilities.N, abs=1e-4)
    if importlib.util.find_spec("pyarrow") is not None:
        from pyarrow import parquet

        file = ride.parent / "beats.parquet"
        assert run(["replay", str(ride), "--speed", "max", "--output", str(file)]) == 0
        found = parquet.read_table(file).to_pydict()
        assert list(found) == list(table[0])
        assert found["sample"] == [b.sample for b in expected]
        assert found["rr_ms"] == [b.rr_ms for b in expected]
    if importlib.util.find_spec("edfio") is not None:
        import edfio

        file = ride.parent / "beats.edf"
        assert run(["replay", str(ride), "--speed", "max", "--output", str(file)]) == 0
        title, *marks = edfio.read_edf(file).annotations
        assert "N S V F Q" in title.text
        assert [mark.text for mark in marks] == [b.label for b in expected]
        np.testing.assert_allclose([mark.onset for mark in marks], [b.time for b in expected], atol=1e-6)


def test_a_file_of_beats_that_cannot_be_written_is_told_before_anything_runs(ride: Path, capsys: Any) -> None:
    assert run(["replay", str(ride), "--speed", "max", "--output", str(ride / "b.csv")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run(["replay", str(ride), "--speed", "max", "--output", "beats.xls"]) == 2
    told = "ecg-stream: cannot write beats as beats.xls: valid are .csv, .parquet, .edf: name another with --output\n"
    assert capsys.readouterr() == ("", told)


def test_intervals_for_other_programs(ride: Path, capsys: Any) -> None:
    result = es.classify(ride)
    assert run(["rr", str(ride)]) == 0
    pairs = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose([float(ms) for _, ms in pairs], result.rr().ms, atol=0.051)
    np.testing.assert_allclose([float(time) for time, _ in pairs], result.rr().times, atol=0.00051)
    file = ride.parent / "nn.csv"
    assert run(["rr", str(ride), "--normal", "--format", "neurokit", "--output", str(file)]) == 0
    assert capsys.readouterr().out == ""
    table = rows(file.read_text())
    np.testing.assert_allclose([float(row["RRI"]) for row in table], result.rr(normal=True).ms, atol=0.051)
    assert len(table) < len(pairs)


def test_neurokit_reads_the_intervals(ride: Path) -> None:
    if importlib.util.find_spec("neurokit2") is None:
        pytest.skip("needs neurokit2")
    import subprocess
    import sys

    file = ride.parent / "nn.csv"
    assert run(["rr", str(ride), "--normal", "--format", "neurokit", "--output", str(file)]) == 0
    program = (
        "import sys, warnings; warnings.simplefilter('ignore'); import neurokit2 as nk, pandas\n"
        "print(float(nk.hrv_time(pandas.read_csv(sys.argv[1]).to_dict('list'))['HRV_MeanNN'].iloc[0]))"
    )  # in a process of its own: its warnings are not ours
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(es.classify(ride).rr(normal=True).ms.mean(), abs=0.1)


def test_no_interval(tmp_path: Path, capsys: Any) -> None:
    np.save(tmp_path / "flat.npy", np.zeros(2000))
    assert run(["rr", str(tmp_path / "flat.npy"), "--fs", "250"]) == 2
    assert "no two beats in a row" in capsys.readouterr().err


def test_the_files_are_those_that_the_command_names() -> None:
    from ecg_stream.cli.file_options import RECORD_HELP
    from ecg_stream.replay.formats.by_suffix import READERS

    assert set(READERS) == {word.strip(".") and "." + word.strip(".") for word in RECORD_HELP.split(": ")[1].split()}
    with pytest.raises(es.errors.RecordError, match="no file"):
        find_record("nowhere.csv")
