"""The device side: a record's chunks as wave messages, paced, and sent again until the broker has confirmed them."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import aiomqtt

from ..stream.core.messages import Chunk
from ..stream.run.engine import StopRequest, first_failure
from ..stream.service.codec import OFFLINE, Encoding, Wave, encode_wave, says_online, takes_births
from ..stream.service.connection import Connection
from ..stream.service.link import CONFIRM_TIMEOUT_S, Link
from ..stream.service.topics import Topics, patient_id, service_status_topic

IN_FLIGHT = 20
RESEND_S = 60.0
RESEND_BYTES = 16 << 20
SERVICES_S = 15.0


@dataclass(frozen=True, slots=True)
class Message:
    """An encoded wave message.

    Attributes
    ----------
    number
        Counts the messages of one publisher.
    due_s
        When it is due, seconds after the first sample.
    payload
        What is published.
    """

    number: int
    due_s: float
    payload: bytes


def encode_stream(
    chunks: Iterable[Chunk], encoding: Encoding, speed: float, stream: str | None, *, end: bool = True
) -> Iterator[Message]:
    """Encode the chunks of one stream as wave messages.

    Parameters
    ----------
    chunks
        In order.
    encoding
        ``json`` or ``msgpack``.
    speed
        Multiple of real time at which they are due: a chunk when its last sample has been taken. ``inf`` is at once.
    stream
        Name of the stream, see `Wave.stream`; None leaves it out.
    end
        Close with a message that ends the stream.
    """
    first: int | None = None
    number = 0
    for chunk in chunks:
        first = chunk.start if first is None else first
        stop = chunk.start + len(chunk.samples)
        due_s = (stop - first) / chunk.fs / speed
        yield Message(number, due_s, encode_wave(Wave(chunk, number, stream), encoding))
        number += 1
        last = replace(chunk, start=stop, samples=chunk.samples[:0])
    if end and number:
        yield Message(number, due_s, encode_wave(Wave(last, number, stream, end=True), encoding))


def stream_name(record: str, first: Chunk) -> str:
    """Name the stream of a record from its first chunk on: the same whenever the same is published again."""
    what = f"{record} {first.start} {first.fs} {' '.join(first.leads)}"
    return f"{record[:48]}-{zlib.crc32(what.encode()):08x}"


class Publisher:
    """Publishes one patient's messages, in order, each until the broker has confirmed it.

    A broker that was killed may have lost what it had confirmed, and who was subscribed. So after a lost connection
    the publisher waits a while for the services that were there before (they say on their status topic when they are
    subscribed), and sends the last minute again before it goes on; and whenever a service comes back later. The
    receiver knows by `Chunk.start` what it has seen.

    A fleet takes a patient on by the birth message; until then nobody hears. So where there is one the publisher waits,
    at its start, until its service topic says that it has been taken on.

    Parameters
    ----------
    link
        The connection, without a will: the publisher sets it.
    patient
        Whose device this is.
    prefix
        Topic levels before the patient.
    resend_s
        How much of what was confirmed is sent again after a lost connection, in seconds of wall time.

    Raises
    ------
    PayloadError
        If the patient id is not valid.
    """

    def __init__(self, link: Link, patient: str, *, prefix: str = "ecg", resend_s: float = RESEND_S) -> None:
        topics = Topics(prefix)
        self._wave_topic = topics.of_patient(patient_id(patient), "wave")
        self._status_topic = topics.of_patient(patient, "status")
        self._service_topic = topics.of_patient(patient, "service")
        self._prefix = prefix
        will = aiomqtt.Will(self._status_topic, OFFLINE, qos=1, retain=True)
        self._link = replace(link, will=will, on_message=self._note_service)
        self._services: dict[str, bool] = {}  # status topic of each service heard of: whether it is there now
        self._fleets: set[str] = set()  # status topics of those that take patients on by their birth
        self._taken_on = False
        self._services_changed = asyncio.Event()
        self._send_again = False
        self._resend_s = resend_s
        self._began: float | None = None
        self._next: Message | None = None
        self._unconfirmed: dict[int, Message] = {}
        self._confirmed: deque[tuple[float, Message]] = deque()
        self._confirmed_bytes = 0
        self.sent = 0
        """Messages that the broker has confirmed, each counted once."""

    async def run(
        self,
        coming: Iterator[Message],
        status: bytes,
        stop: StopRequest | None = None,
    ) -> None:
        """Publish all messages that are coming, then say that the device is offline.

        Parameters
        ----------
        coming
            Messages in order; taken no faster than they are due and the broker confirms.
        status
            What the device says of itself while it is there.
        stop
            Ends it early, but with what is under way confirmed.

        Raises
        ------
        BrokerError
            If the broker cannot be reached at the start.
        """
        stop = stop or StopRequest()

        async def use(client: Connection) -> None:
            self._services = dict.fromkeys(self._services, False)
            await client.subscribe([(service_status_topic("+"), 1), (self._service_topic, 1)])
            await client.publish(self._status_topic, status, qos=1, retain=True)
            try:
                async with asyncio.TaskGroup() as tasks:
                    beside = (
                        tasks.create_task(client.listen(), name="listen"),
                        stopping := tasks.create_task(stop.wait(), name="stop"),
                    )
                    await self._wait_for_services()
                    await self._publish(client, coming, stopping)
                    await client.publish(self._status_topic, OFFLINE, qos=1, retain=True)
                    for task in beside:
                        task.cancel()
            except BaseExceptionGroup as group:
                raise first_failure(group) from None

        await self._link.run(use)

    def _note_service(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take what a service says: whether it is there, and whether it listens to this patient."""
        if topic == self._service_topic:
            self._taken_on = bool(payload)
            self._services_changed.set()
            return
        if takes_births(payload) == self._prefix:
            self._fleets.add(topic)
        else:
            self._fleets.discard(topic)
        if says_online(payload):
            # What is retained may be from before the broker died. What comes live a service says on a new connection,
            # and what was published since the last one may have found nobody.
            if topic in self._services and not (self._services[topic] and retained):
                self._send_again = True
            self._services[topic] = True
        elif topic in self._services:
            if payload:
                self._services[topic] = False
            else:  # it has left for good
                del self._services[topic]
        self._services_changed.set()

    async def _wait_for_services(self) -> None:
        """Wait for the services that were there before a lost connection, and to be taken on, but not for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SERVICES_S):
                while not all(self._services.values()) or (self._fleets and not self._taken_on):
                    self._services_changed.clear()
                    await self._services_changed.wait()

    async def _publish(
        self,
        client: Connection,
        coming: Iterator[Message],
        stopping: asyncio.Task[None],
    ) -> None:
        """Publish what is to be sent again and what is coming, a window of messages under way at a time."""
        window = asyncio.Semaphore(IN_FLIGHT)

        async def publish(message: Message) -> None:
            await client.publish(self._wave_topic, message.payload, qos=1, timeout=CONFIRM_TIMEOUT_S)
            self._confirm(message)
            window.release()

        async with asyncio.TaskGroup() as under_way:
            again = [*self._last_minute(), *self._unconfirmed.values()]
            while (due := await self._wait_for_next(coming, stopping)) is not None or again:
                if self._send_again:
                    again = again or self._last_minute()
                    self._send_again = False
                for message in again:
                    await window.acquire()
                    under_way.create_task(publish(message), name="publish again")
                again = []
                if due is None:
                    break
                await window.acquire()
                self._next = None
                self._unconfirmed[due.number] = due
                under_way.create_task(publish(due), name="publish")

    async def _wait_for_next(self, coming: Iterator[Message], stopping: asyncio.Task[None]) -> Message | None:
        """Give the next message when it is due; None if there is none, or the end is asked for."""
        if self._next is None:
            self._next = next(coming, None)
        if self._next is None:
            return None
        now = time.monotonic()
        if self._began is None:
            self._began = now
        await asyncio.wait({stopping}, timeout=max(0.0, self._began + self._next.due_s - now))
        return None if stopping.done() else self._next

    def _last_minute(self) -> list[Message]:
        """Give what was confirmed lately."""
        return [message for _, message in self._confirmed]

    def _confirm(self, message: Message) -> None:
        if self._unconfirmed.pop(message.number, None) is None:
            return  # it was sent again
        self.sent += 1
        now = time.monotonic()
        self._confirmed.append((now, message))
        self._confirmed_bytes += len(message.payload)
        while now - self._confirmed[0][0] > self._resend_s or self._confirmed_bytes > RESEND_BYTES:
            self._confirmed_bytes -= len(self._confirmed.popleft()[1].payload)
