"""Lines from a device: what stdin's lines are, but a line that is lost or damaged ends nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ...stream.sources.places import Places
from ...stream.sources.udp import RESTART_S, SILENCE_S
from .asked import Asked
from .lines import Incoming, LineRecording, open_as

LEAP_S = 1.0


class LiveBytes(Incoming, Protocol):
    """Bytes of a device."""

    @property
    def silence_s(self) -> float:
        """How long nothing had come before what was read last."""
        ...


@dataclass(slots=True, eq=False)
class LiveLines(LineRecording):
    """Rows as a device sends them; see `recording.Recording`.

    A line that cannot be read is no measurement. With a column of times, a row that comes late is dropped, and missing
    rows are a gap, see `places.Places`. A time that leaps by more than `LEAP_S` may be a damaged one. Without times,
    silence of `SILENCE_S` or more is a gap of its length.
    """

    nothing: ClassVar[str] = "sent nothing"
    unread: int = 0
    """Lines that could not be read."""
    _leapt: float = math.nan
    _by_time: Places | None = field(default=None, repr=False)

    @property
    def device(self) -> LiveBytes:
        """Where the bytes come from."""
        return cast(LiveBytes, self._stream)

    def _row(self, line: str) -> list[float] | None:
        try:
            row = self._rows.read(line)
        except RecordError:
            self.unread += 1
            row = [math.nan] * self._rows.n_columns
        clock = self._clock
        if row is None or clock is None:
            return row
        return row if self._goes_on(row[clock]) else None

    def _goes_on(self, time: float) -> bool:
        """Whether a row is the next one, by its time; a leap is believed when the row after it tells the same."""
        ahead_s = (time - self._time) / (self._tick * self.fs)
        if math.isnan(time) or -RESTART_S < ahead_s <= 0:
            return False
        if math.isnan(self._time) or 0 < ahead_s <= LEAP_S or 0 < time - self._leapt <= LEAP_S * self._tick * self.fs:
            self._time, self._leapt = time, math.nan
            return True
        self._leapt = time
        return False

    def _too_long(self, rest: bytes) -> bytes:  # noqa: ARG002  it has no end
        self.unread += 1
        return b""

    def _parts(self, values: NDArray[np.float64]) -> Iterator[tuple[int, int, int]]:
        silence_s = self.device.silence_s
        clock = self._clock
        if clock is None:
            if self._place >= 0 and silence_s >= SILENCE_S:
                self._place += max(0, round(silence_s * self.fs) - len(values))
            start = self._place + 1
            self._place += len(values)
            yield 0, len(values), start
            return
        if self._by_time is None:
            self._by_time = Places(self.fs)
        for first, last, start in self._by_time.place((values[:, clock] / (self._tick * self.fs)).tolist(), silence_s):
            self._place = start + last - first - 1
            yield first, last, start

    @property
    def _clock(self) -> int | None:
        """Column of times, where they tell places."""
        return None if self._chosen.timing.step is None else self._chosen.clock

    @property
    def _tick(self) -> float:
        """One sample in the unit of the times."""
        return self._chosen.timing.step or 1.0


def open_live_lines(device: LiveBytes, asked: Asked, name: str, leads: Sequence[str] | None = None) -> LiveLines:
    """Wait for the first lines of a device, as `lines.open_lines` does.

    Parameters
    ----------
    device, asked, name
        As there.
    leads
        Names to give to what is played; None is what a header says.

    Raises
    ------
    RecordError
        As there, and if there are more or fewer leads than names.
    """
    lines = open_as(LiveLines, device, asked, name)
    if leads is not None:
        if len(leads) != len(lines.leads):
            raise RecordError(f"{name} sends {len(lines.leads)} leads: got {len(leads)} names, {', '.join(leads)}")
        lines.leads = tuple(leads)
    return lines
