"""Sinks that write to a stream: a line a beat for people, or a JSON object a line for programs.

Each line is flushed with the chunk that completed it, so that a reader at the other end of a pipe sees a
beat when it is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO, Self, TextIO

from ...words import plain
from ..core.messages import CLASSES, Alert, Beat, Output, Rhythm, St
from ..core.rhythm_names import in_words, verb
from .alert_words import alert_in_words
from .engine import Step
from .jsonl import encode_summary, lines_of
from .summary import Percentiles, Summary


class ContextSink:
    """A sink that has nothing to open or close."""

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close nothing."""

    async def finish(self, record: str, summary: Summary) -> None:
        """Let a record end."""


class JsonSink(ContextSink):
    """One JSON object a line, see `stream.jsonl`: beats and events as they come, the summary at the end."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    async def write(self, step: Step) -> None:
        """Write the outputs of a step."""
        await self.write_all([step])

    async def write_all(self, steps: Sequence[Step]) -> None:
        """Write the outputs of several steps, all at once."""
        lines = [line + b"\n" for step in steps for line in lines_of(step)]
        if lines:
            self._out.write(b"".join(lines))
            self._out.flush()

    async def finish(self, record: str, summary: Summary) -> None:
        """Write the summary."""
        self._out.write(encode_summary(record, summary) + b"\n")
        self._out.flush()


class LineSink(ContextSink):
    """One line a beat for people: R peak, class, its probability, RR interval, heart rate, delay.

    Parameters
    ----------
    out
        Where the lines go.
    named
        Begin each line with the name of the record, where many records share one output.
    """

    def __init__(self, out: TextIO, *, named: bool = False) -> None:
        self._out = out
        self._named = named

    async def write(self, step: Step) -> None:
        """Write the outputs of a step."""
        if step.outputs:
            name = f"{plain(step.record)}  " if self._named else ""
            self._out.write("".join(f"{name}{line(output)}\n" for output in step.outputs))
            self._out.flush()

    async def finish(self, record: str, summary: Summary) -> None:
        """Write the summary as a short table."""
        self._out.write(f"\n{summary_table(record, summary)}\n")
        self._out.flush()


def clock(seconds: float) -> str:
    """Write stream time as ``H:MM:SS.mmm``.

    >>> clock(3661.5)
    '1:01:01.500'
    """
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def line(output: Output) -> str:
    """Write one output for people, without line end."""
    if isinstance(output, Beat):
        probability = output.probabilities[CLASSES.index(output.label)]
        rhythm = " " * 22 if output.rr_ms is None else f"RR {output.rr_ms:5.0f} ms {60_000 / output.rr_ms:6.1f}/min"
        learning = "  paced" if output.paced else ""
        learning += "  learning" if output.learning else ""
        return f"{clock(output.time)}  {output.label} {probability:6.1%}  {rhythm}  +{output.delay_ms:.0f} ms{learning}"
    if isinstance(output, Rhythm):
        length = "" if output.length_s is None else f" after {output.length_s:.1f} s"
        told = f"{in_words(output.name)} {verb(output.name, output.state)}{length}: {output.why}"
        return f"{clock(output.time)}  * {told}  +{output.delay_ms:.0f} ms"
    if isinstance(output, Alert):
        return f"{clock(output.time)}  {alert_in_words(output)}  +{output.delay_ms:.0f} ms"
    if isinstance(output, St):
        change = "" if output.change_uv is None else f", {output.change_uv:+d} against its reference"
        episode = f", a change {output.episode}s" if output.episode else ""
        told = f"ST {plain(output.lead)} {output.uv:+d} uV, {output.slope:+.2f} mV/s{change}{episode}"
        return f"{clock(output.time)}  ~ {told}"
    what = plain(" ".join(part for part in (output.kind, output.lead, output.detail) if part))
    return f"{clock(output.time)}  ! {what}"


def summary_table(record: str, summary: Summary) -> str:
    """Write a summary for people, several lines, without the last line's end."""
    counts = "  ".join(f"{name} {count}" for name, count in summary.counts.items())
    events = "  ".join(f"{kind} {count}" for kind, count in summary.events.items()) or "none"
    rhythms = "  ".join(f"{name} {count}" for name, count in summary.rhythms.items()) or "none"
    alerts = "  ".join(f"{priority} {count}" for priority, count in summary.alerts.items()) or "none"
    factor = "" if summary.realtime_factor is None else f", {summary.realtime_factor:,.1f} times real time"
    return "\n".join(
        (
            f"{plain(record)}: {summary.samples:,} samples in {summary.seconds:.1f} s{factor}",
            f"  beats    {summary.beats}  ({counts})",
            f"  events   {events}",
            f"  rhythms  {rhythms}",
            f"  alerts   {alerts}",
            f"  delay    {_spread(summary.delay_ms, 'p95', 0)}  stream time from R peak to label",
            f"  compute  {_spread(summary.compute_ms, 'p99', 3)}  wall time for each chunk",
            f"  lag      {_spread(summary.lag_ms, 'p95', 0)}  how late a chunk was taken up",
        )
    )


def _spread(percentiles: Percentiles, high: str, digits: int) -> str:
    values = {"p50": percentiles.p50, high: percentiles.high, "max": percentiles.max}
    return "  ".join(f"{name} {'-' if value is None else f'{value:.{digits}f}'} ms" for name, value in values.items())
