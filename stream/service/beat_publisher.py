"""A sink that publishes what is told of one stream on MQTT, on the topics on which `subscribe` does."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from types import TracebackType
from typing import Self

import aiomqtt

from ..run.engine import Step
from ..run.jsonl import encode_line
from ..run.sinks import ContextSink
from .codec import OFFLINE
from .connection import Connection
from .link import Link
from .metrics import Metrics
from .outbox import LAST_OUTPUTS_S, Outbox, Outgoing
from .topics import Topics, output_kind, patient_id, service_status_topic

log = logging.getLogger("ecg_stream.mqtt")

ONLINE = b'{"online":true}'


class BeatPublisher(ContextSink):
    """Publishes outputs, each until the broker has confirmed it, across lost connections.

    Parameters
    ----------
    link
        The connection, without a will: the publisher sets it.
    patient
        Whose beats these are.
    prefix
        Topic levels before the patient.

    Raises
    ------
    PayloadError
        If the patient id is not valid.
    """

    def __init__(self, link: Link, patient: str, *, prefix: str = "ecg") -> None:
        topics = Topics(prefix)
        self._topics, self._patient = topics, patient_id(patient)
        self._status = service_status_topic(link.client_id)
        self._link = replace(link, will=aiomqtt.Will(self._status, OFFLINE, qos=1, retain=True))

    async def __aenter__(self) -> Self:
        """Connect.

        Raises
        ------
        BrokerError
            If the broker cannot be reached.
        """
        self._outbox = Outbox(Metrics(), lambda _: None)
        self._connected, self._finished = asyncio.Event(), asyncio.Event()
        self._running = asyncio.create_task(self._link.run(self._use), name="broker")
        connected = asyncio.create_task(self._connected.wait(), name="connected")
        try:
            await asyncio.wait({self._running, connected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connected.cancel()
        if self._running.done():
            self._running.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Wait until the last outputs are confirmed, but not for long, and leave."""
        self._finished.set()
        await asyncio.wait({self._running}, timeout=2 * LAST_OUTPUTS_S)
        if not self._running.done():
            log.warning("the broker is away: %d outputs were not published", len(self._outbox))
        self._running.cancel()
        await asyncio.wait({self._running})

    async def write(self, step: Step) -> None:
        """Put the outputs of a step on their way.

        Raises
        ------
        BrokerError
            If the broker refuses us for good.
        """
        if self._running.done():
            self._running.result()
        for output in step.outputs:
            line = encode_line(step.record, output, step.origin)
            self._outbox.add(Outgoing(self._topics.of_patient(self._patient, output_kind(line)), line))

    async def _use(self, client: Connection) -> None:
        """Publish on one connection, until it is lost or all is done."""
        await client.publish(self._status, ONLINE, qos=1, retain=True)
        self._connected.set()
        # With an empty farewell nothing is left of us.
        await self._outbox.publish_until(self._finished.wait, client, self._status, farewell=b"")
