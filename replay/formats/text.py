"""Tables in text, ``.csv``, ``.txt`` and ``.tsv``: a row a sample, a column a lead, with or without a header."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ..record import Record
from .asked import Asked
from .file_record import find_columns
from .table import Table, table_record
from .text_layout import Layout, as_number, layout_of
from .time_column import TIME_NAMES, plain

_CLOCK = re.compile(r"\[?(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)(?:\s+\d+/\d+/\d+)?\]?")
DAY_S = 86_400.0


def open_text(path: Path, asked: Asked) -> Record:
    """Open a table in text.

    Encoding, separator (comma, semicolon, tab, bar, white space), a decimal comma, a header of names and units, and a
    column of times are found from the text. Blank cells and NaN are no measurement.

    Raises
    ------
    RecordError
        If it is no such table, a cell holds text, rows have different lengths, or it does not say its sampling rate and
        none was given.
    """
    layout = layout_of(path)
    values = _quickly(path, layout)
    if values is None:
        values = _row_by_row(path, layout, asked)
    table = Table(layout.names, layout.units, values, first_row=layout.skip + 1, row_name="line")
    return table_record(path, table, asked)


def _quickly(path: Path, layout: Layout) -> NDArray[np.float64] | None:
    """Read a table of nothing but numbers; None where it is none."""

    def body() -> Iterator[str]:
        with path.open(encoding=layout.encoding, errors="replace") as file:
            for line in islice(file, layout.skip, None):
                yield line.replace(",", ".") if layout.decimal_comma else line

    try:
        values = np.loadtxt(body(), delimiter=layout.separator, comments=None, ndmin=2, quotechar='"')
    except ValueError:
        return None  # told row by row
    return values if values.shape[1] == layout.cells == len(layout.names) else None


def _row_by_row(path: Path, layout: Layout, asked: Asked) -> NDArray[np.float64]:
    """Read the columns that hold numbers or times, NaN in those that do not; say which cell is wrong."""
    columns = range(len(layout.names))
    named = () if asked.columns is None else find_columns(path.name, layout.names, asked.columns)
    out: list[list[float]] = []
    text: set[int] = set()
    with path.open(encoding=layout.encoding, errors="replace") as file:
        for number, line in enumerate(islice(file, layout.skip, None), layout.skip + 1):
            if not line.strip():
                continue
            cells = layout.split(line)
            if len(cells) != layout.cells:
                raise RecordError(f"{path.name} line {number} has {len(cells)} cells, those before it {layout.cells}")
            row = []
            for k in columns:
                value = as_number(cells[k], layout.decimal_comma)
                if value is None:
                    value = _seconds(cells[k])
                if value is None and not out and k not in named:
                    text.add(k)  # a column of text from its first row on is not meant to be a lead
                if value is None and k not in text:
                    name = layout.names[k] or str(k + 1)
                    raise RecordError(f"{path.name} line {number}: {cells[k][:40]!r} in column {name} is no number")
                row.append(np.nan if value is None else value)
            out.append(row)
    values = np.array(out, dtype=np.float64).reshape(-1, len(columns))
    _unwrap_midnight(values, [k for k in columns if plain(layout.names[k]) in TIME_NAMES or k == 0])
    return values


def _seconds(cell: str) -> float | None:
    """Give the seconds of ``0:01.004``, ``10:15:30.004`` or ``2024-01-31 10:15:30.004``; None if it is no time."""
    if found := _CLOCK.fullmatch(cell):
        hours, minutes, seconds = found.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", "."))
    try:
        moment = datetime.datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (moment - datetime.datetime(2000, 1, 1, tzinfo=moment.tzinfo)).total_seconds()


def _unwrap_midnight(values: NDArray[np.float64], columns: list[int]) -> None:
    """Let times of the day, in place, run on past midnight."""
    for k in columns:
        steps = np.diff(values[:, k])
        if (steps < -0.9 * DAY_S).any() and (np.abs(values[:, k]) <= DAY_S).all():
            values[1:, k] += DAY_S * np.cumsum(steps < -0.9 * DAY_S)
