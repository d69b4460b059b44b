"""PTB-XL: which records are NORM or inferior infarction; their signals are read in `ptbxl_signals`.

PTB-XL (Wagner et al. 2020, doi 10.1038/s41597-020-0495-6) as PhysioNet lays it out: ``ptbxl_database.csv``,
``records100/``, ``records500/``. Its column ``strat_fold`` splits by patient.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RecordError

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
