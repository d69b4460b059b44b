"""A ward to try things on without a server: a broker in this process, and three patients who publish to it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import chain, count

from ..errors import MissingExtraError
from ..stream.core.messages import Chunk
from ..stream.run.engine import StopRequest
from ..stream.service.address import BrokerAddress
from ..stream.service.codec import encode_status
from ..stream.service.link import Link
from .demo import DEMO_SEED, demo_record
from .publisher import Publisher, encode_stream, stream_name
from .record import Record

CHUNK_MS = 200.0
MQTT_PORT = 1883
LEAVE_S = 3.0
"""So long the broker waits for its clients at its end."""
PATIENTS = {"bed-1": (DEMO_SEED, 0.0), "bed-2": (DEMO_SEED + 1, 60.0), "bed-3": (DEMO_SEED + 2, 150.0)}
"""Patient: seed of the demo record, and where in it the patient begins, in seconds."""


@asynccontextmanager
async def demo_broker(port: int = 0) -> AsyncIterator[int]:
    """Run a broker on this machine, without passwords, for as long as the block lasts; give its port.

    It is amqtt: MQTT 3.1.1, everything in memory. Enough for a demonstration, and for nothing else.

    Raises
    ------
    MissingExtraError
        If amqtt is not installed.
    """
    try:
        from amqtt.broker import Broker
        from amqtt.contexts import BrokerConfig, ListenerConfig
    except ImportError:
        raise MissingExtraError("a broker in this process", "demo") from None
    for noisy in ("amqtt", "transitions"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker(BrokerConfig(listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")}, plugins=plugins))
    await broker.start()
    try:
        yield port
    finally:
        with suppress(TimeoutError):  # from Python 3.12 on it waits for every connection, even of who says nothing
            async with asyncio.timeout(LEAVE_S):
                await broker.shutdown()


@asynccontextmanager
async def demo_ward() -> AsyncIterator[BrokerAddress]:
    """Run a broker, and all `PATIENTS` who publish to it in real time, over and over; give its address.

    The broker is at MQTT's own port, where a device that is being made looks for it; at another if that is taken.

    Raises
    ------
    MissingExtraError
        If amqtt is not installed.
    """
    async with demo_broker(MQTT_PORT if _is_free(MQTT_PORT) else 0) as port:
        address = BrokerAddress("127.0.0.1", port)
        over = StopRequest()
        publishing = asyncio.gather(*(_publish(address, patient, *who, over) for patient, who in PATIENTS.items()))
        try:
            yield address
        finally:
            over.ask()
            await publishing


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        if os.name == "posix":  # as asyncio binds: connections that ended a moment ago do not count
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _publish(address: BrokerAddress, patient: str, seed: int, start_s: float, stop: StopRequest) -> None:
    chunks = _over_and_over(demo_record(seed=seed), start_s)
    first = next(chunks)
    coming = encode_stream(chain([first], chunks), "msgpack", 1.0, stream_name(patient, first))
    link = Link(address, f"demo-{patient}", retry=True, version=4)
    await Publisher(link, patient).run(coming, encode_status(first), stop)


def _over_and_over(record: Record, start_s: float) -> Iterator[Chunk]:
    for turn in count():
        for chunk in record.chunks(CHUNK_MS, 0.0 if turn else start_s):
            yield replace(chunk, start=chunk.start + turn * record.n_samples)
