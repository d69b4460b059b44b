"""Beats as rows of a table: the columns that ``--format csv``, ``--output`` and `Result.to_frame` share."""

from __future__ import annotations

from typing import TextIO

from ..core.messages import CLASSES, Beat
from .engine import Step
from .sinks import ContextSink
from .summary import Summary

COLUMNS = ("sample", "time", "label", "rr_ms", "delay_ms", *(f"p_{name}" for name in CLASSES))
HEADER = ",".join(COLUMNS)


def csv_row(beat: Beat) -> str:
    """Write a beat as a row of CSV, rounded as JSON lines are; without an interval the cell is empty."""
    rr = "" if beat.rr_ms is None else f"{round(beat.rr_ms, 1)}"
    probabilities = ",".join(f"{p:.4f}" for p in beat.probabilities)
    return f"{beat.sample},{beat.time:.3f},{beat.label},{rr},{round(beat.delay_ms, 1)},{probabilities}"


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
        rows = [csv_row(output) for output in step.outputs if isinstance(output, Beat)]
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
