"""WFDB records that are made of segments, in fixed or variable layout, played as one.

In a fixed layout every segment has the signals of the first one. In a variable layout (MIMIC) the first segment is
empty and only names the signals; each of the others has some of them, with gains of its own. A segment called ``~`` is
a gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..stream.core.messages import Samples
from .annotations import Annotations, read_annotations
from .lead_choice import choose_leads, distinct
from .record import Record
from .wfdb_header import Header, HeaderSignal, check_fs, header_file, read_header, signal_file
from .wfdb_source import WfdbSource, described, lead_columns, length

GAP = "~"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of which something is played.

    Attributes
    ----------
    start, stop
        Its part of the record, in samples.
    columns
        Which of the record's leads it has, in the order of its source.
    source
        Its leads, from sample 0 on.
    """

    start: int
    stop: int
    columns: tuple[int, ...]
    source: WfdbSource


@dataclass(frozen=True, slots=True)
class SegmentsSource:
    """Reads a record made of segments; see `source.Source`.

    Attributes
    ----------
    path
        The record, without extension.
    frame_hz, fs, n_samples
        Frames a second, sampling rate of the leads, Hz, and samples of each.
    n_leads
        Number of leads.
    segments
        Those of which something is played, in order.
    """

    path: Path
    frame_hz: float
    fs: float
    n_samples: int
    n_leads: int
    segments: tuple[Segment, ...]

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN in gaps and where a segment does not have a lead.

        Raises
        ------
        RecordError
            If the signal files cannot be read.
        """
        out = np.full((stop - start, self.n_leads), np.nan)
        k = max(0, bisect_right(self.segments, start, key=lambda segment: segment.start) - 1)
        while k < len(self.segments) and self.segments[k].start < stop:
            segment = self.segments[k]
            first, last = max(start, segment.start), min(stop, segment.stop)
            if first < last:
                read = segment.source.read(first - segment.start, last - segment.start)
                out[first - start : last - start, list(segment.columns)] = read
            k += 1
        return out

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator; None if it left none.

        Raises
        ------
        RecordError
            If they cannot be read, or are not of this record.
        """
        return read_annotations(self.path, self.fs, extension, self.n_samples, frame_hz=self.frame_hz)


def open_segments(path: Path, header: Header, leads: Sequence[str] | None, unit: str | None) -> Record:
    """Open a record that is made of segments.

    Segments that are not at hand are listed in `Record.absent`: the record can be played where they are not.

    Raises
    ------
    RecordError
        If none is at hand, one cannot be read or has another rate, or no lead is left.
    """
    headers = _headers(path, header)
    known = [(name, found) for (name, _), found in zip(header.segments, headers, strict=True) if found is not None]
    if not known:
        first = next((name for name, _ in header.segments if name != GAP), None)
        raise RecordError(
            f"record {path.name} has no segment with a measurement: all of it is a gap"
            if first is None
            else f"cannot read {header_file(path.parent / first)}: No such file or directory: it is a segment of "
            f"record {path.name}"
        )
    variable = header.segments[0][1] == 0
    signals = _signals([found for _, found in known], variable=variable)
    choice = choose_leads(path.name, signals, header.frame_hz, leads, unit)
    played = [choice.names[i] for i in choice.played]
    frame = signals[choice.played[0]].per_frame
    fs = header.frame_hz * frame
    check_fs(path.name, fs)

    segments, stretches, absent, notes = [], [], [], list(choice.notes)
    start = 0
    for (name, n_frames), found in zip(header.segments, headers, strict=True):
        stop = start + n_frames * frame
        there: tuple[int, ...] = ()
        if n_frames and name != GAP:
            named = [] if found is None else distinct([s.name or f"ECG{i + 1}" for i, s in enumerate(found.signals)])
            # In a variable layout signals are matched by name, in a fixed one by their place.
            wanted = played if variable else ["".join(named[i : i + 1]) for i in choice.played]
            there = tuple(k for k, lead in enumerate(wanted) if lead in named)
            own = None if found is None or not there else [found.signals[named.index(wanted[k])] for k in there]
            if found is None or not all(signal_file(path.parent / name, s.file).exists() for s in own or ()):
                absent.append((start, stop, name))
            elif own is not None:
                if any(s.per_frame != frame for s in own):
                    raise RecordError(f"record {path.name}: its segment {name} has a lead at another sampling rate")
                part = choose_leads(name, found.signals, header.frame_hz, [wanted[k] for k in there], unit)
                columns, _ = lead_columns(path.parent / name, found.signals, part)
                held, told = length(name, n_frames, header.frame_hz, columns, part=True)
                notes += told
                source = WfdbSource(path.parent / name, header.frame_hz, fs, held * frame, columns, frame)
                segments.append(Segment(start, stop, there, source))
        if n_frames:
            stretches.append((stop, there))
        start = stop
    if not segments and not absent:
        raise RecordError(f"record {path.name} has no segment with a measurement on {', '.join(played[:20])}")
    if header.n_frames is not None and header.n_frames * frame != start:
        notes.append(
            f"record {path.name}: its header promises {header.n_frames} samples, and its segments have "
            f"{start // frame}; played is what they have"
        )
    return Record(
        name=path.name,
        path=path,
        fs=fs,
        leads=tuple(played),
        n_samples=start,
        signals=described(signals, header.frame_hz, choice),
        comments=header.comments,
        source=SegmentsSource(path, header.frame_hz, fs, start, len(played), tuple(segments)),
        began=header.began,
        frame_hz=header.frame_hz,
        notes=tuple(notes),
        stretches=tuple(stretches) if variable else (),
        absent=tuple(absent),
    )


def _headers(path: Path, header: Header) -> list[Header | None]:
    """Read the header of each segment; None of a gap, and of one that is not at hand."""
    out: list[Header | None] = []
    for name, n_frames in header.segments:
        there = name != GAP and (n_frames or not out) and header_file(path.parent / name).is_file()
        found = read_header(path.parent / name) if there and name != path.name else None
        if found is not None and found.segments:
            raise RecordError(f"record {path.name}: its segment {name} is made of segments itself")
        if found is not None and n_frames and abs(found.frame_hz - header.frame_hz) > 1e-6 * header.frame_hz:
            raise RecordError(
                f"record {path.name} has {header.frame_hz:g} Hz, and its segment {name} has {found.frame_hz:g} Hz: "
                "they cannot be played as one"
            )
        out.append(found)
    return out


def _signals(headers: Sequence[Header], *, variable: bool) -> list[HeaderSignal]:
    """Give the signals of the record: those of the first header; in a variable layout also what others have beside."""
    signals = list(headers[0].signals)
    if variable:
        known = {signal.name for signal in signals}
        for header in headers[1:]:
            for signal in header.signals:
                if signal.name and signal.name not in known:
                    known.add(signal.name)
                    signals.append(signal)
    return signals
