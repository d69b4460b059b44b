"""The connection to an MQTT broker, and coming back after it was lost.

Each connection is a fresh client under one stable client id. What must outlive a connection lives elsewhere:
undelivered messages with the broker, in the persistent session of that id; unconfirmed ones with whoever publishes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ...errors import BrokerError
from .address import PASSWORD_VARIABLE, USER_VARIABLE, BrokerAddress

log = logging.getLogger("ecg_stream.mqtt")

CONNECT_TIMEOUT_S = 10.0
NOTICED_S = 1.0
CONFIRM_TIMEOUT_S = 60.0  # for a message published; a broker that writes much to disk takes its time
KEEPALIVE_S = 20
FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 20.0
STABLE_S = 10.0  # a connection that lasted so long was a good one
SHORT_LIVED = 4  # so many others in a row, and something is wrong that will not pass
IN_FLIGHT = 65_535  # MQTT 5's largest: the broker may send on while we are busy, and drops nothing
MAX_PACKET_BYTES = 16 << 20  # what no wave message comes near is stopped at the broker

_SESSION_TAKEN_OVER = 142  # MQTT 5 reason code
_CREDENTIALS = f"check {USER_VARIABLE} and {PASSWORD_VARIABLE}"

OnMessage = Callable[[str, bytes, bool], None]
"""Takes topic, payload and whether it was retained; called before the message is acknowledged."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The acknowledgement of one message, to be sent later.

    Attributes
    ----------
    connection
        On which the message came; on another, its number would be another message's.
    mid, qos
        Its number and quality of service.
    """

    connection: aiomqtt.Client
    mid: int
    qos: int

    @property
    def possible(self) -> bool:
        """Whether the connection is still there; if not, the broker sends the message again."""
        return bool(self.connection._client.is_connected())

    def send(self) -> None:
        """Acknowledge, if it is possible."""
        if self.possible:
            self.connection._client.ack(self.mid, self.qos)


OnHeld = Callable[[str, bytes, bool, Acknowledgement], None]
"""The same as `OnMessage`, but the message stays unacknowledged until the last argument is sent."""


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
    session_s: int = 0
    retry: bool = False
    version: int = 5
    connects: int = 0

    async def run(self, use: Callable[[aiomqtt.Client], Awaitable[None]]) -> None:
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
            failure: list[BaseException] = []
            before = self.connects
            began = time.monotonic()
            client = self._client(failure)
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
                if failure:
                    raise failure[0] from None
                if self._speaks_older(error):
                    continue
                why = explain(error, self.address)
                if not self.connects and not self.retry:
                    raise BrokerError(why) from None
                if _taken_over(error):
                    raise BrokerError(
                        f"another client came to {self.address} with our client id '{self.client_id}': "
                        "give each its own --client-id"
                    ) from None
                if self.connects > before:
                    if time.monotonic() - began > STABLE_S:
                        stable, short_lived, backoff = True, 0, FIRST_BACKOFF_S
                    else:
                        short_lived += 1
                    if short_lived >= SHORT_LIVED:
                        # Clients of one id throw each other out, and many brokers do not say why.
                        why += (
                            f"; may {self.address.user or 'anybody'} use these topics, "
                            f"and is there another client with our --client-id {self.client_id}?"
                        )
                        if not (stable or self.retry):
                            raise BrokerError(why) from None
                if why != told:
                    log.warning("%s; trying again", why)
                    told = why
            finally:
                _close(client)
            await asyncio.sleep(random.uniform(0.5, 1.0) * backoff)  # so that not all come at once
            backoff = min(2 * backoff, LONGEST_BACKOFF_S)

    def _speaks_older(self, error: aiomqtt.MqttError) -> bool:
        """Step down to MQTT 3.1.1 if the broker said that it does not know 5, or did not know what to say."""
        if self.version != 5 or self.connects:
            return False
        refused = isinstance(error, MqttConnectError) and _code(error) in (1, 132)
        if refused or _unanswered(error):
            self.version = 4
            return True
        return False

    def _client(self, failure: list[BaseException]) -> aiomqtt.Client:
        # A client that once asked for a clean start is not in what Mosquitto 2.0 writes to disk, whatever its expiry.
        clean = not self.session_s
        options: dict[str, Any] = {"clean_session": clean}
        if self.version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self.session_s
            properties.ReceiveMaximum = IN_FLIGHT
            properties.MaximumPacketSize = MAX_PACKET_BYTES
            options = {"clean_start": clean, "properties": properties}
        connection: list[aiomqtt.Client] = []  # for the queue, which aiomqtt makes before the client is there
        client = aiomqtt.Client(
            self.address.host,
            self.address.port,
            identifier=self.client_id,
            username=self.address.user,
            password=self.address.password,
            tls_context=self.address.tls,
            will=self.will,
            protocol=aiomqtt.ProtocolVersion.V5 if self.version == 5 else aiomqtt.ProtocolVersion.V311,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_TIMEOUT_S,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),  # else a beat waits 40 ms for company
            queue_type=cast(Any, partial(_Handover, self.on_message, self.on_held, connection, failure)),
            **options,
        )
        connection.append(client)
        client._client.manual_ack_set(self.on_held is not None)
        client.pending_calls_threshold = sys.maxsize  # many messages in flight are meant
        return client


async def _apart(use: Callable[[aiomqtt.Client], Awaitable[None]], client: aiomqtt.Client) -> None:
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


async def listen(client: aiomqtt.Client) -> None:
    """Wait until the connection is lost, which raises `aiomqtt.MqttError`; messages go to `Link.on_message`."""
    messages = client.messages
    # aiomqtt does not notice a connection that is lost in the moment in which it is made, so paho is asked too.
    while client._client.is_connected():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NOTICED_S):
                await anext(messages)
    raise aiomqtt.MqttError("Disconnected")


class _Handover(asyncio.Queue[aiomqtt.Message]):
    """Stands where aiomqtt queues a message, and hands it over at once.

    paho acknowledges a message when aiomqtt has put it here. With a queue that only remembered it, what was
    acknowledged and not yet processed would die with the process, and a full queue would drop it unseen.
    """

    def __init__(
        self,
        on_message: OnMessage | None,
        on_held: OnHeld | None,
        connection: list[aiomqtt.Client],
        failure: list[BaseException],
        maxsize: int = 0,
    ) -> None:
        super().__init__(maxsize)
        self._on_message = on_message
        self._on_held = on_held
        self._connection = connection
        self._failure = failure

    def put_nowait(self, item: aiomqtt.Message) -> None:
        payload = item.payload if isinstance(item.payload, bytes) else bytes(cast(bytearray, item.payload or b""))
        try:
            if self._on_held is not None:
                held = Acknowledgement(self._connection[0], item.mid, item.qos)
                self._on_held(item.topic.value, payload, bool(item.retain), held)
            elif self._on_message is not None:
                self._on_message(item.topic.value, payload, bool(item.retain))
        except BaseException as error:
            self._failure.append(error)
            raise  # aiomqtt drops the connection, and the message stays unacknowledged


def _close(client: aiomqtt.Client) -> None:
    """Close the socket of a client that was broken off, which aiomqtt leaves open, and would go on reading."""
    if (sock := client._client.socket()) is not None and sock.fileno() >= 0:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock.fileno())
        loop.remove_writer(sock.fileno())
        sock.close()


def explain(error: aiomqtt.MqttError, address: BrokerAddress) -> str:
    """Say in one line why a connection failed, and what to do."""
    cause = error.__context__
    if _unanswered(error):
        return f"{address} does not answer: is it an MQTT broker, and is TLS asked for where it is wanted?"
    if isinstance(error, MqttConnectError):
        code = _code(error)
        if code in (4, 134):
            return f"{address} refuses {_who(address)}: {_CREDENTIALS}"
        if code in (5, 135):
            return f"{address} does not let {_who(address)} in: {_CREDENTIALS}, or give --cert and --key"
        return f"{address} refuses the connection: {str(error).removeprefix('[code:').strip()}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"{address} cannot be trusted: its certificate does not pass: {cause.verify_message}; "
            "give the right --ca, or renew the broker's certificate"
        )
    if isinstance(cause, ssl.SSLError):
        return f"{address}: TLS fails: {cause.reason or cause}; is it a TLS port, and does it want --cert?"
    if isinstance(cause, OSError):
        return f"{address} cannot be reached: {cause.strerror or cause}; is the broker running?"
    return f"{address}: connection lost: {error}"


def _unanswered(error: aiomqtt.MqttError) -> bool:
    """Tell whether the broker took the connection and then did not say whether we may come in."""
    return isinstance(error.__context__, TimeoutError) and str(error) == "Operation timed out"


def _code(error: MqttConnectError) -> int:
    return error.rc if isinstance(error.rc, int) else int(getattr(error.rc, "value", -1))


def _taken_over(error: aiomqtt.MqttError) -> bool:
    """Tell whether the broker closed the connection because another client came with the same id (MQTT 5 only)."""
    code = getattr(error.__cause__, "rc", getattr(error, "rc", None))
    return getattr(code, "value", code) == _SESSION_TAKEN_OVER


def _who(address: BrokerAddress) -> str:
    return f"user '{address.user}'" if address.user else "us without a user"
