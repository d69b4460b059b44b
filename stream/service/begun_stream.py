"""Name and time of a stream that begins: from the device if it says, else from the arrival of its first wave."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..run.origin import Anchor, Origin, milliseconds, stamp
from .codec import Wave
from .known_patient import EndedStream
from .ledger import ToldLine


def begun_stream(wave: Wave, arrived_ms: int, ended: EndedStream | None, told: ToldLine | None) -> Origin:
    """Name a stream by its first wave, and give it its time.

    Parameters
    ----------
    wave
        The first one.
    arrived_ms
        When it came: milliseconds since 1970.
    ended
        The patient's stream before, if it is remembered. If this one goes on with it, it has the same name. If it is
        another that the device calls by the same name, it gets the time behind it: no two have the same.
    told
        What was told of it before a crash, which is to be told of it again.
    """
    chunk, name = wave.chunk, wave.stream
    if ended is not None and ended.stream == name:
        if not ended.begun_anew_by(wave):
            name = ended.name or name
        elif name is not None:
            name = f"{name}~{stamp(arrived_ms)}"
    origin = Origin.arriving(name, chunk, arrived_ms)
    if told is not None and told.stream is not None and _goes_by(told.stream, wave.stream):
        origin = replace(origin, stream=told.stream)
        if told.clock == "arrival" and told.at is not None:
            ms = milliseconds(datetime.fromisoformat(told.at)) - round(1000 * (told.sample - chunk.start) / chunk.fs)
            origin = replace(origin, anchors=(Anchor(chunk.start, chunk.fs, ms, "arrival"),))
    return origin if wave.t0_ms is None else Origin(origin.stream).hearing(chunk.start, chunk.fs, wave.t0_ms)


def _goes_by(told: str, stream: str | None) -> bool:
    """Tell whether a stream as outputs name it may be that of a device which calls it `stream`."""
    return stream is None or told == stream or told.startswith(f"{stream}~")
