"""Which reader a file is for, told from the end of its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...errors import RecordError
from ..record import Record
from .arrays import open_hdf5, open_mat, open_npy, open_npz
from .asked import Asked
from .dicom import open_dicom
from .edf import open_edf
from .parquet import open_parquet
from .text import open_text

READERS: dict[str, Callable[[Path, Asked], Record]] = {
    ".csv": open_text,
    ".txt": open_text,
    ".tsv": open_text,
    ".npy": open_npy,
    ".npz": open_npz,
    ".mat": open_mat,
    ".h5": open_hdf5,
    ".hdf5": open_hdf5,
    ".parquet": open_parquet,
    ".dcm": open_dicom,
    ".edf": open_edf,
    ".bdf": open_edf,
}

ELSEWHERE = {
    ".scp": "an SCP-ECG file: the ECG Toolkit (ecgtoolkit-cs) or BioSig (save2gdf) converts it to CSV or EDF",
    ".ecg": "an ISHNE file or one of a maker's own: BioSig (save2gdf) converts it to EDF",
    ".xml": "an HL7 aECG or one of a maker's own: BioSig (save2gdf) or the ECG Toolkit converts it to EDF or CSV",
    ".aecg": "an HL7 aECG: BioSig (save2gdf) or the ECG Toolkit converts it to EDF or CSV",
    ".gdf": "a GDF file: BioSig (save2gdf) converts it to EDF",
    ".xlsx": "a spreadsheet: save it as CSV",
    ".xls": "a spreadsheet: save it as CSV",
    ".gz": "compressed: unpack it first",
    ".zip": "compressed: unpack it first",
}
"""What files of other formats are, and what brings them to one that is read."""


def is_file_name(path: Path) -> bool:
    """Whether a path names a file that one of the readers takes, or that is told what else to do with."""
    suffix = path.suffix.casefold()
    if suffix == ".mat" and path.with_suffix(".hea").is_file():
        return False  # a WFDB record keeps its samples in it
    return suffix in READERS or (suffix in ELSEWHERE and path.is_file())


def open_file(path: Path, asked: Asked) -> Record:
    """Open a file of one of `READERS`.

    Raises
    ------
    RecordError
        If it is not there, is of another format, or cannot be read.
    MissingExtraError
        If it needs a library that is not installed.
    """
    if path.is_dir():
        raise RecordError(f"no record at {path}: it is a folder, name a record in it")
    if not path.exists():
        raise RecordError(f"no file {path}")
    suffix = path.suffix.casefold()
    if suffix in ELSEWHERE:
        raise RecordError(f"{path.name} is {ELSEWHERE[suffix]}")
    return READERS[suffix](path, asked)
