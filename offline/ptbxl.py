"""PTB-XL: which records are NORM or inferior infarction, and their signals as arrays.

PTB-XL (Wagner et al. 2020, doi 10.1038/s41597-020-0495-6) as PhysioNet lays it out: ``ptbxl_database.csv``,
``records100/``, ``records500/``. Its column ``strat_fold`` splits by patient.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RecordError
from ..stream.signal.highpass import HighPass
from ..stream.strip.input import PREPROCESSING, lead_columns, window_samples

if TYPE_CHECKING:
    import pandas as pd

Label: TypeAlias = Literal["first", "any"]
Rate: TypeAlias = Literal[100, 500]

LABELS: tuple[Label, ...] = ("first", "any")

CLASSES = ("NORM", "IMI")
"""Normal ECG and inferior myocardial infarction; the second is the positive class."""

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

LICENCE = "CC BY 4.0 (PTB-XL, PhysioNet)"

QUALITY_COLUMNS = ("burst_noise", "electrodes_problems", "extra_beats")
"""A remark in one of these drops the record."""

_COLUMNS = (
    "ecg_id",
    "patient_id",
    "strat_fold",
    "scp_codes",
    "validated_by_human",
    "filename_lr",
    "filename_hr",
    *QUALITY_COLUMNS,
)

_BATCH = 64
"""Records that one worker reads at a time."""


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """The records of the CSV that are in question.

    Attributes
    ----------
    names
        Path of each record inside the database, without extension.
    positive
        ``(n,)`` bool: IMI rather than NORM.
    fold, patient
        ``(n,)`` ints, as the CSV has them.
    validated
        ``(n,)`` bool: a person has confirmed what the recorder's program says, as in all of folds 9 and 10.
    dropped
        How many rows of the CSV were left out, by reason.
    """

    names: tuple[str, ...]
    positive: NDArray[np.bool_]
    fold: NDArray[np.int64]
    patient: NDArray[np.int64]
    validated: NDArray[np.bool_]
    dropped: dict[str, int]

    def __len__(self) -> int:
        """Count the records."""
        return len(self.names)

    def where(self, chosen: NDArray[np.bool_]) -> RecordIndex:
        """Give the chosen records, in the same order."""
        names = tuple(name for name, take in zip(self.names, chosen, strict=True) if take)
        return RecordIndex(
            names,
            self.positive[chosen],
            self.fold[chosen],
            self.patient[chosen],
            self.validated[chosen],
            self.dropped,
        )


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


def read_index(folder: Path, *, rate: Rate = 100, label: Label = "first") -> RecordIndex:
    """Read ``ptbxl_database.csv`` and pick the NORM and IMI records of good quality.

    Parameters
    ----------
    folder
        Where ``ptbxl_database.csv`` lies.
    rate
        Which of the two sampling rates the names point to.
    label
        ``first``: the first SCP code decides. ``any``: IMI or NORM anywhere among the codes; a record
        with both is left out.

    Raises
    ------
    RecordError
        If the CSV is missing, cannot be read, or lacks columns.
    """
    table = _read_table(folder / "ptbxl_database.csv")
    good = table[list(QUALITY_COLUMNS)].isna().all(axis=1).to_numpy()
    classes = np.array([_class_of(codes, label) for codes in table["scp_codes"]])
    chosen = good & (classes != "")
    dropped = {
        "quality": int(np.count_nonzero(~good)),
        "another class": int(np.count_nonzero(good & (classes == ""))),
    }
    kept = table[chosen]
    return RecordIndex(
        names=tuple(kept["filename_lr" if rate == 100 else "filename_hr"]),
        positive=classes[chosen] == CLASSES[1],
        fold=kept["strat_fold"].to_numpy(np.int64),
        patient=kept["patient_id"].to_numpy(np.int64),
        validated=(kept["validated_by_human"].astype(str) == "True").to_numpy(),
        dropped=dropped,
    )


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


def _read_table(path: Path) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("reading PTB-XL", "train") from error

    try:
        table = pd.read_csv(path, low_memory=False)
    except FileNotFoundError as error:
        raise RecordError(
            f"no {path}: fetch the database with `ecg-stream download ptb-xl`, or point $ECG_STREAM_DATA at the folder "
            "that holds ptb-xl/"
        ) from error
    except (OSError, ValueError) as error:  # pandas raises ValueError and its children for what is not a CSV
        raise RecordError(f"{path} cannot be read as a CSV: {str(error).splitlines()[0]}: fetch it again") from error
    absent = [column for column in _COLUMNS if column not in table]
    if absent:
        raise RecordError(f"{path} lacks the columns {', '.join(absent)}: fetch PhysioNet's file of PTB-XL again")
    table = table.dropna(subset=["patient_id", "strat_fold", "scp_codes", "filename_lr", "filename_hr"])
    return table


def _class_of(scp_codes: str, label: Label) -> str:
    """NORM, IMI or neither, from a dict literal of SCP codes."""
    try:
        codes = list(ast.literal_eval(scp_codes))
    except (ValueError, SyntaxError, TypeError) as error:
        raise RecordError(
            f"ptbxl_database.csv has the scp_codes {scp_codes!r}: a dict such as {{'NORM': 100.0}} is valid; "
            "fetch PhysioNet's file again"
        ) from error
    found = [code for code in codes[: 1 if label == "first" else None] if code in CLASSES]
    return found[0] if len(found) == 1 else ""


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
