"""What systemd is told: that the service is ready, how it stands, and that it is alive (sd_notify(3)).

The protocol is a datagram of ``KEY=value`` lines to the socket that ``$NOTIFY_SOCKET`` names; where nothing is named
nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Supervisor:
    """Talks to the supervisor of this process, if there is one.

    Parameters
    ----------
    environment
        Where the supervisor says how it is talked to; that of the process if None.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name  # @ stands for an abstract socket
        whose = environment.get("WATCHDOG_PID", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "") if whose == str(os.getpid()) else ""
        self._every_s = int(microseconds) / 2e6 if microseconds.isdecimal() else None
        self._alive_at = 0.0

    def ready(self) -> None:
        """Say that the service has started."""
        self._send("READY=1")

    def says(self, status: str) -> None:
        """Say in a few words how it stands."""
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        """Say that it is alive, if that is wanted, and due: twice in the time that the watchdog waits."""
        now = time.monotonic()
        if self._every_s is not None and now - self._alive_at >= self._every_s:
            self._alive_at = now
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that it ends."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(message.encode(), self._address)
