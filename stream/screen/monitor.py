"""The monitor: a full terminal screen for one stream, and the sink that keeps it live.

`Screen` is pure: a `View` in, segments out, at whatever size the console has. `MonitorSink` gathers the steps
and draws the screen twelve times a second from an asyncio task.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from ..run.engine import Step
from ..run.sinks import clock
from ..run.summary import Summary
from .live_screen import LiveScreen
from .palette import TRACE, Line, block
from .panels import events, panels
from .traces import traces
from .view import View, Watch

REFRESH_HZ = 12

PANEL_ROWS = 8
"""Height of the panels on the smallest screen that shows everything, 80 by 24."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A `View` as a Rich renderable that fills the console.

    From the top: title; the traces, a dot column of 40 ms, with the class of each beat above; stream time; heart
    rate and class counts, the last beats, timing and agreement with the reference; the latest events. A taller
    screen has taller traces and longer lists, a wider one shows more seconds. Where there is less room than
    80 by 24, the panels give way to the traces.
    """

    view: View

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines of the screen."""
        width, height = options.max_width, options.height or console.height
        lines = self._lines(width, height)[:height]
        for number, each in enumerate(block(lines, height, width)):
            if number:
                yield Segment.line()
            yield from each

    def _lines(self, width: int, height: int) -> list[Line]:
        event_rows = 1 if height < 30 else 3
        free = height - 4 - event_rows  # title, marks, time axis and panel titles take a line each
        panel_rows = max(0, min(max(PANEL_ROWS, free * 3 // 10), free - 4))
        return [
            _title(self.view, width),
            *traces(self.view, width, free - panel_rows),
            *panels(self.view, width, panel_rows),
            *events(self.view, event_rows, width),
        ]


def _title(view: View, width: int) -> Line:
    """Name the record, where in it the stream is, and what runs."""
    title = view.title
    length = "" if title.length_s is None else f" of {clock(title.length_s)[:-4]}"
    parts = [f"{clock(view.now_s)[:-4]}{length}", title.speed, f"{view.fs:g} Hz" if view.fs else "", title.model]
    row = [
        Segment(f" {title.record} ", Style(bold=True, reverse=True)),
        Segment("  " + "  ".join(part for part in parts if part)),
    ]
    room = width - Segment.get_line_length(row) - 3
    if title.length_s and room >= 8:
        done = round(min(1.0, view.now_s / title.length_s) * room)
        row += [Segment("  "), Segment("━" * done, TRACE), Segment("━" * (room - done), Style(dim=True))]
    return row


class MonitorSink(LiveScreen):
    """Shows one stream on a terminal, and gives the terminal back as it was.

    Parameters
    ----------
    watch
        Gathers what is shown.
    console
        A terminal.
    """

    def __init__(self, watch: Watch, console: Console) -> None:
        self._watch = watch
        super().__init__(lambda: Screen(watch.view()), console, REFRESH_HZ)

    async def write(self, step: Step) -> None:
        """Gather what a step brings to the screen."""
        self._watch.take(step)

    async def finish(self, record: str, summary: Summary) -> None:
        """Let the record end; its summary is for whoever gets the terminal back."""
