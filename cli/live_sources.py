"""Open the live source that `live` was asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import RequestError
from .records import open_recording, tell

if TYPE_CHECKING:
    from ..replay.formats.asked import Asked
    from ..replay.recording import Recording
    from ..stream.sources.address import SourceAddress
    from ..stream.sources.waiting import Waiting


UNREAD = "{} lines could not be read"


def _no_time(sample: int) -> None:  # noqa: ARG001
    return None


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A live source, open.

    Attributes
    ----------
    close
        Ends its waiting; None where nothing can, as on standard input.
    begin
        To be called when the playing begins.
    local_time
        Gives when a sample was measured, on LSL's clock, s; None where that is not known.
    counts
        What was lost on the way, in words with a ``{}`` for how much, and what counts it.
    """

    close: Callable[[], None] | None = None
    begin: Callable[[], None] = _nothing
    local_time: Callable[[int], float | None] = _no_time
    counts: tuple[tuple[str, Callable[[], int]], ...] = ()

    def lost(self) -> list[str]:
        """Tell what was lost on the way, a line each."""
        return [words.format(n) for words, count in self.counts if (n := count())]


@contextmanager
def open_source(
    source: str,
    *,
    lead: Sequence[str] | None,
    fs: float | None,
    unit: str | None,
    column: Sequence[str] | None,
    idle_s: float | None,
) -> Iterator[tuple[Recording, Opened]]:
    """Open a source as its address says, and let go of it in the end.

    Raises
    ------
    RequestError
        If there is no such source, it cannot be opened, or it says something else than the options.
    """
    from ..replay.formats.asked import Asked
    from ..stream.sources.address import SourceAddress
    from ..stream.sources.waiting import Waiting

    address = SourceAddress.of(source)
    if address.kind == "stdin":
        yield open_recording("-", lead, unit, fs, column), Opened()
        return
    if address.fs is not None and fs is not None and address.fs != fs:
        raise RequestError(f"{source} says {address.fs:g} Hz, and --fs {fs:g} Hz: give one")
    if address.kind in ("lsl", "polar") and (fs is not None or column is not None):
        raise RequestError(f"{source} says its sampling rate and its leads itself: leave --fs and --column out")
    asked = Asked(fs or address.fs, unit or address.unit, None if column is None else tuple(column), lead)
    if address.binary:
        if asked.columns is not None:
            raise RequestError("16-bit samples have no columns: name the leads as leads=II,V1 in the source")
        if asked.fs is None:
            raise RequestError("16-bit samples do not say their sampling rate", about="sampling rate")
        if asked.unit is None:
            raise RequestError("16-bit samples do not say their unit", about="unit")
    waiting = Waiting(idle_s)
    with ExitStack() as open_now:
        open_now.callback(waiting.close)
        recording, opened = _open(address, asked, waiting, open_now)
        tell(recording.notes)
        yield recording, replace(opened, begin=waiting.begin)


def _open(address: SourceAddress, asked: Asked, waiting: Waiting, open_now: ExitStack) -> tuple[Recording, Opened]:
    """Open a source; what is open is let go of by `open_now`."""
    from ..replay.formats.arriving import open_arriving
    from ..replay.formats.live_lines import open_live_lines
    from ..stream.sources.arriving import fit_name
    from ..stream.sources.udp import UdpDatagrams, UdpSamples

    if address.kind == "polar":
        from ..stream.sources.polar import PolarStrap

        strap = PolarStrap(address.place, waiting)
        open_now.callback(strap.let_go)
        return open_arriving(strap, asked.leads, asked.unit), Opened(waiting.close)
    if address.kind == "lsl":
        from ..stream.sources.lsl import LslStream

        stream = LslStream(address.place, waiting)
        return open_arriving(stream, asked.leads, asked.unit), Opened(waiting.close, local_time=stream.local_time)
    if address.kind == "serial":
        from ..stream.sources.serial_port import SerialBytes

        port = SerialBytes(address.place, address.baud, waiting)
        open_now.callback(port.let_go)
        _tell_a_person(f"reading {address.place} at {address.baud} baud; Ctrl-C ends it")
        name = fit_name(address.place.replace("\\", "/").rpartition("/")[2])
        rows = open_live_lines(port, asked, name, address.leads)
        return rows, Opened(waiting.close, counts=((UNREAD, lambda: rows.unread),))
    datagrams = UdpDatagrams(address.place, address.port, waiting)
    open_now.callback(datagrams.let_go)
    _tell_a_person(f"listening on UDP {address.place or '127.0.0.1'} port {datagrams.port}; Ctrl-C ends it")
    strangers = ("{} datagrams of other senders than the first were dropped", lambda: datagrams.strangers)
    if not address.binary:
        lines = open_live_lines(datagrams, asked, f"udp-{datagrams.port}", address.leads)
        return lines, Opened(waiting.close, counts=((UNREAD, lambda: lines.unread), strangers))
    samples = UdpSamples(datagrams, asked.fs or 0.0, address.leads, asked.unit or "", address.number)
    damaged = ("{} datagrams held no whole frame", lambda: samples.damaged)
    return open_arriving(samples, asked.leads, asked.unit), Opened(waiting.close, counts=(damaged, strangers))


def _tell_a_person(line: str) -> None:
    """Say on a terminal what is waited for: nothing else is seen until the first samples come."""
    if sys.stderr is not None and sys.stderr.isatty():
        tell([line])
