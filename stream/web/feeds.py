"""What waits to be sent to one client: bounded, so that a slow one costs no memory and slows nobody.

The worker of the service only puts in, and never waits. Of outputs nothing is lost in silence: a feed that
overflows is emptied, and its client is told since when to fetch.
"""

from __future__ import annotations

import asyncio
from collections import deque

from .messages import Which

GATHER_S = 0.02
"""So long what comes is gathered before it is sent: many small messages cost more than one."""

MOST_LINES_BYTES = 512 << 10
MOST_SAMPLES_BYTES = 512 << 10


class Feed:
    """Messages that wait for one client.

    Parameters
    ----------
    most_bytes
        With more, all that waits is thrown away, and counted.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._something = asyncio.Event()
        self._closed = False
        self.dropped = 0
        """Messages thrown away since this was last looked at and set to 0."""

    def put(self, message: bytes) -> None:
        """Let a message wait."""
        if self._bytes + len(message) > self._most:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._bytes = 0
        self._waiting.append(message)
        self._bytes += len(message)
        self._something.set()

    def close(self) -> None:
        """Let the client go."""
        self._closed = True
        self._something.set()

    async def take(self, patience_s: float) -> bytes | None:
        """Wait for messages, for so long at most; give all that wait, nothing if none do, None once closed."""
        if not self._waiting and not self._closed:
            try:
                async with asyncio.timeout(patience_s):
                    await self._something.wait()
            except TimeoutError:
                return b""
            if not self._closed:
                await asyncio.sleep(GATHER_S)
        if self._closed:
            return None
        self._something.clear()
        found = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return found


class SampleFeed(Feed):
    """A client of the WebSocket: `wanted` is the patients whose samples it gets."""

    def __init__(self) -> None:
        super().__init__(MOST_SAMPLES_BYTES)
        self.wanted: dict[str, Which] = {}


class LineFeed(Feed):
    """A client of the event stream.

    Parameters
    ----------
    patients
        Whose outputs it gets; None: everybody's.
    """

    def __init__(self, patients: frozenset[str] | None = None) -> None:
        super().__init__(MOST_LINES_BYTES)
        self._patients = patients

    def wants(self, patient: str) -> bool:
        """Tell whether the client is to hear of a patient."""
        return self._patients is None or patient in self._patients
