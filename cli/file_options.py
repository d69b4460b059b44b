"""Options for what a file does not say itself: sampling rate, unit, columns."""

from __future__ import annotations

from typing import Annotated

import typer

RECORD_HELP = (
    "demo, demo-rhythms, a path, db/name or a bare name; "
    "or a file: .csv .txt .tsv .npy .npz .mat .h5 .hdf5 .parquet .edf .bdf .dcm."
)

Fs = Annotated[
    float | None, typer.Option("--fs", metavar="HZ", help="Sampling rate, where the file does not say it: CSV, arrays.")
]
Unit = Annotated[
    str | None,
    typer.Option(metavar="UNIT", help="Unit of the values, where the file has none or a wrong one: uV, V, 200/mV."),
]
Column = Annotated[
    list[str] | None,
    typer.Option(metavar="C", help="A column of a file to take as a lead, by name or number from 1; may be repeated."),
]
