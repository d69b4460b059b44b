"""Numbers of signal files: those that the wfdb package reads, in every format, from any frame on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecg_stream.errors import RecordError
from ecg_stream.replay import wfdb_signals
from ecg_stream.replay.wfdb_header import read_header
from ecg_stream.replay.wfdb_signals import open_signal_file

PARTS = [(0, 300), (0, 1), (1, 2), (7, 131), (100, 299), (298, 300)]


@pytest.mark.parametrize("layout", [("", "", ""), ("x2", "", "x3"), ("", ":5", ""), ("+7", "+7", "+7")])
@pytest.mark.parametrize("fmt", ["16", "24", "32", "61", "80", "160", "212", "310", "311"])
def test_any_bytes_are_read_as_wfdb_reads_them(
    tmp_path: Path, fmt: str, layout: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import wfdb

    content = np.random.default_rng(int(fmt)).integers(0, 256, 40_000, dtype=np.uint8)
    if fmt == "311":
        # Two bits of each group are spare, and wfdb takes one of them for data.
        content[3 + 7 * layout[0].startswith("+") :: 4] &= 0x3F
    (tmp_path / "r1.dat").write_bytes(content.tobytes())
    lines = [f"r1.dat {fmt}{part} 1(0)/mV 16 0 0 0 0 s{i}" for i, part in enumerate(layout)]
    (tmp_path / "r1.hea").write_text("\n".join(["r1 3 250 300", *lines]) + "\n")
    file = open_signal_file(tmp_path / "r1", "r1.dat", read_header(tmp_path / "r1").signals)
    monkeypatch.setattr(wfdb_signals, "PIECE_VALUES", 77)  # pieces that begin within a group of bytes
    for first, stop in PARTS:
        read = file.read(first, stop, [2, 0, 1])
        skew = max(file.skews)
        whole = wfdb.rdrecord(str(tmp_path / "r1"), sampfrom=first, sampto=stop, smooth_frames=False)
        for k, i in enumerate([2, 0, 1]):
            # At the end of a skewed signal wfdb gives NaN; the file is longer than its header says, and goes on.
            n = len(read[k]) - max(0, stop + skew - 300) * file.widths[i]
            np.testing.assert_array_equal(read[k][:n], whole.e_p_signal[i][:n])


@pytest.mark.parametrize("fmt", ["508", "516", "524"])
@pytest.mark.parametrize("per_frame", [1, 3])
def test_compressed_files_are_read_as_they_were_written(tmp_path: Path, fmt: str, per_frame: int) -> None:
    import wfdb

    bits = int(fmt) - 500
    rng = np.random.default_rng(bits)
    numbers = [rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), 300 * per_frame) for _ in range(2)]
    wfdb.wrsamp(
        "r1", fs=250, units=["mV"] * 2, sig_name=["I", "II"], fmt=[fmt] * 2, e_d_signal=numbers,
        samps_per_frame=[per_frame] * 2, adc_gain=[1.0] * 2, baseline=[0] * 2, write_dir=str(tmp_path),
    )  # fmt: skip
    file = open_signal_file(tmp_path / "r1", "r1.dat", read_header(tmp_path / "r1").signals)
    assert file.n_frames == 300
    for first, stop in PARTS:
        for read, written in zip(file.read(first, stop, [0, 1]), numbers, strict=True):
            part = written[first * per_frame : stop * per_frame].astype(float)
            part[part == -(1 << (bits - 1))] = np.nan
            np.testing.assert_array_equal(read, part)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["r1.dat 516", "r1.dat 516"], "is no FLAC file, as its format 516 says"),
        (["r1.dat 16", "r1.dat 212"], "is described with several formats"),
        (["r1.dat 16+4", "r1.dat 16+8"], "is described with several formats"),
        (["r1.dat 99", "r1.dat 99"], "in format 99, which cannot be read: valid are 8, 16, 24"),
    ],
)
def test_files_that_are_not_what_the_header_says(tmp_path: Path, lines: list[str], message: str) -> None:
    (tmp_path / "r1.dat").write_bytes(bytes(4000))
    (tmp_path / "r1.hea").write_text("\n".join([f"r1 {len(lines)} 250 300", *lines]) + "\n")
    with pytest.raises(RecordError, match=message):
        open_signal_file(tmp_path / "r1", "r1.dat", read_header(tmp_path / "r1").signals)


def test_a_signal_is_found_among_signals_of_other_files(tmp_path: Path) -> None:
    """Signals of one file need not stand together in the header."""
    from ecg_stream.replay.wfdb_files import open_record

    for name, first in (("a", 0), ("b", 1000)):
        (tmp_path / f"{name}.dat").write_bytes((first + np.arange(600)).astype("<i2").tobytes())
    lines = [
        "a.dat 16 1 16 0 0 0 0 I",
        "b.dat 16 1 16 0 0 0 0 II",
        "a.dat 16 1 16 0 0 0 0 III",
        "b.dat 16 1 16 0 0 0 0 V",
    ]
    (tmp_path / "r1.hea").write_text("\n".join(["r1 4 250 300", *lines]) + "\n")
    np.testing.assert_array_equal(open_record(tmp_path / "r1").signal(7, 8), [[14, 1014, 15, 1015]])
