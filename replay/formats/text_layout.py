"""How a text file lays out its table: encoding, separator, decimal sign, header. Told from its first lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ...errors import RecordError
from ...stream.core.units import millivolts
from .preamble import read_preamble
from .time_column import SECONDS, plain

LINES = 200
LONGEST_LINE = 1 << 18  # characters
MOST_COLUMNS = 1000
BLANK = frozenset(("", "nan", "na", "n/a", "null", "none", "-", "--", "?", "inf", "-inf"))
"""Cells in which there is no measurement, in small letters."""

_COMMENT = ("#", "%", "//")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_UNIT = re.compile(r"(.*?)[\s_]*[\[(/,]\s*([^\[\]()]+?)\s*[\])]?\s*")
_UNIT_BEHIND = re.compile(r"(.+)_(mV|uV|µV|μV|ms|us)")


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a table in text.

    Attributes
    ----------
    encoding
        Of the file.
    separator
        Between cells; None is any white space.
    decimal_comma
        Whether the decimal sign is a comma.
    skip
        Lines before the first row of values.
    names, units
        Of each column; empty where there is none.
    cells
        Cells of a row; one more than there are columns where each row ends with a separator.
    fs
        Sampling rate that stands above the table, Hz; None if none does.
    """

    encoding: str
    separator: str | None
    decimal_comma: bool
    skip: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    cells: int
    fs: float | None = None

    def split(self, line: str) -> list[str]:
        """Cut a line into its cells, without the quotes and the space around them."""
        return split(line, self.separator)


def split(line: str, separator: str | None) -> list[str]:
    """Cut a line into its cells, without the quotes and the space around them."""
    if separator is None:
        return line.split()
    if '"' not in line:
        return [cell.strip(" '\t\r\n\0") for cell in line.split(separator)]
    return [cell.strip(" '\t\r\n\0") for row in csv.reader([line], delimiter=separator) for cell in row]


def as_number(cell: str, decimal_comma: bool) -> float | None:
    """Give the number in a cell, NaN where it is blank; None where it is text."""
    if cell.casefold() in BLANK:
        return float("nan")
    try:
        return float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return None


def layout_of(path: Path) -> Layout:
    """Look at the first lines of a file.

    Raises
    ------
    RecordError
        If it cannot be read, is empty, is no text, or has no row of numbers.
    """
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, newline=None, errors="replace") as file:
            lines: list[str] = []
            while len(lines) < LINES and (line := file.readline(LONGEST_LINE)):
                lines.append(line)
                if len(line) >= LONGEST_LINE:
                    raise RecordError(
                        f"{path.name} line {len(lines)} is longer than {LONGEST_LINE:,} characters: valid is a table "
                        "with a row a sample and a column a lead"
                    )
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeError:
        raise RecordError(f"{path.name} is no text") from None
    if not any(line.strip() for line in lines):
        raise RecordError(f"{path.name} is empty")
    return layout_of_lines(path.name, lines, encoding)


def layout_of_lines(file: str, lines: list[str], encoding: str = "utf-8") -> Layout:
    """Tell the layout from the first lines.

    Raises
    ------
    RecordError
        If they hold no row of numbers, or too many columns.
    """
    rows = [line for line in lines if line.strip() and not line.lstrip(" '\"").startswith(_COMMENT)]
    separator, decimal_comma = _signs(rows[len(rows) // 2 :] or rows)
    cells = [split(line, separator) for line in rows]
    width = Counter(len(row) for row in cells[len(cells) // 2 :]).most_common(1)[0][0] if cells else 0
    if width > MOST_COLUMNS:
        raise RecordError(
            f"{file} has {width} columns: valid is a row a sample and a column a lead, up to {MOST_COLUMNS}"
        )
    body = [row for row in cells[len(cells) // 2 :] if len(row) == width]
    numeric = [all(as_number(row[k], decimal_comma) is not None for row in body) for k in range(width)]
    blank = [all(not row[k] for row in body) for k in range(width)]
    if not any(number and not empty for number, empty in zip(numeric, blank, strict=True)):
        raise RecordError(f"{file} has no row of numbers{': a header and no sample' if len(rows) == 1 < width else ''}")
    head = 0
    while head < len(cells) and _is_head(cells[head], numeric, width, decimal_comma):
        head += 1
    if head == 0 and _numbered(cells):
        head = 1
    if head == len(cells):
        raise RecordError(f"{file} has a header and no sample")
    skip = lines.index(rows[head])
    above = read_preamble(lines[:skip])
    # Of a single column, what has such a sign in it is no name, but a line about the recording.
    names, units = _head([row for row in cells[:head] if width > 1 or not re.search("[,;:=]", row[0])], width)
    if width == 1:
        names = (names[0] or above.lead or "",)
    used = width - 1 if width > 1 and blank[-1] and not names[-1] else width
    if above.unit is not None:
        units = tuple(unit or above.unit for unit in units)
    return Layout(encoding, separator, decimal_comma, skip, names[:used], units[:used], width, above.fs)


def _encoding(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        raise RecordError(f"{path.name} is no text")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _signs(lines: list[str]) -> tuple[str | None, bool]:
    """Tell the separator and whether the decimal sign is a comma."""
    for separator in ("\t", ";", "|"):
        if lines and all(separator in line for line in lines):
            cells = [cell for line in lines for cell in split(line, separator)]
            comma = any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells) and not any("." in cell for cell in cells)
            return separator, comma
    if not any("," in line for line in lines):
        return None, False
    words = [line.split() for line in lines]
    if all(len(row) > 1 and any(_DECIMAL_COMMA.fullmatch(word) for word in row) for row in words):
        return None, True  # columns between white space
    parts = [line.strip().split(",") for line in lines]
    alone = all(
        len(row) == 2 and _DECIMAL_COMMA.fullmatch(line.strip()) for row, line in zip(parts, lines, strict=True)
    )
    # One column of 0,145 and two of integers look alike; a zero that leads, or -0, is only met behind a decimal sign.
    if alone and any(row[0] == "-0" or (len(row[1]) > 1 and row[1].startswith("0")) for row in parts):
        return None, True
    return ",", False


def _is_head(row: list[str], numeric: list[bool], width: int, decimal_comma: bool) -> bool:
    """Whether a row stands before the values: of another length, or with text where all others have numbers."""
    if len(row) != width:
        return True
    kept = [cell for cell, number in zip(row, numeric, strict=True) if number]
    return any(cell and as_number(cell, decimal_comma) is None for cell in kept) or not any(kept)


def _numbered(cells: list[list[str]]) -> bool:
    """Whether the first row is the header that pandas writes where columns have no names: ``,0,1``."""
    first = cells[0]
    return len(first) > 1 and not first[0] and len(cells) > 1 and bool(cells[1][0]) and first[1:] == [
        str(k) for k in range(len(first) - 1)
    ]  # fmt: skip


def _head(rows: list[list[str]], width: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give names and units of the columns: out of one row, or units out of a row of their own."""
    whole = [row for row in rows if len(row) == width]
    if not whole:
        return ("",) * width, ("",) * width
    of_units = len(whole) > 1 and any(_is_unit(cell) for cell in whole[-1])
    pairs = [name_and_unit(cell) for cell in whole[-2 if of_units else -1]]
    names = tuple(name for name, _ in pairs)
    if not of_units:
        return names, tuple(unit for _, unit in pairs)
    return names, tuple(cell.strip("()[] ") or unit for cell, (_, unit) in zip(whole[-1], pairs, strict=True))


def _is_unit(cell: str) -> bool:
    word = cell.strip("()[] ")
    return millivolts(word) is not None or word.casefold() in SECONDS or word.casefold().startswith("hh:mm")


def name_and_unit(cell: str) -> tuple[str, str]:
    """Give the name of a column and its unit, as in ``MLII (mV)``; empty if it has none."""
    for pattern in (_UNIT, _UNIT_BEHIND):
        if (found := pattern.fullmatch(cell)) and _is_unit(found[2]) and found[1]:
            return found[1].strip(), found[2]
    return cell, cell if plain(cell) in SECONDS else ""
