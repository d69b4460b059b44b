"""One connection to a broker: aiomqtt's client, and what is needed of it beside what it offers.

aiomqtt acknowledges a message when it has put it into its queue, does not notice every loss of a connection, and leaves
the socket of one that was broken off open. `Connection` mends that with the paho client below, in this module alone.
And it reads and writes messages and their acknowledgements itself, many at a time, as paho takes more of the processor
for them than all else of a service together. Over WebSockets paho does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ...errors import BrokerError
from .address import BrokerAddress
from .packets import Confirmed, PacketReader, Published, acknowledgement
from .unconfirmed import Outward, Unconfirmed
from .wire import READ_BYTES, Wire

CONNECT_TIMEOUT_S = 10.0
NOTICED_S = 1.0
KEEPALIVE_S = 20
IN_FLIGHT = 65_535  # MQTT 5's largest: the broker may send on while we are busy, and drops nothing
MAX_PACKET_BYTES = 16 << 20  # what no wave message comes near is stopped at the broker
TOPICS_A_PACKET = 200
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a beat waits 40 ms for company
REFUSED = 128  # from this on, the answer to a subscription is a refusal
ENOUGH_BYTES = READ_BYTES // 2  # who has got so much at once is behind, and does not wait for more
MOST_PUBLISHED = 64  # messages in flight to a broker that takes so many


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The acknowledgement of one message, to be sent later.

    Attributes
    ----------
    connection
        On which the message came; on another, its number would be another message's.
    number
        Its number; 0 for a message that is not acknowledged.
    """

    connection: Connection
    number: int

    @property
    def possible(self) -> bool:
        """Whether the connection is still there; if not, the broker sends the message again."""
        return self.connection.is_up

    def send(self) -> None:
        """Acknowledge, if it is possible."""
        if self.possible and self.number:
            self.connection.acknowledge(self.number)


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
    on_message, on_held, keep, gather_s
        Who takes the messages, and how, see `Link`.
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
        keep: Callable[[], None] = lambda: None,
        gather_s: float = 0.0,
    ) -> None:
        self.failure: BaseException | None = None
        """What the taker of a message has raised: the message stays unacknowledged, and the connection is dropped."""
        self._address = address
        self._taker = on_message
        self._holder = on_held
        self._keep = keep
        self._gather_s = gather_s
        self._version = version
        self._wire: Wire | None = None  # over WebSockets paho has its own
        self._reader = PacketReader(version)
        self._gathering: asyncio.TimerHandle | None = None
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
        self._unconfirmed = Unconfirmed(version, self._paho._mid_generate, self._write)

    async def __aenter__(self) -> Self:
        """Connect."""
        await super().__aenter__()
        if self.failure is not None:  # with messages that came in one piece with the answer, which aiomqtt then forgets
            raise aiomqtt.MqttError("Disconnected")
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

    async def publish(  # type: ignore[override]  # of aiomqtt's arguments, those that are of use here
        self,
        topic: str,
        payload: bytes = b"",
        qos: int = 0,
        retain: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  aiomqtt's
    ) -> None:
        """Publish a message; at QoS 1, wait until the broker has confirmed it.

        Raises
        ------
        aiomqtt.MqttError
            If the connection is lost, or nothing is confirmed in `timeout` seconds.
        """
        if qos and self._wire is not None:
            await self.publish_all([Outward(topic, payload, retain)], timeout)
        else:
            await super().publish(topic, payload, qos, retain, timeout=timeout)

    async def publish_all(
        self,
        messages: Iterable[Outward],
        timeout: float | None = None,  # noqa: ASYNC109  aiomqtt's
    ) -> None:
        """Publish messages at QoS 1, in order, and wait until the broker has confirmed all of them.

        Raises
        ------
        aiomqtt.MqttError
            If the connection is lost, or not all is confirmed in `timeout` seconds.
        """
        if self._wire is None:
            async with asyncio.TaskGroup() as sending:
                for topic, payload, retain in messages:
                    one = super().publish(topic, payload, 1, retain, timeout=timeout)
                    sending.create_task(one, name="publish")
            return
        if not self.is_up:
            raise aiomqtt.MqttError("Disconnected")
        done = self._unconfirmed.post(messages)
        if self._unconfirmed.waits:
            self._read_soon()
        await self._wait_for(done, timeout)

    def acknowledge(self, number: int) -> None:
        """Acknowledge a message of QoS 1 that was held."""
        if self._wire is None:
            self._paho.ack(number, 1)
        else:
            self._wire.write(acknowledgement(number))

    def close_socket(self) -> None:
        """Close the socket of a connection that was broken off, which aiomqtt would go on reading."""
        if self._gathering is not None:
            self._gathering.cancel()
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # else asyncio complains that nobody has asked
        if (sock := self._paho.socket()) is not None and sock.fileno() >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(sock.fileno())
            loop.remove_writer(sock.fileno())
            sock.close()

    # What aiomqtt and paho call.

    def _hand_over(self, message: aiomqtt.Message) -> None:
        """Take a message that paho has read."""
        payload = message.payload
        content = payload if isinstance(payload, bytes) else bytes(cast(bytearray, payload or b""))
        self._take(Published(message.topic.value, content, bool(message.retain), message.mid if message.qos else 0))
        self._keep_taken()

    def _on_connect(
        self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Properties | None = None
    ) -> None:
        if self._version == 5:  # where the broker says nothing, it takes any number
            self._unconfirmed.limit = min(MOST_PUBLISHED, getattr(properties, "ReceiveMaximum", MOST_PUBLISHED))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Properties | None = None
    ) -> None:
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        self._unconfirmed.fail(aiomqtt.MqttError("Disconnected"))

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        """Take the place of the socket; called in another thread, before anything is sent."""
        if self._address.path is None:
            sock.setsockopt(*NO_DELAY)
            sock = client._sock = self._wire = Wire(sock, self._loop)
        super()._on_socket_open(client, userdata, sock)
        if self._wire is not None:  # in the place of what aiomqtt calls
            self._loop.call_soon_threadsafe(self._loop.add_reader, sock.fileno(), self._read)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._wire is None:
            super()._on_socket_register_write(client, userdata, sock)
        else:
            self._loop.call_soon_threadsafe(self._wire.when_emptied, client.loop_write)

    def _on_socket_unregister_write(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._wire is None:
            super()._on_socket_unregister_write(client, userdata, sock)

    # Messages in, and acknowledgements.

    def _read(self) -> None:
        """Take what has come; then let more come together for `gather_s`, where that is wanted."""
        wire = self._wire
        if wire is None or wire.fileno() < 0:
            return
        n_bytes = 0
        while True:
            if content := wire.read():
                n_bytes += len(content)
                try:
                    self._take_all(self._reader.take(content))
                except Exception as error:  # whatever the taker raised, or paho
                    if not self._disconnected.done():
                        self._disconnected.set_exception(error)
                    return
            if not wire.more:
                break
        if wire.lost:
            self._paho.loop_read()  # which closes the connection
        elif self._gather_s and 0 < n_bytes < ENOUGH_BYTES and not self._unconfirmed.waits:
            if self._gathering is None:
                self._loop.remove_reader(wire.fileno())
            self._gathering = self._loop.call_later(self._gather_s, self._read)
        else:
            self._read_soon()

    def _read_soon(self) -> None:
        """Read as soon as anything comes, whatever was to be gathered."""
        if self._gathering is not None and self._wire is not None:
            self._gathering.cancel()
            self._gathering = None
            self._loop.add_reader(self._wire.fileno(), self._read)

    def _take_all(self, packets: Iterable[Published | Confirmed | bytes]) -> None:
        """Take packets that came; what was taken is acknowledged when it is kept."""
        assert self._wire is not None
        taken: list[bytes] = []
        try:
            for packet in packets:
                if isinstance(packet, Published):
                    self._take(packet)
                    if packet.number and self._holder is None:
                        taken.append(acknowledgement(packet.number))
                elif isinstance(packet, Confirmed):
                    self._unconfirmed.confirm(packet.number)
                else:
                    self._wire.leave_to_paho(packet)
                    while self._wire.left_to_paho and self._paho.socket() is not None:
                        self._paho.loop_read()
        finally:  # what was taken before one that could not be is kept all the same
            self._keep_taken()
            if taken:
                self._wire.write(b"".join(taken))
            self._unconfirmed.go_on()

    def _take(self, message: Published) -> None:
        try:
            if self._holder is not None:
                held = Acknowledgement(self, message.number)
                self._holder(message.topic, message.payload, message.retained, held)
            elif self._taker is not None:
                self._taker(message.topic, message.payload, message.retained)
        except BaseException as error:
            self.failure = self.failure or error
            raise  # the connection is dropped, and the message stays unacknowledged

    def _keep_taken(self) -> None:
        try:
            self._keep()
        except BaseException as error:
            self.failure = self.failure or error
            raise

    def _write(self, content: bytes) -> None:
        if self._wire is not None:
            self._wire.write(content)


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
