"""MQTT over WebSockets, plain and with TLS, on a real broker."""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from broker import free_port
from tls import OPENSSL, make_certificates

from ecg_stream.errors import BrokerError
from ecg_stream.stream.service.address import BrokerAddress
from ecg_stream.stream.service.connection import Connection
from ecg_stream.stream.service.link import Link

amqtt = pytest.importorskip("amqtt.broker")
MESSAGES = 300


@pytest.fixture
def paho_leaves_sockets_open() -> Iterator[None]:
    """paho does not close the socket of a handshake that fails; the collector does, and warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@asynccontextmanager
async def broker(**listener: Any) -> AsyncIterator[int]:
    """Run an amqtt with one listener; give its port."""
    from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

    for noisy in ("amqtt", "transitions", "websockets"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)

    port = free_port()
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    bound = ListenerConfig(type=ListenerType.WS, bind=f"127.0.0.1:{port}", **listener)
    server = amqtt.Broker(BrokerConfig(listeners={"default": bound}, plugins=plugins))
    await server.start()
    try:
        yield port
    finally:
        await server.shutdown()


async def sends_and_hears(address: BrokerAddress) -> list[int]:
    """Publish messages of growing size to ourselves; give the sizes that came."""
    heard: list[int] = []
    everything = asyncio.Event()

    def take(_topic: str, payload: bytes, _retained: bool) -> None:
        heard.append(len(payload))
        if len(heard) == MESSAGES:
            everything.set()

    async def use(client: Connection) -> None:
        await client.subscribe_all(["ecg/+/wave"])
        listening = asyncio.create_task(client.listen())
        for number in range(MESSAGES):
            await client.publish("ecg/bed-7/wave", bytes(100 * number), qos=1)
        await everything.wait()
        listening.cancel()

    async with asyncio.timeout(60):
        await Link(address, "web", version=4, on_message=take).run(use)
    return heard


async def test_messages_of_any_size_go_both_ways() -> None:
    async with broker() as port:
        address = BrokerAddress.of(f"ws://127.0.0.1:{port}")
        assert await sends_and_hears(address) == [100 * number for number in range(MESSAGES)]


@pytest.mark.usefixtures("paho_leaves_sockets_open")
@pytest.mark.skipif(OPENSSL is None, reason="needs openssl")
async def test_with_tls(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    async with broker(ssl=True, certfile=tmp_path / "server.pem", keyfile=tmp_path / "server.key") as port:
        address = BrokerAddress.of(f"wss://127.0.0.1:{port}/mqtt", ca=tmp_path / "ca.pem")
        assert await sends_and_hears(address) == [100 * number for number in range(MESSAGES)]
        with pytest.raises(BrokerError, match="cannot be trusted"):
            await sends_and_hears(BrokerAddress.of(f"wss://127.0.0.1:{port}", ca=tmp_path / "other-ca.pem"))


@pytest.mark.usefixtures("paho_leaves_sockets_open")
async def test_who_does_not_speak_it_is_told_of() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(BrokerError, match=rf"ws://127.0.0.1:{port}/mqtt does not speak MQTT over WebSockets"):
            await sends_and_hears(BrokerAddress.of(f"ws://127.0.0.1:{port}"))
