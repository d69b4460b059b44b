"""A full terminal screen that is drawn again and again from an asyncio task, and given back as it was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

from .keys import Keyboard


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
    keyboard
        Where keys come from; None for no keys.
    press
        Takes each key; the screen is drawn anew after it.
    """

    def __init__(
        self,
        screen: Callable[[], RenderableType],
        console: Console,
        refresh_hz: float,
        keyboard: Keyboard | None = None,
        press: Callable[[str], None] = lambda key: None,  # noqa: ARG005
    ) -> None:
        self._screen = screen
        self._pause_s = 1.0 / refresh_hz
        self._live = Live(screen(), console=console, screen=True, auto_refresh=False)
        self._keyboard = keyboard
        self._press = press
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Take the screen and begin to refresh it."""
        self._stack.enter_context(self._live)
        if self._keyboard is not None:
            self._stack.enter_context(self._keyboard)
            self._stack.callback(_on_suspension(self._suspend))
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        running = [tasks.create_task(self._refresh(), name="monitor")]
        if self._keyboard is not None:
            running.append(tasks.create_task(self._obey(self._keyboard), name="keys"))
        for each in running:
            self._stack.callback(each.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop, and give the screen back."""
        await self._stack.__aexit__(kind, error, trace)

    async def _refresh(self) -> None:
        while True:
            self._draw()
            await asyncio.sleep(self._pause_s)

    async def _obey(self, keyboard: Keyboard) -> None:
        while True:
            self._press(await keyboard.pressed())
            self._draw()

    def _draw(self) -> None:
        self._live.update(self._screen(), refresh=True)

    def _suspend(self) -> None:
        """Give the terminal back for as long as the process is stopped (Ctrl-Z), and take it again."""
        assert self._keyboard is not None
        self._keyboard.__exit__(None, None, None)
        self._live.stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._live.start()
        self._keyboard.__enter__()


def _on_suspension(act: Callable[[], None]) -> Callable[[], None]:
    """Call `act` when the terminal asks the process to stop; give what undoes this."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTSTP, act)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):  # no such signal, or not the main thread
        return lambda: None

    def undo() -> None:
        loop.remove_signal_handler(signal.SIGTSTP)

    return undo
