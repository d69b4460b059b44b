"""The monitor: a full terminal screen for one stream, and the sink that keeps it live.

`Screen` is pure: a `View` in, segments out, at whatever size the console has. `MonitorSink` gathers the steps
and draws the screen twelve times a second from an asyncio task.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from io import StringIO
from itertools import count
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from ...words import plain
from ..run.engine import Step
from ..run.sinks import clock
from ..run.summary import Summary
from .keys import Keyboard
from .legend import legend
from .live_screen import LiveScreen
from .palette import TRACE, Line, block
from .panels import events, panels
from .traces import traces
from .transport import Transport
from .view import View
from .viewer import Viewer
from .watch import Watch

REFRESH_HZ = 12

PANEL_ROWS = 8
"""Height of the panels on the smallest screen that shows everything, 80 by 24."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A `View` as a Rich renderable that fills the console.

    From the top: title; the traces, a dot column of 40 ms, with the class of each beat above, and over it what the
    reference says; stream time; heart rate and class counts, the last beats, timing and agreement with the reference;
    the latest events. A taller screen has taller traces and longer lists, a wider one shows more seconds. Where there
    is less room than 80 by 24, the panels give way to the traces. The legend takes the place of all of it.
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
        if self.view.controls.legend:
            return legend(width, height)
        event_rows = 1 if height < 30 else 3
        # Title, marks, time axis and panel titles take a line each, and the reference does.
        free = height - 4 - event_rows - (self.view.reference is not None)
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
    parts = [
        f"{clock(view.now_s)[:-4]}{length}",
        view.controls.state or title.speed,
        f"{view.fs:g} Hz" if view.fs else "",
        title.model,
    ]
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
    """Shows one stream on a terminal, obeys its keys, and gives the terminal back as it was.

    Parameters
    ----------
    watch
        Gathers what is shown.
    console
        A terminal.
    keyboard
        Where keys come from; None for no keys.
    transport
        The controls of a source that can wait; None for a live stream.

    Attributes
    ----------
    viewer
        What the keys do; its `leave` is what the key does that ends it.
    """

    def __init__(
        self,
        watch: Watch,
        console: Console,
        keyboard: Keyboard | None = None,
        transport: Transport | None = None,
    ) -> None:
        def save(view: View) -> str:
            return save_picture(view, console.width, console.height)

        viewer = Viewer(watch, transport, save=save, keys=keyboard is not None)
        self.viewer = viewer
        super().__init__(lambda: Screen(viewer.view(time.monotonic())), console, REFRESH_HZ, keyboard, viewer.press)

    async def write(self, step: Step) -> None:
        """Gather what a step brings to the screen."""
        self.viewer.take(step)

    async def finish(self, record: str, summary: Summary) -> None:
        """Let the record end; its summary is for whoever gets the terminal back."""


def svg(view: View, columns: int, rows: int, title: str = "ecg-stream") -> str:
    """Draw the screen as SVG, `columns` by `rows` characters."""
    console = Console(width=columns, height=rows, file=StringIO(), record=True, force_terminal=True)
    console.print(Screen(view), end="")
    return console.export_svg(title=f"{title} {plain(view.title.record)}")


def save_picture(view: View, columns: int, rows: int) -> str:
    """Save the screen as SVG in the working directory, under a name that is free; say what was done."""
    name = re.sub(r"[^\w.-]+", "_", f"{view.title.record}-{clock(view.now_s).replace(':', '-')}")
    picture = svg(replace(view, controls=replace(view.controls, message="")), columns, rows)
    for number in count(1):
        file = Path(f"{name}.svg" if number == 1 else f"{name}-{number}.svg")
        try:
            with file.open("x", encoding="utf-8") as out:
                out.write(picture)
        except FileExistsError:
            continue
        except OSError as error:
            return f"cannot write {file}: {error.strerror}"
        return f"saved {file}"
    raise AssertionError("numbers do not end")
