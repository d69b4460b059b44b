"""Lines of text that come while they are played, such as on standard input: a row a sample, a column a lead."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ...stream.core.messages import Chunk
from ..annotations import Annotations
from ..wfdb_header import check_fs
from .asked import Asked
from .rows import RowReader
from .table import Chosen, Table, choose_columns
from .text_layout import LONGEST_LINE, layout_of_lines

HEAD_LINES = 20
"""Lines that are waited for before anything is played, to see what they hold: 80 ms at 250 Hz."""
AT_ONCE_BYTES = 1 << 16


class Incoming(Protocol):
    """Bytes that come, such as ``sys.stdin.buffer``."""

    def read1(self, size: int = -1, /) -> bytes:
        """Wait until there are some, and give them; none at the end."""
        ...


Kind = TypeVar("Kind", bound="LineRecording")


@dataclass(slots=True, eq=False)
class LineRecording:
    """Rows of numbers as they come; see `recording.Recording`. It can be played once.

    Where a column of times skips samples, so does the next chunk: a gap.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    notes: tuple[str, ...]
    nothing: ClassVar[str] = "is empty"
    _stream: Incoming = field(repr=False)
    _rows: RowReader = field(repr=False)
    _chosen: Chosen = field(repr=False)
    _head: list[str] = field(repr=False)
    _rest: bytes = field(repr=False)
    _place: int = -1
    _time: float = math.nan

    @property
    def n_samples(self) -> None:
        """Not known before it ends."""
        return None

    def annotations(self, extension: str = "atr") -> Annotations | None:  # noqa: ARG002  the protocol
        """Give none."""
        return None

    def chunks(self, chunk_ms: float, start_s: float = 0.0, end_s: float | None = None) -> Iterator[Chunk]:  # noqa: ARG002
        """Give what came since the last chunk, when it comes.

        Raises
        ------
        RecordError
            If a later part is asked for, a cell holds text, or times run backward.
        """
        if start_s > 0:
            raise RecordError(f"{self.name} is played as it comes, from its first line on", about="part of the record")
        return self._chunks(math.inf if end_s is None else round(end_s * self.fs))

    def _chunks(self, end: float) -> Iterator[Chunk]:
        yield from self._placed(self._head, end)
        rest = self._rest  # what came with the first lines, before anything is waited for
        while True:
            *lines, rest = rest.split(b"\n")
            if len(rest) > LONGEST_LINE:
                rest = self._too_long(rest)
            yield from self._placed([line.decode(errors="replace") for line in lines], end)
            if self._place + 1 >= end:
                return
            came = self._stream.read1(AT_ONCE_BYTES)
            if not came:
                yield from self._placed([rest.decode(errors="replace")], end)
                return
            rest += came

    def _placed(self, lines: list[str], end: float) -> Iterator[Chunk]:
        """Cut rows into chunks in which no sample is missing."""
        rows = [row for line in lines if (row := self._row(line)) is not None]
        if not rows:
            return
        values = np.array(rows)
        for first, last, start in self._parts(values):
            n = int(min(last - first, end - start))
            if n > 0:
                part = values[first : first + n, list(self._chosen.columns)]
                yield Chunk(start, self.fs, self.leads, part * np.array(self._chosen.choice.factors))

    def _row(self, line: str) -> list[float] | None:
        """Read one line; None where it is no row."""
        return self._rows.read(line)

    def _too_long(self, rest: bytes) -> bytes:  # noqa: ARG002
        """Give what to go on with in the place of a line without end."""
        raise RecordError(f"{self.name} line {self._rows.line + 1} is longer than {LONGEST_LINE:,} characters")

    def _parts(self, values: NDArray[np.float64]) -> Iterator[tuple[int, int, int]]:
        """Give first row, end, and place of parts in which no sample is missing."""
        places = self._places(values)
        cuts = [0, *(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
        for first, last in pairwise(cuts):
            yield first, last, int(places[first])

    def _places(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Place rows by their times; without any, each behind the one before."""
        clock, step = self._chosen.clock, self._chosen.timing.step
        ahead = np.ones(len(values), np.int64)
        if clock is not None and step is not None:
            steps = np.diff(values[:, clock], prepend=self._time)
            if math.isnan(self._time):
                steps[0] = step
            if not (steps >= 0).all():
                raise RecordError(f"{self.name}, up to line {self._rows.line}: the time runs backward, or is missing")
            ahead = np.where(steps > 1.5 * step, np.rint(steps / step), 1).astype(np.int64)
            self._time = float(values[-1, clock])
        places = self._place + np.cumsum(ahead)
        self._place = int(places[-1])
        return places


def open_lines(stream: Incoming, asked: Asked, name: str = "stdin") -> LineRecording:
    """Wait for the first lines of a stream, and tell from them what they hold; see `open_as`."""
    return open_as(LineRecording, stream, asked, name)


def open_as(make: type[Kind], stream: Incoming, asked: Asked, name: str) -> Kind:
    """Wait for the first lines, and tell from them what they hold, as `text.open_text` does.

    Parameters
    ----------
    make
        `LineRecording`, or what is one.
    stream
        Where lines come from.
    asked
        What is known of them. The sampling rate must be, unless the first times tell a whole number of hertz.
    name
        What the recording is called.

    Raises
    ------
    RecordError
        If nothing comes, it is no table of numbers, or its sampling rate is not known.
    """
    came = rest = b""
    head: list[bytes] = []
    n_rows = 0
    while n_rows < HEAD_LINES and (came := stream.read1(AT_ONCE_BYTES)):
        if b"\0" in came:
            raise RecordError(f"{name} is no text")
        *whole, rest = (rest + came).split(b"\n")
        head += whole
        n_rows = sum(not line.lstrip().startswith((b"#", b"%")) for line in head)
        if len(rest) > LONGEST_LINE:
            raise RecordError(f"{name} line {len(head) + 1} is longer than {LONGEST_LINE:,} characters")
    if not came:
        head, rest = [*head, rest], b""
    # What is told from the first lines does not depend on how many came at once.
    later = max(0, n_rows - HEAD_LINES)
    rest = b"\n".join([*head[len(head) - later :], rest])
    head = head[: len(head) - later]
    text = b"\n".join(head).removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = [f"{line}\n" for line in text.split("\n")]
    if not any(line.strip() for line in lines):
        raise RecordError(f"{name} {make.nothing}")
    layout = layout_of_lines(name, lines)
    body = lines[layout.skip :]
    first = RowReader(name, layout, asked.columns)
    rows = [row for line in body if (row := first.read(line)) is not None]
    table = Table(layout.names, layout.units, np.array(rows), layout.fs if asked.fs is None else None, layout.skip + 1)
    chosen = choose_columns(name, name, table, asked)
    if not (chosen.timing.sure and (asked.fs is not None or chosen.timing.fs.is_integer())):
        raise RecordError(f"the first lines of {name} do not tell its sampling rate exactly", about="sampling rate")
    check_fs(name, chosen.timing.fs)
    return make(
        name=name,
        fs=chosen.timing.fs,
        leads=tuple(chosen.choice.names[i] for i in chosen.choice.played),
        notes=chosen.choice.notes,
        _stream=stream,
        _rows=RowReader(name, layout, asked.columns, text=first.text),
        _chosen=chosen,
        _head=body,
        _rest=rest,
    )
