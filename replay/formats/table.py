"""A table of columns, whatever file it comes from: which of them are leads, and which tells the time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ...stream.core.lead_names import is_ecg
from ..lead_choice import Choice, choose_leads
from ..record import Record
from ..wfdb_header import HeaderSignal
from .asked import Asked
from .file_record import asked_leads, file_record, find_columns, signal_of
from .gaps import SparseSamples
from .time_column import INDEX_NAMES, TIME_NAMES, Timing, plain, timing


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of numbers.

    Attributes
    ----------
    names, units
        Of each column; empty where there is none.
    values
        ``(n_samples, n_columns)``; NaN where there is no measurement.
    fs
        Sampling rate that the file states, Hz; None if it does not.
    first_row, row_name
        What the first row is called in a message: ``line 2``.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: NDArray[np.float64]
    fs: float | None = None
    first_row: int = 1
    row_name: str = "row"


class Chosen(NamedTuple):
    """What of a table is played.

    Attributes
    ----------
    columns
        The columns that are, in their order.
    clock
        The one that tells the time; None if there is none.
    timing
        What it tells.
    signals
        Of all columns that might be leads.
    choice
        Among these.
    """

    columns: tuple[int, ...]
    clock: int | None
    timing: Timing
    signals: list[HeaderSignal]
    choice: Choice


def choose_columns(file: str, record: str, table: Table, asked: Asked) -> Chosen:
    """Find the column of times and the leads.

    A column of times is one that is called so, or the first one where it rises from row to row and is not called a
    lead. It is not played; it says the sampling rate, and where samples are missing.

    Raises
    ------
    RecordError
        If no column is a lead, one that was asked for is not there, or no sampling rate is known.
    """
    if not len(table.values):
        raise RecordError(f"{file} holds no sample")
    if table.fs is not None and asked.fs is not None and table.fs != asked.fs:
        raise RecordError(f"{file} says {table.fs:g} Hz, not {asked.fs:g} Hz", about="sampling rate")
    fs = table.fs if asked.fs is None else asked.fs
    columns = None if asked.columns is None else find_columns(file, table.names, asked.columns)
    clock = _clock(table, set(columns or ()))
    if clock is not None:
        unit = _unit_of_time(table, clock)
        found = timing(file, table.names[clock], unit, table.values[:, clock], fs, table.first_row)
    elif fs is None:
        raise RecordError(f"{file} does not say its sampling rate", about="sampling rate")
    else:
        found = Timing(fs, None)
    kept = columns
    if kept is None:
        beside = {k for k, name in enumerate(table.names) if plain(name) in TIME_NAMES | INDEX_NAMES} | {clock}
        kept = [k for k in range(len(table.names)) if k not in beside and not np.isnan(table.values[:, k]).all()]
    if not kept:
        raise RecordError(f"{file} has no column of samples beside the time", about="column")
    signals = [signal_of(table.names[k], table.units[k] or "mV") for k in kept]
    choice = choose_leads(record, signals, found.fs, asked_leads(asked, signals), asked.unit)
    return Chosen(tuple(kept[i] for i in choice.played), clock, found, signals, choice)


def table_record(path: Path, table: Table, asked: Asked, notes: tuple[str, ...] = ()) -> Record:
    """Make the record of a table.

    Raises
    ------
    RecordError
        As `choose_columns` does.
    """
    chosen = choose_columns(path.name, path.stem, table, asked)
    samples = table.values[:, list(chosen.columns)] * np.array(chosen.choice.factors)
    reader = SparseSamples(samples, chosen.timing.places)
    told = (*notes, *([chosen.timing.note] if chosen.timing.note else []))
    return file_record(path, chosen.signals, chosen.timing.fs, chosen.choice, reader, len(reader), notes=told)


def _clock(table: Table, taken: set[int]) -> int | None:
    """Find the column that tells the time; None if there is none. One that was asked for as a lead is none."""
    free = [k for k in range(len(table.names)) if k not in taken]
    for names in (TIME_NAMES, INDEX_NAMES):
        for k in free:
            if plain(table.names[k]) in names and np.isfinite(table.values[:, k]).any():
                return k
    first = table.values[:, 0]
    if 0 in free and len(table.names) > 1 and len(first) > 2 and is_ecg(table.names[0]) is not True:
        return 0 if (np.diff(first) > 0).all() else None  # not all where one is NaN
    return None


def _unit_of_time(table: Table, clock: int) -> str:
    """Give the unit of the time; times of the day are in seconds by now."""
    unit = table.units[clock]
    return "s" if unit.casefold().startswith("hh:mm") else unit
