"""Live sources that tests play: the demo sent over UDP, a pty, LSL, and a stand-in for a strap's Bluetooth client."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import numpy as np

from ecg_stream.replay.demo import demo_record

FS = 250.0
LEADS = ("MLII", "V5")
SECONDS = 60
ECG = demo_record().signal(0, round(SECONDS * FS))
LINES = [f"{k / FS:.3f},{a:.3f},{b:.3f}\n".encode() for k, (a, b) in enumerate(ECG.tolist())]
COUNTS = np.round(np.nan_to_num(ECG * 1000, nan=-32768)).astype("<i2")


@contextmanager
def in_background(send: Callable[[], None]) -> Iterator[None]:
    """Run a sender beside; raise what it raises."""
    failed: list[BaseException] = []

    def sending() -> None:
        try:
            send()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=sending)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)
    if failed:
        raise failed[0]


class UdpSender:
    """Sends datagrams to a port of this machine when somebody listens.

    Parameters
    ----------
    port
        Where to.
    begun
        Set when the playing begins; until then only the first few are sent, as the system drops what finds no room.
    """

    def __init__(self, port: int, begun: threading.Event | None = None) -> None:
        self._begun = begun
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._pause = threading.Event()

    def send(self, datagrams: Iterable[bytes]) -> None:
        for k, datagram in enumerate(datagrams):
            while k == 0:
                try:  # the system tells of a port that nobody listens on with the next call
                    self._socket.send(b"")
                    self._socket.send(b"")
                    break
                except ConnectionRefusedError:
                    self._pause.wait(0.02)
            if k == 4 and self._begun is not None:
                assert self._begun.wait(60)
            self._socket.send(datagram)
            if k % 4 == 3:
                self._pause.wait(0.002)
        self._socket.close()


def frames(size: int = 50) -> Iterator[tuple[int, bytes]]:
    """The demo as 16-bit samples: the number of the first, and the samples, of each datagram."""
    for first in range(0, len(COUNTS), size):
        yield first, COUNTS[first : first + size].tobytes()


def numbered(parts: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    return (struct.pack("<I", first) + part for first, part in parts)


class Pty:
    """A serial port whose other end is this one."""

    def __init__(self, monkeypatch: Any) -> None:
        import serial

        self.opened = threading.Event()
        real = serial.Serial.open

        def opening(port: Any) -> None:
            real(port)
            self.opened.set()

        monkeypatch.setattr(serial.Serial, "open", opening)

    def __enter__(self) -> Self:
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path = os.ttyname(theirs)
        self._theirs = theirs
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._theirs)
        os.close(self._ours)

    def write(self, lines: Iterable[bytes]) -> None:
        """Write when the port has been opened, which empties it first."""
        assert self.opened.wait(30)
        for k in range(0, len(block := list(lines)), 40):
            rest = b"".join(block[k : k + 40])
            while rest:
                rest = rest[os.write(self._ours, rest) :]


class FakeBluetooth:
    """Stands for bleak's scanner and client: a strap that answers and sends as a Polar H10 does, in its own bytes."""

    def __init__(self, packets: Iterable[tuple[float, np.ndarray]], name: str = "Polar H10 1234ABCD") -> None:
        self.packets = list(packets)
        self.name = name
        self.address = "A0:9E:1A:00:00:01"
        self.connected = 0
        self.answers = True
        self.stop_after: int | None = None
        """After so many packets the strap goes away once; those of the next second are lost."""
        self._sent = 0

    def install(self, monkeypatch: Any) -> None:
        import bleak
        import polar_python.device

        strap = self

        class Scanner:
            @staticmethod
            async def find_device_by_filter(is_it: Callable[[Any, Any], bool], timeout: float) -> Any:  # noqa: ASYNC109  the name is bleak's
                return strap if is_it(strap, None) else None

        class Client:
            def __init__(self, device: Any) -> None:
                assert device is strap
                self._notify: dict[str, Callable[[Any, bytearray], None]] = {}
                self._task: asyncio.Task[None] | None = None

            async def connect(self) -> None:
                strap.connected += 1

            async def disconnect(self) -> None:
                strap.connected -= 1
                if self._task is not None:
                    self._task.cancel()

            async def start_notify(self, characteristic: str, take: Callable[[Any, bytearray], None]) -> None:
                self._notify[characteristic[:8]] = take

            async def write_gatt_char(self, characteristic: str, content: bytearray) -> None:
                # Start, ECG, 130 Hz, 14 bits, as Polar's document of the interface has it.
                assert content == bytes([2, 0, 0, 1, 130, 0, 1, 1, 14, 0])
                if strap.answers:
                    self._notify["FB005C81"](None, bytearray([0xF0, 2, 0, 0, 0, 0]))
                    self._task = asyncio.create_task(self._send())

            async def _send(self) -> None:
                while strap._sent < len(strap.packets):
                    last_s, microvolts = strap.packets[strap._sent]
                    strap._sent += 1
                    if strap.stop_after == strap._sent:
                        strap.stop_after = None
                        return
                    packed = b"".join(int(x).to_bytes(3, "little", signed=True) for x in microvolts)
                    head = b"\0" + round(last_s * 1e9).to_bytes(8, "little") + b"\0"
                    self._notify["FB005C82"](None, bytearray(head + packed))
                    await asyncio.sleep(0)

        monkeypatch.setattr(bleak, "BleakScanner", Scanner)
        monkeypatch.setattr(polar_python.device, "BleakClient", Client)
