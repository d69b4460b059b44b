"""`ecg-stream publish`: what a device puts on its topics."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest
from broker import ecg_stream
from mqtt_ear import Ear

from ecg_stream.cli.app import run
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.publisher import encode_stream, stream_name
from ecg_stream.stream.service.codec import decode_wave


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_the_whole_record_in_order_and_the_status(mosquitto, encoding, capfd) -> None:
    with Ear(mosquitto.port, "ecg/#") as ear:
        arguments = ("--patient", "bed-7", "--encoding", encoding, "--speed", "max", "--end", "30", "--chunk-ms", "400")
        assert run(("publish", "demo", mosquitto.url, *arguments)) == 0
        ear.wait(lambda: b"ecg" and ear.lines("ecg/bed-7/status")[-1:] == [b'{"online":false}'])
    waves = [decode_wave(payload) for payload in ear.lines("ecg/bed-7/wave")]
    assert [wave.seq for wave in waves] == list(range(76))
    assert [wave.chunk.start for wave in waves] == list(range(0, 7600, 100))
    assert [wave.end for wave in waves] == [False] * 75 + [True]
    assert len({wave.stream for wave in waves}) == 1
    assert {payload[:1] == b"{" for payload in ear.lines("ecg/bed-7/wave")} == {encoding == "json"}
    np.testing.assert_array_equal(np.concatenate([w.chunk.samples for w in waves]), demo_record().signal(0, 7500))
    online = json.loads(ear.lines("ecg/bed-7/status")[0])
    assert online == {"online": True, "fs": 250.0, "leads": ["MLII", "V5"]}
    assert "published 76 messages of demo as bed-7" in capfd.readouterr().err


def test_part_and_prefix(mosquitto) -> None:
    with Ear(mosquitto.port, "icu/#") as ear:
        arguments = ("--topic", "icu/ecg", "--speed", "max", "--start", "10", "--end", "12", "--lead", "V5")
        assert run(("publish", "demo", mosquitto.url, *arguments)) == 0
        ear.wait(lambda: ear.count("demo/wave") == 5)
    first = decode_wave(ear.lines("icu/ecg/demo/wave")[0]).chunk
    assert (first.start, first.leads) == (2500, ("V5",))


def test_a_device_that_dies_is_said_to_be_offline(mosquitto) -> None:
    with Ear(mosquitto.port, "ecg/#") as ear:
        device = subprocess.Popen(
            ecg_stream("publish", "demo", mosquitto.url), env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        ear.wait(lambda: ear.count("/wave") >= 2)
        device.kill()
        device.wait(10)
        ear.wait(lambda: ear.lines("ecg/demo/status")[-1] == b'{"online":false}')


def test_chunks_are_due_when_their_last_sample_is_there() -> None:
    chunks = list(demo_record(seconds=10).chunks(500, 2.0))
    due = [message.due_s for message in encode_stream(chunks, "json", 2.0, None)]
    assert due == [0.25 * k for k in range(1, 17)] + [4.0]
    assert [message.due_s for message in encode_stream(chunks, "json", float("inf"), None)] == [0.0] * 17
    assert len(list(encode_stream(chunks, "json", 1.0, None, end=False))) == 16
    assert list(encode_stream([], "json", 1.0, None)) == []


def test_the_same_from_the_same_place_is_the_same_stream() -> None:
    first, second = list(demo_record(seconds=10).chunks(500))[:2]
    assert stream_name("demo", first) == stream_name("demo", first) != stream_name("demo", second)
    assert len(stream_name("x" * 500, first)) <= 64
