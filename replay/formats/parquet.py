"""Tables in Parquet, which pyarrow reads (extra ``[files]``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import MissingExtraError, RecordError
from ..record import Record
from .asked import Asked
from .table import Table, table_record
from .text_layout import MOST_COLUMNS, name_and_unit


def open_parquet(path: Path, asked: Asked) -> Record:
    """Open a table whose columns are leads; times, also with dates, are read from a column of theirs.

    Raises
    ------
    RecordError
        If it is none, or no sampling rate is known.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(f"reading {path.name}", "files") from None
    try:
        schema = parquet.read_schema(path)
        if len(schema.names) > MOST_COLUMNS:
            raise RecordError(
                f"{path.name} has {len(schema.names)} columns: valid is a column a lead, up to {MOST_COLUMNS}"
            )
        table = parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        if isinstance(error, OSError) and error.strerror:
            raise RecordError(f"cannot read {path}: {error.strerror}") from error
        what = "is empty" if path.is_file() and not path.stat().st_size else "is damaged or no Parquet file"
        raise RecordError(f"{path.name} {what}") from error
    names, units, values = [], [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pyarrow.types.is_timestamp(kind):
            moments = column.to_numpy()
            x = (moments - moments[:1]) / np.timedelta64(1, "s")
            unit = "s"
        elif pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
            x, unit = column.to_numpy().astype(np.float64), ""
        else:
            continue
        label, told = name_and_unit(name)
        names.append("time" if unit and label.startswith("__index") else label)
        units.append(unit or told)
        values.append(x)
    if not names:
        raise RecordError(f"{path.name} has no column of numbers")
    return table_record(path, Table(tuple(names), tuple(units), np.stack(values, axis=1)), asked)
