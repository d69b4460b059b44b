"""WFDB headers, checked against the signal files they name.

What a header says is believed only if it can be true, so that a damaged download, a foreign signal file or a wrong
sampling rate is told in one line before the first sample, and not met as nonsense later on.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RecordError

GAIN = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?:\(([-+]?\d+)\))?(?:/\S+)?")
"""The gain of a signal line, as the WFDB header format has it: ADC units per physical unit, baseline, unit."""

MIN_GAIN, MAX_GAIN, MAX_BASELINE = 1e-6, 1e9, 2**31

MIN_FS, MAX_FS = 50.0, 5000.0  # Hz; below, no QRS complex is left; above, nobody records an ECG

BITS_PER_SAMPLE = {
    "8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 32 / 3, "311": 32 / 3
}  # fmt: skip
"""Size of a sample in each WFDB format that is not compressed."""

COMPRESSED = frozenset({"508", "516", "524"})

SURPLUS_TOLERANCE = 0.01
"""Share by which a signal file may be longer than its header promises: some are padded to whole blocks."""


@dataclass(frozen=True, slots=True)
class HeaderSignal:
    """One signal line.

    Attributes
    ----------
    name
        Its description; None if there is none.
    units
        Physical unit.
    gain, baseline
        ADC units per physical unit, and ADC value of 0.
    adc_bits
        ADC resolution; None if it is not stated.
    per_frame
        Its samples in each frame.
    fmt
        WFDB storage format.
    """

    name: str | None
    units: str
    gain: float
    baseline: int
    adc_bits: int | None
    per_frame: int
    fmt: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes
    ----------
    frame_hz
        Frames a second.
    n_frames
        Length of the record.
    signals
        Its signals, at least one.
    comments
        Its comment lines that are not empty.
    """

    frame_hz: float
    n_frames: int
    signals: tuple[HeaderSignal, ...]
    comments: tuple[str, ...]


def read_header(path: Path) -> Header:
    """Read ``PATH.hea``, and look whether its signal files hold what it promises.

    Raises
    ------
    RecordError
        If it cannot be read, describes no signal, or promises what is not there.
    """
    import wfdb

    file = header_file(path)
    lines = _lines(file)
    stated_fs = _stated_fs(file, lines[0])
    try:
        header = wfdb.rdheader(str(path))
    except Exception as error:  # wfdb raises its own and lets IndexError, ValueError and others out
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecordError(f"{file} is no WFDB header ({reason}): fetch it again") from error
    if isinstance(header, wfdb.MultiRecord):
        segment = next((name for name in header.seg_name if name != "~"), "")
        raise RecordError(
            f"record {path.name} is made of {header.n_seg} segments, which cannot be played as one: "
            f"name a segment, such as {path.parent / segment}"
        )
    if not header.n_sig or len(lines) == 1:
        raise RecordError(f"record {path.name} has no signal: its header {file} describes none")
    if len(lines) - 1 != header.n_sig:
        raise RecordError(f"{file} promises {header.n_sig} signals and describes {len(lines) - 1}: fetch it again")
    if not math.isclose(header.fs, stated_fs):
        raise RecordError(f"{file}: the sampling rate in '{lines[0][:60]}' cannot be read: write it as a number")
    for line in lines[1:]:
        _check_gain(file, line)
    return Header(
        frame_hz=float(header.fs),
        n_frames=_length(path, header),
        signals=tuple(
            HeaderSignal(
                name=header.sig_name[i],
                units=_units(line),
                gain=float(header.adc_gain[i]),
                baseline=int(header.baseline[i]),
                adc_bits=header.adc_res[i] or None,
                per_frame=int(header.samps_per_frame[i] or 1),
                fmt=header.fmt[i],
            )
            for i, line in enumerate(lines[1:])
        ),
        comments=tuple(comment for comment in header.comments if comment),
    )


def header_file(path: Path) -> Path:
    """Give the header of the record `path`, whose name may hold dots."""
    return path.parent / f"{path.name}.hea"


def missing_files(path: Path) -> list[Path]:
    """List the files that the record whose header is ``PATH.hea`` needs and that are not there."""
    file = header_file(path)
    if not file.is_file():
        return [file]
    files = {path.parent / Path(line.split()[0]).name for line in _lines(file)[1:]}
    return sorted(file for file in files if not file.is_file())


def check_fs(path: Path, fs: float) -> None:
    """Refuse a sampling rate in Hz that no ECG has.

    Raises
    ------
    RecordError
        If it is not in `MIN_FS` to `MAX_FS`.
    """
    if not MIN_FS <= fs <= MAX_FS:
        raise RecordError(
            f"record {path.name}: a sampling rate of {fs:g} Hz, as its header says, is not one of an ECG: "
            f"valid are {MIN_FS:g} to {MAX_FS:g} Hz"
        )


def _lines(file: Path) -> list[str]:
    """Read the lines of the header that are no comment, as they stand."""
    try:
        text = file.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}") from error
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise RecordError(f"{file} is empty: a WFDB header says name, leads, sampling rate and length: fetch it again")
    return lines


def _stated_fs(file: Path, record_line: str) -> float:
    """Read the sampling rate out of the record line: wfdb silently takes 250 Hz for what it cannot read."""
    fields = record_line.split()
    if len(fields) < 3:
        if len(fields) == 2 and fields[1].isdecimal():
            return 250.0  # the rate may be left out, and is 250 Hz then, as the WFDB header format has it
        raise RecordError(f"{file} is no WFDB header: it begins with {record_line[:60]!r}")
    try:
        fs = float(re.split(r"[/(]", fields[2])[0])
    except ValueError:
        raise RecordError(
            f"{file}: the sampling rate {fields[2][:60]!r} cannot be read: valid is a number of Hz"
        ) from None
    if not 0 < fs < math.inf:
        check_fs(file.with_suffix(""), fs)
    return fs


def _check_gain(file: Path, signal_line: str) -> None:
    """Refuse a gain that no converter has, or that is no number: wfdb takes the part of it that it can read."""
    fields = signal_line.split()
    if len(fields) < 3:
        return  # it may be left out, and is 200 then
    found = GAIN.fullmatch(fields[2])
    gain = abs(float(found[1])) if found else math.nan
    if found is None or not (gain == 0.0 or MIN_GAIN <= gain <= MAX_GAIN) or abs(int(found[2] or 0)) > MAX_BASELINE:
        raise RecordError(
            f"{file}: the gain {fields[2][:60]!r} of signal file {fields[0][:60]} cannot be that of an ECG: "
            "valid is a number of ADC units per millivolt, such as 200 or 200(1024)/mV"
        )


def _length(path: Path, header: Any) -> int:
    """Give the length of the record in frames, after a look at the size of each signal file."""
    promised: int | None = header.sig_len
    for name in dict.fromkeys(header.file_name):
        signals = [i for i in range(header.n_sig) if header.file_name[i] == name]
        file, fmt = path.parent / name, header.fmt[signals[0]]
        try:
            size = file.stat().st_size - (header.byte_offset[signals[0]] or 0)
        except OSError as error:
            raise RecordError(f"record {path.name}: cannot read its signal file {file}: {error.strerror}") from error
        if fmt in COMPRESSED:  # how long it is shows when it is read
            continue
        if fmt not in BITS_PER_SAMPLE:
            raise RecordError(f"record {path.name}: signal file {name} is in format {fmt}, which cannot be read")
        frame_bits = BITS_PER_SAMPLE[fmt] * sum(header.samps_per_frame[i] or 1 for i in signals)
        held = int(size * 8 / frame_bits + 1e-9)
        if promised is None:
            raise RecordError(
                f"record {path.name}: its header does not say how long it is: "
                f"write the number of samples, {held}, behind the sampling rate"
            )
        what = (
            f"record {path.name}: its header promises {promised} samples, {promised / header.fs:g} s at "
            f"{header.fs:g} Hz, and {name} holds {held}"
        )
        if math.ceil(promised * frame_bits / 8 - 1e-9) > size:
            raise RecordError(f"{what}: the file is cut short: fetch it again")
        if promised and held > (1 + SURPLUS_TOLERANCE) * promised + 1:
            raise RecordError(
                f"{what}: the header is of another recording, or of another sampling rate: fetch both again"
            )
    if not promised:
        raise RecordError(f"record {path.name} is empty: its header promises 0 samples")
    return promised


def _units(signal_line: str) -> str:
    """Read the unit out of a signal line, with the µ that wfdb drops, which makes volts of microvolts."""
    fields = signal_line.split()
    return (fields[2].partition("/")[2] if len(fields) > 2 else "") or "mV"
