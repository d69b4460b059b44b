"""The coordinator with shards in this process, and a real broker: what Ray has no part in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bare_lines import bare
from broker import Mosquitto
from mqtt_ear import Ear
from wards import Ward, chunks_of, difference, messages_of, replayed, until

from ecg_stream.fleet import coordinator as coordinator_module
from ecg_stream.fleet.coordinator import Coordinator
from ecg_stream.fleet.holding import ShardReport
from ecg_stream.fleet.placement import shard_names, shard_of
from ecg_stream.fleet.settings import Access, FleetSettings
from ecg_stream.fleet.shard import Shard
from ecg_stream.fleet.state_store import open_store


class LocalShards:
    """Runs shards as tasks, as far as there is room."""

    def __init__(self, settings: FleetSettings, room: int) -> None:
        self._settings = settings
        self._room = room
        self._running: dict[str, tuple[Shard, asyncio.Task[None]]] = {}

    def start(self, shard: str) -> None:
        if len(self._running) < self._room:
            started = Shard(shard, self._settings, open_store(self._settings.state))
            self._running[shard] = started, asyncio.create_task(started.run())

    async def report(self, shard: str, known: int | None) -> tuple[ShardReport, Mapping[str, Any]]:
        return self._running[shard][0].report(known), {}

    async def call(self, shard: str, method: str, *arguments: Any) -> Any:
        if shard not in self._running:
            await asyncio.Event().wait()  # as Ray does, until there is room
        return await getattr(self._running[shard][0], method)(*arguments)

    def kill(self, shard: str) -> None:
        if shard in self._running:
            self._running.pop(shard)[1].cancel()

    async def end(self) -> None:
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def settings(mosquitto: Mosquitto, tmp_path: Path) -> FleetSettings:
    return FleetSettings(Access(mosquitto.url), str(tmp_path / "state"), name=tmp_path.name)


@contextlib.asynccontextmanager
async def coordinating(settings: FleetSettings, count: int, room: int = 9) -> AsyncIterator[Coordinator]:
    shards = LocalShards(settings, room)
    coordinator = Coordinator(settings, open_store(settings.state), shards, count)
    task = asyncio.create_task(coordinator.run())
    try:
        await until(lambda: coordinator.status()["connected"])
        yield coordinator
    finally:
        task.cancel()
        await asyncio.wait({task})
        await shards.end()


async def test_a_shard_for_which_there_is_no_room_holds_nobody_up(
    settings: FleetSettings, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator_module, "JOIN_S", 1.0)
    monkeypatch.setattr(coordinator_module, "ABSENT_S", 1.0)
    ward = Ward(settings.access.url, range(600, 606), 10)
    async with coordinating(settings, 3, room=2) as coordinator:
        await ward.stream(20.0)
        await until(ward.all_told(ear))
        assert difference(ward.told(ear), ward.expected) == {}
        assert {p: s for p, s in coordinator.holders().items() if p in ward.chunks} == {
            patient: shard_of(patient, shard_names(2)) for patient in ward.chunks
        }
        assert not coordinator.status()["settled"]
        assert coordinator.status()["shards_missing"] == 1
        coordinator.scale(2)
        await until(lambda: coordinator.status()["settled"])
        assert [line["shard"] for line in coordinator.status()["shards"]] == list(shard_names(2))


async def test_a_fleet_with_a_shard_for_which_there_is_no_room_can_be_stopped(settings: FleetSettings) -> None:
    async with coordinating(settings, 2, room=1) as coordinator:
        await until(lambda: coordinator.status()["shards"][0]["up"])
        await coordinator.stop()
    assert open_store(settings.state).names("shard-0")[0].endswith(".state")


async def test_who_is_gone_is_let_go(settings: FleetSettings, ear: Ear) -> None:
    """By an empty status message at once, by being offline after `silence_s`."""
    async with coordinating(replace(settings, silence_s=0.5), 1) as coordinator:
        for patient in ("gone-1", "gone-2", "gone-3"):
            await asyncio.to_thread(ear.publish, f"ecg/{patient}/status", b'{"online":true}', retain=True)
        await until(lambda: {"gone-1", "gone-2", "gone-3"} <= coordinator.holders().keys())
        await asyncio.to_thread(ear.publish, "ecg/gone-1/status", b"", retain=True)
        await asyncio.to_thread(ear.publish, "ecg/gone-2/status", b'{"online":false}', retain=True)
        await until(lambda: not {"gone-1", "gone-2"} & coordinator.holders().keys())
        assert "gone-3" in coordinator.holders()
        await asyncio.to_thread(ear.publish, "ecg/gone-2/status", b'{"online":true}', retain=True)
        await until(lambda: "gone-2" in coordinator.holders())


async def test_messages_of_someone_who_never_says_who_he_is_hold_nobody_up(
    settings: FleetSettings, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept for a while, as the birth message may be on its way, and with them all that came after."""
    monkeypatch.setattr(coordinator_module, "STRANGER_S", 0.5)
    async with coordinating(settings, 1) as coordinator:
        await until(lambda: coordinator.status()["settled"])
        await coordinator._shards.call("shard-0", "prepare", ["stranger-1"])
        await asyncio.to_thread(ear.publish, "ecg/stranger-1/wave", b"{}")
        await until(lambda: coordinator.status()["shards"][0]["unacknowledged"] > 0)
        await until(lambda: coordinator.status()["shards"][0]["unacknowledged"] == 0)
        assert "stranger-1" not in coordinator.holders()


async def test_who_has_gone_offline_is_heard_out_where_his_messages_wait(settings: FleetSettings, ear: Ear) -> None:
    """As after the death of a shard that had not yet saved that the patient is there."""
    async with coordinating(settings, 1) as coordinator:
        await until(lambda: coordinator.status()["settled"])
        await coordinator._shards.call("shard-0", "prepare", ["brief-1"])
        for chunk in messages_of(chunks_of(7, 12), 1.0):
            await asyncio.to_thread(ear.publish, "ecg/brief-1/wave", chunk.payload)
        await asyncio.to_thread(ear.publish, "ecg/brief-1/status", b'{"online":false}', retain=True)
        expected = replayed("brief-1", chunks_of(7, 12))

        def told() -> list[bytes]:
            return [bare(line) for topic, line in list(ear.heard) if topic.startswith("ecg/brief-1/")]

        await until(lambda: len(lines := told()) >= len(expected) or expected[-1] in lines)
        assert told() == expected


async def test_a_shard_that_is_wanted_again_while_it_goes_is_there_in_the_end(
    settings: FleetSettings, ear: Ear
) -> None:
    async with coordinating(settings, 2) as coordinator:
        await until(lambda: coordinator.status()["settled"])
        retire, retiring = Shard.retire, asyncio.Event()

        async def slowly(shard: Shard) -> None:
            retiring.set()
            await until(lambda: coordinator.count == 2)
            await retire(shard)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shard, "retire", slowly)
            coordinator.scale(1)
            await retiring.wait()
            coordinator.scale(2)
            await until(lambda: coordinator.status()["settled"])
        assert [line["shard"] for line in coordinator.status()["shards"]] == list(shard_names(2))
