"""From the name of a record to the record: the data folder, and the databases known by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import platformdirs

from ..errors import RecordError
from .demo import demo_record
from .demo_rhythms import NAME as DEMO_RHYTHMS
from .demo_rhythms import demo_rhythms
from .download import Progress, download_record
from .formats.asked import Asked
from .formats.by_suffix import is_file_name, open_file
from .record import Record
from .wfdb_files import open_record
from .wfdb_header import header_file, missing_files

DATA_FOLDER_VARIABLE = "ECG_STREAM_DATA"
EXTENSIONS = (".hea", ".dat", ".atr")

GENERATED: Mapping[str, Callable[[], Record]] = MappingProxyType({"demo": demo_record, DEMO_RHYTHMS: demo_rhythms})
"""Built-in records, by name: what makes each."""


@dataclass(frozen=True, slots=True)
class Database:
    """Records of PhysioNet that can be asked for by their bare names.

    Attributes
    ----------
    slug
        Name of the database in PhysioNet's addresses, and of its folder.
    names
        Regular expression of the record names.
    fs
        Their sampling rate, Hz.
    lengths
        Samples of each of them, whole, and of the excerpts that are around.
    """

    slug: str
    names: str
    fs: float
    lengths: tuple[int, ...]

    def has(self, record: str) -> bool:
        """Whether a bare name is one of this database."""
        return re.fullmatch(self.names, record) is not None


DATABASES = (
    Database("edb", r"e\d{4}", 250, (1_800_000, 900_000, 225_000)),
    Database("mitdb", r"[12]\d\d", 360, (650_000,)),
    Database("svdb", r"8\d\d", 128, (230_400,)),
    Database("nstdb", r"11[89]e(\d\d|_6)|bw|em|ma", 360, (650_000,)),
    Database("ptb-xl", r"\d{5}_lr", 100, (1_000,)),
    Database("ptb-xl", r"\d{5}_hr", 500, (5_000,)),
)
"""In the order in which a bare name is looked up."""


def data_folder() -> Path:
    """Give the folder of the records at hand: ``$ECG_STREAM_DATA``, else ``ecg-stream`` in the user's cache folder.

    Raises
    ------
    RecordError
        If it would lie in a home folder, and the user has none, as in some containers.
    """
    stated = os.environ.get(DATA_FOLDER_VARIABLE)
    try:
        folder = Path(stated).expanduser() if stated else platformdirs.user_cache_path("ecg-stream", appauthor=False)
    except RuntimeError as error:
        raise _homeless(stated) from error
    if folder.parts[:1] == ("~",):  # earlier versions of platformdirs leave it so
        raise _homeless(stated)
    return folder


def _homeless(stated: str | None) -> RecordError:
    return RecordError(
        f"no data folder: {stated or 'the default'} lies in a home folder, and this user has none: "
        "set $ECG_STREAM_DATA to a folder by its whole path"
    )


_default_folder = data_folder  # `find_record` has a parameter of that name


def find_record(
    name: str,
    *,
    leads: Sequence[str] | None = None,
    unit: str | None = None,
    fs: float | None = None,
    columns: Sequence[str] | None = None,
    data_folder: Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Record:
    """Open a record by name.

    Parameters
    ----------
    name
        Looked up in this order:

        1. ``demo`` and ``demo-rhythms``, the generated records;
        2. a path, with or without extension (``./demo`` is a path); a file of another format by its extension, see
           `formats.by_suffix`;
        3. ``db/name`` in the data folder;
        4. a bare name in the data folder: first in the databases of `DATABASES`, in their order, then in its other
           folders by alphabet;
        5. PhysioNet, if `download`: ``db/name``, or a bare name that one of `DATABASES` has.

        The folders inside PTB-XL may be left out: ``00001_lr`` is ``ptb-xl/records100/00000/00001_lr``.
    leads, unit
        Signals to play in place of the ECG leads, and what their values are in where the header has it wrong; see
        `lead_choice.choose_leads`.
    fs, columns
        Of a file that is no WFDB record, see `formats.asked.Asked`.
    data_folder
        Where records lie and are put; None is `data_folder()`.
    download
        Whether files that are not at hand are fetched.
    progress
        Told of what is fetched; see `download.Progress`.

    Raises
    ------
    RecordError
        If there is no such record, it cannot be read, or it is not what its header says.
    DownloadError
        If it must be fetched and cannot be.
    """
    if name == "-":
        raise RecordError("standard input is played as it comes, and cannot be read as a whole: `replay` takes it")
    asked = Asked(fs, unit, None if columns is None else tuple(columns), leads)
    file = _as_file(name)
    if file is not None:
        return open_file(file, asked)
    if fs is not None or columns is not None:
        raise RecordError(
            f"record {name} has a header that names its leads and its sampling rate: these are given for files without"
        )
    if name in GENERATED:
        if unit is not None:
            raise RecordError(
                f"the record {name} is in millivolts: a unit goes with a record whose header has it wrong"
            )
        record = GENERATED[name]()
        return record if leads is None else record.choose(leads)
    try:
        path = _as_path(name)
    except (OSError, RuntimeError) as error:  # a name that is too long, a home folder that nobody has
        raise RecordError(f"no record '{name[:60]}': {getattr(error, 'strerror', None) or error}") from error
    if path is not None:
        record = open_record(path, leads, unit)
        _check_rate(record, None)
        return record
    root = _default_folder() if data_folder is None else data_folder
    slug, _, inner = name.removesuffix(".hea").removesuffix(".dat").partition("/")
    if not inner:
        slug, inner = _database_holding(slug, root), slug
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)+", f"{slug}/{inner}", re.ASCII):
        raise _unknown(name, root)
    inner = place_in_database(slug, inner)
    path = root / slug / inner
    if download and missing_files(path):
        download_record(slug, inner, root, progress)
    if not _is_record(path):
        raise _unknown(name, root)
    record = open_record(path, leads, unit)
    _check_rate(record, slug)
    return record


def place_in_database(slug: str, record: str) -> str:
    """Say where a record lies in the folder of its database: PTB-XL sorts its bare names into folders of a thousand."""
    if slug != "ptb-xl" or not re.fullmatch(r"\d{5}_[lh]r", record):
        return record
    return f"records{100 if record.endswith('_lr') else 500}/{record[:2]}000/{record}"


def _as_file(name: str) -> Path | None:
    """Give the path of a file that is no WFDB record."""
    try:
        path = Path(name).expanduser()
        return path if is_file_name(path) else None
    except (OSError, RuntimeError):  # told by who looks for a record
        return None


def _as_path(name: str) -> Path | None:
    path = Path(name).expanduser()
    stem = path.with_suffix("") if path.suffix in EXTENSIONS or (path.suffix and path.is_file()) else path
    for candidate in (path, stem):
        if _is_record(candidate):
            return candidate
    if path.is_absolute() or name.startswith((".", "~")) or path.is_file():
        raise RecordError(
            f"no record at {path}: it is a folder, name a record in it"
            if path.is_dir()
            else f"no record at {path}: it has no header {stem}.hea: name a WFDB record by its path, or `demo`"
        )
    return None


def _is_record(path: Path) -> bool:
    return header_file(path).is_file()


def _database_holding(record: str, root: Path) -> str:
    """Give the slug of the database to take a bare name from; empty if none has it."""
    known = list(dict.fromkeys(database.slug for database in DATABASES))
    others = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    for slug in dict.fromkeys([*known, *others]):
        if _is_record(root / slug / place_in_database(slug, record)):
            return slug
    return next((database.slug for database in DATABASES if database.has(record)), "")


def _check_rate(record: Record, slug: str | None) -> None:
    """Refuse a record of a known database at another rate.

    In the data folder that is any record of that name; elsewhere, where people keep copies at rates of their own, one
    that has the name and a length of the original and yet another rate.
    """
    for database in DATABASES:
        same = database.slug == slug or (slug is None and record.n_samples in database.lengths)
        if same and database.has(record.name) and database.fs != record.fs:
            raise RecordError(
                f"record {record.name}: its header says {record.fs:g} Hz, the records of {database.slug} have "
                f"{database.fs:g} Hz: fetch it again, or give a copy at another rate another name"
            )


def _unknown(name: str, root: Path) -> RecordError:
    generated = ", ".join(f"`{each}`" for each in GENERATED)
    known = ", ".join(dict.fromkeys(database.slug for database in DATABASES))
    return RecordError(
        f"no record '{name}': valid are {generated}, the path of a WFDB record, DB/NAME such as edb/e0103, and a bare "
        f"name of {known}; the data folder is {root}"
    )
