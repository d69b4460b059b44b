"""Outputs on their way to the broker: kept until it has confirmed them, across connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from itertools import islice

from ..run.engine import first_failure
from .connection import Connection
from .link import CONFIRM_TIMEOUT_S
from .metrics import Metrics
from .topics import RETAINED
from .unconfirmed import Outward

log = logging.getLogger("ecg_stream.mqtt")

MAX_KEPT = 100_000  # outputs, about 30 MB: ten beats a second of each of a hundred patients for 100 s
AT_ONCE = 256
LAST_OUTPUTS_S = 5.0  # at the end, for the broker to confirm


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One output, its topic, and its number in the ledger; 0 for what need not be kept over a restart."""

    topic: str
    payload: bytes
    number: int = 0

    @property
    def retain(self) -> bool:
        """Whether the broker is to keep it."""
        return self.topic.endswith(f"/{RETAINED}")


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
        self._kept: dict[int, Outgoing] = {}  # in the order in which they were put in
        self._by_topic: dict[str, dict[int, Outgoing]] = {}
        self._count = 0
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._shrunk = asyncio.Event()

    def __len__(self) -> int:
        """Give the number of outputs not yet confirmed."""
        return len(self._kept)

    @property
    def first(self) -> int | None:
        """Number in the ledger of the first output not yet confirmed; None if there is none that has one."""
        return next((each.number for each in self._kept.values() if each.number), None)

    def of_topic(self, topic: str) -> list[Outgoing]:
        """Give what of one topic is not yet confirmed, in order."""
        return list(self._by_topic.get(topic, {}).values())

    def add(self, outgoing: Outgoing) -> None:
        """Put an output in."""
        if len(self._kept) >= MAX_KEPT:
            given_up = self._remove(next(iter(self._kept)))
            self._metrics.unpublished.inc()
            if given_up.number:
                self._confirmed(given_up.number)
        self._count += 1
        self._kept[self._count] = outgoing
        self._by_topic.setdefault(outgoing.topic, {})[self._count] = outgoing
        self._filled.set()
        self._empty.clear()

    def heard(self, topic: str, payload: bytes) -> bool:
        """Take an output for confirmed if it is kept, as the broker has passed it on; tell whether it was."""
        for key, each in self._by_topic.get(topic, {}).items():
            if each.payload == payload:
                self._remove(key)
                self._note_emptied()
                return True
        return False

    async def publish(self, client: Connection) -> None:
        """Publish for as long as the connection lasts; what was not confirmed is published on the next one.

        Raises
        ------
        aiomqtt.MqttError
            If the connection is lost.
        """
        while True:
            await self._filled.wait()
            batch = list(islice(self._kept.items(), AT_ONCE))
            outward = (Outward(each.topic, each.payload, each.retain) for _, each in batch)
            await client.publish_all(outward, CONFIRM_TIMEOUT_S)
            for key, _ in batch:
                if key in self._kept:  # the oldest may have been given up meanwhile
                    self._remove(key)
            self._metrics.published.inc(len(batch))
            if last := max((each.number for _, each in batch), default=0):
                self._confirmed(last)
            self._note_emptied()

    async def publish_until(
        self, finished: Callable[[], Awaitable[object]], client: Connection, status_topic: str, farewell: bytes
    ) -> None:
        """Listen and publish on a connection until it is lost, or all is done.

        Parameters
        ----------
        finished
            Waits until no output is added any more; the last ones are then waited for, but not for long.
        client
            The connection.
        status_topic, farewell
            What is published last of all, retained.

        Raises
        ------
        aiomqtt.MqttError
            If the connection is lost.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                both = (
                    tasks.create_task(client.listen(), name="listen"),
                    tasks.create_task(self.publish(client), name="publish"),
                )
                await finished()
                if not await self.emptied():
                    log.warning("the broker did not confirm the last %d outputs", len(self))
                await client.publish(status_topic, farewell, qos=1, retain=True)
                for task in both:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise first_failure(group) from None

    async def emptied(self) -> bool:
        """Wait until everything is confirmed, `LAST_OUTPUTS_S` at most; tell whether it is."""
        try:
            async with asyncio.timeout(LAST_OUTPUTS_S):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    async def confirmed(self, topics: Collection[str]) -> None:
        """Wait until nothing of these topics is kept."""
        while any(topic in self._by_topic for topic in topics):
            self._shrunk.clear()
            await self._shrunk.wait()

    def _remove(self, key: int) -> Outgoing:
        self._shrunk.set()
        outgoing = self._kept.pop(key)
        of_topic = self._by_topic[outgoing.topic]
        del of_topic[key]
        if not of_topic:
            del self._by_topic[outgoing.topic]
        return outgoing

    def _note_emptied(self) -> None:
        if not self._kept:
            self._filled.clear()
            self._empty.set()
