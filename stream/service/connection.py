"""One connection to a broker: aiomqtt's client, and what is needed of it beside what it offers.

aiomqtt acknowledges a message when it has put it into its queue, does not notice every loss of a connection, and leaves
the socket of one that was broken off open. `Connection` mends that with the paho client below, in this module alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ...errors import BrokerError
from .address import BrokerAddress

CONNECT_TIMEOUT_S = 10.0
NOTICED_S = 1.0
KEEPALIVE_S = 20
IN_FLIGHT = 65_535  # MQTT 5's largest: the broker may send on while we are busy, and drops nothing
MAX_PACKET_BYTES = 16 << 20  # what no wave message comes near is stopped at the broker
TOPICS_A_PACKET = 200
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a beat waits 40 ms for company
REFUSED = 128  # from this on, the answer to a subscription is a refusal


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

    connection: Connection
    mid: int
    qos: int

    @property
    def possible(self) -> bool:
        """Whether the connection is still there; if not, the broker sends the message again."""
        return self.connection.is_up

    def send(self) -> None:
        """Acknowledge, if it is possible."""
        if self.possible:
            self.connection.acknowledge(self.mid, self.qos)


OnMessage = Callable[[str, bytes, bool], None]
"""Takes topic, payload and whether it was retained; called before the message is acknowledged."""

OnHeld = Callable[[str, bytes, bool, Acknowledgement], None]
"""The same as `OnMessage`, but the message stays unacknowledged until the last argument is sent."""


class Connection(aiomqtt.Client):
    """A connection to a broker that hands each message over before it is acknowledged.

    Parameters
    ----------
    address
        The broker.
    client_id, will
        See `aiomqtt.Client`.
    version
        MQTT 5, or 4 for MQTT 3.1.1.
    session_s
        How long the broker keeps subscriptions and messages when we are away; 0: not at all.
    on_message, on_held
        Who takes the messages, see `Link`.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        will: aiomqtt.Will | None,
        *,
        version: int,
        session_s: int,
        on_message: OnMessage | None = None,
        on_held: OnHeld | None = None,
    ) -> None:
        self.failure: BaseException | None = None
        """What the taker of a message has raised: the message stays unacknowledged, and the connection is dropped."""
        self._address = address
        self._taker = on_message
        self._holder = on_held
        # A client that once asked for a clean start is not in what Mosquitto 2.0 writes to disk, whatever its expiry.
        clean = not session_s
        options: dict[str, Any] = {"clean_session": clean}
        if version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = session_s
            properties.ReceiveMaximum = IN_FLIGHT
            properties.MaximumPacketSize = MAX_PACKET_BYTES
            options = {"clean_start": clean, "properties": properties}
        super().__init__(
            address.host,
            address.port,
            identifier=client_id,
            username=address.user,
            password=address.password,
            tls_context=address.tls,
            transport="tcp" if address.path is None else "websockets",
            websocket_path=address.path,
            will=will,
            protocol=aiomqtt.ProtocolVersion.V5 if version == 5 else aiomqtt.ProtocolVersion.V311,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_TIMEOUT_S,
            socket_options=(NO_DELAY,),
            queue_type=cast(Any, partial(_Handover, self._hand_over)),
            **options,
        )
        self.pending_calls_threshold = sys.maxsize  # many messages in flight are meant
        self._paho.manual_ack_set(on_held is not None)

    async def __aenter__(self) -> Self:
        """Connect."""
        await super().__aenter__()
        if self._address.path is not None:  # aiomqtt sets options on plain sockets only
            with contextlib.suppress(AttributeError, OSError):
                self._paho.socket()._socket.setsockopt(*NO_DELAY)
        return self

    @property
    def _paho(self) -> Any:
        return self._client

    @property
    def is_up(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return bool(self._paho.is_connected())

    async def listen(self) -> None:
        """Wait until the connection is lost, which raises `aiomqtt.MqttError`; messages go to who takes them."""
        messages = self.messages
        # aiomqtt does not notice a connection that is lost in the moment in which it is made, so paho is asked too.
        while self.is_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NOTICED_S):
                    await anext(messages)
        raise aiomqtt.MqttError("Disconnected")

    async def subscribe_all(self, topics: Sequence[str]) -> None:
        """Subscribe at QoS 1; what is subscribed to already stays so.

        Raises
        ------
        BrokerError
            If the broker refuses.
        """
        for first in range(0, len(topics), TOPICS_A_PACKET):
            part = topics[first : first + TOPICS_A_PACKET]
            granted = await self.subscribe([(topic, 1) for topic in part])
            codes = [code if isinstance(code, int) else code.value for code in granted]
            refused = [topic for topic, code in zip(part, codes, strict=False) if code >= REFUSED]
            if refused:
                raise BrokerError(
                    f"{self._address} does not let us subscribe to {refused[0]}: let its access list allow it "
                    f"for user '{self._address.user}'"
                )

    async def unsubscribe_all(self, topics: Sequence[str]) -> None:
        """Unsubscribe; what the broker has in hand still comes."""
        for first in range(0, len(topics), TOPICS_A_PACKET):
            await self.unsubscribe(list(topics[first : first + TOPICS_A_PACKET]))

    def acknowledge(self, mid: int, qos: int) -> None:
        """Acknowledge a message that was held."""
        self._paho.ack(mid, qos)

    def close_socket(self) -> None:
        """Close the socket of a connection that was broken off, which aiomqtt would go on reading."""
        if (sock := self._paho.socket()) is not None and sock.fileno() >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(sock.fileno())
            loop.remove_writer(sock.fileno())
            sock.close()

    def _hand_over(self, message: aiomqtt.Message) -> None:
        payload = message.payload
        content = payload if isinstance(payload, bytes) else bytes(cast(bytearray, payload or b""))
        try:
            if self._holder is not None:
                held = Acknowledgement(self, message.mid, message.qos)
                self._holder(message.topic.value, content, bool(message.retain), held)
            elif self._taker is not None:
                self._taker(message.topic.value, content, bool(message.retain))
        except BaseException as error:
            self.failure = self.failure or error
            raise  # aiomqtt drops the connection, and the message stays unacknowledged


class _Handover(asyncio.Queue[aiomqtt.Message]):
    """Stands where aiomqtt queues a message, and hands it over at once.

    paho acknowledges a message when aiomqtt has put it here. With a queue that only remembered it, what was
    acknowledged and not yet processed would die with the process, and a full queue would drop it unseen.
    """

    def __init__(self, take: Callable[[aiomqtt.Message], None], maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._take = take

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._take(item)
