"""Outputs on their way to the broker: kept until it has confirmed them, across connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import aiomqtt

from .metrics import Metrics
from .mqtt_client import CONFIRM_TIMEOUT_S

MAX_KEPT = 100_000  # outputs, about 30 MB: ten beats a second of each of a hundred patients for 100 s
IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One output, its topic, and its number in the journal."""

    topic: str
    payload: bytes
    number: int = 0


class Outbox:
    """A bounded queue of outputs. When it is full, the oldest goes, and is counted.

    Parameters
    ----------
    metrics
        Where things are counted.
    confirmed
        Called with the number of the last output that needs no more care.
    """

    def __init__(self, metrics: Metrics, confirmed: Callable[[int], None]) -> None:
        self._metrics = metrics
        self._confirmed = confirmed
        self._kept: deque[Outgoing] = deque()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        """Give the number of outputs not yet confirmed."""
        return len(self._kept)

    @property
    def first(self) -> int | None:
        """Journal number of the first output not yet confirmed; None if all are."""
        return self._kept[0].number if self._kept else None

    def add(self, outgoing: Outgoing) -> None:
        """Put an output in."""
        if len(self._kept) >= MAX_KEPT:
            given_up = self._kept.popleft()
            self._metrics.unpublished.inc()
            self._confirmed(given_up.number)
        self._kept.append(outgoing)
        self._filled.set()
        self._empty.clear()

    async def publish(self, client: aiomqtt.Client) -> None:
        """Publish for as long as the connection lasts; what was not confirmed is published on the next one.

        Raises
        ------
        aiomqtt.MqttError
            If the connection is lost.
        """
        while True:
            await self._filled.wait()
            batch = [self._kept[i] for i in range(min(IN_FLIGHT, len(self._kept)))]
            async with asyncio.TaskGroup() as sending:
                for each in batch:
                    publishing = client.publish(each.topic, each.payload, qos=1, timeout=CONFIRM_TIMEOUT_S)
                    sending.create_task(publishing, name="publish")
            for each in batch:
                if self._kept and self._kept[0] is each:  # the oldest may have been given up meanwhile
                    self._kept.popleft()
            self._metrics.published.inc(len(batch))
            self._confirmed(batch[-1].number)
            if not self._kept:
                self._filled.clear()
                self._empty.set()

    async def emptied(self) -> None:
        """Wait until everything is confirmed."""
        await self._empty.wait()
