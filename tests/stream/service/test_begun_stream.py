"""Which stream a beat is of, and when it was, in a service: through restarts, power-ups and deaths."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cores import Lines, make, names, payloads, restarted

from ecg_stream.errors import PayloadError
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.networks import load_models
from ecg_stream.stream.service.begun_stream import begun_stream
from ecg_stream.stream.service.codec import Wave, decode_wave, encode_wave
from ecg_stream.stream.service.known_patient import EndedStream
from ecg_stream.stream.service.ledger import ToldLine

NOON = 1_900_065_600.0
FIRST = Wave(Chunk(0, 250.0, ("II",), [[0.0]] * 250), seq=0)


@pytest.fixture(scope="module")
def waves() -> list[Wave]:
    return [decode_wave(payload) for payload in payloads(1)]


def beats(sink: Lines) -> list[dict[str, Any]]:
    return [line for line in map(msgspec.json.decode, sink.whole) if line["type"] == "beat"]


async def classified(*messages: Wave) -> list[dict[str, Any]]:
    sink = Lines()
    core = make(sink, load_models())
    for message in messages:
        core.take("bed-1", encode_wave(message), time.monotonic())
    await core.drain()
    await core.end(["bed-1"])
    return beats(sink)


async def test_the_time_of_a_beat_is_that_of_the_wave_it_is_in(waves: list[Wave]) -> None:
    told = await classified(*(replace(wave, t0=NOON + wave.chunk.start / 250) for wave in waves))
    assert len(told) > 15
    for beat in told:
        assert datetime.fromisoformat(beat["at"]).timestamp() == pytest.approx(NOON + beat["time"], abs=0.0011)
    assert {beat["clock"] for beat in told} == {"device"}
    assert {beat["stream"] for beat in told} == {"test"}


@pytest.mark.parametrize("t0", [None, 5.0])
async def test_without_a_clock_that_was_set_time_counts_from_the_arrival(waves: list[Wave], t0: float | None) -> None:
    before = time.time()
    told = await classified(*(replace(wave, t0=t0) for wave in waves))
    zeros = {round(1000 * (datetime.fromisoformat(b["at"]).timestamp() - b["time"])) for b in told}
    assert max(zeros) - min(zeros) <= 1
    assert before - 1.001 <= min(zeros) / 1000 <= time.time() - 0.999  # the first second had been taken when it came
    assert {beat["clock"] for beat in told} == {"arrival"}


@pytest.mark.parametrize("stream", [None, "always-the-same"])
async def test_two_power_ups_of_a_device_have_no_id_in_common(waves: list[Wave], stream: str | None) -> None:
    again = [replace(wave, stream=stream) for wave in waves]
    told = await classified(*again, *again)
    assert len({beat["stream"] for beat in told}) == 2
    assert len({beat["id"] for beat in told}) == len(told)
    assert set(Counter(beat["sample"] for beat in told).values()) == {2}


@pytest.mark.parametrize("stream", [None, "named"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_stream_keeps_its_name_and_time_over_deaths(tmp_path: Path, seed: int, stream: str | None) -> None:
    chance = random.Random(seed)
    beds = names(2)
    sinks = [Lines()]
    core, folder = await restarted(tmp_path, sinks[0])
    for k in range(20):
        for name, number in beds.items():
            wave = replace(decode_wave(payloads(number)[k]), stream=stream)
            core.take(name, encode_wave(wave), time.monotonic())
        if chance.random() < 0.5:
            await core.turn()
        if chance.random() < 0.3:
            folder.close()
            sinks.append(Lines())
            core, folder = await restarted(tmp_path, sinks[-1])
    await core.end(list(beds))
    folder.close()
    assert len(sinks) > 2
    for name in beds:
        told = [beat for sink in sinks for beat in beats(sink) if beat["record"] == name]
        zeros = [1000 * (datetime.fromisoformat(b["at"]).timestamp() - b["time"]) for b in told]
        assert len({beat["stream"] for beat in told}) == 1
        assert len({beat["id"] for beat in told}) == len(told) > 10
        assert max(zeros) - min(zeros) <= 1.01


def test_a_stream_that_goes_on_after_silence_keeps_the_name_that_it_had() -> None:
    wave = Wave(Chunk(500, 250.0, ("II",), [[0.0]] * 250), seq=2, stream="s")
    assert begun_stream(wave, 0, EndedStream("s", 500, 0.0, "s~1"), None).stream == "s~1"
    assert begun_stream(replace(wave, stream="t"), 0, EndedStream("s", 500, 0.0, "s~1"), None).stream == "t"
    assert begun_stream(wave, 0, EndedStream("s", None, 0.0, "s"), None).stream == "s~19700101T000000.000Z"


def test_what_was_told_before_a_crash_is_told_with_the_same_stream_and_time() -> None:
    """Of a fleet, whose broker does not say when a message came."""
    whole = begun_stream(FIRST, 1_900_065_600_123, None, None)
    told = ToldLine(whole.stream, 777, whole.at(777), "arrival")
    assert begun_stream(FIRST, 1_900_065_607_000, None, told) == whole
    named = replace(FIRST, stream="other")
    assert begun_stream(named, 1_900_065_607_000, None, told).stream == "other"


@pytest.mark.parametrize("t0", [-1, 1.9e12, "noon"])
def test_a_time_that_is_none_is_refused(t0: object) -> None:
    message = {"v": 1, "start": 0, "fs": 250, "leads": ["II"], "samples": [[0]], "t0": t0}
    with pytest.raises(PayloadError, match="t0"):
        decode_wave(json.dumps(message).encode())


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_the_time_of_a_wave_comes_back(encoding: Any) -> None:
    assert decode_wave(encode_wave(replace(FIRST, t0=NOON + 0.25), encoding)).t0_ms == 1_900_065_600_250
    assert b"t0" not in encode_wave(FIRST, encoding)


async def test_who_was_believed_before_a_death_is_believed_after_it(
    tmp_path: Path, waves: list[Wave], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device without a name for its streams begins anew; its service dies right after it has noticed."""
    sinks = [Lines(), Lines()]
    core, folder = await restarted(tmp_path, sinks[0])
    late, *rest = (replace(wave, stream=None, seq=None) for wave in waves[:-1])
    core.take("bed-1", encode_wave(replace(late, chunk=replace(late.chunk, start=90_000))), time.monotonic())
    await core.drain()
    monkeypatch.setattr("ecg_stream.stream.service.known_patient.STUCK_S", -1.0)
    core.take("bed-1", encode_wave(late), time.monotonic())
    await core.drain()
    await core.tick()
    monkeypatch.undo()
    core.take("bed-1", encode_wave(late), time.monotonic())
    folder.close()
    core, folder = await restarted(tmp_path, sinks[1])
    for wave in rest:
        core.take("bed-1", encode_wave(wave), time.monotonic())
    await core.drain()
    folder.close()
    assert len(beats(sinks[1])) > 10
