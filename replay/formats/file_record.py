"""The record that a file makes: its marks, and what is said of its signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...errors import RecordError
from ...stream.core.messages import Samples
from ..annotations import Annotations, read_annotations
from ..lead_choice import Choice, distinct, find_lead
from ..record import Record
from ..wfdb_header import HeaderSignal, check_fs
from ..wfdb_source import described
from .asked import Asked


class Reader(Protocol):
    """What reads the samples of a file."""

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN where there is no measurement."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FileSource:
    """Samples and marks of a file; see `source.Source`.

    Attributes
    ----------
    reader
        Reads the samples.
    path
        The file; annotations lie beside it, as ``NAME.atr``.
    fs, n_samples
        Sampling rate, Hz, and length.
    reference
        The marks in the file itself, which are given as ``atr``; None if it has none.
    """

    reader: Reader
    path: Path
    fs: float
    n_samples: int
    reference: Annotations | None = None

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN where there is no measurement."""
        return self.reader.read(start, stop)

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator; None if it left none.

        Raises
        ------
        RecordError
            If they cannot be read, or are not of this record.
        """
        if extension == "atr" and self.reference is not None:
            return self.reference
        return read_annotations(self.path.with_suffix(""), self.fs, extension, self.n_samples)


def damaged(path: Path, what: str, error: Exception) -> RecordError:
    """Give the error of a file that its library cannot read.

    Parameters
    ----------
    path
        The file.
    what
        Of which kind it should be, such as ``HDF5``.
    error
        What the library raised.
    """
    if isinstance(error, OSError) and error.strerror and error.errno:
        return RecordError(f"cannot read {path}: {error.strerror}")
    if path.is_file() and not path.stat().st_size:
        return RecordError(f"{path.name} is empty")
    return RecordError(f"{path.name} is damaged or no {what} file ({type(error).__name__})")


def signal_of(name: str, unit: str, per_frame: int = 1) -> HeaderSignal:
    """Describe a column as the header of a WFDB record would."""
    return HeaderSignal("", name, unit, 1.0, 0, None, per_frame, 0, 0, 0, "")


def file_record(
    path: Path,
    signals: Sequence[HeaderSignal],
    frame_hz: float,
    choice: Choice,
    reader: Reader,
    n_samples: int,
    *,
    notes: tuple[str, ...] = (),
    comments: tuple[str, ...] = (),
    began: str | None = None,
    reference: Annotations | None = None,
) -> Record:
    """Make the record of a file whose signals were chosen.

    Raises
    ------
    RecordError
        If it has no sample, or its sampling rate is not that of an ECG.
    """
    fs = frame_hz * signals[choice.played[0]].per_frame
    check_fs(path.name, fs)
    if n_samples < 1:
        raise RecordError(f"{path.name} holds no sample")
    return Record(
        name=path.stem,
        path=path,
        fs=fs,
        leads=tuple(choice.names[i] for i in choice.played),
        n_samples=n_samples,
        signals=described(signals, frame_hz, choice),
        comments=comments,
        source=FileSource(reader, path, fs, n_samples, reference),
        began=began,
        notes=(*choice.notes, *notes),
    )


def asked_leads(asked: Asked, signals: Sequence[HeaderSignal]) -> Sequence[str] | None:
    """Name the leads that were asked for: of columns that were, all, whatever they are called; None if none were."""
    if asked.leads is not None or asked.columns is None:
        return asked.leads
    return distinct([signal.name or f"ECG{i + 1}" for i, signal in enumerate(signals)])


def find_columns(file: str, names: Sequence[str], asked: Sequence[str]) -> list[int]:
    """Find columns by name, in any case, or by number from 1; a column named twice counts once.

    Raises
    ------
    RecordError
        If one is not there.
    """
    return list(dict.fromkeys(_find_column(file, names, column) for column in asked))


def _find_column(file: str, names: Sequence[str], column: str) -> int:
    if column in names:
        return names.index(column)
    if column.isdecimal() and len(column) < 10:
        if 1 <= int(column) <= len(names):
            return int(column) - 1
        raise RecordError(f"{file} has no column {column}: its columns are 1 to {len(names)}", about="column")
    try:
        return find_lead(file, column, names, ())
    except RecordError:
        some = ", ".join(name or f"{k + 1}" for k, name in enumerate(names[:20]))
        raise RecordError(
            f"{file} has no column '{column}': valid are {some}{', ...' if len(names) > 20 else ''}, "
            f"or numbers from 1 to {len(names)}",
            about="column",
        ) from None
