"""Whose count a sample index belongs to, and what time it was: the name of a stream, and anchors in wall-clock time.

A pipeline counts samples and knows no clock. The shell knows when a chunk was taken: the device says so (`t0` of a
wave), or the record's header, or else it arrived when its last sample had been taken. The first such time is the
anchor, and all others follow from it by the sampling rate, so that times do not tremble with the network.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias

from ..core.messages import Chunk

Clock: TypeAlias = Literal["device", "arrival", "record"]
"""Where `at` comes from: the device's clock, the arrival of the stream's first chunk, or the header of a record."""

TOLERANCE_MS = 20
"""So far the device's clock and its count of samples may drift apart before times follow the clock again: less than
anybody reads off an ECG, more than a clock that is read once a chunk trembles."""

MOST_ANCHORS = 32  # beats are decided, and segments written, within a minute
_EPOCH = datetime(1970, 1, 1)
_IDS = uuid.UUID("6c1ce4a5-8b0f-5d0e-9a51-3f2f0f7a7d10")  # the namespace of our ids, drawn once


class Anchor(NamedTuple):
    """A sample whose time is known.

    Attributes
    ----------
    start
        Its index in the stream.
    fs
        Sampling rate from there on, Hz.
    ms
        When it was taken: milliseconds since 1970, UTC; of a record, as its header has it, in whatever zone.
    clock
        Who says so.
    """

    start: int
    fs: float
    ms: int
    clock: Clock

    def ms_of(self, sample: int) -> int:
        """Give the time of another sample, as far as the rate goes on."""
        return self.ms + round(1000 * (sample - self.start) / self.fs)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a stream comes from.

    Attributes
    ----------
    stream
        Names one uninterrupted counting of samples; no other stream of the patient has the same.
    anchors
        Samples whose time is known, in their order; none if no time is.
    """

    stream: str
    anchors: tuple[Anchor, ...] = ()

    @classmethod
    def arriving(cls, stream: str | None, chunk: Chunk, arrived_ms: int) -> Origin:
        """Begin a live stream with its first chunk, whose last sample was taken when it arrived.

        Parameters
        ----------
        stream
            Its name; None makes one of the time.
        chunk
            The first one.
        arrived_ms
            When it came: milliseconds since 1970.
        """
        ms = arrived_ms - round(1000 * len(chunk.samples) / chunk.fs)
        return cls(stream or stamp(arrived_ms), (Anchor(chunk.start, chunk.fs, ms, "arrival"),))

    def hearing(self, start: int, fs: float, t0_ms: int | None) -> Origin:
        """Take what a wave says of its first sample: its rate, and its time on the device's clock if it has one."""
        if not self.anchors:
            return self if t0_ms is None else replace(self, anchors=(Anchor(start, fs, t0_ms, "device"),))
        last = self.anchors[-1]
        predicted = last.ms_of(start)
        if t0_ms is not None and (last.clock != "device" or abs(t0_ms - predicted) > TOLERANCE_MS):
            anchor = Anchor(start, fs, t0_ms, "device")
        elif fs != last.fs and start >= last.start:
            anchor = Anchor(start, fs, predicted, last.clock)
        else:
            return self
        return replace(self, anchors=tuple(sorted((*self.anchors, anchor)))[-MOST_ANCHORS:])

    def anchor(self, sample: int) -> Anchor | None:
        """Give the anchor that a sample's time is counted from; None if no time is known."""
        return next((a for a in reversed(self.anchors) if a.start <= sample), self.anchors[0] if self.anchors else None)

    def at(self, sample: int) -> str | None:
        """Give the time of a sample as ISO 8601 has it, in UTC (``Z``), of a record without a zone; None if unknown."""
        anchor = self.anchor(sample)
        if anchor is None:
            return None
        try:
            moment = _EPOCH + timedelta(milliseconds=anchor.ms_of(sample))
        except OverflowError:  # an index may be as large as 2^53
            return None
        return moment.isoformat(timespec="milliseconds") + ("" if anchor.clock == "record" else "Z")

    def clock(self, sample: int) -> Clock | None:
        """Tell where the time of a sample comes from; None if it is not known."""
        anchor = self.anchor(sample)
        return None if anchor is None else anchor.clock

    def beat_id(self, record: str, sample: int) -> str:
        """Give the id of a beat, a UUID (version 5) of its record or patient, stream and sample: always the same."""
        return str(uuid.uuid5(_IDS, f"{record}/{self.stream}/{sample}"))

    def alert_id(self, record: str, name: str, onset: int) -> str:
        """Give the id of an alert, a UUID (version 5): the same when it begins, is repeated, and ends."""
        return str(uuid.uuid5(_IDS, f"{record}/{self.stream}/{name}/{onset}"))

    def snapshot(self) -> dict[str, Any]:
        """Copy the state out."""
        return {"stream": self.stream, "anchors": [list(anchor) for anchor in self.anchors]}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Origin:
        """Make one of a copied state."""
        return cls(state["stream"], tuple(Anchor(*anchor) for anchor in state["anchors"]))


def stamp(ms: int) -> str:
    """Name a stream by the time of its beginning, such as ``20261127T192000.123Z``."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").translate(_PACKED) + "Z"


def milliseconds(moment: datetime) -> int:
    """Give milliseconds since 1970 of a moment, UTC; of one without a zone, as if it were."""
    bare = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return (bare - _EPOCH) // timedelta(milliseconds=1)


_PACKED = {ord("-"): None, ord(":"): None}
