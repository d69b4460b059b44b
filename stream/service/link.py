"""The connection to an MQTT broker, and coming back after it was lost.

Each connection is a fresh client under one stable client id. What must outlive a connection lives elsewhere:
undelivered messages with the broker, in the persistent session of that id; unconfirmed ones with whoever publishes.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from ...errors import BrokerError
from .address import BrokerAddress
from .connection import Connection, OnHeld, OnMessage
from .connection_errors import code_of, explain, taken_over, unanswered

log = logging.getLogger("ecg_stream.mqtt")

CONFIRM_TIMEOUT_S = 60.0  # for a message published; a broker that writes much to disk takes its time
FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 20.0
STABLE_S = 10.0  # a connection that lasted so long was a good one
SHORT_LIVED = 4  # so many others in a row, and something is wrong that will not pass


def _nothing_to_keep() -> None:
    """Have what is taken kept already."""


@dataclass(slots=True)
class Link:
    """A client id's connection to a broker, made again whenever it is lost.

    Attributes
    ----------
    address
        The broker.
    client_id
        Stable for as long as messages are to be kept for this client.
    will
        What the broker publishes if the connection breaks.
    on_message
        Takes each message before it is acknowledged; if it raises, the message is not, and `run` raises the same.
    on_held
        Takes the place of `on_message` where messages are to be acknowledged later, in the order in which they came.
        MQTT 5 brokers send up to `IN_FLIGHT` messages beyond the last acknowledged one.
    keep
        Called before messages are acknowledged that `on_message` has taken: several at a time can be kept at once.
    gather_s
        So long messages may come together before they are taken, all at once, from the second on.
    session_s
        How long the broker keeps subscriptions and messages for this client id when it is away; 0: not at all.
    retry
        Keep trying where nothing has worked yet.
    version
        MQTT 5, or 4 for MQTT 3.1.1; a broker that does not know 5 is asked again in 4.
    connects
        How often a connection was made.
    """

    address: BrokerAddress
    client_id: str
    will: aiomqtt.Will | None = None
    on_message: OnMessage | None = None
    on_held: OnHeld | None = None
    keep: Callable[[], None] = _nothing_to_keep
    gather_s: float = 0.0
    session_s: int = 0
    retry: bool = False
    version: int = 5
    connects: int = 0

    async def run(self, use: Callable[[Connection], Awaitable[None]]) -> None:
        """Connect and call `use` with the client, again after each loss, until `use` returns.

        `use` is to let `aiomqtt.MqttError` pass: it means that the connection is lost.

        Raises
        ------
        BrokerError
            If the first connection fails or the first few are cut off at once, unless `retry`; or if the client id is
            taken over by another client.
        """
        backoff = FIRST_BACKOFF_S
        told = ""
        stable, short_lived = False, 0
        while True:
            before = self.connects
            began = time.monotonic()
            client = Connection(
                self.address,
                self.client_id,
                self.will,
                version=self.version,
                session_s=self.session_s,
                on_message=self.on_message,
                on_held=self.on_held,
                keep=self.keep,
                gather_s=self.gather_s,
            )
            try:
                async with client:
                    self.connects += 1
                    if before or told:
                        log.warning("connected to %s%s", self.address, " again" if before else "")
                    told = ""
                    await _apart(use, client)
                return
            except aiomqtt.MqttError as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from None  # aiomqtt failed in closing down, and hid it
                if client.failure is not None:
                    raise client.failure from None
                if self._speaks_older(error):
                    continue
                failure = explain(error, self.address)
                if not self.connects and not self.retry:
                    raise failure from None
                if taken_over(error):
                    raise BrokerError(
                        f"another client came to {self.address} with our client id '{self.client_id}'",
                        about="client id",
                    ) from None
                if self.connects > before:
                    if time.monotonic() - began > STABLE_S:
                        stable, short_lived, backoff = True, 0, FIRST_BACKOFF_S
                    else:
                        short_lived += 1
                    if short_lived >= SHORT_LIVED:
                        # Clients of one id throw each other out, and many brokers do not say why.
                        failure = BrokerError(
                            f"{failure}; may {self.address.user or 'anybody'} use these topics, "
                            f"and is there another client with our client id '{self.client_id}'?",
                            about="client id",
                        )
                        if not (stable or self.retry):
                            raise failure from None
                if (why := str(failure)) != told:
                    log.warning("%s; trying again", why)
                    told = why
            finally:
                client.close_socket()
            await asyncio.sleep(random.uniform(0.5, 1.0) * backoff)  # so that not all come at once
            backoff = min(2 * backoff, LONGEST_BACKOFF_S)

    def _speaks_older(self, error: aiomqtt.MqttError) -> bool:
        """Step down to MQTT 3.1.1 if the broker said that it does not know 5, or did not know what to say."""
        if self.version != 5 or self.connects:
            return False
        refused = isinstance(error, MqttConnectError) and code_of(error) in (1, 132)
        if refused or unanswered(error):
            self.version = 4
            return True
        return False


async def _apart(use: Callable[[Connection], Awaitable[None]], client: Connection) -> None:
    """Call `use` in a task of its own.

    Before Python 3.13 a `TaskGroup` that has failed leaves its task marked as cancelled: that is not to be taken
    for a wish to end the link.
    """

    async def using() -> None:
        await use(client)

    task = asyncio.create_task(using(), name="connection")
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    if task.cancelled():
        raise aiomqtt.MqttError("Disconnected")
    task.result()
