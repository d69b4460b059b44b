"""Datagrams: lines of text, or 16-bit samples."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Generator, Sequence
from typing import Literal, TypeAlias

import numpy as np

from ...errors import RecordError
from ..intake import HIGHEST_FS, LOWEST_FS, default_leads
from .arriving import Block, Channel
from .waiting import POLL_S, Waiting

LARGEST = 65_535
BUFFER_BYTES = 4 << 20  # what the system keeps while we are busy
SILENCE_S = 2.0
"""Without numbers, silence of so long or longer is a gap of its length."""
RESTART_S = 10.0
MOST_AHEAD_S = 86_400.0
MISSING = -32768

Numbering: TypeAlias = Literal["none", "sample", "datagram"]


class UdpDatagrams:
    """A port on which datagrams are heard, of one sender: the first.

    Parameters
    ----------
    host
        Address of the interface to listen on; empty is this machine only. ``0.0.0.0`` or ``::`` is every interface.
    port
        Its number.
    waiting
        How long silence is borne.

    Raises
    ------
    RecordError
        If it cannot be listened on.
    """

    def __init__(self, host: str, port: int, waiting: Waiting) -> None:
        self._waiting = waiting
        self._sender: str | None = None
        self.strangers = 0
        """Datagrams of other senders, which are dropped."""
        self.silence_s = 0.0
        """How long nothing had come before what was read last."""
        host = host or "127.0.0.1"
        try:
            family, kind, _, _, where = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )[0]
            self._socket = socket.socket(family, kind)
        except OSError as error:
            raise RecordError(f"'{host}' is no address to listen on: valid is one of this machine's") from error
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            self._socket.bind(where)
        except OSError as error:
            self._socket.close()
            why = {errno.EADDRINUSE: "another program listens there"}.get(
                error.errno or 0, os.strerror(error.errno or 0)
            )
            raise RecordError(f"cannot listen on UDP {host} port {port}: {why}") from error
        self._socket.settimeout(POLL_S)

    @property
    def port(self) -> int:
        """Where it listens; the system has chosen where 0 was asked for."""
        return int(self._socket.getsockname()[1])

    def receive(self) -> bytes | None:
        """Wait for a datagram; None when nobody waits any more."""
        while not self._waiting.over:
            try:
                datagram, sender = self._socket.recvfrom(LARGEST)
            except TimeoutError:
                continue
            if self._sender is None:
                self._sender = sender[0]
            if sender[0] != self._sender:
                self.strangers += 1
            elif datagram:
                self.silence_s = self._waiting.heard()
                return datagram
        return None

    def read1(self, size: int = -1, /) -> bytes:  # noqa: ARG002  a datagram is whole
        """Give a datagram of text, which ends its line; nothing at the end."""
        datagram = self.receive()
        if datagram is None:
            return b""
        return datagram if datagram.endswith(b"\n") else datagram + b"\n"

    def let_go(self) -> None:
        """Close the port, when nobody waits any more."""
        self._socket.close()


class UdpSamples:
    """Datagrams of 16-bit samples, little-endian, a frame of all leads at a time; see `arriving.Arriving`.

    Parameters
    ----------
    datagrams
        Where they come.
    fs
        Sampling rate, Hz.
    leads
        Name of each; None is one lead.
    unit
        Of a step, such as ``200/mV``.
    numbering
        What a datagram begins with: nothing, or 32 bits, little-endian, that count samples (the number of its first)
        or datagrams (which are all of one length then). Only so is one that was lost a gap, and one that came late
        dropped. Else silence of `SILENCE_S` or more is a gap.

    Raises
    ------
    RecordError
        If it is no sampling rate of an ECG.
    """

    def __init__(
        self, datagrams: UdpDatagrams, fs: float, leads: Sequence[str] | None, unit: str, numbering: Numbering
    ) -> None:
        if not LOWEST_FS <= fs <= HIGHEST_FS:
            raise RecordError(
                f"a sampling rate of {fs:g} Hz is none of an ECG: valid are {LOWEST_FS:g} to {HIGHEST_FS:g} Hz",
                about="sampling rate",
            )
        self.name = f"udp-{datagrams.port}"
        self.fs = fs
        self.channels = tuple(Channel(lead, unit) for lead in leads or default_leads(1))
        self.damaged = 0
        """Datagrams that held no whole frame, which are dropped."""
        self._datagrams = datagrams
        self._numbering = numbering
        self._next = 0
        self._number: int | None = None

    def blocks(self) -> Generator[Block]:
        """Wait for datagrams and give their samples."""
        head = 0 if self._numbering == "none" else 4
        width = 2 * len(self.channels)
        while (datagram := self._datagrams.receive()) is not None:
            if len(datagram) <= head or (len(datagram) - head) % width:
                self.damaged += 1
                continue
            counts = np.frombuffer(datagram, "<i2", offset=head).reshape(-1, len(self.channels))
            number = struct.unpack_from("<I", datagram)[0] if head else None
            start = self._place(number, len(counts), self._datagrams.silence_s)
            if start >= 0:  # else from before the first that came
                yield Block(start, np.where(counts == MISSING, np.nan, counts))

    def local_time(self, sample: int) -> None:  # noqa: ARG002  a datagram has no time
        """Give None."""
        return

    def _place(self, number: int | None, n: int, silence_s: float) -> int:
        """Give the index of the first of `n` samples; one before `_next` came late, and has been gone past."""
        silence = round(silence_s * self.fs) if silence_s >= SILENCE_S else 0
        if number is None:
            ahead = max(0, silence - n) if self._next else 0
        elif self._number is None:
            ahead = 0
        else:
            step = n if self._numbering == "datagram" else 1
            ahead = ((number - self._number + (1 << 31)) % (1 << 32) - (1 << 31)) * step
            if not -RESTART_S * self.fs <= ahead <= MOST_AHEAD_S * self.fs:  # the sender has begun anew
                ahead = max(0, silence - n)
        start = self._next + ahead
        if ahead >= 0:
            self._next = start + n
            if number is not None:
                self._number = (number + (1 if self._numbering == "datagram" else n)) % (1 << 32)
        return start
