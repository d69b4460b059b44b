"""WFDB records on disk: what was written is what is read, in blocks; and every way in which a record can be wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.errors import RecordError
from ecg_stream.replay import record as record_module
from ecg_stream.replay.annotations import write_annotations
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.wfdb_files import open_record
from ecg_stream.replay.wfdb_header import missing_files

WriteRecord = Callable[..., Path]


def edit_header(path: Path, old: str, new: str) -> None:
    header = path.with_suffix(".hea")
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))


@pytest.mark.parametrize("fmt", ["16", "212", "24", "32", "80", "516"])
def test_blocks_of_every_format_give_what_was_written(
    tmp_path: Path, write_record: WriteRecord, fmt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gain = 40.0 if fmt == "80" else 100.0  # eight bits hold no more
    written = demo_record().signal(0, 3001).copy()
    written[500:700, 1] = np.nan
    record = open_record(write_record(tmp_path, fmt=fmt, p_signal=written, adc_gain=[gain] * 2))
    assert (record.leads, record.fs, record.n_samples) == (("MLII", "V5"), 250.0, 3001)
    whole = record.signal()
    assert whole.dtype == np.float64
    np.testing.assert_allclose(whole, written, atol=0.51 / gain)  # NaN where NaN was
    monkeypatch.setattr(record_module, "BLOCK_VALUES", 626)  # odd blocks, so that they begin within a byte group
    chunks = list(record.chunks(108))
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), whole)


def test_three_samples_in_four_bytes(tmp_path: Path, write_record: WriteRecord) -> None:
    """Format 311, which wfdb reads and does not write; blocks begin in the middle of a group."""
    path = write_record(tmp_path, seconds=6)
    steps = np.round(open_record(path).signal() * 100).astype(np.int64)
    groups = (steps.reshape(-1, 3) & 0x3FF).astype("<u4")
    path.with_suffix(".dat").write_bytes((groups[:, 0] | groups[:, 1] << 10 | groups[:, 2] << 20).tobytes())
    edit_header(path, "r1.dat 16 ", "r1.dat 311 ")
    record = open_record(path)
    for start in range(7):
        np.testing.assert_allclose(record.signal(start, 700 + start), steps[start : 700 + start] / 100)


def test_a_record_of_differences_is_read_from_its_start(tmp_path: Path, write_record: WriteRecord) -> None:
    """Format 8, which wfdb reads and does not write."""
    path = write_record(tmp_path, seconds=4)
    steps = np.round(open_record(path).signal() * 100).astype(int)
    moves = np.clip(np.diff(steps, axis=0, prepend=steps[:1]), -128, 127).astype("<i1")
    lines = path.with_suffix(".hea").read_text().splitlines()
    fields = [line.split() for line in lines[1:3]]
    for column, field in enumerate(fields):
        field[1], field[5] = "8", str(steps[0, column])
    path.with_suffix(".hea").write_text("\n".join([lines[0], *(" ".join(field) for field in fields)]) + "\n")
    path.with_suffix(".dat").write_bytes(moves.tobytes())
    record = open_record(path)
    expected = (steps[0] + np.cumsum(moves.astype(int), axis=0)) / 100
    np.testing.assert_allclose(record.signal(), expected)
    np.testing.assert_allclose(record.signal(333, 777), expected[333:777])


@pytest.mark.parametrize(("units", "factor"), [("uV", 1000), ("V", 0.001), ("µV", 1000), ("nV", 1e6)])
def test_other_units_become_millivolts(tmp_path: Path, write_record: WriteRecord, units: str, factor: float) -> None:
    path = write_record(tmp_path)
    header = path.with_suffix(".hea")
    text = header.read_text().replace("100.0(0)/mV", f"{100 / factor}(0)/{units}")
    header.write_text(text, encoding="utf-8")
    np.testing.assert_allclose(open_record(path).signal(), demo_record().signal(0, 5000), atol=0.006)


def test_a_signal_that_is_no_voltage_is_named_and_left_out(tmp_path: Path, write_record: WriteRecord) -> None:
    record = open_record(write_record(tmp_path, units=["mmHg", "mV"], sig_name=["ABP", "V5"]))
    assert record.leads == ("V5",)
    assert [(signal.name, signal.units, signal.streamed) for signal in record.signals] == [
        ("ABP", "mmHg", False),
        ("V5", "mV", True),
    ]
    np.testing.assert_allclose(record.signal()[:, 0], demo_record().signal(0, 5000)[:, 1], atol=0.006)


def test_leads_without_a_name_or_with_one_name_are_told_apart(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path, p_signal=np.tile(demo_record().signal(0, 500), 2), sig_name=["ECG", "b", "V1", "x"])
    edit_header(path, " b\n", " ECG\n")
    edit_header(path, " x\n", "\n")
    assert open_record(path).leads == ("ECG#1", "ECG#2", "V1", "ECG4")


def test_several_samples_a_frame_are_the_leads_own_rate(tmp_path: Path, write_record: WriteRecord) -> None:
    import wfdb

    ecg = demo_record(fs=500.0).signal(0, 10_000)[:, 0]
    wfdb.wrsamp(
        "r1",
        fs=125,
        e_p_signal=[ecg.copy(), np.linspace(0, 1, 2500)],
        samps_per_frame=[4, 1],
        units=["mV", "mmHg"],
        sig_name=["II", "ABP"],
        fmt=["16", "16"],
        adc_gain=[200.0, 100.0],
        baseline=[0, 0],
        write_dir=str(tmp_path),
    )
    record = open_record(tmp_path / "r1")
    assert (record.leads, record.fs, record.n_samples) == (("II",), 500.0, 10_000)
    np.testing.assert_allclose(record.signal(4999, 7003)[:, 0], ecg[4999:7003], atol=0.003)


def test_reference_annotations_come_with_the_record(tmp_path: Path, write_record: WriteRecord) -> None:
    record = open_record(write_record(tmp_path))
    reference, demo = record.annotations(), demo_record().annotations()
    assert reference is not None
    assert demo is not None
    assert reference.samples.tolist() == demo.samples[demo.samples < 5000].tolist()
    assert record.annotations("ecs") is None


def test_a_header_may_leave_out_the_rate_and_hold_more_than_it_needs(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path)
    edit_header(path, "r1 2 250 5000", "# a comment\n\nr1 2 250.0/12.5(3) 5000 09:30:00 01/02/1999")
    path.with_suffix(".hea").write_text(path.with_suffix(".hea").read_text() + "\n# Age: 51  Sex: F\n#\n")
    record = open_record(path)
    assert record.fs == 250
    assert record.comments == ("a comment", "Age: 51  Sex: F")


def test_padding_behind_the_samples_is_no_fault(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path)
    with path.with_suffix(".dat").open("ab") as file:
        file.write(bytes(4))
    assert open_record(path).n_samples == 5000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "r1 2 250 5000",
            "r1 2 250 50000",
            "promises 50000 samples, 200 s at 250 Hz, .* holds 5000: .*cut short",
        ),
        ("r1 2 250 5000", "r1 2 50 1000", "promises 1000 samples.* holds 5000: .* of another sampling rate"),
        ("r1 2 250 5000", "r1 2 250 -1", "the length '-1' cannot be read: valid is a number of samples"),
        ("r1 2 250 5000", "r1 2 250 5e3x", "the length '5e3x' cannot be read"),
        (
            "r1 2 250 5000",
            "r1 2 0 5000",
            "0 Hz, as its header says, is not one of an ECG: valid are 50 to 5000 Hz",
        ),
        ("r1 2 250 5000", "r1 2 -250 5000", "a sampling rate of -250 Hz, as its header says, is not"),
        ("r1 2 250 5000", "r1 2 inf 5000", "a sampling rate of inf Hz, as its header says, is not"),
        ("r1 2 250 5000", "r1 2 1 5000", "a sampling rate of 1 Hz, as its header says, is not"),
        ("r1 2 250 5000", "r1 2 25000 5000", "a sampling rate of 25000 Hz, as its header says, is not"),
        ("r1 2 250 5000", "r1 2 fast 5000", "sampling rate 'fast' cannot be read"),
        ("r1 2 250 5000", "r1 0 250 5000", "has no signal"),
        ("r1 2 250 5000", "r1 3 250 5000", "promises 3 signals and describes 2"),
        ("r1 2 250 5000", "r1", "is no WFDB header: it begins with 'r1'"),
        ("r1 2 250 5000", "<html>", "is no WFDB header: it begins with '<html>'"),
        ("r1.dat 16 ", "r1.dat 17 ", "in format 17, which cannot be read"),
        ("r1.dat 16 ", "r2.dat 16 ", "cannot read its signal file .*r2.dat: No such file"),
        ("r1.dat 16 ", "!? ", "the format '100.0.0./mV' of signal file !. cannot be read"),
        ("r1.dat 16 ", "r1.dat 16x-1 ", "the format '16x-1' of signal file r1.dat cannot be read: valid is such as 16"),
        ("r1.dat 16 ", "r1.dat 16x0 ", "the format '16x0' of"),
        ("r1.dat 16 ", "r1.dat 16:999999999 ", "the format '16:999999999' of"),
        ("r1 2 250 5000", "r1 2 250 99999999999999999", "the length '99999999999999999' cannot be read"),
        ("r1.dat 16 ", "r1.dat 16:-3 ", "the format '16:-3' of"),
        ("r1.dat 16 ", "r1.dat 16.5 ", "the format '16.5' of"),
        ("r1.dat 16 ", "r1.dat 16x1x2 ", "the format '16x1x2' of"),
        *[
            (" 16 100.0(0)/mV", f" 16 {gain}", "the gain .* cannot be that of an ECG: valid is a number of ADC units")
            for gain in ("2O0", "0,005", "abc", "nan/mV", "1e5x", "1e300", "1e-9/mV", "200(99999999999999999999)/mV")
        ],
        ("/mV", "/mmHg", "has no ECG lead in volts: it has MLII in mmHg, V5 in mmHg"),
    ],
)
def test_a_header_that_cannot_be_true_is_told(
    tmp_path: Path, write_record: WriteRecord, old: str, new: str, message: str
) -> None:
    path = write_record(tmp_path)
    edit_header(path, old, new)
    with pytest.raises(RecordError, match=message) as told:
        open_record(path)
    assert "\n" not in str(told.value)


def test_a_header_without_signal_lines_is_told(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path)
    for text, message in [
        ("r1 2 250 5000\n", "has no signal"),
        ("r1 0 250 5000\n# x\n", "has no signal"),
        ("", "is empty"),
    ]:
        path.with_suffix(".hea").write_text(text)
        with pytest.raises(RecordError, match=message):
            open_record(path)
    path.with_suffix(".hea").write_bytes(bytes(range(256)))
    with pytest.raises(RecordError, match="is no WFDB header"):
        open_record(path)
    path.with_suffix(".hea").unlink()
    with pytest.raises(RecordError, match=r"cannot read .*r1\.hea: No such file"):
        open_record(path)


@pytest.mark.parametrize("fmt", ["16", "212", "24"])
@pytest.mark.parametrize("missing", [2000, 8000])
def test_a_signal_file_cut_short_is_told(tmp_path: Path, write_record: WriteRecord, fmt: str, missing: int) -> None:
    path = write_record(tmp_path, fmt=fmt)
    content = path.with_suffix(".dat").read_bytes()
    path.with_suffix(".dat").write_bytes(content[:-missing])
    with pytest.raises(
        RecordError, match=r"record r1: .* r1\.dat holds \d+: the file is cut short: fetch it again, or write"
    ):
        open_record(path)


def test_a_compressed_file_cut_short_is_told_when_it_is_read(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path, fmt="516")
    content = path.with_suffix(".dat").read_bytes()
    path.with_suffix(".dat").write_bytes(content[: len(content) // 2])
    with pytest.raises(RecordError, match=r"signal files cannot be read at samples 0 to 5000 .*: fetch it again"):
        open_record(path).signal()


def test_a_file_that_goes_away_is_told(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path)
    record = open_record(path)
    path.with_suffix(".dat").unlink()
    with pytest.raises(RecordError, match="cannot be read"):
        next(record.chunks(100))


def test_annotations_of_a_longer_record_are_told(tmp_path: Path, write_record: WriteRecord) -> None:
    record = open_record(write_record(tmp_path))
    write_annotations(tmp_path, "r1", 250, [100, 5000 + 251], ["N", "N"], "atr")
    with pytest.raises(RecordError, match=r"marks sample 5251, the record ends at 5000: .*sampling rate in the header"):
        record.annotations()
    write_annotations(tmp_path, "r1", 250, [100, 5000], ["N", "N"], "atr")  # svdb 860 has one there
    assert record.annotations() is not None


def test_missing_files_are_named(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path)
    assert missing_files(path) == []
    shutil.move(path.with_suffix(".dat"), tmp_path / "elsewhere")
    assert missing_files(path) == [path.with_suffix(".dat")]
    path.with_suffix(".hea").unlink()
    assert missing_files(path) == [path.with_suffix(".hea")]
