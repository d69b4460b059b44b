"""Open the record that a command was asked for, with a progress bar on standard error while it is fetched."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ..words import plain

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ..replay.download import Progress
    from ..replay.record import Record
    from ..replay.recording import Recording
    from ..stream.core.messages import Chunk

MOST_NOTES = 5  # lines; a record of many segments can have many
UNIT_ADVICE = "--unit uV, --unit V, or --unit 200/mV where it has 200 steps of a converter a millivolt"


def open_record(
    name: str,
    leads: Sequence[str] | None = None,
    unit: str | None = None,
    fs: float | None = None,
    columns: Sequence[str] | None = None,
) -> Record:
    """Find a record as `replay.catalog.find_record` does, showing how far a download is.

    What a person should know of how it is read goes to standard error, a line each: signals left out, a file cut short,
    values that look like another unit's.

    Raises
    ------
    RecordError, DownloadError
        As `find_record` does.
    """
    from ..replay.catalog import find_record
    from ..replay.scale import scale_hint

    with download_bars() as progress:
        record = find_record(name, leads=leads, unit=unit, fs=fs, columns=columns, progress=progress)
    hint = scale_hint(record)
    tell([*record.notes, *([] if hint is None else [f"{hint}: play it with {UNIT_ADVICE}"])])
    return record


def open_recording(
    name: str, leads: Sequence[str] | None, unit: str | None, fs: float | None, columns: Sequence[str] | None
) -> Recording:
    """Find a record as `open_record` does; ``-`` is what comes on standard input.

    Raises
    ------
    RecordError, DownloadError
        As `find_record` and `replay.formats.lines.open_lines` do.
    """
    if name != "-":
        return open_record(name, leads, unit, fs, columns)
    from ..errors import RecordError
    from ..replay.formats.asked import Asked
    from ..replay.formats.lines import open_lines

    asked = Asked(fs, unit, None if columns is None else tuple(columns), leads)
    if sys.stdin is None:  # closed by the caller, as by `<&-`
        raise RecordError("standard input is closed")
    lines = open_lines(_StandardInput(), asked)
    tell(lines.notes)
    return lines


class _StandardInput:
    """Standard input past its buffer: a thread that waits inside that at the end would bring the interpreter down."""

    def read1(self, size: int = -1, /) -> bytes:
        """Wait until there are bytes, and give up to `size`; none at the end."""
        try:
            descriptor = sys.stdin.fileno()
        except OSError:  # something in memory stands for it
            return cast("bytes", sys.stdin.buffer.read(size))
        return os.read(descriptor, size)


def watched_scale(name: str, chunks: Iterator[Chunk], *, later: list[str] | None = None) -> Iterator[Chunk]:
    """Give the chunks on as they come; say once on standard error if their values look like another unit's.

    Where a screen is drawn, a line would spoil it: it is put into `later`.
    """
    from ..replay.scale import ScaleWatch

    def told(hint: str) -> None:
        line = f"{hint}: give {UNIT_ADVICE}"
        if later is None:
            tell([line])
        else:
            later.append(line)

    return ScaleWatch(name, told).over(chunks)


def tell(notes: Sequence[str]) -> None:
    """Say what a person should know, a line each, on standard error."""
    for note in notes[:MOST_NOTES]:
        print(f"ecg-stream: {plain(note)}", file=sys.stderr)
    if len(notes) > MOST_NOTES:
        print(f"ecg-stream: and {len(notes) - MOST_NOTES} more of that kind", file=sys.stderr)


@contextmanager
def download_bars() -> Iterator[Progress]:
    """Give a callable for `replay.download` that draws one bar a file, from its first piece on, and none without."""
    bars: Bars | None = None
    tasks: dict[str, TaskID] = {}
    drawing = threading.Lock()  # files are fetched several at a time

    def progress(file: str, here: int, total: int | None) -> None:
        nonlocal bars
        with drawing:
            if bars is None:
                bars = _bars()
                bars.start()
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=here, total=total)
            if here == total:
                bars.remove_task(tasks.pop(file))

    try:
        yield progress
    finally:
        if bars is not None:
            bars.stop()


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
