"""A sink that writes the beats of a record to one file when it ends: CSV, Parquet, or EDF+ annotations."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..errors import MissingExtraError, RequestError
from ..stream.core.messages import CLASSES, Beat
from ..stream.core.snapshots import replace_file
from ..stream.run.beat_rows import COLUMNS, HEADER, OriginCells, csv_row
from ..stream.run.engine import Step
from ..stream.run.origin import Origin
from ..stream.run.sinks import ContextSink
from ..stream.run.summary import Summary


class _FoundBeat(NamedTuple):
    beat: Beat
    record: str
    origin: Origin | None


def _csv(found: Sequence[_FoundBeat]) -> bytes:
    rows = (csv_row(each.record, each.beat, each.origin) for each in found)
    return "".join(f"{row}\n" for row in (HEADER, *rows)).encode()


def _parquet(found: Sequence[_FoundBeat]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    beats = [each.beat for each in found]
    columns: dict[str, object] = {
        "sample": pyarrow.array([beat.sample for beat in beats], pyarrow.int64()),
        "time": pyarrow.array([beat.time for beat in beats], pyarrow.float64()),
        "label": pyarrow.array([beat.label for beat in beats], pyarrow.string()),
        "rr_ms": pyarrow.array([beat.rr_ms for beat in beats], pyarrow.float64()),
        "delay_ms": pyarrow.array([beat.delay_ms for beat in beats], pyarrow.float64()),
    }
    for k, name in enumerate(CLASSES):
        columns[f"p_{name}"] = pyarrow.array([beat.probabilities[k] for beat in beats], pyarrow.float64())
    cells = [OriginCells.of(each.record, each.beat, each.origin) for each in found]
    for field in OriginCells._fields:
        columns[field] = pyarrow.array([getattr(cell, field) for cell in cells], pyarrow.string())
    columns["learning"] = pyarrow.array([beat.learning for beat in beats], pyarrow.bool_())
    columns["quality"] = pyarrow.array([beat.quality for beat in beats], pyarrow.float64())
    columns["paced"] = pyarrow.array([beat.paced for beat in beats], pyarrow.bool_())
    written = io.BytesIO()
    parquet.write_table(pyarrow.table({name: columns[name] for name in COLUMNS}), written)
    return written.getvalue()


def _edf(found: Sequence[_FoundBeat]) -> bytes:
    import edfio

    # A file without any annotation is none; and the texts are single letters, which want a word.
    marks = [edfio.EdfAnnotation(0.0, None, "ecg-stream: beats as AAMI classes N S V F Q")]
    marks += [edfio.EdfAnnotation(each.beat.time, None, each.beat.label) for each in found]
    written = io.BytesIO()
    began = found[0].origin.at(0) if found and found[0].origin is not None else None
    if began is None:
        edfio.Edf([], annotations=marks).write(written)
    else:
        moment = datetime.fromisoformat(began)
        recording = edfio.Recording(startdate=moment.date())
        edfio.Edf([], annotations=marks, recording=recording, starttime=moment.time()).write(written)
    return written.getvalue()


WRITERS: dict[str, tuple[Callable[[Sequence[_FoundBeat]], bytes], str | None]] = {
    ".csv": (_csv, None),
    ".parquet": (_parquet, "pyarrow"),
    ".edf": (_edf, "edfio"),
}
"""By the end of the file's name: what writes it, and the library of the extra ``[files]`` that it needs."""


class BeatFileSink(ContextSink):
    """Writes the beats of one record to a file, whole when the record ends; of one that fails, nothing is left.

    Until then the beats are held, some 300 bytes each.

    Parameters
    ----------
    file
        Ends in one of `WRITERS`. Its folder is made if it is not there.

    Raises
    ------
    RequestError
        If its name ends otherwise, or the folder cannot be written, before anything is run.
    MissingExtraError
        If it needs a library that is not installed.
    """

    def __init__(self, file: Path) -> None:
        if file.suffix not in WRITERS:
            raise RequestError(f"cannot write beats as {file.name}: valid are {', '.join(WRITERS)}", about="beat file")
        self._write, library = WRITERS[file.suffix]
        if library is not None:
            try:
                __import__(library)
            except ImportError:
                raise MissingExtraError(f"writing {file.name}", "files") from None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=file.parent):
                pass
        except OSError as error:
            raise RequestError(f"cannot write to {file.parent}: {error.strerror}", about="beat file") from error
        if file.is_dir():
            raise RequestError(f"cannot write {file}: it is a folder", about="beat file")
        self._file = file
        self._beats: list[_FoundBeat] = []

    async def write(self, step: Step) -> None:
        """Keep the beats of a step."""
        found = (output for output in step.outputs if isinstance(output, Beat))
        self._beats += [_FoundBeat(beat, step.record, step.origin) for beat in found]

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Write the file."""
        try:
            replace_file(self._file, self._write(self._beats))
        except OSError as error:
            raise RequestError(f"cannot write {self._file}: {error.strerror}", about="beat file") from error
