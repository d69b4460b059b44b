"""WFDB headers, read by the grammar of header(5) and by nothing else.

What is understood here is what the reading of samples uses. What cannot be understood, and changes the scale or the
time of a sample, is refused in one line that quotes it. What changes neither (a date, a name, a checksum) is never a
reason to refuse.

Differences from header(5): numbers may be written as programs write them (``1E3``, ``1000(+5)/mV``, ``16.0``,
``5000.0``); the parts of a format may stand in any order (``16+0:0``); a name of any letters is taken, as UTF-8 or else
latin-1; a description may follow wherever the numbers end; a sampling rate that is 0 or negative is refused.

One file of over 300 lines: it is one grammar, and its parts are read against each other.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError
from .wfdb_date import began

MAX_HEADER_BYTES = 4 << 20
"""A header of a hundred thousand segments is smaller; what is larger is another kind of file."""

MAX_SKEW = 100_000  # frames; skews between the heads of a tape recorder are a few
MAX_FRAMES = 1 << 40  # a century at 300 Hz; a length beyond it is no length

MIN_GAIN, MAX_GAIN, MAX_BASELINE = 1e-6, 1e9, 2**31
DEFAULT_GAIN = 200.0  # ADC units per mV, where the header says none or 0: header(5)
DEFAULT_FS = 250.0  # Hz, where the record line ends before it: header(5)

MIN_FS, MAX_FS = 50.0, 5000.0  # Hz; below, no QRS complex is left; above, nobody records an ECG

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_GAIN = re.compile(rf"({_NUMBER})(?:\(({_NUMBER})\))?(?:/([^\s()]*))?(?:\(({_NUMBER})\))?")
_FORMAT = re.compile(r"(\d+)(?:\.0*)?((?:[x:+]\d+(?:\.0*)?)*)")
_FORMAT_PART = re.compile(r"([x:+])(\d+)")
_RATE = re.compile(rf"({_NUMBER}|[-+]?inf|nan)(?:/.*)?", re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?\d+(?:\.0*)?")


@dataclass(frozen=True, slots=True)
class HeaderSignal:
    """One signal line.

    Attributes
    ----------
    file
        Name of its signal file; ``~`` where there is none.
    name
        Its description; empty if there is none.
    units
        Physical unit.
    gain, baseline
        ADC units per physical unit, and ADC value of 0.
    adc_bits
        ADC resolution; None if it is not stated.
    per_frame
        Its samples in each frame.
    skew
        Frames by which it stands late in the file.
    offset
        Where samples begin in the file: bytes, or samples of a compressed file.
    initial
        First value of a format that stores differences.
    fmt
        WFDB storage format.
    """

    file: str
    name: str
    units: str
    gain: float
    baseline: int
    adc_bits: int | None
    per_frame: int
    skew: int
    offset: int
    initial: int
    fmt: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes
    ----------
    frame_hz
        Frames a second.
    n_frames
        Length of the record; None if it is not stated.
    began
        Date and time of the first sample, as ``1994-08-15 17:27:45`` or the part of it that can be read.
    signals
        Its signals; none if it is made of segments.
    segments
        Name and number of frames of each segment of a record that is made of them.
    comments
        Its comment lines that are not empty.
    """

    frame_hz: float
    n_frames: int | None
    began: str | None
    signals: tuple[HeaderSignal, ...]
    segments: tuple[tuple[str, int], ...]
    comments: tuple[str, ...]


def read_header(path: Path) -> Header:
    """Read ``PATH.hea``.

    Raises
    ------
    RecordError
        If it cannot be read, or says what cannot be.
    """
    file = header_file(path)
    lines, comments = _lines(file)
    if not lines:
        raise RecordError(f"{file} is empty: a WFDB header says name, leads, sampling rate and length: fetch it again")
    name, line = _split(lines[0], path.name)
    fields, rest = line.split(), lines[1:]
    if not fields or not re.fullmatch(r"\d+", fields[0]):
        raise RecordError(f"{file} is no WFDB header: it begins with {lines[0][:60]!r}")
    frame_hz = _rate(file, fields[1]) if len(fields) > 1 else DEFAULT_FS
    n_frames, when = _length_and_date(file, fields[2:])
    head, _, n_segments = name.rpartition("/")
    stated = int(fields[0])
    # `mitdb/100` is a path and `100s/3` a record of three segments: what follows tells which.
    segmented = n_segments.isdecimal() and (head == path.name or len(rest) == int(n_segments))
    what, promised = ("segments", int(n_segments)) if segmented and head else ("signals", stated)
    if not rest or not promised:
        raise RecordError(f"record {path.name} has no signal: its header {file} describes none")
    if len(rest) != promised:
        raise RecordError(f"{file} promises {promised} {what} and describes {len(rest)}: fetch it again")
    return Header(
        frame_hz=frame_hz,
        n_frames=n_frames,
        began=began(when),
        signals=() if what == "segments" else tuple(_signal(file, *_split(line, path.name)) for line in rest),
        segments=tuple(_segment(file, *_split(line, path.name)) for line in rest) if what == "segments" else (),
        comments=comments,
    )


def header_file(path: Path) -> Path:
    """Give the header of the record `path`, whose name may hold dots."""
    return path.parent / f"{path.name}.hea"


def signal_file(path: Path, name: str) -> Path:
    """Give the place of a file that a header names: in its folder, whatever path it once had."""
    stated = path.parent / name
    return stated if stated.is_file() else path.parent / re.split(r"[/\\]", name)[-1]


def missing_files(path: Path) -> list[Path]:
    """List the files that the record whose header is ``PATH.hea`` needs and that are not there.

    Of a segment whose header is not there either, only the header is known to be missing.
    """
    file = header_file(path)
    if not file.is_file():
        return [file]
    try:
        header = read_header(path)
    except RecordError:
        return []  # told when it is opened
    names = {signal.file for signal in header.signals if signal.file not in "~-"}
    found = {file for name in names if not (file := signal_file(path, name)).is_file()}
    for name, _ in header.segments:
        if name != "~" and name != path.name:
            found.update(missing_files(path.parent / name))
    return sorted(found)


def check_fs(name: str, fs: float) -> None:
    """Refuse a sampling rate in Hz that no ECG has.

    Raises
    ------
    RecordError
        If it is not in `MIN_FS` to `MAX_FS`.
    """
    if not MIN_FS <= fs <= MAX_FS:
        raise RecordError(
            f"record {name}: a sampling rate of {fs:g} Hz, as its header says, is not one of an ECG: "
            f"valid are {MIN_FS:g} to {MAX_FS:g} Hz"
        )


def _lines(file: Path) -> tuple[list[str], tuple[str, ...]]:
    """Read the lines of the header, and its comments, with single spaces between words."""
    try:
        if not file.is_file():  # opening a pipe would wait for ever
            raise RecordError(f"cannot read {file}: {'not a file' if file.exists() else 'No such file or directory'}")
        with file.open("rb") as opened:
            content = opened.read(MAX_HEADER_BYTES + 1)
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}") from error
    if len(content) > MAX_HEADER_BYTES or b"\0" in content:
        what = "holds zero bytes" if b"\0" in content else f"is larger than {MAX_HEADER_BYTES >> 20} MB"
        raise RecordError(f"{file} is no WFDB header: it {what}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines, comments = [], []
    for line in re.split(r"[\r\n]+", text):
        words = " ".join(line.split())
        if words.startswith("#"):
            comments.append(line.strip()[1:].strip())
        elif words:
            lines.append(words)
    return lines, tuple(comment for comment in comments if comment)


def _split(line: str, record: str) -> tuple[str, str]:
    """Split the name off a line; only one that begins as the record is called may hold spaces."""
    name = re.escape(" ".join(record.split())) + r"\S*|\S+"
    found = re.match(name, line)
    first = found[0] if found else ""
    return first, line[len(first) :].strip()


def _rate(file: Path, field: str) -> float:
    """Read the sampling rate; behind it may stand the rate and the base of a counter, which are not used."""
    found = _RATE.fullmatch(field)
    if found is None:
        raise RecordError(f"{file}: the sampling rate {field[:60]!r} cannot be read: valid is a number of Hz")
    fs = float(found[1])
    if not 0 < fs < math.inf:
        check_fs(file.name.removesuffix(".hea"), fs)
    return fs


def _length_and_date(file: Path, fields: list[str]) -> tuple[int | None, list[str]]:
    """Read the number of frames, None where it is left out or 0, which says the same: header(5)."""
    if not fields or re.search(r"\d[:/T-]\d", fields[0]):
        return None, fields
    length = _whole(fields[0])
    if length is None or not 0 <= length <= MAX_FRAMES:
        raise RecordError(f"{file}: the length {fields[0][:60]!r} cannot be read: valid is a number of samples")
    return length or None, fields[1:]


def _segment(file: Path, name: str, length: str) -> tuple[str, int]:
    n_frames = _whole(length)
    if n_frames is None or not 0 <= n_frames <= MAX_FRAMES:
        raise RecordError(
            f"{file}: the segment '{name[:60]} {length[:60]}' cannot be read: valid is its name and number of samples"
        )
    return name, n_frames


def _signal(file: Path, name: str, line: str) -> HeaderSignal:
    fields = line.split()
    if not fields:
        raise RecordError(f"{file} is no WFDB header: the signal line {name[:60]!r} names no format")
    fmt, per_frame, skew, offset = _format(file, name, fields[0])
    gain, baseline, units = _gain(file, name, fields[1]) if len(fields) > 1 else (DEFAULT_GAIN, None, "mV")
    numbers: list[int] = []  # ADC resolution, ADC zero, initial value, checksum, block size
    for field in fields[2:7]:
        number = _whole(field)
        if number is None:
            break
        numbers.append(number)
    bits, zero, initial = (*numbers, 0, 0, 0)[:3]
    return HeaderSignal(
        file=name,
        name="".join(c for c in " ".join(fields[2 + len(numbers) :]) if c.isprintable()),
        units=units,
        gain=gain,
        baseline=zero if baseline is None else baseline,
        adc_bits=bits or None,
        per_frame=per_frame,
        skew=skew,
        offset=offset,
        initial=initial,
        fmt=fmt,
    )


def _format(file: Path, name: str, field: str) -> tuple[str, int, int, int]:
    """Read ``FORMATxPER_FRAME:SKEW+OFFSET``."""
    found = _FORMAT.fullmatch(field)
    parts = _FORMAT_PART.findall(found[2]) if found else []
    read = {sign: int(value) for sign, value in parts}
    skew = read.get(":", 0)
    if found is None or len(read) < len(parts) or read.get("x", 1) < 1 or skew > MAX_SKEW or len(field) > 60:
        raise RecordError(
            f"{file}: the format {field[:60]!r} of signal file {name[:60]} cannot be read: "
            "valid is such as 16, 212x4 (samples a frame), 16:3 (skew) or 16+24 (bytes to skip)"
        )
    return str(int(found[1])), read.get("x", 1), skew, read.get("+", 0)


def _gain(file: Path, name: str, field: str) -> tuple[float, int | None, str]:
    """Read ``GAIN(BASELINE)/UNITS``."""
    found = _GAIN.fullmatch(field) if len(field) <= 200 else None
    gain = float(found[1]) if found else math.nan
    stated = (found[2] or found[4]) if found else None
    baseline = None if stated is None else _whole(stated)
    if (
        found is None
        or not (gain == 0.0 or MIN_GAIN <= abs(gain) <= MAX_GAIN)
        or (stated is not None and (baseline is None or abs(baseline) > MAX_BASELINE))
        or (found[2] and found[4])
    ):
        raise RecordError(
            f"{file}: the gain {field[:60]!r} of signal file {name[:60]} cannot be that of an ECG: "
            "valid is a number of ADC units per millivolt, such as 200 or 200(1024)/mV"
        )
    return gain or DEFAULT_GAIN, baseline, found[3] or "mV"


def _whole(field: str) -> int | None:
    """Read a whole number, with or without a point and zeros behind it."""
    if _WHOLE.fullmatch(field) and len(field) <= 20:
        return int(field.partition(".")[0])
    return None
