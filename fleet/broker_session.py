"""A shard's session at the broker: what it is subscribed to, and what it has heard and not yet acknowledged."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine
from itertools import chain
from typing import Any

import aiomqtt
import msgspec

from .. import __version__
from ..errors import BrokerError, EcgStreamError
from ..stream.run.engine import first_failure
from ..stream.service.address import BrokerAddress
from ..stream.service.codec import OFFLINE
from ..stream.service.connection import Acknowledgement, Connection
from ..stream.service.core import GATHER_S
from ..stream.service.link import Link
from ..stream.service.topics import service_status_topic
from .message import Message, digest_of

log = logging.getLogger("ecg_stream.fleet")

AWAY_S = 24 * 3600  # so long the broker keeps messages for a shard
MARK_S = 30.0  # for a mark to come back, behind all that the broker has
CONNECTION_S = 10.0  # for the broker to be there when it is needed
AGAIN_S = 1.0  # before a session is taken back from an incarnation that should be dead
ACKNOWLEDGEMENTS_AT_ONCE = 200

DROPPED = b"dropped:"  # begins a mark, which is else random bytes


class SupersededError(EcgStreamError):
    """Another incarnation of this shard was started: this one is to end without touching anything."""


class BrokerSession:
    """The persistent session under a shard's client id. Who connects to it last has it, and the others are thrown out.

    Parameters
    ----------
    address
        The broker.
    client_id
        Stable over all incarnations of a shard.
    take
        Takes every message, once: what comes again because it was not acknowledged on the last connection is known.
    superseded
        Tells whether another incarnation was started after this one. Called in a thread.
    """

    def __init__(
        self, address: BrokerAddress, client_id: str, take: Callable[[Message], None], superseded: Callable[[], bool]
    ) -> None:
        self._take = take
        self._superseded = superseded
        self._status_topic = service_status_topic(client_id)
        self._mark_topic = f"ecg-stream/{client_id}/mark"
        self._marks: dict[bytes, asyncio.Event] = {}
        will = aiomqtt.Will(self._status_topic, OFFLINE, qos=1, retain=True)
        self._link = Link(
            address, client_id, will=will, on_held=self._receive, gather_s=GATHER_S, session_s=AWAY_S, retry=True
        )
        self._held: deque[tuple[Message, Acknowledgement]] = deque()
        self._sent: list[list[bytes]] = [[], []]  # digests of what was acknowledged last; the broker may not know it
        self._again: Counter[bytes] = Counter()  # digests of what was taken on connections before, and may come again
        self._connection: Connection | None = None  # on which the last message came
        self._there: Connection | None = None
        self._arrival = asyncio.Event()
        self._dropped: Counter[bytes] | None = Counter()  # by the last incarnation; None once that is asked for
        self.number = 0
        """Number of the last message."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection, on which everything that was missed has been heard."""
        return self._there is not None

    @property
    def unacknowledged(self) -> int:
        """Number of messages that the broker would send again."""
        return len(self._held)

    async def run(
        self,
        join: Callable[[Connection], Awaitable[None]],
        publish: Callable[[Connection], Coroutine[Any, Any, None]],
        leave: asyncio.Event,
        emptied: Callable[[], Awaitable[bool]],
    ) -> None:
        """Stay connected until `leave` is set.

        Parameters
        ----------
        join
            Subscribes, on each new connection, and calls `hear_all`.
        publish
            Publishes from then on, until it is cancelled.
        leave
            Set when the end is wanted.
        emptied
            Waits for what is to be published at the end to be confirmed; tells whether it is.

        Raises
        ------
        SupersededError
            If another incarnation was started.
        """

        async def use(client: Connection) -> None:
            await self._use(client, join, publish, leave, emptied)

        while True:
            try:
                await self._link.run(use)
                return
            except BrokerError as error:
                await self._check()
                log.warning("%s", error)  # an incarnation before us has come back: it will see that it is over
                await asyncio.sleep(AGAIN_S)

    async def end_for_good(self) -> None:
        """Take the session, and what the broker keeps for it, away."""

        async def use(client: Connection) -> None:
            await client.publish(self._status_topic, b"", qos=1, retain=True)

        link = Link(self._link.address, self._link.client_id, version=self._link.version)
        await link.run(use)

    async def there(self) -> Connection:
        """Give the connection, once there is one.

        Raises
        ------
        BrokerError
            If there is none for `CONNECTION_S`.
        """
        try:
            async with asyncio.timeout(CONNECTION_S):
                while self._there is None:
                    self._arrival.clear()
                    await self._arrival.wait()
        except TimeoutError:
            raise BrokerError(f"no connection to {self._link.address}") from None
        return self._there

    async def hear_all(self, client: Connection) -> None:
        """Wait until everything that the broker had for this session before has been taken.

        Raises
        ------
        BrokerError
            If it takes longer than `MARK_S`.
        """
        mark = secrets.token_bytes(12)
        heard = self._marks[mark] = asyncio.Event()
        try:
            async with asyncio.timeout(MARK_S):
                await client.publish(self._mark_topic, mark, qos=1)
                await heard.wait()
        except TimeoutError:
            raise BrokerError(
                f"{self._link.address} did not pass on {self._mark_topic} in {MARK_S:g} s: let its access list "
                "allow us to publish and subscribe to it, and its limits all that no snapshot holds yet"
            ) from None
        finally:
            del self._marks[mark]

    def drop_mark(self, number: int) -> tuple[str, bytes]:
        """Give topic and payload by which the next incarnation hears that a message was dropped.

        The broker keeps it, as the message itself, until a snapshot holds all that came before.
        """
        digest = next((message.digest for message, _ in reversed(self._held) if message.number == number), b"")
        return self._mark_topic, DROPPED + digest

    def take_dropped(self) -> Counter[bytes]:
        """Give the digests of what the last incarnation has dropped, as far as the broker has heard of it."""
        dropped, self._dropped = self._dropped, None
        return dropped or Counter()

    def unacknowledged_before(self, number: int) -> list[bytes]:
        """Give the digests of the messages with numbers under `number` that are not acknowledged."""
        return [message.digest for message, _ in self._held if message.number < number]

    async def acknowledge(self, before: int) -> None:
        """Acknowledge the messages with numbers under `before`."""
        self._sent = [*self._sent[1:], []]
        while self._held and self._held[0][0].number < before and self._held[0][1].possible:
            message, acknowledgement = self._held.popleft()
            acknowledgement.send()
            self._sent[-1].append(message.digest)
            if len(self._sent[-1]) % ACKNOWLEDGEMENTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _use(
        self,
        client: Connection,
        join: Callable[[Connection], Awaitable[None]],
        publish: Callable[[Connection], Coroutine[Any, Any, None]],
        leave: asyncio.Event,
        emptied: Callable[[], Awaitable[bool]],
    ) -> None:
        await self._check()
        try:
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(client.listen(), name="listen")
                await client.subscribe_all([self._mark_topic])
                await join(client)
                self._again.clear()
                self._there = client
                self._arrival.set()
                status = msgspec.json.encode({"online": True, "version": __version__})
                await client.publish(self._status_topic, status, qos=1, retain=True)
                publishing = tasks.create_task(publish(client), name="publish")
                await leave.wait()
                if not await emptied():
                    log.warning("the broker did not confirm the last outputs; they are saved")
                await client.publish(self._status_topic, OFFLINE, qos=1, retain=True)
                for task in (listening, publishing):
                    task.cancel()
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._there = None

    async def _check(self) -> None:
        if await asyncio.to_thread(self._superseded):
            raise SupersededError(f"{self._link.client_id} was started again elsewhere")

    def _receive(self, topic: str, payload: bytes, retained: bool, acknowledgement: Acknowledgement) -> None:
        if acknowledgement.connection is not self._connection:
            self._connection = acknowledgement.connection
            self._again.update([*(message.digest for message, _ in self._held), *chain(*self._sent)])
            self._held.clear()
            self._sent = [[], []]
        self.number += 1
        digest = digest_of(topic, payload)
        message = Message(topic, payload, retained, self.number, time.monotonic(), digest)
        self._held.append((message, acknowledgement))
        if topic == self._mark_topic:
            if payload in self._marks:
                self._marks[payload].set()
            elif payload.startswith(DROPPED) and self._dropped is not None:
                self._dropped[payload.removeprefix(DROPPED)] += 1
        elif self._again[digest]:
            self._again[digest] -= 1
        else:
            self._take(message)
