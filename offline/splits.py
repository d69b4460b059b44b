"""Record lists of the standard splits, and which records are of one patient.

Records are named ``db/name`` throughout, so that lists of several databases can be joined.

Sources: DS1 and DS2 from P. de Chazal, M. O'Dwyer, R. B. Reilly, "Automatic classification of heartbeats using ECG
morphology and heartbeat interval features", IEEE Trans. Biomed. Eng. 51(7), 2004, doi:10.1109/TBME.2004.827359; the
rest from the databases' own ``RECORDS`` files and descriptions on PhysioNet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ..errors import RequestError


@dataclass(frozen=True, slots=True)
class RecordList:
    """A published list of records.

    Attributes
    ----------
    name
        What a user calls it, such as ``mitdb-ds1``.
    about
        One line for people.
    records
        The records as ``db/name``.
    """

    name: str
    about: str
    records: tuple[str, ...]


def _of(database: str, names: str) -> tuple[str, ...]:
    return tuple(f"{database}/{name}" for name in names.split())


DS1 = _of("mitdb", "101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230")
DS2 = _of("mitdb", "100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234")

PACED = _of("mitdb", "102 104 107 217")
"""Records with paced beats, which EC57 leaves out of what must be reported."""

SVDB = _of("svdb", " ".join(str(number) for number in (*range(800, 813), *range(820, 830), *range(840, 895))))

EDB = _of(
    "edb",
    "e0103 e0104 e0105 e0106 e0107 e0108 e0110 e0111 e0112 e0113 e0114 e0115 e0116 e0118 e0119 e0121 e0122 e0123 "
    "e0124 e0125 e0126 e0127 e0129 e0133 e0136 e0139 e0147 e0148 e0151 e0154 e0155 e0159 e0161 e0162 e0163 e0166 "
    "e0170 e0202 e0203 e0204 e0205 e0206 e0207 e0208 e0210 e0211 e0212 e0213 e0302 e0303 e0304 e0305 e0306 e0403 "
    "e0404 e0405 e0406 e0408 e0409 e0410 e0411 e0413 e0415 e0417 e0418 e0501 e0509 e0515 e0601 e0602 e0603 e0604 "
    "e0605 e0606 e0607 e0609 e0610 e0611 e0612 e0613 e0614 e0615 e0704 e0801 e0808 e0817 e0818 e1301 e1302 e1304",
)

NSTDB = _of("nstdb", "118e24 118e18 118e12 118e06 118e00 118e_6 119e24 119e18 119e12 119e06 119e00 119e_6")
"""Records 118 and 119 of mitdb with electrode motion noise, from 24 to -6 dB."""

LTSTDB = _of(
    "ltstdb-50hz",
    " ".join(
        f"s{number}p"
        for number in (
            *range(20011, 20272, 10), 20272, 20273, 20274, *range(20281, 20652, 10), *range(30661, 30732, 10), 30732,
            30741, 30742, 30751, 30752, *range(30761, 30802, 10),
        )
    ),
)  # fmt: skip
"""Long-Term ST, the first lead at 50 Hz, the half hour with most ectopic beats of each record."""

VFDB = _of("vfdb", "418 419 420 421 422 423 424 425 426 427 428 429 430 602 605 607 609 610 611 612 614 615")
"""Malignant ventricular arrhythmias: rhythms are annotated, beats are not."""

LISTS: Mapping[str, RecordList] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            RecordList("mitdb", "MIT-BIH Arrhythmia, all 48 records", tuple(sorted(DS1 + DS2 + PACED))),
            RecordList("mitdb-ds1", "its 22 training records (de Chazal 2004)", DS1),
            RecordList("mitdb-ds2", "its 22 test records (de Chazal 2004)", DS2),
            RecordList("mitdb-paced", "its 4 records with paced beats", PACED),
            RecordList("svdb", "MIT-BIH Supraventricular Arrhythmia, all 78 records", SVDB),
            RecordList("edb", "European ST-T, all 90 records", EDB),
            RecordList("ltstdb-50hz", "Long-Term ST, all 86 records, one lead at 50 Hz", LTSTDB),
            RecordList("nstdb", "MIT-BIH Noise Stress, 118 and 119 at 24 to -6 dB", NSTDB),
        )
    }
)
"""The lists by name."""

DATABASES = ("mitdb", "svdb", "edb", "ltstdb-50hz", "nstdb")
"""The lists that are whole databases."""

RHYTHMS: Mapping[str, RecordList] = MappingProxyType(
    {"vfdb": RecordList("vfdb", "MIT-BIH Malignant Ventricular Ectopy, all 22 records", VFDB)}
)
"""Lists of records whose rhythms are annotated and whose beats are not: nothing to score beats on."""


def has_rhythms_alone(record: str) -> bool:
    """Tell whether a record ``db/name`` is one of `RHYTHMS`."""
    return any(record in entry.records for entry in RHYTHMS.values())


DEMO = RecordList("demo", "the generated record", ("demo",))
"""A list of the record that needs no data folder."""

_SAME_PATIENT = (
    _of("mitdb", "201 202"),
    _of("edb", "e0121 e0122"),
    _of("edb", "e0124 e0126"),
    _of("edb", "e0129 e0133"),
    _of("edb", "e0104 e0110 e0116 e0136"),  # may be one: the same age, sex and findings
    ("mitdb/118", *(record for record in NSTDB if record.startswith("nstdb/118"))),
    ("mitdb/119", *(record for record in NSTDB if record.startswith("nstdb/119"))),
)

_PATIENT_IN_NAME = {"ltstdb-50hz": re.compile(r"s\d{4}"), "cpsc2021": re.compile(r"data_\d+")}
"""Databases whose records are named after the patient, by the part of the name that is the patient's."""

_PATIENT = MappingProxyType({record: records[0] for records in _SAME_PATIENT for record in records})


def record_list(name: str, lists: Mapping[str, RecordList] = LISTS) -> RecordList:
    """Give one of `lists` by its name, in any case; ``ds1`` and ``ds2`` stand for ``mitdb-ds1`` and ``mitdb-ds2``.

    Raises
    ------
    RequestError
        If there is no such list.
    """
    folded = name.casefold()
    found = lists.get(folded) or lists.get(f"mitdb-{folded}")
    if found is None:
        raise RequestError(f"no record list '{name}': valid are {', '.join(lists)}")
    return found


def patient(record: str) -> str:
    """Name the patient of a record ``db/name``: the first of the records that are, or may be, of one patient.

    Where the records are named after the patient, that part of the name stands for them.
    """
    database, _, name = record.partition("/")
    if database.startswith("@"):  # a record of a user's own, see `own_records`
        return f"{database}/{name.partition('/')[0]}"
    pattern = _PATIENT_IN_NAME.get(database)
    if pattern is not None and (found := pattern.match(name)):
        return f"{database}/{found[0]}"
    return _PATIENT.get(record, record)


def patients(records: Iterable[str]) -> list[str]:
    """Name the patient of each record, as the groups of a grouped cross-validation want them."""
    return [patient(record) for record in records]


def patient_folds(records: Sequence[str], folds: int, seed: int = 1) -> list[list[str]]:
    """Deal records into folds by patient, each database evenly, the same way every time.

    Parameters
    ----------
    records
        Records as ``db/name``.
    folds
        How many.
    seed
        Of the order in which patients are dealt.
    """
    dealt: list[list[str]] = [[] for _ in range(folds)]
    rng = np.random.default_rng(seed)
    for database in sorted({record.partition("/")[0] for record in records}):
        mine = [record for record in records if record.partition("/")[0] == database]
        order = sorted(set(patients(mine)))
        rng.shuffle(order)
        for place, name in enumerate(order):
            dealt[place % folds] += [record for record in mine if patient(record) == name]
    return dealt


def choose(lists: Sequence[str], records: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Give the records that a user asks for, by list.

    Parameters
    ----------
    lists
        Names of record lists; if there is none, the lists of the databases of `records` stand for them.
    records
        Only these of their records, as ``db/name`` or ``name``; all if there is none.

    Returns
    -------
    dict[str, tuple[str, ...]]
        List name: its records as ``db/name``, in the order of the list. The record ``demo`` is a list of its own.

    Raises
    ------
    RequestError
        If nothing is asked for, a list is unknown, or a record is in none of the lists.
    """
    if not lists and not records:
        raise RequestError(
            f"no records to evaluate: valid are lists, of {', '.join(LISTS)}, and records", about="records"
        )
    return choose_of([record_list(name) for name in lists] or [*(LISTS[name] for name in DATABASES), DEMO], records)


def choose_of(offered: Sequence[RecordList], records: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Give the records of these lists that a user asks for, see `choose`.

    Raises
    ------
    RequestError
        If a record is in none of the lists.
    """
    unknown = [
        asked
        for asked in records
        if not any(_is_asked(record, [asked]) for entry in offered for record in entry.records)
    ]
    if unknown:
        raise RequestError(
            f"no record {' '.join(unknown)} in {', '.join(entry.name for entry in offered)}: "
            "give records of these lists as name or db/name"
        )
    chosen = {
        entry.name: tuple(record for record in entry.records if not records or _is_asked(record, records))
        for entry in offered
    }
    return {name: names for name, names in chosen.items() if names}


def _is_asked(record: str, asked: Sequence[str]) -> bool:
    return record in asked or record.partition("/")[2] in asked


def split_by_presence(records: Sequence[str], data_folder: Path) -> tuple[list[str], list[str]]:
    """Sort records into those that are at hand and those that are missing.

    Parameters
    ----------
    records
        Records as ``db/name``.
    data_folder
        Folder with a folder for each database.

    Returns
    -------
    present, missing
        Both in the order given. A record is present if its header and its reference annotations are there;
        ``demo`` always is.
    """
    present = [
        record
        for record in records
        if record in DEMO.records
        or all((data_folder / f"{record}.{extension}").is_file() for extension in ("hea", "atr"))
    ]
    return present, [record for record in records if record not in set(present)]


def missing_line(missing: Sequence[str]) -> str:
    """One line that names the missing records and how to get them; empty if none is missing."""
    if not missing:
        return ""
    databases = sorted({record.partition("/")[0] for record in missing})
    fetch = " && ".join(f"ecg-stream download {database}" for database in databases)
    return f"not at hand, and skipped: {' '.join(missing)}: fetch with `{fetch}`"
