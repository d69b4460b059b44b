"""EDF, EDF+ and BDF, which edfio reads (extra ``[files]``); interruptions of EDF+D are gaps."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import MissingExtraError, RecordError
from ...stream.core.messages import Samples
from ..annotations import Annotations, marks
from ..labels import BEAT_SYMBOLS
from ..lead_choice import choose_leads
from ..record import Record
from .asked import Asked
from .file_record import asked_leads, damaged, file_record, find_columns, signal_of

LONGEST_GAP_S = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class EdfReader:
    """Reads the leads that are played, a block at a time; see `file_record.Reader`.

    Attributes
    ----------
    file
        Its name.
    signals, factors
        The leads, and millivolts a unit of each.
    fs
        Sampling rate, Hz.
    parts
        Of a recording with interruptions: place of the first sample, its number in the file, and length, of each part.
    """

    file: str
    signals: tuple[Any, ...]
    factors: tuple[float, ...]
    fs: float
    parts: tuple[tuple[int, int, int], ...]

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN in interruptions.

        Raises
        ------
        RecordError
            If the file cannot be read any more.
        """
        out = np.full((stop - start, len(self.signals)), np.nan)
        first = max(0, bisect_right(self.parts, start, key=lambda part: part[0]) - 1)
        try:
            for place, number, n in islice(self.parts, first, None):
                begin, end = max(start, place), min(stop, place + n)
                if place >= stop:
                    break
                if begin >= end:
                    continue
                in_file = (begin - place + number) / self.fs, (end - place + number) / self.fs
                for k, (signal, factor) in enumerate(zip(self.signals, self.factors, strict=True)):
                    out[begin - start : end - start, k] = signal.get_data_slice(*in_file) * factor
        except (ValueError, OSError) as error:
            raise RecordError(f"{self.file} cannot be read at samples {start} to {stop}: it is damaged") from error
        return out


def open_edf(path: Path, asked: Asked) -> Record:
    """Open an EDF, EDF+ or BDF file: its ECG leads, and its annotations as the reference.

    An annotation whose text is a WFDB symbol of a beat is that beat; any other is a comment.

    Raises
    ------
    RecordError
        If it is none, its times run backward, or it has no ECG lead.
    MissingExtraError
        If edfio is not installed.
    """
    try:
        import edfio
    except ImportError:
        raise MissingExtraError(f"reading {path.name}", "files") from None
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if path.suffix.casefold() == ".bdf":
                edf = edfio.read_bdf(path, header_encoding="latin-1")
            else:
                edf = edfio.read_edf(path, lazy_load_data=True, header_encoding="latin-1")
            began_s = None if edf.is_continuous else _record_starts(edf)
            annotations = [(mark.onset, mark.text) for mark in edf.annotations]
            duration = edf.data_record_duration
            heads = [(signal.label.strip(), signal.physical_dimension.strip()) for signal in edf.signals]
            widths = [signal.samples_per_data_record for signal in edf.signals]
    except Exception as error:  # edfio lets ValueError, IndexError and others out on a damaged file
        raise damaged(path, path.suffix[1:].upper(), error) from error
    if not heads or not duration:
        raise RecordError(f"{path.name} holds no signal, only annotations")
    if asked.fs is not None and asked.fs not in {width / duration for width in widths}:
        raise RecordError(f"{path.name} says {widths[0] / duration:g} Hz, not {asked.fs:g} Hz", about="sampling rate")
    signals = [signal_of(name, unit, width) for (name, unit), width in zip(heads, widths, strict=True)]
    kept = (
        range(len(signals)) if asked.columns is None else find_columns(path.name, [n for n, _ in heads], asked.columns)
    )
    chosen = [signals[k] for k in kept]
    choice = choose_leads(path.stem, chosen, 1 / duration, asked_leads(asked, chosen), asked.unit)
    fs = chosen[choice.played[0]].per_frame / duration
    width = chosen[choice.played[0]].per_frame
    parts: tuple[tuple[int, int, int], ...] = ((0, 0, edf.num_data_records * width),)
    if began_s is not None:
        parts = _parts(path.name, began_s, width, fs)
    played = tuple(edf.signals[kept[i]] for i in choice.played)
    notes = tuple(f"{path.name}: {str(warning.message).splitlines()[0]}" for warning in caught)
    return file_record(
        path,
        chosen,
        1 / duration,
        choice,
        EdfReader(path.name, played, choice.factors, fs, parts),
        parts[-1][0] + parts[-1][2],
        notes=notes,
        began=_began(edf),
        reference=_marks(annotations, fs),
    )


def _record_starts(edf: Any) -> list[float]:
    """Read when each data record begins, s after the first: the first thing in its first annotation signal.

    edfio reads these times, and tells only whether they follow one another.
    """
    raw = edf._timekeeping_signal.digital.tobytes()
    size = len(raw) // edf.num_data_records
    starts = [float(raw[k * size : (k + 1) * size].partition(b"\x14")[0]) for k in range(edf.num_data_records)]
    return [start - starts[0] for start in starts]


def _parts(file: str, began_s: list[float], width: int, fs: float) -> tuple[tuple[int, int, int], ...]:
    """Join data records that follow one another: place, number in the file, and length in samples, of each part."""
    parts: list[tuple[int, int, int]] = []
    for k, start_s in enumerate(began_s):
        place = round(start_s * fs)
        end = parts[-1][0] + parts[-1][2] if parts else 0
        if abs(place - end) <= 1 and parts:
            parts[-1] = (*parts[-1][:2], parts[-1][2] + width)
        elif place < end or place - end > LONGEST_GAP_S * fs:
            raise RecordError(
                f"{file}: its data record {k + 1} begins {start_s:g} s after the first: times run backward, "
                "or jump by more than a day"
            )
        else:
            parts.append((place, k * width, width))
    return tuple(parts)


def _began(edf: Any) -> str | None:
    """Give date and time of the first sample; None where they are left out or cannot be read."""
    try:
        return f"{edf.startdate:%Y-%m-%d} {edf.starttime:%H:%M:%S}"
    except ValueError:  # an anonymous recording, among others
        return None


def _marks(annotations: list[tuple[float, str]], fs: float) -> Annotations | None:
    if not annotations:
        return None
    annotations = sorted(annotations)
    symbols = []
    for _, text in annotations:
        symbol = text.strip()
        symbols.append(symbol if symbol in BEAT_SYMBOLS else "+" if symbol.startswith("(") else '"')
    told = zip(symbols, annotations, strict=True)
    notes = ["" if symbol in BEAT_SYMBOLS else text.strip() for symbol, (_, text) in told]
    return marks([round(onset * fs) for onset, _ in annotations], symbols, notes)
