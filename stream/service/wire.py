"""The socket of a connection: read in large pieces, written once for all that a pass of the event loop has to send.

It stands where paho has its socket. paho reads a packet byte by byte, in three calls of the system, and writes each by
itself. Here paho finds only the packets that are left to it, and what it writes goes out in its place among ours.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol

READ_BYTES = 256 << 10  # at once
MOST_WAITING_BYTES = 1 << 20  # beyond this, paho is told to wait until what is before it has gone out
_NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Socket(Protocol):
    """What is needed of a socket that does not block, or of one with TLS."""

    def recv(self, size: int, /) -> bytes:
        """Give what is there."""
        ...

    def send(self, content: bytes | bytearray, /) -> int:
        """Send some; give how much."""
        ...

    def fileno(self) -> int:
        """Give the descriptor; -1 when it is closed."""
        ...

    def close(self) -> None:
        """Close."""
        ...


class Wire:
    """A socket, with room for what goes out, and for what came and is paho's.

    Parameters
    ----------
    socket
        Connected, and one that does not block.
    loop
        In which it is read and written, but for paho's first packet, which may go out from another thread.
    """

    def __init__(self, socket: Socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = socket
        self._loop = loop
        self._going = bytearray()
        self._flush_is_due = self._is_full = False
        self._for_paho = b""
        self._failure: OSError | None = None
        self._ended = False
        self._emptied: Callable[[], object] | None = None

    # Ours.

    def read(self) -> bytes:
        """Give what has come, at most `READ_BYTES`; nothing if nothing has, or the connection is `lost`."""
        try:
            content = self._socket.recv(READ_BYTES)
            self._ended = not content
            return content
        except _NOT_NOW:
            return b""
        except OSError as error:
            self._failure = error
            return b""

    @property
    def lost(self) -> bool:
        """Whether the connection has ended or failed; paho hears of it when it reads."""
        return self._ended or self._failure is not None

    @property
    def more(self) -> bool:
        """Whether there is more in the buffers of TLS, of which the system knows nothing."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def write(self, content: bytes) -> None:
        """Let something go out at the end of this pass of the event loop."""
        self._going += content
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def leave_to_paho(self, packet: bytes) -> None:
        """Let paho find a packet when it reads next."""
        self._for_paho += packet

    @property
    def left_to_paho(self) -> bool:
        """Whether paho has not read all that was left to it."""
        return bool(self._for_paho)

    def when_emptied(self, call: Callable[[], object]) -> None:
        """Call something once, when all has gone out."""
        self._emptied = call
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    # What paho calls.

    def recv(self, size: int) -> bytes:
        """Give of what was left to paho; then how the connection has ended, if it has."""
        if self._for_paho:
            given, self._for_paho = self._for_paho[:size], self._for_paho[size:]
            return given
        if self._failure is not None:
            raise self._failure
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, content: bytes | bytearray) -> int:
        """Let something go out now, behind what was to go out before."""
        if len(self._going) > MOST_WAITING_BYTES:
            raise BlockingIOError
        self._going += content
        self._flush()
        return len(content)

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close."""
        if self._is_full and self.fileno() >= 0:
            self._loop.remove_writer(self.fileno())
        self._socket.close()

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._going and self.fileno() >= 0:
            try:
                sent = self._socket.send(self._going)
                del self._going[:sent]
            except _NOT_NOW:
                pass
            except OSError as error:
                self._failure = self._failure or error  # who reads finds it
                self._going.clear()
        if bool(self._going) != self._is_full and self.fileno() >= 0:
            self._is_full = not self._is_full
            if self._is_full:
                self._loop.add_writer(self.fileno(), self._flush)
            else:
                self._loop.remove_writer(self.fileno())
        if not self._going and self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied()
