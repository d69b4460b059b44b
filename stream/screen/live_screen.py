"""A full terminal screen that is drawn again and again from an asyncio task, and given back as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live


class LiveScreen:
    """Takes the terminal while it is entered; what the sinks of the monitors have in common.

    Parameters
    ----------
    screen
        Gives what is to be seen now.
    console
        A terminal.
    refresh_hz
        How often it is drawn.
    """

    def __init__(self, screen: Callable[[], RenderableType], console: Console, refresh_hz: float) -> None:
        self._screen = screen
        self._pause_s = 1.0 / refresh_hz
        self._live = Live(screen(), console=console, screen=True, auto_refresh=False)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Take the screen and begin to refresh it."""
        self._stack.enter_context(self._live)
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        refreshing = tasks.create_task(self._refresh(), name="monitor")
        self._stack.callback(refreshing.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop, and give the screen back."""
        await self._stack.__aexit__(kind, error, trace)

    async def _refresh(self) -> None:
        while True:
            self._live.update(self._screen(), refresh=True)
            await asyncio.sleep(self._pause_s)
