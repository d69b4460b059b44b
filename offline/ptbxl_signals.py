"""Signals of PTB-XL as arrays: read, high-passed as a stream would be, and kept in a cache."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RecordError
from ..stream.signal.highpass import HighPass
from ..stream.strip.input import PREPROCESSING, lead_columns, window_samples
from .heart_axis import FRONTAL, leads_across
from .ptbxl import Label, Rate, RecordIndex, read_index

_BATCH = 64
"""Records that one worker reads at a time."""


@dataclass(frozen=True, slots=True)
class RecordSet:
    """Records with their signals.

    Attributes
    ----------
    index
        The records that could be read.
    signals
        ``(n, samples, leads)`` float32, mV, high-passed; read-only, mapped from the cache.
    rate, leads
        Sampling rate in Hz, and the leads in order.
    missing
        Records of the CSV that are not at hand or cannot be read.
    """

    index: RecordIndex
    signals: NDArray[np.float32]
    rate: int
    leads: tuple[str, ...]
    missing: tuple[str, ...]

    def folds(self, *folds: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
        """Signals, positives and patients of some folds.

        Raises
        ------
        RecordError
            If these folds do not hold records of both classes.
        """
        chosen = np.isin(self.index.fold, folds)
        positive = self.index.positive[chosen]
        if positive.all() or not positive.any():
            raise RecordError(
                f"folds {', '.join(map(str, folds))} of PTB-XL hold {np.count_nonzero(~positive)} NORM and "
                f"{np.count_nonzero(positive)} IMI records at hand: both are needed; fetch the records of these folds "
                f"or choose among {', '.join(map(str, np.unique(self.index.fold))) or 'none'}"
            )
        return self.signals[chosen], positive, self.index.patient[chosen]


def read_records(
    folder: Path,
    *,
    rate: Rate,
    leads: Sequence[str],
    label: Label = "first",
    fold: int | None = None,
    cache: Path,
    progress: bool = False,
) -> RecordSet:
    """Read the NORM and IMI records of the database, or of one fold of it.

    Parameters
    ----------
    folder, rate, label
        As `read_index` takes them.
    leads, cache, progress
        As `load_records` takes them.
    fold
        Only this one; None is all.

    Raises
    ------
    RecordError
        If the database is not at hand or cannot be read, or has no such record in the fold.
    MissingExtraError
        If pandas or joblib is not installed.
    """
    index = read_index(folder, rate=rate, label=label)
    if fold is not None:
        index = index.where(index.fold == fold)
        if not len(index):
            raise RecordError(
                f"{folder} has no NORM or IMI record of fold {fold}; PTB-XL has folds 1 to 10", about="fold"
            )
    return load_records(folder, index, rate=rate, leads=leads, cache=cache, progress=progress)


def read_across(folder: Path, records: RecordSet, *, cache: Path) -> NDArray[np.float32]:
    """Read what stands across limb leads, for turning the heart's axis, see `heart_axis`.

    Parameters
    ----------
    folder, cache
        As `load_records` takes them.
    records
        Of limb leads.

    Returns
    -------
    ndarray
        As ``records.signals``.

    Raises
    ------
    RecordError
        If a record lacks one of the leads that this takes.
    """
    rate: Rate = 100 if records.rate == 100 else 500
    frontal = load_records(folder, records.index, rate=rate, leads=FRONTAL, cache=cache)
    if frontal.missing:
        raise RecordError(
            f"{len(frontal.missing)} records lack {' or '.join(FRONTAL)}, which training on limb leads needs: "
            f"{', '.join(frontal.missing[:3])}; fetch them again"
        )
    return leads_across(frontal.signals, records.leads)


def load_records(
    folder: Path, index: RecordIndex, *, rate: Rate, leads: Sequence[str], cache: Path, progress: bool = False
) -> RecordSet:
    """Read, high-pass and cache the signals of an index.

    Parameters
    ----------
    folder
        The database.
    index
        From `read_index` with the same rate.
    rate, leads
        Sampling rate in Hz and leads wanted.
    cache
        Folder for the arrays; a file there is named by a hash of everything that made it, and written whole or not
        at all.
    progress
        Show a progress bar on standard error.

    Returns
    -------
    RecordSet
        What could be read; the rest is named in ``missing``.

    Raises
    ------
    RecordError
        If no record at all is at hand.
    MissingExtraError
        If joblib is not installed.
    """
    present = np.array([(folder / f"{name}.dat").is_file() for name in index.names], dtype=bool)
    at_hand = index.where(present)
    if not len(at_hand):
        raise RecordError(
            f"none of the {len(index)} records that {folder / 'ptbxl_database.csv'} names at {rate} Hz is in {folder}: "
            f"fetch them with `ecg-stream download ptb-xl`, or choose the other rate"
        )
    stored = cache / f"ptb-xl-{rate}hz-{_fingerprint(folder, at_hand, rate, leads)}.npy"
    if not stored.is_file():
        _store(stored, _read_all(folder, at_hand.names, rate, tuple(leads), progress))
    signals = np.load(stored, mmap_mode="r")
    readable = ~np.isnan(signals[:, 0, 0])
    missing = [name for name, there in zip(index.names, present, strict=True) if not there]
    missing += [name for name, fine in zip(at_hand.names, readable, strict=True) if not fine]
    if not readable.all():
        at_hand, signals = at_hand.where(readable), signals[readable]
    return RecordSet(at_hand, signals, rate, tuple(leads), tuple(missing))


def _fingerprint(folder: Path, index: RecordIndex, rate: int, leads: Sequence[str]) -> str:
    made_of = hashlib.sha256(json.dumps([PREPROCESSING, rate, list(leads)]).encode())
    for name in index.names:
        stat = (folder / f"{name}.dat").stat()
        made_of.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return made_of.hexdigest()[:16]


def _read_all(
    folder: Path, names: Sequence[str], rate: int, leads: tuple[str, ...], progress: bool
) -> NDArray[np.float32]:
    try:
        import joblib
        from tqdm import tqdm
    except ImportError as error:
        raise MissingExtraError("reading PTB-XL", "train") from error

    batches = [names[i : i + _BATCH] for i in range(0, len(names), _BATCH)]
    signals = np.empty((len(names), window_samples(rate), len(leads)), dtype=np.float32)
    read = joblib.delayed(_read_batch)
    workers = joblib.Parallel(n_jobs=-1 if len(batches) > 8 else 1, return_as="generator")
    done = 0
    with tqdm(total=len(names), desc="PTB-XL", unit=" records", disable=not progress) as bar:
        for batch in workers(read(folder, batch, rate, leads) for batch in batches):
            signals[done : done + len(batch)] = batch
            done += len(batch)
            bar.update(len(batch))
    return signals


def _read_batch(folder: Path, names: Sequence[str], rate: int, leads: tuple[str, ...]) -> NDArray[np.float32]:
    return np.stack([_read_one(folder / name, rate, leads) for name in names])


def _read_one(path: Path, rate: int, leads: tuple[str, ...]) -> NDArray[np.float32]:
    """One record, high-passed as a stream would be; all NaN if it is not what it should be."""
    import wfdb

    unreadable = np.full((window_samples(rate), len(leads)), np.nan, dtype=np.float32)
    try:
        record: Any = wfdb.rdrecord(str(path))
        signal = record.p_signal[:, lead_columns(record.sig_name, leads, what=str(path))]
    except (OSError, ValueError, IndexError, TypeError, RecordError):  # what wfdb raises for broken files
        return unreadable
    if record.fs != rate or signal.shape != unreadable.shape or not np.isfinite(signal).all():
        return unreadable
    return HighPass(rate, len(leads)).push(signal).astype(np.float32)


def _store(path: Path, signals: NDArray[np.float32]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
            np.save(part, signals)
        Path(part.name).chmod(0o644)
        Path(part.name).replace(path)
    except OSError as error:
        raise RecordError(
            f"cannot write the cache {path}: {error.strerror}: point $ECG_STREAM_DATA at a writable folder"
        ) from error
