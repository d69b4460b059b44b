"""Annotated records of a user's own, for training and evaluation: a list of them, and the folder in which they lie.

The list is a text file with a record a line, then its patient, with white space, a comma or a tab between; WFDB's
``RECORDS`` files are such lists. A record without a patient is one of its own. Within `offline` such a record is called
``@LIST/PATIENT/RECORD``, so that its patient, by whom all splits are made, is known from its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError, RequestError
from ..replay.catalog import find_record
from ..replay.labels import AAMI_CLASS
from ..replay.record import Record

OWN = "@"
LONGEST_LIST = 1 << 24


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """A list of records and where they lie.

    Attributes
    ----------
    file, folder
        The list, and the folder that its names are counted from.
    records
        ``@LIST/PATIENT/RECORD``, in the order of the list.
    """

    file: Path
    folder: Path
    records: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the list is called: ``@LIST``."""
        return self.records[0].partition("/")[0]


def read_own(file: Path, folder: Path) -> OwnRecords:
    """Read a list, and see that each of its records is there and has reference beats.

    Raises
    ------
    RequestError
        If the list cannot be read, names nothing, or names a record twice.
    RecordError
        If a record is missing, damaged, or has no reference annotations with beats.
    """
    try:
        if file.stat().st_size > LONGEST_LIST:
            raise RequestError(f"{file} is no list of records: it has more than {LONGEST_LIST >> 20} MB")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RequestError(f"cannot read the list of records {file}: {why}") from error
    if not folder.is_dir():
        raise RequestError(f"no folder {folder} in which the records of {file.name} could lie")
    name = f"{OWN}{file.stem}"
    records = [f"{name}/{patient}/{record}" for line in lines for record, patient in _row(file, line)]
    if not records:
        raise RequestError(f"{file} names no record: valid is a record a line, and its patient behind it")
    paths = [_path(record) for record in records]
    if repeated := [path for path, n in Counter(paths).items() if n > 1]:
        raise RequestError(f"{file} names {repeated[0]} more than once")
    for record in records:
        annotations = find(record, folder).annotations("atr")
        if annotations is None or not any(symbol in AAMI_CLASS for symbol in annotations.symbols):
            raise RecordError(f"record {_path(record)} has no reference beats: they are to lie beside it, as NAME.atr")
    return OwnRecords(file, folder, tuple(records))


def find(name: str, own: Path | None, data_folder: Path | None = None, *, download: bool = False) -> Record:
    """Open a record by its name within `offline`.

    Parameters
    ----------
    name
        ``db/name``, ``demo``, or ``@LIST/PATIENT/RECORD``.
    own
        Folder of the last kind.
    data_folder
        Of the others.
    download
        Whether one that is not there may be fetched.

    Raises
    ------
    RecordError
        If it is missing or damaged.
    """
    if own is None or not name.startswith(OWN):
        return find_record(name, data_folder=data_folder, download=download)
    path = (own.resolve() / _path(name)).resolve()
    if not path.is_relative_to(own.resolve()):
        raise RecordError(f"record {_path(name)} lies outside of {own}")
    if not path.exists() and not path.with_name(f"{path.name}.hea").exists():
        raise RecordError(f"no record {_path(name)} in {own}")
    return find_record(str(path), data_folder=data_folder, download=False)


def _path(record: str) -> str:
    return record.split("/", 2)[2]


def _row(file: Path, line: str) -> Sequence[tuple[str, str]]:
    """Read a line: one record and its patient, or nothing."""
    cells = [cell for cell in re.split(r"[\s,;]+", line.partition("#")[0].strip()) if cell]
    if not cells:
        return []
    record = cells[0].removesuffix(".hea")
    patient = cells[1] if len(cells) > 1 else record.replace("/", "_")
    if len(cells) > 2 or "/" in patient or not line.replace("\t", " ").isprintable():
        raise RequestError(f"{file}: '{line.strip()[:80]}' is no line of a list: valid is RECORD, or RECORD PATIENT")
    return [(record, patient)]
