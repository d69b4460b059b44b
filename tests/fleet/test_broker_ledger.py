"""What a shard acknowledges, and when: no broker, one patient who is being put down."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from wards import chunks_of, messages_of

from ecg_stream.fleet import shard_sessions
from ecg_stream.fleet.broker_ledger import BrokerLedger
from ecg_stream.fleet.message import Message, digest_of
from ecg_stream.fleet.roster import Roster
from ecg_stream.fleet.settings import Access, FleetSettings
from ecg_stream.fleet.shard_sessions import ShardSessions
from ecg_stream.fleet.shard_state import ShardFile, ShardState, decode_state, encode_state
from ecg_stream.fleet.state_store import open_store
from ecg_stream.stream.pipeline import load_models
from ecg_stream.stream.run.turn import Limits
from ecg_stream.stream.service.topics import Topics


class Heard:
    """Stands for a `BrokerSession`: counts messages, and what of them was acknowledged."""

    def __init__(self) -> None:
        self.number = 0
        self.acknowledged = 0
        self.digests: dict[int, bytes] = {}
        self.dropped: Counter[bytes] = Counter()

    def message(self, topic: str, payload: bytes) -> Message:
        self.number += 1
        self.digests[self.number] = digest_of(topic, payload)
        return Message(topic, payload, False, self.number, 0.0, self.digests[self.number])

    def drop_mark(self, number: int) -> tuple[str, bytes]:
        return "mark", self.digests[number]

    def take_dropped(self) -> Counter[bytes]:
        return self.dropped

    def unacknowledged_before(self, _number: int) -> list[bytes]:
        return []

    async def acknowledge(self, before: int) -> None:
        self.acknowledged = before - 1


class Bed:
    """A shard without its broker, and one patient who sends."""

    def __init__(self, folder: Path) -> None:
        self.broker: Any = Heard()
        roster = Roster()
        file = ShardFile(open_store(str(folder)), "shard-0")
        settings = FleetSettings(Access("mqtt://nowhere"), str(folder))
        self.ledger = BrokerLedger(self.broker, file, roster, Topics())
        self.sessions = ShardSessions(load_models(), Topics(), roster, self.ledger, settings)
        self.core = self.sessions.core
        self.payloads = [message.payload for message in messages_of(chunks_of(1, 30), 1.0)]
        self._payloads = iter(self.payloads)
        self.sessions.take_on("bed")

    def sends(self, count: int) -> None:
        for _ in range(count):
            self.sessions.take(self.broker.message("ecg/bed/wave", next(self._payloads)))


async def test_what_is_saved_is_acknowledged_and_what_waits_is_not(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.sends(3)
    await bed.core.drain()
    bed.sends(2)
    await bed.core.save()
    assert bed.broker.acknowledged == 3
    await bed.core.drain()
    await bed.core.save()
    assert bed.broker.acknowledged == 5


async def test_what_is_kept_for_who_may_come_is_not_acknowledged(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.sends(2)
    bed.sessions.take(bed.broker.message("ecg/another/wave", b""))
    bed.sends(2)
    await bed.core.drain()
    await bed.core.save()
    assert bed.broker.acknowledged == 2


async def test_a_save_that_began_while_a_patient_was_being_put_down_acknowledges_nothing_of_the_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker does not confirm the last beats: the patient stays, and what has waited comes during the save."""
    monkeypatch.setattr(shard_sessions, "DRAIN_S", 0.05)
    bed = Bed(tmp_path)
    bed.sends(12)
    going = asyncio.create_task(bed.sessions.put_down(["bed"], "shard-1"))
    await asyncio.sleep(0)
    await bed.core.drain(["bed"])
    assert len(bed.core.outbox)
    bed.sends(3)  # they wait, unread
    # The copy is made now; the save ends after the pause does, as its time is up first.
    await bed.core.save(pause_s=0.2)
    with pytest.raises(TimeoutError):
        await going
    assert bed.core.patients.load("bed").waiting == 3
    assert bed.broker.acknowledged == 12


async def test_a_session_that_version_0_1_saved_is_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its blob has another maker's name in it, and no number of a layout."""
    blob = (Path(__file__).parents[1] / "states" / "0.1.0" / "patients" / "bed-1.state").read_bytes()
    saved = decode_state(encode_state(ShardState({"bed-1": blob})))
    bed = Bed(tmp_path)
    bed.sessions.restore(saved)
    bed.sessions.recover(saved, [])
    assert len(bed.core.patients) == 1
    (record,) = caplog.records
    assert record.getMessage() == "patient 'bed-1': taken up, but the state was taken with other models"


async def test_what_was_dropped_is_dropped_after_a_death_as_well(tmp_path: Path) -> None:
    """Too many messages wait: the oldest go, marks say which, and the next incarnation leaves those out."""
    bed = Bed(tmp_path / "one")
    bed.core.patients.queues._limits = Limits(queue_bytes=5000)
    messages = [bed.broker.message("ecg/bed/wave", payload) for payload in bed.payloads]
    for message in messages:
        bed.sessions.take(message)
    marks = [outgoing.payload for outgoing in bed.core.outbox.of_topic("mark")]
    assert 0 < len(marks) == bed.core.patients.load("bed").dropped
    assert marks == [message.digest for message in messages[: len(marks)]]
    next_one = Bed(tmp_path / "two")
    next_one.broker.dropped = Counter(marks)
    _, taken = next_one.ledger.recover(ShardState({"bed": b""}), messages)
    assert taken == messages[len(marks) :]
