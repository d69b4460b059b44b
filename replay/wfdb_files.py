"""WFDB records on disk: the header checked against its files, samples read a block at a time.

A record is opened only if what the header says can be true, so that a damaged download, a foreign signal file
or a wrong sampling rate is told in one line before the first sample, and not met as nonsense later on.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RecordError
from ..stream.messages import Samples
from .annotations import Annotations, read_annotations
from .record import Record, Signal

MILLIVOLTS = {"mV": 1.0, "mv": 1.0, "V": 1e3, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "nV": 1e-6}
"""Millivolts per unit, for the units that are voltages; both Unicode spellings of micro are met in headers."""

MIN_FS, MAX_FS = 50.0, 5000.0  # Hz; below, no QRS complex is left; above, nobody records an ECG

BITS_PER_SAMPLE = {
    "8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 32 / 3, "311": 32 / 3
}  # fmt: skip
"""Size of a sample in each WFDB format that is not compressed."""

COMPRESSED = frozenset({"508", "516", "524"})

SURPLUS_TOLERANCE = 0.01
"""Share by which a signal file may be longer than its header promises: some are padded to whole blocks."""

ANNOTATION_TOLERANCE_S = 1.0
"""How far behind the end an annotation may stand: some reference files have one on the sample after the last."""


def open_record(path: Path) -> Record:
    """Open the record whose header is ``PATH.hea``.

    Signals in V, mV, µV or nV are its leads, in millivolts; others (pressure, respiration in other units) are named in
    `Record.signals` and left out. A missing name becomes ``ECG1`` and so on, a repeated one gets a number.

    Raises
    ------
    RecordError
        If the header cannot be read, promises what cannot be, or its signal files are not what it promises.
    """
    import wfdb

    header_file = path.parent / f"{path.name}.hea"
    lines = _header_lines(header_file)
    stated_fs = _stated_fs(header_file, lines[0])
    try:
        header = wfdb.rdheader(str(path))
    except Exception as error:  # wfdb raises its own and lets IndexError, ValueError and others out
        raise RecordError(
            f"{header_file} is no WFDB header ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    if isinstance(header, wfdb.MultiRecord):
        segment = next((name for name in header.seg_name if name != "~"), "")
        raise RecordError(
            f"record {path.name} is made of {header.n_seg} segments, which cannot be played as one: "
            f"name a segment, such as {path.parent / segment}"
        )
    n_signals = len(header.file_name or ())
    if not header.n_sig or n_signals == 0:
        raise RecordError(f"record {path.name} has no signal: its header {header_file} describes none")
    if n_signals != header.n_sig or len(lines) - 1 != header.n_sig:
        raise RecordError(
            f"{header_file} promises {header.n_sig} signals and describes {len(lines) - 1}: fetch it again"
        )
    if not math.isclose(header.fs, stated_fs):
        raise RecordError(
            f"{header_file}: the sampling rate in '{lines[0][:60]}' cannot be read: write it as a number"
        )
    n_frames = _checked_length(path, header)

    units = [_units(line) for line in lines[1:]]
    per_frame = [int(n or 1) for n in header.samps_per_frame]
    kept = [i for i, unit in enumerate(units) if unit in MILLIVOLTS]
    if not kept:
        raise RecordError(
            f"record {path.name} has no lead in volts: its signals are in {', '.join(dict.fromkeys(units))}; "
            f"valid are {', '.join(dict.fromkeys(MILLIVOLTS))}"
        )
    if len({per_frame[i] for i in kept}) > 1:
        rates = ", ".join(f"{header.sig_name[i]} {per_frame[i] * header.fs:g} Hz" for i in kept)
        raise RecordError(
            f"record {path.name} has leads of several sampling rates ({rates}), which cannot be played as one: "
            "bring them to one rate, as the WFDB tool xform does"
        )
    names = _distinct([name or f"ECG{i + 1}" for i, name in enumerate(header.sig_name)])
    frame = per_frame[kept[0]]
    fs, n_samples = float(header.fs) * frame, n_frames * frame
    _check_fs(header_file, fs)
    return Record(
        name=path.name,
        path=path,
        fs=fs,
        leads=tuple(names[i] for i in kept),
        n_samples=n_samples,
        signals=tuple(
            Signal(
                name=names[i],
                units=units[i],
                gain=float(header.adc_gain[i]),
                baseline=int(header.baseline[i]),
                adc_bits=header.adc_res[i] or None,
                fs=float(header.fs) * per_frame[i],
                streamed=i in kept,
            )
            for i in range(n_signals)
        ),
        comments=tuple(comment for comment in header.comments if comment),
        source=WfdbSource(
            path=path,
            fs=fs,
            n_samples=n_samples,
            channels=tuple(kept),
            frame=frame,
            to_millivolts=tuple(MILLIVOLTS[units[i]] for i in kept),
            seekable="8" not in header.fmt,
        ),
    )


def missing_files(path: Path) -> list[Path]:
    """List the files that the record whose header is ``PATH.hea`` needs and that are not there."""
    header = path.parent / f"{path.name}.hea"
    if not header.is_file():
        return [header]
    files = {path.parent / line.split()[0] for line in _header_lines(header)[1:]}
    return sorted(file for file in files if not file.is_file())


@dataclass(frozen=True, slots=True)
class WfdbSource:
    """Reads the files of one record; see `record.Source`.

    Attributes
    ----------
    path
        The record, without extension.
    fs, n_samples
        Sampling rate of the leads, Hz, and samples on each.
    channels
        Which signals of the header are leads.
    frame
        Samples of each lead in one WFDB frame.
    to_millivolts
        Millivolts per physical unit, for each lead.
    seekable
        Whether a read may begin anywhere. Format 8 stores differences, so it is read from the first sample on.
    """

    path: Path
    fs: float
    n_samples: int
    channels: tuple[int, ...]
    frame: int
    to_millivolts: tuple[float, ...]
    seekable: bool

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN where there is no measurement.

        Raises
        ------
        RecordError
            If the signal files cannot be read.
        """
        import wfdb

        if start == stop:
            return np.empty((0, len(self.channels)))
        first_frame = start // self.frame if self.seekable else 0
        try:
            part = wfdb.rdrecord(
                str(self.path),
                sampfrom=first_frame,
                sampto=-(-stop // self.frame),
                channels=list(self.channels),
                smooth_frames=False,
            )
        except Exception as error:  # wfdb lets ValueError, OSError, IndexError and others out on a damaged file
            raise RecordError(
                f"record {self.path.name}: its signal files cannot be read at samples {start} to {stop} "
                f"({type(error).__name__}): fetch it again"
            ) from error
        samples = np.stack(part.e_p_signal, axis=1).astype(np.float64, copy=False)
        samples = samples[start - first_frame * self.frame : stop - first_frame * self.frame]
        return np.multiply(samples, self.to_millivolts)

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator; None if it left none.

        Raises
        ------
        RecordError
            If they cannot be read, or are not of this record.
        """
        found = read_annotations(self.path, self.fs, extension)
        if found is not None and len(found) and found.samples[-1] > self.n_samples + ANNOTATION_TOLERANCE_S * self.fs:
            raise RecordError(
                f"{self.path.name}.{extension} marks sample {found.samples[-1]}, the record ends at {self.n_samples}: "
                "one of the two belongs to another recording, or the sampling rate in the header is not the real one"
            )
        return found


def _header_lines(file: Path) -> list[str]:
    """Read the lines of the header that are no comment, as they stand."""
    try:
        text = file.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}") from error
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise RecordError(f"{file} is empty: a WFDB header says name, leads, sampling rate and length")
    return lines


def _stated_fs(file: Path, record_line: str) -> float:
    """Read the sampling rate out of the record line: wfdb silently takes 250 Hz for what it cannot read."""
    fields = record_line.split()
    if len(fields) < 3:
        if len(fields) == 2 and fields[1].isdecimal():
            return 250.0  # the rate may be left out, and is 250 Hz then, as the WFDB header format has it
        raise RecordError(f"{file} is no WFDB header: it begins with '{record_line[:60]}'")
    try:
        fs = float(re.split(r"[/(]", fields[2])[0])
    except ValueError:
        raise RecordError(f"{file}: the sampling rate '{fields[2]}' cannot be read: valid is a number of Hz") from None
    if not 0 < fs < math.inf:
        _check_fs(file, fs)
    return fs


def _check_fs(file: Path, fs: float) -> None:
    if not MIN_FS <= fs <= MAX_FS:
        raise RecordError(
            f"{file}: a sampling rate of {fs:g} Hz is not one of an ECG: valid are {MIN_FS:g} to {MAX_FS:g} Hz"
        )


def _checked_length(path: Path, header: Any) -> int:
    """Give the length of the record in frames, after a look at the size of each signal file."""
    promised: int | None = header.sig_len
    for name in dict.fromkeys(header.file_name):
        signals = [i for i in range(header.n_sig) if header.file_name[i] == name]
        file, fmt = path.parent / name, header.fmt[signals[0]]
        try:
            size = file.stat().st_size - (header.byte_offset[signals[0]] or 0)
        except OSError as error:
            raise RecordError(f"record {path.name}: cannot read its signal file {file}: {error.strerror}") from error
        if fmt in COMPRESSED:
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
        seconds = promised / header.fs
        what = (
            f"record {path.name}: its header promises {promised} samples, {seconds:g} s at {header.fs:g} Hz, "
            f"and {name} holds {held}"
        )
        if math.ceil(promised * frame_bits / 8 - 1e-9) > size:
            raise RecordError(f"{what}: the file is cut short: fetch it again")
        if promised and held > (1 + SURPLUS_TOLERANCE) * promised + 1:
            raise RecordError(f"{what}: the header is of another recording, or of another sampling rate")
    if not promised:
        raise RecordError(f"record {path.name} is empty: its header promises 0 samples")
    return promised


def _units(signal_line: str) -> str:
    """Read the unit out of a signal line, with the µ that wfdb drops, which makes volts of microvolts."""
    fields = signal_line.split()
    return (fields[2].partition("/")[2] if len(fields) > 2 else "") or "mV"


def _distinct(names: list[str]) -> list[str]:
    """Put a number behind the names that repeat."""
    repeated = {name for name, count in Counter(names).items() if count > 1}
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name}#{seen[name]}" if name in repeated else name)
    return out
