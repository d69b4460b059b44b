"""Messages on their way to a broker: no more at a time than it takes, each under a number until it is confirmed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .packets import publish_packet

IN_FLIGHT = 20
"""So many at once, or fewer where the broker says so: what Mosquitto takes unless it is told otherwise."""


class Outward(NamedTuple):
    """A message to be published at quality of service 1."""

    topic: str
    payload: bytes
    retain: bool


class _Batch:
    """Messages that were posted together: how many of them are not confirmed, and who waits for that."""

    __slots__ = ("done", "left")

    def __init__(self, left: int, done: asyncio.Future[None]) -> None:
        self.left = left
        self.done = done


class Unconfirmed:
    """What was posted and is not confirmed.

    Parameters
    ----------
    version
        MQTT 5, or 4 for MQTT 3.1.1.
    next_number
        Gives numbers of 16 bits, above 0, in turn.
    send
        Sends packets.
    """

    def __init__(self, version: int, next_number: Callable[[], int], send: Callable[[bytes], None]) -> None:
        self._version = version
        self._next_number = next_number
        self._send = send
        self._waiting: deque[tuple[Outward, _Batch]] = deque()
        self._in_flight: dict[int, _Batch] = {}
        self.limit = IN_FLIGHT
        """How many may be in flight."""

    @property
    def waits(self) -> bool:
        """Whether there are messages that cannot go out before others are confirmed."""
        return bool(self._waiting)

    def post(self, messages: Iterable[Outward]) -> asyncio.Future[None]:
        """Send messages, in order, as soon as can be; give what is done when the last of them is confirmed."""
        done = asyncio.get_running_loop().create_future()
        posted = list(messages)
        if not posted:
            done.set_result(None)
            return done
        batch = _Batch(len(posted), done)
        self._waiting.extend((message, batch) for message in posted)
        self.go_on()
        return done

    def confirm(self, number: int) -> None:
        """Take a confirmation; `go_on` is to be called after the last of several."""
        batch = self._in_flight.pop(number, None)
        if batch is None:
            return
        batch.left -= 1
        if not batch.left and not batch.done.done():
            batch.done.set_result(None)

    def go_on(self) -> None:
        """Send what there is room for."""
        packets = []
        while self._waiting and len(self._in_flight) < self.limit:
            (topic, payload, retain), batch = self._waiting.popleft()
            while (number := self._next_number()) in self._in_flight:
                pass
            self._in_flight[number] = batch
            packets.append(publish_packet(topic, payload, number, self._version, retain=retain))
        if packets:
            self._send(b"".join(packets))

    def fail(self, error: Exception) -> None:
        """Tell all who wait that nothing more will be confirmed."""
        batches = {id(batch): batch for batch in (*self._in_flight.values(), *(batch for _, batch in self._waiting))}
        self._in_flight.clear()
        self._waiting.clear()
        for batch in batches.values():
            if not batch.done.done():
                batch.done.set_exception(error)
