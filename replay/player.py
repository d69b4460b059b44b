"""Play chunks at the pace at which a device would have sent them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from ..errors import RequestError
from ..stream.core.messages import Chunk

YIELD_S = 0.01  # at most this long between two points at which other tasks may run


class Player:
    """An async iterable of chunks, each given when it is due.

    A chunk is due when its last sample would have been measured, counted from the moment the playing began: every due
    time is computed from that one moment, so that delays cannot add up. A chunk that is late is given at
    once, and so are those after it until the schedule is met again.

    Parameters
    ----------
    chunks
        Consecutive chunks of one sampling rate.
    speed
        Multiple of real time; None gives each chunk as soon as it is asked for.
    first
        Index of the first sample that is played; chunks before it are given as soon as they are asked for.
    clock, sleep
        Seconds from any moment on, and how to wait; tests put in their own.

    Raises
    ------
    RequestError
        If the speed is no number above 0.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        speed: float | None = 1.0,
        first: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if speed is not None and not (math.isfinite(speed) and speed > 0):
            raise RequestError(f"a speed of {speed:g} cannot be played: valid are numbers above 0, and max")
        self._chunks = chunks
        self._speed = speed
        self._first = first
        self._clock = clock
        self._sleep = sleep
        self._lag_s = 0.0

    @property
    def lag_ms(self) -> float:
        """How late, in ms, the chunk given last was, after it was due; 0 at full speed, where nothing is due."""
        return 1000 * self._lag_s

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """Give the chunks, from now on."""
        began = yielded = self._clock()
        first: int | None = None
        for chunk in self._chunks:
            now = self._clock()
            if first is None and chunk.start >= self._first:
                began, first = now, chunk.start
            if self._speed is not None and first is not None:
                due = began + (chunk.start + len(chunk.samples) - first) / (chunk.fs * self._speed)
                if now < due:
                    await self._sleep(due - now)
                    yielded = now = self._clock()
                self._lag_s = max(0.0, now - due)
            if now - yielded >= YIELD_S:
                await self._sleep(0)
                yielded = self._clock()
            yield chunk
