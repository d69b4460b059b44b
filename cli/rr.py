"""`ecg-stream rr`: the intervals between the beats of a record, for programs of heart-rate variability."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import RequestError
from .completion import record_names
from .file_options import RECORD_HELP, Column, Fs, Unit
from .model_options import BeatModel
from .records import open_record

if TYPE_CHECKING:
    from ..front.result import Intervals


def rr(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=RECORD_HELP, autocompletion=record_names)],
    normal: Annotated[
        bool,
        typer.Option(
            "--normal", help="NN intervals only: from one N to the next N, as heart rate variability needs them."
        ),
    ] = False,
    format: Annotated[  # noqa: A002  the option is called --format
        Literal["kubios", "neurokit"],
        typer.Option(help="kubios: a time in s and an interval in ms a line; neurokit: CSV with RRI_Time and RRI."),
    ] = "kubios",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write.  [default: standard output]")
    ] = None,
    start: Annotated[float, typer.Option(metavar="S", help="Where in the record to begin, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(metavar="S", help="Where to end, in seconds.")] = None,
    lead: Annotated[
        list[str] | None, typer.Option(metavar="L", help="A lead, by name or index from 0; may be repeated.")
    ] = None,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    model: BeatModel = None,
) -> None:
    """Give the RR or NN intervals of a record, as Kubios and NeuroKit2 read them.

    The record is classified at full speed. There is no interval across a gap or where a lead is off; with --normal,
    none that begins or ends with a beat that is not N. The times show where intervals are left out.
    """
    from ..front.classify import classify
    from ..stream.core.snapshots import replace_file
    from ..stream.networks import DEFAULT_MODEL

    found = open_record(record, lead, unit, fs, column)
    result = classify(found, start=start, end=end, model=DEFAULT_MODEL if model is None else model)
    intervals = result.rr(normal=normal)
    if not len(intervals.ms):
        raise RequestError(
            f"record {found.name} has no two {'N ' if normal else ''}beats in a row: no interval to give"
        )
    text = _text(intervals, format)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_file(output, text.encode())
    except OSError as error:
        raise RequestError(f"cannot write {output}: {error.strerror}: name another with --output") from error


def _text(intervals: Intervals, form: str) -> str:
    pairs = zip(intervals.times.tolist(), intervals.ms.tolist(), strict=True)
    if form == "kubios":
        return "".join(f"{time:.3f}\t{ms:.1f}\n" for time, ms in pairs)
    return "RRI_Time,RRI\n" + "".join(f"{time:.3f},{ms:.1f}\n" for time, ms in pairs)
