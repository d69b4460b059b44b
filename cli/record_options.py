"""Options that the commands for record models share, and the records that they ask for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..offline.ptbxl_signals import RecordSet

Choice = TypeVar("Choice", bound=str)


def one_of(option: str, value: str, valid: Sequence[Choice]) -> Choice:
    """Give the choice that `value` names.

    Raises
    ------
    RequestError
        If it is none of them.
    """
    for choice in valid:
        if value == choice:
            return choice
    raise RequestError(f"{option} {value}: valid are {', '.join(valid)}")


def whole_numbers(option: str, value: str) -> tuple[int, ...]:
    """Read numbers with commas between them.

    Raises
    ------
    RequestError
        If it is something else.
    """
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError as error:
        raise RequestError(f"{option} {value}: whole numbers with commas are valid, such as 8 or 7,8") from error


def fold_groups(option: str, value: str) -> tuple[tuple[int, ...], ...]:
    """Read groups of folds with commas between them, the folds of a group with plus signs.

    Raises
    ------
    RequestError
        If it is something else.
    """
    try:
        return tuple(tuple(int(fold) for fold in group.split("+")) for group in value.split(","))
    except ValueError as error:
        raise RequestError(
            f"{option} {value}: folds such as 8, or groups of them such as 1+2,3+4, are valid"
        ) from error


def lead_names(value: str) -> tuple[str, ...]:
    """Read ``I``, ``all``, or names with commas.

    Raises
    ------
    RequestError
        If one is not a lead of PTB-XL.
    """
    from ..offline.ptbxl import LEADS

    if value.casefold() == "all":
        return LEADS
    known = {lead.casefold(): lead for lead in LEADS}
    names = [part.strip() for part in value.split(",")]
    unknown = [name for name in names if name.casefold() not in known]
    if unknown:
        raise RequestError(
            f"--leads {value}: no lead {', '.join(unknown)}; valid are all, or some of {', '.join(LEADS)}"
        )
    return tuple(dict.fromkeys(known[name.casefold()] for name in names))


def database_folder(database: Path | None) -> Path:
    """Give PTB-XL's folder: the one named, else that in the data folder."""
    from ..replay.catalog import data_folder

    return data_folder() / "ptb-xl" if database is None else database


def open_records(database: Path | None, *, leads: str, rate: int, label: str, fold: int | None = None) -> RecordSet:
    """Read PTB-XL, or one fold of it, as the options say, and tell on standard error what was left out.

    Raises
    ------
    RequestError
        If an option is not valid, or the database is not at hand.
    """
    from ..offline.ptbxl import LABELS
    from ..offline.ptbxl_signals import read_records
    from ..replay.catalog import data_folder

    if rate not in (100, 500):
        raise RequestError(f"--rate {rate}: PTB-XL has 100 and 500 Hz")
    records = read_records(
        database_folder(database),
        rate=100 if rate == 100 else 500,
        leads=lead_names(leads),
        label=one_of("--label", label, LABELS),
        fold=fold,
        cache=data_folder() / "cache",
        progress=sys.stderr.isatty(),
    )
    if missing := records.missing:
        named = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        print(
            f"{len(missing)} of {len(records.index) + len(missing)} records are missing or unreadable and left out: "
            f"{named}",
            file=sys.stderr,
        )
    return records


def open_across(records: RecordSet, database: Path | None, archs: Sequence[str]) -> NDArray[np.float32] | None:
    """Read what stands across the leads of some records, for turning the heart's axis.

    None if not all are limb leads, or none of the architectures learns from it.

    Raises
    ------
    RecordError
        If a record lacks one of the leads that this takes.
    """
    from ..offline.heart_axis import can_turn
    from ..offline.ptbxl_signals import read_across
    from ..offline.record_recipes import RECIPES
    from ..replay.catalog import data_folder

    if not can_turn(records.leads) or not any(RECIPES[arch].augmentation.turn_deg for arch in archs):
        return None
    return read_across(database_folder(database), records, cache=data_folder() / "cache")
