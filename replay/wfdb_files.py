"""WFDB records on disk, read a block at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import RecordError
from .lead_choice import choose_leads
from .record import Record
from .wfdb_header import check_fs, read_header
from .wfdb_segments import open_segments
from .wfdb_source import WfdbSource, described, lead_columns, length


def open_record(path: Path, leads: Sequence[str] | None = None, unit: str | None = None) -> Record:
    """Open the record whose header is ``PATH.hea``.

    Its leads are the voltages (V, mV, µV, nV) that are ECG by their names, at one sampling rate, in millivolts; the
    other signals are named in `Record.signals` and left out. A missing name becomes ``ECG1`` and so on, a repeated one
    gets a number.

    Parameters
    ----------
    path
        The record, without extension.
    leads, unit
        Signals to play in place of these, and what their values are in: see `lead_choice.choose_leads`.

    Raises
    ------
    RecordError
        If the header cannot be read, promises what cannot be, or its signal files are not what it promises.
    """
    header = read_header(path)
    if header.segments:
        return open_segments(path, header, leads, unit)
    if all(signal.file == "~" for signal in header.signals):
        raise RecordError(
            f"record {path.name} has no samples: its header only says how the signals of other records are laid out"
        )
    choice = choose_leads(path.name, header.signals, header.frame_hz, leads, unit)
    columns, frame = lead_columns(path, header.signals, choice)
    fs = header.frame_hz * frame
    check_fs(path.name, fs)
    n_frames, notes = length(path.name, header.n_frames, header.frame_hz, columns)
    return Record(
        name=path.name,
        path=path,
        fs=fs,
        leads=tuple(choice.names[i] for i in choice.played),
        n_samples=n_frames * frame,
        signals=described(header.signals, header.frame_hz, choice),
        comments=header.comments,
        source=WfdbSource(path, header.frame_hz, fs, max(n_frames, header.n_frames or 0) * frame, columns, frame),
        began=header.began,
        frame_hz=header.frame_hz,
        notes=(*choice.notes, *notes),
    )
