"""Key presses from a terminal, as they come, and the terminal given back as it was.

Rich draws and does not read. A POSIX terminal is read through `termios`, which Python has; elsewhere there are no keys.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

READ_BYTES = 1024

_SEQUENCES = {
    "[C": "right",
    "OC": "right",
    "[D": "left",
    "OD": "left",
    "[1;2C": ".",  # with shift
    "[1;2D": ",",
}
"""What terminals send after the escape for the keys that have a meaning here; ECMA-48, and xterm for the shift."""

_ESCAPED = re.compile(r"\x1b(?:(\[[0-?]*[ -/]*[@-~]|O.)|$)?", re.DOTALL)


def decode(typed: str) -> Iterator[str]:
    """Give the keys in what a terminal sent: a character, or ``left``, ``right``, ``escape``.

    Keys that are unknown here, such as the function keys, give nothing.
    """
    at = 0
    while at < len(typed):
        found = _ESCAPED.match(typed, at)
        if found is None:
            yield typed[at]
            at += 1
            continue
        at = found.end()
        sequence = found[1]
        if sequence is None:
            yield "escape"
        elif sequence in _SEQUENCES:
            yield _SEQUENCES[sequence]


class Keyboard:
    """The keys of a terminal, each as soon as it is pressed, while it is entered; not echoed, and Ctrl-C stays Ctrl-C.

    Parameters
    ----------
    terminal
        File descriptor of a terminal in the foreground, see `at_hand`.
    """

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._before: list[Any] | None = None

    @classmethod
    def at_hand(cls) -> Self | None:
        """Give the keyboard of standard input; None where that is no terminal, or another process has it."""
        try:
            import termios  # noqa: F401  not on Windows

            terminal = sys.stdin.fileno()
            # A process in the background that sets a terminal is stopped by it.
            mine = os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()
        except (ImportError, AttributeError, ValueError, OSError):  # no such system; standard input closed or replaced
            return None
        return cls(terminal) if mine else None

    def __enter__(self) -> Self:
        """Take the keys from now on."""
        import termios
        import tty

        self._before = termios.tcgetattr(self._terminal)
        tty.setcbreak(self._terminal, termios.TCSADRAIN)
        asyncio.get_running_loop().add_reader(self._terminal, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Give the terminal back; what was typed and not read is dropped."""
        import termios

        asyncio.get_running_loop().remove_reader(self._terminal)
        if self._before is not None:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self._terminal, termios.TCSAFLUSH, self._before)
            self._before = None

    async def pressed(self) -> str:
        """Wait for the next key and give it, as `decode` names it."""
        return await self._keys.get()

    def _read(self) -> None:
        try:
            typed = os.read(self._terminal, READ_BYTES)
        except OSError:
            typed = b""
        if not typed:  # hung up
            asyncio.get_running_loop().remove_reader(self._terminal)
            return
        for key in decode(typed.decode("utf-8", "replace")):
            self._keys.put_nowait(key)
