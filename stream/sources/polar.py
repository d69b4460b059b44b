"""The ECG of a Polar H10 chest strap over Bluetooth: 130 Hz, microvolts (extra ``[polar]``).

polar-python speaks the strap's protocol, bleak the computer's Bluetooth. Each packet has the time, on the strap's
clock, of its last sample: lost packets are gaps, see `places.Places`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from ...errors import MissingExtraError, RecordError
from .arriving import Block, Channel, fit_name
from .places import Places
from .waiting import POLL_S, Waiting

FS = 130.0
RESOLUTION_BITS = 14
FIND_S = 15.0
CONNECT_S = 20.0
FIRST_DATA_S = 10.0
LOST_S = 5.0
"""A strap that sends nothing for so long is connected to anew; it sends a packet every 0.56 s."""
MOST_WAITING = 256  # packets, more than two minutes
MODEL = "Polar H10"


class PolarStrap:
    """One strap, connected; see `arriving.Arriving`.

    Parameters
    ----------
    which
        Its Bluetooth address, or the number on it, such as ``1234ABCD``; the first H10 that is seen if it is empty.
    waiting
        How long silence is borne.

    Raises
    ------
    RecordError
        If there is no Bluetooth, no such strap, or it gives no ECG.
    MissingExtraError
        If polar-python is not installed.
    """

    fs = FS
    channels = (Channel("ECG", "uV"),)

    def __init__(self, which: str, waiting: Waiting) -> None:
        try:
            import bleak  # noqa: F401
            import polar_python  # noqa: F401
        except ImportError:
            raise MissingExtraError("a Polar strap", "polar") from None
        self._which = which
        self._waiting = waiting
        self._places = Places(FS)
        self._device: Any = None
        self._gone = False
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # what bleak waits for runs in turns of it
        self._packets: asyncio.Queue[tuple[float, list[int]]] = asyncio.Queue(MOST_WAITING)
        try:
            found = self._runner.run(_find(which))
            self.name = fit_name(found.name or "polar")
            self._runner.run(self._connect(found))
            self._first: tuple[float, list[int]] | None = self._runner.run(self._next_packet(FIRST_DATA_S))
            if self._first is None:
                raise RecordError(f"{found.name} is connected and sends no ECG: wear it, with moist electrodes")
        except BaseException:
            self.let_go()
            raise

    def blocks(self) -> Generator[Block]:
        """Wait for packets and give their samples; a strap that went away is taken back."""
        packet, self._first = self._first, None
        while not self._waiting.over:
            if packet is not None:
                yield from self._placed(*packet)
            elif self._waiting.silence_s > LOST_S:
                self._runner.run(self._connect_again())
            packet = self._runner.run(self._next_packet(POLL_S))

    def local_time(self, sample: int) -> None:  # noqa: ARG002  the strap's clock is its own
        """Give None."""
        return

    def _placed(self, last_s: float, microvolts: list[int]) -> Iterator[Block]:
        silence_s = self._waiting.heard()
        n = len(microvolts)
        times = [last_s - (n - 1 - k) / FS for k in range(n)]
        values = np.array(microvolts, np.float64)[:, None]
        for first, stop, start in self._places.place(times, silence_s):
            yield Block(start, values[first:stop])

    async def _connect(self, found: Any) -> None:
        from bleak.exc import BleakError
        from polar_python import PolarDevice
        from polar_python.exceptions import PolarPythonError

        device = PolarDevice(found)
        self._device = device
        try:
            async with asyncio.timeout(CONNECT_S):
                await device.connect()
                await device.start_ecg_stream(self._take, sample_rate=round(FS), resolution=RESOLUTION_BITS)
        except (BleakError, OSError, PolarPythonError, ValueError, IndexError) as error:
            # OSError is also what a timeout is; the last two are what an answer of another device leads to.
            raise RecordError(f"{found.name or found.address} cannot be connected to: {_why(error)}") from error

    async def _connect_again(self) -> None:
        """Connect anew; where that fails, it is tried again later."""
        await self._disconnect()
        with suppress(RecordError):
            await self._connect(await _find(self._which, LOST_S))

    async def _disconnect(self) -> None:
        from bleak.exc import BleakError

        device, self._device = self._device, None
        if device is not None:
            with suppress(BleakError, OSError, EOFError):
                async with asyncio.timeout(LOST_S):
                    await device.disconnect()

    def _take(self, data: Any) -> None:
        """Keep a packet: the time of its last sample, s, and its samples."""
        with suppress(asyncio.QueueFull):  # what finds no room is lost, and a gap
            self._packets.put_nowait((data.timestamp / 1e9, data.data))

    async def _next_packet(self, seconds: float) -> tuple[float, list[int]] | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._packets.get()
        except TimeoutError:
            return None

    def let_go(self) -> None:
        """End the connection, when nobody waits any more."""
        if not self._gone:
            self._gone = True
            self._runner.run(self._disconnect())
            self._runner.close()


async def _find(which: str, seconds: float = FIND_S) -> Any:
    """Look for a strap."""
    import bleak
    from bleak.exc import BleakError

    seen: set[str] = set()

    def is_it(device: Any, _advertisement: Any) -> bool:
        name = device.name or ""
        if name:
            seen.add(name)
        if not which:
            return name.startswith(MODEL)
        return which.casefold() in (device.address.casefold(), name.casefold(), name.rpartition(" ")[2].casefold())

    try:
        found = await bleak.BleakScanner.find_device_by_filter(is_it, timeout=seconds)
    except (BleakError, OSError, EOFError) as error:
        raise RecordError(f"there is no Bluetooth to look for a strap with: {_why(error)}") from error
    if found is None:
        what = f"no strap '{which}'" if which else f"no {MODEL}"
        others = f"; seen are {', '.join(sorted(seen)[:10])}" if seen else ""
        raise RecordError(f"{what} within {seconds:g} s{others}: wear it, and end other programs that hold it")
    return found


def _why(error: BaseException) -> str:
    return "no answer" if isinstance(error, TimeoutError) else (str(error).splitlines() or [type(error).__name__])[0]
