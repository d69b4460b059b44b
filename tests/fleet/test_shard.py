"""One shard and a real broker, in this process: what it takes up after its death, and what it tells then."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from bare_lines import bare
from broker import Mosquitto
from mqtt_ear import Ear
from wards import Ward, chunks_of, difference, messages_of, replayed, until

from ecg_stream.errors import SnapshotError
from ecg_stream.fleet import shard_sessions
from ecg_stream.fleet.broker_session import SupersededError
from ecg_stream.fleet.settings import Access, FleetSettings
from ecg_stream.fleet.shard import Shard
from ecg_stream.fleet.shard_state import ShardFile, ShardState, decode_state, encode_state
from ecg_stream.fleet.state_store import open_store
from ecg_stream.stream.run.engine import StopRequest


class Running:
    """A shard and the task that it runs in."""

    def __init__(self, settings: FleetSettings, name: str = "shard-0") -> None:
        self.shard = Shard(name, settings, open_store(settings.state))
        self.task = asyncio.create_task(self.shard.run())

    async def up(self) -> Shard:
        await until(lambda: self.shard.report().connected or self.task.done())
        assert not self.task.done(), self.task.exception()
        return self.shard

    async def die(self) -> None:
        """End without saving anything."""
        self.task.cancel()
        await asyncio.wait({self.task})


@pytest.fixture
def settings(mosquitto: Mosquitto, tmp_path: Path) -> FleetSettings:
    """A fleet that saves when it is told to, and not before."""
    return FleetSettings(Access(mosquitto.url), str(tmp_path / "state"), name=tmp_path.name, snapshot_s=3600.0)


@contextlib.asynccontextmanager
async def running(settings: FleetSettings, name: str = "shard-0") -> AsyncIterator[Running]:
    started = Running(settings, name)
    try:
        await started.up()
        yield started
    finally:
        await started.die()


def lines(ear: Ear, patient: str) -> list[bytes]:
    return [bare(payload) for topic, payload in list(ear.heard) if topic.startswith(f"ecg/{patient}/")]


async def taken(shard: Shard, count: int) -> None:
    """Wait until so many waves have gone through the pipelines."""
    await until(lambda: (report := shard.report()).messages == count and not report.waiting)


async def send(ear: Ear, patient: str, messages: list, qos: int = 1) -> None:
    """Publish, and wait until the broker has it all."""
    for message in messages:
        ear._client.publish(f"ecg/{patient}/wave", message.payload, qos=qos)
    await asyncio.to_thread(ear.publish, "nobody/hears/this", b"")


async def test_after_a_death_nothing_is_lost_or_told_twice(
    settings: FleetSettings, mosquitto: Mosquitto, ear: Ear
) -> None:
    """Thirty seconds saved, thirty told and not saved, thirty that came while it was dead, thirty after that.

    There are rhythms in it, whose last message the broker keeps, and gives to who comes back.
    """
    chunks = chunks_of(50, 120)
    messages = messages_of(chunks, 1.0)
    async with running(settings) as first:
        await first.shard.adopt({"dead-1": b""})
        await send(ear, "dead-1", messages[:30])
        await taken(first.shard, 30)
        await first.shard.save()
        await send(ear, "dead-1", messages[30:60])
        told = len(replayed("dead-1", chunks[:60], end=False))
        await until(lambda: len(lines(ear, "dead-1")) == told)
    await send(ear, "dead-1", messages[60:90])
    async with running(settings) as second:
        assert second.shard.report().holding.owned == {"dead-1"}
        await send(ear, "dead-1", messages[90:])
        expected = replayed("dead-1", chunks)
        await until(lambda: len(lines(ear, "dead-1")) >= len(expected))
        assert lines(ear, "dead-1") == expected
        assert any(b'"type":"rhythm"' in line for line in expected)
    with Ear(mosquitto.port, "+/+/rhythm") as late:
        kept = [line for line in expected if b'"type":"rhythm"' in line]
        late.wait(lambda: len(late.heard) > 0)
        assert [bare(payload) for _, payload in late.heard] == kept[-1:]


async def test_what_was_lost_is_told_as_a_gap_and_no_beat_at_its_edge_twice(settings: FleetSettings, ear: Ear) -> None:
    """A device that publishes at QoS 0 gets nothing kept: what was not saved is lost with the shard."""
    chunks = chunks_of(1, 120)
    messages = messages_of(chunks, 1.0)
    async with running(settings) as first:
        await first.shard.adopt({"careless-1": b""})
        await send(ear, "careless-1", messages[:30], qos=0)
        await taken(first.shard, 30)
        await first.shard.save()
        await send(ear, "careless-1", messages[30:33], qos=0)
        before = replayed("careless-1", chunks[:33], end=False)
        await until(lambda: len(lines(ear, "careless-1")) == len(before))
    await send(ear, "careless-1", messages[33:36], qos=0)
    async with running(settings):
        await send(ear, "careless-1", messages[36:], qos=0)
        whole = [msgspec.json.decode(line) for line in replayed("careless-1", chunks)]
        last = f'"sample":{max(output["sample"] for output in whole)},'.encode()
        await until(lambda: any(last in line for line in lines(ear, "careless-1")))
    outputs = [msgspec.json.decode(line) for line in lines(ear, "careless-1")]
    gaps = [output for output in outputs if output.get("kind") == "gap"]
    assert [(gap["time"], gap["detail"]) for gap in gaps] == [(30.0, "6.000 s missing")]
    beats = sorted((output for output in outputs if output["type"] == "beat"), key=lambda beat: beat["time"])
    assert all(b["time"] - a["time"] > 0.2 for a, b in pairwise(beats))
    assert lines(ear, "careless-1")[: len(before)] == before
    # The classifier describes beats against earlier ones: some time after the gap the labels are the same again.
    after = [beat for beat in beats if beat["time"] > 38.0]
    expected = [output for output in whole if output["type"] == "beat" and output["time"] > 38.0]
    assert [beat["sample"] for beat in after] == [beat["sample"] for beat in expected]
    assert sum(a["label"] != b["label"] for a, b in zip(after, expected, strict=True)) <= len(expected) // 50


async def test_an_incarnation_that_was_taken_for_dead_ends_and_harms_nothing(settings: FleetSettings, ear: Ear) -> None:
    chunks = chunks_of(2, 60)
    messages = messages_of(chunks, 1.0)
    async with running(settings) as first:
        await first.shard.adopt({"twice-1": b""})
        await send(ear, "twice-1", messages[:20])
        await taken(first.shard, 20)
        async with running(settings) as second:
            await second.shard.adopt({"twice-1": b""})
            await send(ear, "twice-1", messages[20:])
            with pytest.raises(SupersededError):
                await asyncio.wait_for(asyncio.shield(first.task), 30)
            await first.shard.save()  # a file of its own, which nobody reads
            expected = replayed("twice-1", chunks)
            await until(lambda: len(lines(ear, "twice-1")) >= len(expected))
            await second.shard.save()
        async with running(settings) as third:
            assert third.shard.report().holding.owned == {"twice-1"}
            await third.shard.save()
    assert lines(ear, "twice-1") == expected


async def test_a_move_that_is_broken_off_anywhere_can_be_made_again(settings: FleetSettings, ear: Ear) -> None:
    """Each side dies once after each step; what was saved is enough to go on with the step."""
    ward, stop = Ward(settings.access.url, range(500, 503), 200, resend_s=0.0), StopRequest()
    beds = list(ward.chunks)
    source, target = Running(settings, "shard-0"), Running(settings, "shard-1")
    await source.up()
    await target.up()
    await source.shard.adopt(dict.fromkeys(beds, b""))
    streaming = asyncio.create_task(ward.stream(10.0, stop))
    await until(lambda: all(len(told) > 4 for told in ward.told(ear).values()))

    async def again(dead: Running, name: str) -> Running:
        await dead.die()
        started = Running(settings, name)
        await started.up()
        return started

    await source.shard.save()
    await target.shard.prepare(beds)
    target = await again(target, "shard-1")
    await until(lambda: bool(target.shard.report().holding.arriving))
    await target.shard.prepare(beds)
    source = await again(source, "shard-0")
    states = await source.shard.release(beds, "shard-1")
    source = await again(source, "shard-0")
    assert source.shard.report().holding.leaving == set(beds)
    target = await again(target, "shard-1")
    await target.shard.prepare(beds)
    assert (await source.shard.release(beds, "shard-1")).keys() == states.keys()
    await target.shard.adopt(await source.shard.release(beds, "shard-1"))
    target = await again(target, "shard-1")
    assert target.shard.report().holding.owned == set(beds)
    await target.shard.adopt(await source.shard.release(beds, "shard-1"))
    await source.shard.forget(beds)
    await source.shard.retire()
    told = {patient: len(outputs) for patient, outputs in ward.told(ear).items()}
    await until(lambda: all(len(outputs) > told[patient] for patient, outputs in ward.told(ear).items()))
    stop.ask()
    await streaming
    await until(ward.all_told(ear))
    assert difference(ward.told(ear), ward.expected) == {}
    await target.die()


@pytest.mark.parametrize("rounds", [1, 10, 100, 300])
async def test_a_shard_that_dies_while_it_puts_patients_down_has_missed_nothing(
    settings: FleetSettings, ear: Ear, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The move is not made after that, and what the other shard has kept is dropped."""
    monkeypatch.setattr(shard_sessions, "DRAIN_S", 1.0)  # the dead is not waited for
    beds = range(1000 + 3 * rounds, 1003 + 3 * rounds)
    ward, stop = Ward(settings.access.url, beds, 200, resend_s=0.0), StopRequest()
    patients = list(ward.chunks)
    async with running(settings, "shard-1") as target:
        source = Running(settings, "shard-0")
        await source.up()
        await source.shard.adopt(dict.fromkeys(patients, b""))
        streaming = asyncio.create_task(ward.stream(20.0, stop))
        await until(lambda: all(len(told) > 4 for told in ward.told(ear).values()))
        await source.shard.save()
        await target.shard.prepare(patients)
        releasing = asyncio.create_task(source.shard.release(patients, "shard-1"))
        for _ in range(rounds):
            await asyncio.sleep(0)
        releasing.cancel()
        await source.die()
        await asyncio.gather(releasing, return_exceptions=True)
        async with running(settings, "shard-0") as source:
            holding = source.shard.report().holding
            await source.shard.adopt(await source.shard.release(holding.leaving, "shard-1"))
            await target.shard.drop(patients)
            told = {patient: len(outputs) for patient, outputs in ward.told(ear).items()}
            await until(lambda: all(len(outputs) > told[patient] for patient, outputs in ward.told(ear).items()))
            stop.ask()
            await streaming
            await until(ward.all_told(ear))
    assert difference(ward.told(ear), ward.expected) == {}


async def test_a_discharged_patient_is_summed_up_and_left_alone(settings: FleetSettings, ear: Ear) -> None:
    chunks = chunks_of(3, 20)
    messages = messages_of(chunks, 1.0, end=False)
    async with running(settings) as only:
        await only.shard.adopt({"leaves-1": b""})
        await send(ear, "leaves-1", messages[:15])
        await taken(only.shard, 15)
        await only.shard.discharge(["leaves-1"])
        expected = Counter(replayed("leaves-1", chunks[:15]))
        await until(lambda: Counter(lines(ear, "leaves-1")) == expected)
        await send(ear, "leaves-1", messages[15:])
        await only.shard.save()
        assert not only.shard.report().holding.arriving
        assert only.shard.report().messages == 15


def test_a_state_is_whole_or_refused(tmp_path: Path) -> None:
    state = ShardState({"a": b"1"}, {"b": b"2"}, {"b": "shard-1"}, [("ecg/a/beats", b"{}")], {"a": [b"x"]})
    blob = encode_state(state)
    assert decode_state(blob) == state
    for damaged in (b"", blob[:-1], blob[:10] + b"?" + blob[11:], encode_state(ShardState(version=9))):
        with pytest.raises(SnapshotError, match="shard's snapshot"):
            decode_state(damaged)


@pytest.mark.parametrize("scheme", ["", "file://", "local://"])
def test_each_start_has_a_file_of_its_own(tmp_path: Path, scheme: str) -> None:
    """A folder, and the same through fsspec."""
    store = open_store(f"{scheme}{tmp_path}/state")
    first = ShardFile(store, "shard-0")
    first.save(encode_state(ShardState({"a": b"1"})))
    second = ShardFile(store, "shard-0")
    assert (first.epoch, second.epoch) == (1, 2)
    assert (first.superseded(), second.superseded()) == (True, False)
    assert second.load().patients == {"a": b"1"}
    second.save(encode_state(ShardState({"a": b"2"})))
    first.save(encode_state(ShardState({"a": b"late"})))
    third = ShardFile(store, "shard-0")
    assert third.load().patients == {"a": b"2"}
    third.remove()
    assert third.load() == ShardState()
    assert ShardFile(store, "shard-0").epoch == 4
    assert store.read("shard-0/nothing") is None
    assert store.names("nobody") == []


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="cannot use") as told:
        open_store(str(tmp_path / "file")).write("fleet.json", b"")
    assert told.value.about == "state"
