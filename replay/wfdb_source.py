"""The leads of a WFDB record or segment, from its signal files to millivolts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..stream.core.messages import Samples
from .annotations import Annotations, read_annotations
from .lead_choice import Choice
from .record import Signal
from .wfdb_header import HeaderSignal
from .wfdb_signals import SignalFile, open_signal_file

TOLERANCE = 0.01
"""Share by which a signal file may be longer than its header promises (some are padded to whole blocks), or shorter."""
TOLERANCE_S = 1.0
"""What a signal file may be shorter in any case, seconds."""


@dataclass(frozen=True, slots=True)
class LeadColumn:
    """Where a lead lies, and what its numbers mean.

    Attributes
    ----------
    file
        Its signal file.
    place
        Which of the signals of that file it is.
    gain, baseline
        ADC units per physical unit, and ADC value of 0.
    factor
        Millivolts per physical unit.
    """

    file: SignalFile
    place: int
    gain: float
    baseline: int
    factor: float


@dataclass(frozen=True, slots=True)
class WfdbSource:
    """Reads the files of one record; see `source.Source`.

    Attributes
    ----------
    path
        The record, without extension.
    frame_hz
        Frames a second, Hz; annotations count frames.
    fs, n_samples
        Sampling rate of the leads, Hz, and samples that the header promises of each.
    columns
        Its leads.
    frame
        Samples of each lead in one WFDB frame.
    """

    path: Path
    frame_hz: float
    fs: float
    n_samples: int
    columns: tuple[LeadColumn, ...]
    frame: int

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN where there is no measurement.

        Raises
        ------
        RecordError
            If the signal files cannot be read.
        """
        out = np.empty((stop - start, len(self.columns)))
        if start == stop:
            return out
        first, last = start // self.frame, -(-stop // self.frame)
        inside = slice(start - first * self.frame, stop - first * self.frame)
        by_file: dict[int, list[int]] = {}
        for k, column in enumerate(self.columns):
            by_file.setdefault(id(column.file), []).append(k)
        try:
            for members in by_file.values():
                places = [self.columns[k].place for k in members]
                for k, numbers in zip(members, self.columns[members[0]].file.read(first, last, places), strict=True):
                    column = self.columns[k]
                    out[:, k] = ((numbers[inside] - column.baseline) / column.gain) * column.factor
        except Exception as error:  # soundfile lets its own out, NumPy ValueError, the system OSError
            raise RecordError(
                f"record {self.path.name}: its signal files cannot be read at samples {start} to {stop} "
                f"({type(error).__name__}): fetch it again"
            ) from error
        return out

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator; None if it left none.

        Raises
        ------
        RecordError
            If they cannot be read, or are not of this record.
        """
        return read_annotations(self.path, self.fs, extension, self.n_samples, frame_hz=self.frame_hz)


def lead_columns(path: Path, signals: Sequence[HeaderSignal], choice: Choice) -> tuple[tuple[LeadColumn, ...], int]:
    """Open the signal files of the leads that are played; give the leads, and samples of each in a frame.

    Raises
    ------
    RecordError
        If a file is not there, or not what the header says.
    """
    members: dict[str, list[int]] = {}
    for i, signal in enumerate(signals):
        members.setdefault(signal.file, []).append(i)
    places = {i: place for group in members.values() for place, i in enumerate(group)}
    files: dict[str, SignalFile] = {}
    columns = []
    for i, factor in zip(choice.played, choice.factors, strict=True):
        signal = signals[i]
        if signal.file in ("~", "-"):
            raise RecordError(f"record {path.name}: lead {choice.names[i]} has no signal file")
        if signal.file not in files:
            files[signal.file] = open_signal_file(path, signal.file, [signals[k] for k in members[signal.file]])
        columns.append(LeadColumn(files[signal.file], places[i], signal.gain, signal.baseline, factor))
    return tuple(columns), signals[choice.played[0]].per_frame


def length(
    record: str, promised: int | None, frame_hz: float, columns: Sequence[LeadColumn], *, part: bool = False
) -> tuple[int, list[str]]:
    """Give the frames to play, and what is to be told of them.

    Parameters
    ----------
    record
        Its name, for messages.
    promised
        Frames that the header promises; None if it does not.
    frame_hz
        Frames a second.
    columns
        Its leads.
    part
        Whether it is a segment, whose files may go on in the next one.

    Raises
    ------
    RecordError
        If there are none, or the files are far from what was promised.
    """
    file = min((column.file for column in columns), key=lambda each: each.n_frames)
    longest = max((column.file for column in columns), key=lambda each: each.n_frames)
    held = file.n_frames
    if promised is None:
        if not held:
            raise RecordError(f"record {record} is empty: {file.path.name} holds no sample")
        return held, [
            f"record {record}: its header does not say how long it is; played is what {file.path.name} holds, "
            f"{held} samples, {held / frame_hz:g} s"
        ]
    what = (
        f"record {record}: its header promises {promised} samples, {promised / frame_hz:g} s at {frame_hz:g} Hz, "
        f"and {{}} holds {{}}"
    )
    if promised - held > max(TOLERANCE * promised, TOLERANCE_S * frame_hz) or not held:
        raise RecordError(
            f"{what.format(file.path.name, held)}: the file is cut short: fetch it again"
            + (f", or write {held} into the header to play what is there" if held else "")
        )
    if not part and longest.n_frames > (1 + TOLERANCE) * promised + 1:
        raise RecordError(
            f"{what.format(longest.path.name, longest.n_frames)}: the header is of another recording, or of another "
            "sampling rate: fetch both again"
        )
    if held < promised:
        return held, [f"{what.format(file.path.name, held)}; played is what is there"]
    if longest.n_frames > promised and not part:
        return promised, [f"{what.format(longest.path.name, longest.n_frames)}; played is what the header promises"]
    return promised, []


def described(signals: Sequence[HeaderSignal], frame_hz: float, choice: Choice) -> tuple[Signal, ...]:
    """Describe every signal of a header, played or not."""
    return tuple(
        Signal(
            name=choice.names[i],
            units=signal.units,
            gain=signal.gain,
            baseline=signal.baseline,
            adc_bits=signal.adc_bits,
            fs=frame_hz * signal.per_frame,
            streamed=i not in choice.left_out,
            left_out=choice.left_out.get(i, ""),
        )
        for i, signal in enumerate(signals)
    )
