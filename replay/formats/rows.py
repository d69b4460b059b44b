"""Rows of a table in text, one after the other, with the line and the column of what is no number."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence

import numpy as np

from ...errors import RecordError
from .file_record import find_columns
from .text_layout import Layout, as_number

_CLOCK = re.compile(r"\[?(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)(?:\s+\d+/\d+/\d+)?\]?")


class RowReader:
    """Reads row after row: a number for each column, seconds for a time, NaN for a blank cell and a column of text.

    Parameters
    ----------
    file
        What it is called in messages.
    layout
        Of the table.
    asked
        Columns that must hold numbers; None is all but those whose first cell is text.
    text
        Columns of text, where they are known; else the first row tells.
    """

    def __init__(
        self, file: str, layout: Layout, asked: Sequence[str] | None, text: Iterable[int] | None = None
    ) -> None:
        self._file = file
        self._layout = layout
        self._needed = () if asked is None else find_columns(file, layout.names, asked)
        self._first = text is None
        self.text = set(text or ())
        """Columns that hold text and are not read."""
        self.line = layout.skip
        """Number of the line read last."""
        self.n_columns = len(layout.names)

    def read(self, line: str) -> list[float] | None:
        """Read one line; None where it is blank.

        Raises
        ------
        RecordError
            If it has another number of cells than those before it, or a cell is no number.
        """
        self.line += 1
        if not line.strip():
            return None
        layout = self._layout
        cells = layout.split(line)
        if len(cells) != layout.cells:
            raise RecordError(f"{self._file} line {self.line} has {len(cells)} cells, those before it {layout.cells}")
        row = []
        for k in range(len(layout.names)):
            value = as_number(cells[k], layout.decimal_comma)
            if value is None:
                value = seconds(cells[k])
            if value is None:
                if self._first and k not in self._needed:
                    self.text.add(k)
                if k not in self.text:
                    name = layout.names[k] or str(k + 1)
                    raise RecordError(f"{self._file} line {self.line}: {cells[k][:40]!r} in column {name} is no number")
                value = np.nan
            row.append(value)
        self._first = False
        return row


def seconds(cell: str) -> float | None:
    """Give the seconds of ``0:01.004``, ``10:15:30.004`` or ``2024-01-31 10:15:30.004``; None if it is no time."""
    if found := _CLOCK.fullmatch(cell):
        hours, minutes, rest = found.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(rest.replace(",", "."))
    try:
        moment = datetime.datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (moment - datetime.datetime(2000, 1, 1, tzinfo=moment.tzinfo)).total_seconds()
