"""Play chunks at the pace at which a device would have sent them, or as a hand on the controls wants."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from ..errors import RequestError
from ..stream.core.messages import Chunk

YIELD_S = 0.01  # at most this long between two points at which other tasks may run
LOOK_S = 0.1  # a player that waits looks so often whether it has another speed by now


class Player:
    """An async iterable of chunks, each given when it is due.

    A chunk is due when its last sample would have been measured, counted from the moment the playing began: every due
    time is computed from that one moment, so that delays cannot add up. A chunk that is late is given at
    once, and so are those after it until the schedule is met again. After a pause or at another speed the schedule
    begins anew.

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
        self._schedule: tuple[float, int] | None = None  # when it began, and with which sample
        self._going = asyncio.Event()
        self._going.set()
        self._hurry_until_s = -math.inf
        self._at_end = False

    @property
    def lag_ms(self) -> float:
        """How late, in ms, the chunk given last was, after it was due; 0 at full speed, where nothing is due."""
        return 1000 * self._lag_s

    @property
    def speed(self) -> float | None:
        """Multiple of real time; None for full speed. A new one holds from the next chunk on."""
        return self._speed

    @speed.setter
    def speed(self, speed: float | None) -> None:
        self._speed, self._schedule = speed, None

    @property
    def paused(self) -> bool:
        """Whether no chunk is given for now."""
        return not self._going.is_set()

    @property
    def at_end(self) -> bool:
        """Whether all chunks were given. A paused player ends when it goes on."""
        return self._at_end

    def pause(self) -> None:
        """Give no chunk until `resume` or `hurry`."""
        self._going.clear()
        self._hurry_until_s = -math.inf

    def resume(self) -> None:
        """Go on at the speed that is set."""
        self._hurry_until_s, self._schedule = -math.inf, None
        self._going.set()

    def hurry(self, until_s: float) -> None:
        """Give all chunks that begin before `until_s`, stream time in seconds, at full speed; pause there."""
        self._hurry_until_s = until_s
        self._going.set()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """Give the chunks, from now on."""
        yielded = self._clock()
        for chunk in self._chunks:
            waited = await self._until_due(chunk)
            now = self._clock()
            if waited:
                yielded = now
            elif now - yielded >= YIELD_S:
                await self._sleep(0)
                yielded = self._clock()
            yield chunk
        self._at_end = True
        if self._hurry_until_s > -math.inf:
            self.pause()
        await self._going.wait()

    async def _until_due(self, chunk: Chunk) -> bool:
        """Wait until a chunk is due; tell whether there was anything to wait for."""
        waited = False
        while True:
            if chunk.start / chunk.fs < self._hurry_until_s:
                self._lag_s, self._schedule = 0.0, None
                return waited
            if self._hurry_until_s > -math.inf:
                self.pause()
            if not self._going.is_set():
                waited = True
                await self._going.wait()
                continue
            if self._speed is None or chunk.start < self._first:
                self._lag_s = 0.0
                return waited
            now = self._clock()
            if self._schedule is None:
                self._schedule = now, chunk.start
            began, first = self._schedule
            due = began + (chunk.start + len(chunk.samples) - first) / (chunk.fs * self._speed)
            if now >= due:
                self._lag_s = now - due
                return waited
            waited = True
            await self._sleep(min(due - now, LOOK_S))
