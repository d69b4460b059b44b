"""Bytes from a serial port (extra ``[serial]``), such as lines that an Arduino prints."""

from __future__ import annotations

from typing import Any

from ...errors import MissingExtraError, RecordError
from .waiting import POLL_S, Waiting

BAUD = 115_200
AT_ONCE_BYTES = 1 << 16


class SerialBytes:
    """A serial port, open; what reads it gets bytes when they are there.

    What comes before the first line end may be the rest of a line, and is dropped. A port that goes away, as when its
    plug is drawn, is opened again when it is back.

    Parameters
    ----------
    port
        Such as ``/dev/ttyUSB0`` or ``COM3``.
    baud
        Bits a second.
    waiting
        How long silence is borne.

    Raises
    ------
    RecordError
        If it cannot be opened.
    MissingExtraError
        If pyserial is not installed.
    """

    def __init__(self, port: str, baud: int, waiting: Waiting) -> None:
        try:
            import serial
        except ImportError:
            raise MissingExtraError("a serial port", "serial") from None
        self._failure = serial.SerialException
        self._waiting = waiting
        self._in_line = True
        self.silence_s = 0.0
        """How long nothing had come before what was read last."""
        try:
            self._port: Any = serial.Serial(port, baud, timeout=POLL_S, exclusive=True)
        except (serial.SerialException, ValueError, OSError) as error:
            raise RecordError(f"cannot open the serial port {port}: {_why(error)}{_ports(port)}") from error

    def read1(self, size: int = -1, /) -> bytes:
        """Wait until there are bytes, and give them; none when nobody waits any more."""
        while not self._waiting.over:
            try:
                came = self._port.read(1)
                if came:
                    room = AT_ONCE_BYTES if size < 0 else size
                    came += self._port.read(min(self._port.in_waiting, room - 1))
            except (self._failure, OSError):
                self._open_again()
                continue
            if came and self._in_line:
                _, end, came = came.partition(b"\n")
                self._in_line = not end
            if came:
                self.silence_s = self._waiting.heard()
                return bytes(came)
        return b""

    def let_go(self) -> None:
        """Close the port, when nobody waits any more."""
        self._port.close()

    def _open_again(self) -> None:
        self._port.close()
        self._waiting.pause()
        try:
            self._port.open()
            self._in_line = True
        except (self._failure, OSError):
            return


def _why(error: Exception) -> str:
    """Give the system's word for it; pyserial's own says it twice."""
    import os

    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)


def _ports(port: str) -> str:
    """Name the ports that are there, where the one that was asked for is none."""
    from serial.tools.list_ports import comports

    there = sorted(each.device for each in comports())
    if port in there:
        return ""
    return f"; ports are {', '.join(there[:10])}" if there else "; this machine has no port"
