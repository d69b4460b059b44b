"""What the device side does beside a real broker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from broker import MOSQUITTO, Mosquitto
from mqtt_ear import Ear
from wards import chunks_of, messages_of

from ecg_stream.replay.publisher import Publisher
from ecg_stream.stream.service.address import BrokerAddress
from ecg_stream.stream.service.codec import encode_status
from ecg_stream.stream.service.link import Link
from ecg_stream.stream.service.topics import service_status_topic


@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto")
async def test_a_service_that_says_that_it_is_there_once_more_gets_the_last_minute_again(tmp_path: Path) -> None:
    """After a broker's death what it retained of a service is old; only what the service says later is new."""
    broker = Mosquitto(tmp_path)
    broker.start()
    status = service_status_topic("ward")
    chunks = chunks_of(1, 5)
    early, late = 3, 2.0  # the service speaks between them, on a busy machine as well
    messages = [
        replace(message, due_s=message.due_s + (late if number >= early else 0.0))
        for number, message in enumerate(messages_of(chunks, 2.0))
    ]
    try:
        with Ear(broker.port, "ecg/bed-1/wave") as ear:
            await asyncio.to_thread(ear.publish, status, b'{"online":true}', retain=True)
            device = Publisher(Link(BrokerAddress.of(broker.url), "device"), "bed-1")
            running = asyncio.create_task(device.run(iter(messages), encode_status(chunks[0])))
            await asyncio.to_thread(ear.wait, lambda: len(ear.heard) == early)
            assert [payload for _, payload in ear.heard] == [message.payload for message in messages[:early]]
            await asyncio.to_thread(ear.publish, status, b'{"online":true}', retain=True)
            await running
            heard = ear.lines("ecg/bed-1/wave")
    finally:
        broker.stop()
    assert all(heard.count(message.payload) == 2 for message in messages[:early])
    assert all(heard.count(message.payload) == 1 for message in messages[early:])
    assert device.sent == len(messages)
