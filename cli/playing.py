"""What `replay` and `live` share: play a source to sinks, and what these are."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..stream.run.engine import Session, Sink, Source, Step, StopRequest
    from ..stream.run.summary import Summary
    from ..stream.screen.watch import Watch

Format: TypeAlias = Annotated[
    Literal["monitor", "lines", "json", "csv"] | None,
    typer.Option(help="How to show the beats.  [default: monitor on a terminal, else lines]"),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the beats to a file: .csv, .parquet, or .edf (EDF+ annotations)."),
]


def play(
    session: Session, source: Source, sinks: Sequence[Sink], heard: Callable[[Step], Step] = lambda step: step
) -> tuple[Summary, StopRequest]:
    """Play a source until it ends, Ctrl-C, or the key that ends it; give the summary, and the wish that ended it."""
    from ..stream.run.engine import run, stopped_by_signals
    from ..stream.screen.monitor import MonitorSink

    async def playing() -> tuple[Summary, StopRequest]:
        with stopped_by_signals() as stop:
            for sink in sinks:
                if isinstance(sink, MonitorSink):
                    sink.viewer.leave = stop.ask
            return await run(session, source, sinks, stop, heard), stop

    return asyncio.run(playing())


def monitor_sink(watch: Watch, source: Source) -> Sink:
    """Show a stream on this terminal, and obey its keys; a record waits for them."""
    from rich.console import Console

    from ..replay.player import Player
    from ..stream.screen.keys import Keyboard
    from ..stream.screen.monitor import MonitorSink

    return MonitorSink(watch, Console(), Keyboard.at_hand(), source if isinstance(source, Player) else None)


def text_sink(shown: str) -> Sink:
    """Write outputs to standard output as ``lines``, ``json`` or ``csv``."""
    from ..stream.run.beat_rows import CsvSink
    from ..stream.run.sinks import JsonSink, LineSink

    if shown == "csv":
        return CsvSink(sys.stdout)
    return JsonSink(sys.stdout.buffer) if shown == "json" else LineSink(sys.stdout)
