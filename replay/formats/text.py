"""Tables in text, ``.csv``, ``.txt`` and ``.tsv``: a row a sample, a column a lead, with or without a header."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..record import Record
from .asked import Asked
from .rows import RowReader
from .table import Table, table_record
from .text_layout import Layout, layout_of
from .time_column import TIME_NAMES, plain

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
    # What stands above a table may be of something else: a rate that was asked for goes before it.
    fs = layout.fs if asked.fs is None else None
    table = Table(layout.names, layout.units, values, fs, first_row=layout.skip + 1, row_name="line")
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
    reader = RowReader(path.name, layout, asked.columns)
    with path.open(encoding=layout.encoding, errors="replace") as file:
        rows = [row for line in islice(file, layout.skip, None) if (row := reader.read(line)) is not None]
    columns = range(len(layout.names))
    values = np.array(rows, dtype=np.float64).reshape(-1, len(columns))
    _unwrap_midnight(values, [k for k in columns if plain(layout.names[k]) in TIME_NAMES or k == 0])
    return values


def _unwrap_midnight(values: NDArray[np.float64], columns: list[int]) -> None:
    """Let times of the day, in place, run on past midnight."""
    for k in columns:
        steps = np.diff(values[:, k])
        if (steps < -0.9 * DAY_S).any() and (np.abs(values[:, k]) <= DAY_S).all():
            values[1:, k] += DAY_S * np.cumsum(steps < -0.9 * DAY_S)
