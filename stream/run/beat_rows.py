"""Beats as rows of a table: the columns that ``--format csv``, ``--output`` and `Result.to_frame` share."""

from __future__ import annotations

from typing import NamedTuple, TextIO

from ...words import plain
from ..core.messages import CLASSES, Beat
from .engine import Step
from .origin import Origin
from .sinks import ContextSink
from .summary import Summary

COLUMNS = (
    *("sample", "time", "label", "rr_ms", "delay_ms"),
    *(f"p_{name}" for name in CLASSES),
    *("stream", "id", "at", "learning", "quality", "paced"),
)
HEADER = ",".join(COLUMNS)


class OriginCells(NamedTuple):
    """What a row says of where a beat comes from: stream, id and time; empty where it is not known."""

    stream: str = ""
    id: str = ""
    at: str = ""

    @classmethod
    def of(cls, record: str, beat: Beat, origin: Origin | None) -> OriginCells:
        """Give those of a beat."""
        if origin is None:
            return cls()
        return cls(plain(origin.stream), origin.beat_id(record, beat.sample), origin.at(beat.sample) or "")


def csv_row(record: str, beat: Beat, origin: Origin | None) -> str:
    """Write a beat as a row of CSV, rounded as JSON lines are; without an interval the cell is empty."""
    rr = "" if beat.rr_ms is None else f"{round(beat.rr_ms, 1)}"
    probabilities = ",".join(f"{p:.4f}" for p in beat.probabilities)
    stream, id_, at = OriginCells.of(record, beat, origin)
    if any(each in stream for each in ',"'):
        stream = '"{}"'.format(stream.replace('"', '""'))
    quality = "" if beat.quality is None else f"{beat.quality:.2f}"
    cells = (beat.sample, f"{beat.time:.3f}", beat.label, rr, round(beat.delay_ms, 1), probabilities, stream, id_, at)
    learning, paced = ("true" if each else "false" for each in (beat.learning, beat.paced))
    return ",".join(str(cell) for cell in (*cells, learning, quality, paced))


class CsvSink(ContextSink):
    """A row a beat as it comes, after a header. Events and the summary are not in it.

    Parameters
    ----------
    out
        Where the rows go.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._begun = False

    async def write(self, step: Step) -> None:
        """Write the beats of a step."""
        rows = [csv_row(step.record, output, step.origin) for output in step.outputs if isinstance(output, Beat)]
        if rows:
            self._begin()
            self._out.write("".join(f"{row}\n" for row in rows))
            self._out.flush()

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Write the header where there was no beat."""
        self._begin()
        self._out.flush()

    def _begin(self) -> None:
        if not self._begun:
            self._out.write(f"{HEADER}\n")
            self._begun = True
