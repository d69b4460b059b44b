"""Chunks from what blocks while it waits, such as standard input, for the asyncio engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import CancelledError

from ..stream.core.messages import Chunk

WAITING = 16
"""Chunks that may wait; a sender that is faster is slowed down."""
LET_GO_S = 10.0


class AsItComes:
    """An async iterable of chunks that gives each as soon as it is there; see `engine.Source`.

    A thread does the waiting. It is a daemon: where a run is ended while nothing comes, it is left behind, unless there
    is a way to end the waiting.

    Parameters
    ----------
    chunks
        Consecutive chunks.
    close
        Ends the waiting from another thread; what was open is let go of before the run ends.
    """

    lag_ms = 0.0
    """Nothing is due: it comes when it comes."""

    def __init__(self, chunks: Iterator[Chunk], close: Callable[[], None] | None = None) -> None:
        self._chunks = chunks
        self._close = close

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """Give the chunks; raise what the reading of them raises."""
        loop = asyncio.get_running_loop()
        coming: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue(WAITING)
        ended = threading.Event()

        def hand_over(item: Chunk | Exception | None) -> bool:
            if ended.is_set() or loop.is_closed():
                return False
            try:
                asyncio.run_coroutine_threadsafe(coming.put(item), loop).result()
            except (CancelledError, RuntimeError):  # the run has ended meanwhile
                return False
            return True

        def read() -> None:
            try:
                for chunk in self._chunks:
                    if not hand_over(chunk):
                        return
            except Exception as error:  # raised where the chunks are taken
                hand_over(error)
            else:
                hand_over(None)
            finally:
                if isinstance(self._chunks, Generator):
                    self._chunks.close()

        thread = threading.Thread(target=read, name="read", daemon=True)
        thread.start()
        try:
            while (item := await coming.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            ended.set()
            while not coming.empty():  # so that a thread that waits for room goes on, sees that, and ends
                coming.get_nowait()
            if self._close is not None:
                self._close()
                await asyncio.to_thread(thread.join, LET_GO_S)
