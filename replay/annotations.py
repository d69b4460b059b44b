"""WFDB annotation files: what was marked at which sample."""

from __future__ import annotations

import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RecordError, RequestError
from .labels import BEAT_SYMBOLS

END_TOLERANCE_S = 1.0
"""How far behind the end an annotation may stand: some reference files have one on the sample after the last."""
RESOLUTION = re.compile(rb"## time resolution: ([^\s\0]{1,40})")
MAX_DEFINITIONS = 1 << 16  # bytes; it stands before the first mark
END_OF_ANNOTATIONS = b"\0\0"
END_OF_DEFINITIONS = b"\x00\xec\xff\xff\xff\xff\x01\x00"  # SKIP -1, then +1 with no type, as wfdb ends them


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """Marks on a record, in the order of their samples.

    Attributes
    ----------
    samples
        ``(n,)`` int64, counted from the start of the record.
    symbols
        WFDB symbol of each, such as ``N``, ``V``, ``+``.
    subtypes
        ``(n,)`` WFDB subtype of each; 0 where there is none.
    notes
        Auxiliary text of each, such as ``(AFIB`` at a change of rhythm; empty where there is none.
    """

    samples: NDArray[np.int64]
    symbols: tuple[str, ...]
    subtypes: NDArray[np.int64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.symbols)

    def counts(self) -> Counter[str]:
        """Count each symbol."""
        return Counter(self.symbols)

    def beats(self) -> Annotations:
        """Leave only the marks that are beats."""
        return self._only([i for i, symbol in enumerate(self.symbols) if symbol in BEAT_SYMBOLS], 0)

    def rhythms(self) -> list[tuple[int, str]]:
        """List the changes of rhythm: sample, and name as WFDB writes it, such as ``(AFIB``.

        Noise marks and remarks have the symbol ``+`` or a note as well, in some databases; they are no rhythm.
        """
        told = zip(self.samples.tolist(), self.symbols, self.notes, strict=True)
        return [(at, note.strip()) for at, symbol, note in told if symbol == "+" and note.strip().startswith("(")]

    def between(self, start: int, stop: int) -> Annotations:
        """Leave only the marks of samples `start` to `stop`, counted from `start`."""
        first, end = np.searchsorted(self.samples, (start, stop)).tolist()
        return self._only(list(range(first, end)), start)

    def _only(self, kept: list[int], origin: int) -> Annotations:
        return Annotations(
            samples=self.samples[kept] - origin,
            symbols=tuple(self.symbols[i] for i in kept),
            subtypes=self.subtypes[kept],
            notes=tuple(self.notes[i] for i in kept),
        )


def marks(samples: ArrayLike, symbols: Iterable[str], notes: Iterable[str] | None = None) -> Annotations:
    """Make annotations without subtypes from anything array-like, in the order given; None is without notes."""
    at = np.array(samples, dtype=np.int64).reshape(-1)
    names = tuple(symbols)
    return Annotations(at, names, np.zeros(len(at), np.int64), ("",) * len(names) if notes is None else tuple(notes))


def read_annotations(
    path: Path,
    fs: float,
    extension: str = "atr",
    n_samples: int | None = None,
    *,
    frame_hz: float | None = None,
) -> Annotations | None:
    """Read ``PATH.EXTENSION``.

    Parameters
    ----------
    path
        The record, without extension.
    fs
        Sampling rate of the leads, Hz: marks are given in their samples.
    extension
        The annotator, such as ``atr``.
    n_samples
        Length of the record, if it is known: marks beyond its end are refused.
    frame_hz
        Frames of the record a second, which the file counts unless it states a time resolution; None is `fs`.

    Returns
    -------
    Annotations | None
        None if there is no such file.

    Raises
    ------
    RecordError
        If the file is there and cannot be read, or is of a longer record.
    """
    file = path.parent / f"{path.name}.{extension}"
    try:
        if file.exists() and not file.is_file():  # opening a pipe would wait for ever
            raise RecordError(f"cannot read {file}: it is no regular file")
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}") from error
    if len(content) % 2 or not content.endswith(END_OF_ANNOTATIONS):
        raise RecordError(
            f"{file} ends without the mark of its end: it is cut short or no WFDB annotation file: fetch it again"
        )

    import wfdb

    try:
        read = wfdb.rdann(str(path), extension)
    except Exception as error:  # wfdb lets IndexError, ValueError, TypeError and others out on a damaged file
        raise RecordError(
            f"{file} is no WFDB annotation file in MIT format ({type(error).__name__}): fetch it again"
        ) from error
    counted_hz = _stated_hz(file, content) or frame_hz or fs
    samples = np.asarray(read.sample, dtype=np.int64)
    if counted_hz != fs:  # to the nearest sample
        samples = np.floor(samples * (fs / counted_hz) + 0.5).astype(np.int64)
    symbols = tuple(read.symbol)
    if not all(isinstance(symbol, str) for symbol in symbols) or (samples < 0).any() or (np.diff(samples) < 0).any():
        raise RecordError(
            f"{file} holds annotations of no known type, or not in the order of time: "
            "it is damaged or not in MIT format: fetch it again"
        )
    if n_samples is not None and len(samples) and samples[-1] > n_samples + END_TOLERANCE_S * fs:
        raise RecordError(
            f"{file.name} marks sample {samples[-1]}, the record ends at {n_samples}: "
            "one of the two belongs to another recording, or the sampling rate in the header is not the real one"
        )
    return Annotations(
        samples=samples,
        symbols=symbols,
        subtypes=np.asarray(read.subtype, dtype=np.int64).reshape(-1),
        notes=tuple(note.rstrip("\0") for note in read.aux_note),
    )


def _stated_hz(file: Path, content: bytes) -> float | None:
    """Give the time resolution that an annotation file states in its first note, Hz; None if it states none."""
    found = RESOLUTION.search(content[:MAX_DEFINITIONS])
    if found is None:
        return None
    try:
        hz = float(found[1])
    except ValueError:
        hz = 0.0
    if not 0.0 < hz < math.inf:
        stated = found[1].decode("ascii", "replace")
        raise RecordError(f"{file} states a time resolution of {stated!r}, which is no number of Hz: fetch it again")
    return hz


def write_annotations(
    folder: Path,
    record_name: str,
    fs: float,
    samples: ArrayLike,
    symbols: Sequence[str],
    extension: str = "ecs",
    notes: Sequence[str] | None = None,
) -> Path:
    """Write ``FOLDER/RECORD.EXTENSION`` in MIT format, whole or not at all.

    Parameters
    ----------
    folder
        Where to; made if it is not there.
    record_name
        Name of the record; may hold dots, as patient ids do.
    fs
        Sampling rate of the record, Hz; stands in the file.
    samples
        ``(n,)`` where each mark stands, in any order: the file is sorted, marks at one sample stay in the order given.
    symbols
        WFDB symbol of each.
    extension
        Annotator, letters only.
    notes
        Auxiliary text of each, such as ``(VT``; None is none.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    RequestError
        If the folder cannot be written.
    """
    file = folder / f"{record_name}.{extension}"
    try:
        replace_annotations(file, fs, samples, symbols, notes)
    except OSError as error:
        raise RequestError(f"cannot write {file}: {error.strerror}", about="annotations") from error
    return file


def replace_annotations(
    file: Path, fs: float, samples: ArrayLike, symbols: Iterable[str], notes: Iterable[str] | None = None
) -> None:
    """Do the same for a file ``RECORD.EXTENSION``, and raise OSError where it cannot be written."""
    found = marks(samples, symbols, notes)
    order = np.argsort(found.samples, kind="stable")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{file.stem}.", dir=file.parent) as part:
        extension = file.suffix.removeprefix(".")
        written = _write(Path(part), fs, found.samples[order], *_in_order(found, order.tolist()), extension)
        written.replace(file)


def _in_order(found: Annotations, order: list[int]) -> tuple[list[str], list[str]]:
    return [found.symbols[i] for i in order], [found.notes[i] for i in order]


def _write(
    folder: Path, fs: float, samples: NDArray[np.int64], symbols: list[str], notes: list[str], extension: str
) -> Path:
    import wfdb

    if len(samples):
        texts = notes if any(notes) else None
        wfdb.wrann("record", extension, samples, symbol=symbols, aux_note=texts, fs=fs, write_dir=str(folder))
    else:  # wrann takes no empty set; the time resolution and the end mark alone are a valid file
        empty = wfdb.Annotation("record", extension, sample=np.zeros(0, np.int64), fs=fs)
        content = bytes(empty.calc_fs_bytes()) + END_OF_DEFINITIONS + END_OF_ANNOTATIONS
        (folder / f"record.{extension}").write_bytes(content)
    return folder / f"record.{extension}"
