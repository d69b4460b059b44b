"""An asyncio loop in a thread of its own, for as long as the process lives.

A Ray actor that is restarted gets its constructor called, and nothing else: what is to run by itself must be started
there, beside the loop in which Ray answers calls.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

log = logging.getLogger("ecg_stream.fleet")

T = TypeVar("T")

BEFORE_NEXT_S = 1.0  # so that what fails at once does not fail all the time
LINGER_S = 10.0  # after the end, for whoever asked for it to take the process away


class LoopThread:
    """Runs one coroutine until the process ends; if it fails, the process ends, for Ray to start another.

    Parameters
    ----------
    main
        Makes the coroutine; called in the loop.
    """

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._main = main
        threading.Thread(target=self._run, name="fleet", daemon=True).start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, from another thread, and give what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        status = 0
        try:
            self._loop.run_until_complete(self._lingering())
        except Exception as error:
            log.error("%s", str(error).strip() or type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
            status = 1
            time.sleep(BEFORE_NEXT_S)
        os._exit(status)  # not sys.exit: Ray's own threads would go on, and the actor with them

    async def _lingering(self) -> None:
        await self._main()
        await asyncio.sleep(LINGER_S)
