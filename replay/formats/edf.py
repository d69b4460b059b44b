"""EDF, EDF+ and BDF, which edfio reads (extra ``[files]``)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import MissingExtraError, RecordError
from ...stream.core.messages import Samples
from ..annotations import Annotations
from ..labels import BEAT_SYMBOLS
from ..lead_choice import choose_leads, distinct
from ..record import Record
from .asked import Asked
from .file_record import file_record, find_columns, signal_of


@dataclass(frozen=True, slots=True, eq=False)
class EdfReader:
    """Reads the leads that are played, a block at a time; see `file_record.Reader`."""

    file: str
    signals: tuple[Any, ...]
    factors: tuple[float, ...]
    fs: float

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts.

        Raises
        ------
        RecordError
            If the file cannot be read any more.
        """
        out = np.empty((stop - start, len(self.signals)))
        if start == stop:
            return out
        try:
            for k, (signal, factor) in enumerate(zip(self.signals, self.factors, strict=True)):
                out[:, k] = signal.get_data_slice(start / self.fs, stop / self.fs) * factor
        except (ValueError, OSError) as error:
            raise RecordError(f"{self.file} cannot be read at samples {start} to {stop}: it is damaged") from error
        return out


def open_edf(path: Path, asked: Asked) -> Record:
    """Open an EDF, EDF+ or BDF file: its ECG leads, and its annotations as the reference.

    An annotation whose text is a WFDB symbol of a beat is that beat; any other is a comment.

    Raises
    ------
    RecordError
        If it is none, is discontinuous, or has no ECG lead.
    MissingExtraError
        If edfio is not installed.
    """
    try:
        import edfio
    except ImportError:
        raise MissingExtraError(f"reading {path.name}", "files") from None
    try:
        content_size = path.stat().st_size
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if path.suffix.casefold() == ".bdf":
                edf = edfio.read_bdf(path, header_encoding="latin-1")
            else:
                edf = edfio.read_edf(path, lazy_load_data=True, header_encoding="latin-1")
            continuous = edf.is_continuous
            annotations = [(mark.onset, mark.text) for mark in edf.annotations]
            duration = edf.data_record_duration
            heads = [(signal.label.strip(), signal.physical_dimension.strip()) for signal in edf.signals]
            widths = [signal.samples_per_data_record for signal in edf.signals]
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # edfio lets ValueError, IndexError and others out on a damaged file
        what = "is empty" if not content_size else f"is damaged or no {path.suffix[1:].upper()} file"
        raise RecordError(f"{path.name} {what}" + (f" ({type(error).__name__})" if content_size else "")) from error
    if not continuous:
        raise RecordError(f"{path.name} has interruptions (EDF+D), which are not read: export it as continuous, EDF+C")
    if not heads or not duration:
        raise RecordError(f"{path.name} holds no signal, only annotations")
    if asked.fs is not None and asked.fs not in {width / duration for width in widths}:
        raise RecordError(f"{path.name} says {widths[0] / duration:g} Hz, not {asked.fs:g} Hz", about="sampling rate")
    signals = [signal_of(name, unit, width) for (name, unit), width in zip(heads, widths, strict=True)]
    kept = (
        range(len(signals)) if asked.columns is None else find_columns(path.name, [n for n, _ in heads], asked.columns)
    )
    leads = asked.leads
    chosen = [signals[k] for k in kept]
    if leads is None and asked.columns is not None:
        leads = distinct([signal.name or f"ECG{i + 1}" for i, signal in enumerate(chosen)])
    choice = choose_leads(path.stem, chosen, 1 / duration, leads, asked.unit)
    fs = chosen[choice.played[0]].per_frame / duration
    played = tuple(edf.signals[kept[i]] for i in choice.played)
    notes = tuple(f"{path.name}: {str(warning.message).splitlines()[0]}" for warning in caught)
    return file_record(
        path,
        chosen,
        1 / duration,
        choice,
        EdfReader(path.name, played, choice.factors, fs),
        edf.num_data_records * chosen[choice.played[0]].per_frame,
        notes=notes,
        began=_began(edf),
        reference=_marks(annotations, fs),
    )


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
    return Annotations(
        samples=np.array([round(onset * fs) for onset, _ in annotations], dtype=np.int64),
        symbols=tuple(symbols),
        subtypes=np.zeros(len(annotations), np.int64),
        notes=tuple(
            "" if symbol in BEAT_SYMBOLS else text.strip()
            for symbol, (_, text) in zip(symbols, annotations, strict=True)
        ),
    )
