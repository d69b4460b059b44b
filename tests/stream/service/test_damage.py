"""A journal that is lost, damaged or on a full disk, foreign names beside it: told, and nothing else is lost."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
import shutil
import stat
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from cores import Lines, alone, joined, make, names, payloads, restarted, schedule
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.errors import SnapshotError
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.segments import SegmentRecorder
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.core.snapshots import write_atomically
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.turn import Limits
from ecg_stream.stream.service import state_folder as state_folder_module
from ecg_stream.stream.service.codec import Wave, encode_wave
from ecg_stream.stream.service.core import Core
from ecg_stream.stream.service.folder_ledger import FolderLedger
from ecg_stream.stream.service.journal import Journal
from ecg_stream.stream.service.state_folder import StateFolder


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "journal").iterdir())


async def sent(core: Core, messages: Sequence[tuple[str, bytes]]) -> None:
    for name, payload in messages:
        core.take(name, payload, time.monotonic())
    await core.drain()


async def test_after_a_lost_journal_nothing_that_is_acknowledged_is_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beds, sinks = names(2), [Lines(), Lines(), Lines()]
    stream = list(schedule(beds, 3))
    core, folder = await restarted(tmp_path, sinks[0])
    await sent(core, stream[:20])
    await core.save()
    folder.close()
    shutil.rmtree(tmp_path / "journal")
    core, folder = await restarted(tmp_path, sinks[1])
    assert "the journal is damaged: it ends at entry 0, the snapshots hold entry" in caplog.text
    assert b"ecg_stream_journal_damage_total 1.0" in core.metrics.page()
    await sent(core, stream[20:30])  # acknowledged, and not yet in a snapshot when the process is gone
    folder.close()
    core, folder = await restarted(tmp_path, sinks[2])
    await sent(core, stream[30:])
    folder.close()
    assert joined(sinks) == alone(beds)


@pytest.mark.parametrize("where", ["body", "length", "crc"])
async def test_a_damaged_entry_costs_itself_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """Of two patients, one message of one is lost: a gap for this one, and no beat told twice; the other is as ever."""
    beds, sinks = names(2), [Lines(), Lines()]
    stream = list(schedule(beds, 5))
    core, folder = await restarted(tmp_path, sinks[0])
    await sent(core, stream[:10])
    place = segments(tmp_path)[-1].stat().st_size
    payload = next(p for n, p in stream[10:] if n == "bed-0")
    await sent(core, stream[10:])
    folder.close()
    path = segments(tmp_path)[-1]
    content = bytearray(path.read_bytes())
    begin = content.find(payload, place if place < len(content) else 0)
    header = content.rfind(b"bed-0", 0, begin)
    frame = next(at for at in range(header - 30, header) if content[at + 8] == 0x95)
    content[{"body": begin + 40, "length": frame + 1, "crc": frame + 5}[where]] ^= 0xFF
    path.write_bytes(content)
    core, folder = await restarted(tmp_path, sinks[1])
    folder.close()
    assert "the journal is damaged" in caplog.text
    assert b"ecg_stream_journal_damage_total 1.0" in core.metrics.page()
    told = joined(sinks)
    assert told["bed-1"] == alone(beds)["bed-1"]
    before = sinks[0].lines["bed-0"]
    assert before == alone(beds)["bed-0"]
    assert [line for line in sinks[1].lines.get("bed-0", []) if line.startswith(b'{"type":"beat"')] == []
    assert any(b'"kind":"gap"' in line for line in sinks[1].lines["bed-0"])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_whatever_is_damaged_the_other_entries_are_read(tmp_path_factory, seed: int, times: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    sizes = [0]
    for _ in range(20):
        journal.append("wave", "a", chance.randbytes(chance.randrange(1, 300)))
        journal.keep()
        sizes.append(next(folder.glob("*.log")).stat().st_size)
    journal.close()
    path = next(folder.glob("*.log"))
    content = bytearray(path.read_bytes())
    hit = set()
    for _ in range(times):
        at = chance.randrange(len(content))
        content[at] ^= chance.randrange(1, 256)
        hit.add(next(k for k in range(20) if sizes[k] <= at < sizes[k + 1]))
    path.write_bytes(content)
    again = Journal(folder)
    read = [entry.number - 1 for entry in again.read()]
    assert set(range(20)) - hit <= set(read)  # what was hit twice may be whole again
    assert again.damage or hit == {19} or set(read) == set(range(20))


async def test_foreign_names_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    core, folder = await restarted(tmp_path, Lines())
    await sent(core, [("bed-0", payloads(0)[0])])
    await core.save()
    folder.close()
    for name in ("x.log", "1x.log", "12.log"):
        (tmp_path / "journal" / name).write_bytes(b"mine")
    (tmp_path / "journal" / f"{1:016d}.log.old").write_bytes(b"mine")
    (tmp_path / "journal" / f"{1:016d}.log").mkdir()
    (tmp_path / "patients" / "x.state").mkdir()
    (tmp_path / "patients" / "notes.txt").touch()
    core, folder = await restarted(tmp_path, Lines())
    assert core.patients.ids() == ["bed-0"]
    await sent(core, [("bed-0", payloads(0)[1])])
    await core.save()
    folder.close()
    assert (tmp_path / "patients" / "x.state").is_dir()
    assert (tmp_path / "journal" / "x.log").read_bytes() == b"mine"


@pytest.mark.parametrize("seed", range(3))
async def test_a_kill_after_drops_tells_nothing_twice_or_differently(tmp_path: Path, seed: int) -> None:
    """Too many messages waited, the oldest went; a restart does not take them again."""
    chance = random.Random(seed)
    sink, again = Lines(), Lines()
    folder = StateFolder(tmp_path)
    core = make(sink, ledger=FolderLedger(folder), limits=Limits(queue_bytes=5000))
    for name, payload in schedule(names(3), seed):
        core.take(name, payload, time.monotonic())
        if chance.random() < 0.1:
            await core.turn()
    await core.drain()
    folder.close()
    assert b"ecg_stream_dropped_messages_total 0.0" not in core.metrics.page()
    assert any(b'"kind":"gap"' in line for lines in sink.lines.values() for line in lines)
    core, folder = await restarted(tmp_path, again)
    folder.close()
    assert not any(again.lines.values())
    assert not again.summaries


async def test_a_full_disk_is_noticed_before_anything_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beds, sinks = names(2), [Lines(), Lines()]
    stream = list(schedule(beds, 3))
    core, folder = await restarted(tmp_path, sinks[0])
    await sent(core, stream[:10])
    before = joined(sinks[:1])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    folder.journal.begin_segment()  # no room was made in it yet
    with pytest.raises(SnapshotError, match="No space left") as told:
        await sent(core, stream[10:20])
    assert told.value.about == "state"
    monkeypatch.undo()
    assert joined(sinks[:1]) == before
    folder.close()
    core, folder = await restarted(tmp_path, sinks[1])
    await sent(core, stream[20:])
    folder.close()
    assert joined(sinks) == alone(beds)


async def test_who_ends_a_save_waits_for_the_file_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a SIGTERM does on a slow disk: the last save writes the same file, and not beside the one before."""
    core, folder = await restarted(tmp_path, Lines())
    await sent(core, [("bed-0", payloads(0)[0])])
    writing, go_on, at_once = threading.Event(), threading.Event(), []

    def slow(path: Path, blob: bytes) -> None:
        writing.set()
        at_once.append(path)
        assert len(at_once) == 1
        go_on.wait(10)
        write_atomically(path, blob)
        at_once.pop()

    monkeypatch.setattr(state_folder_module, "write_atomically", slow)
    saving = asyncio.create_task(core.save())
    await asyncio.to_thread(writing.wait, 10)
    saving.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not saving.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    await sent(core, [("bed-0", payloads(0)[1])])
    await core.save()
    folder.close()


async def test_a_save_that_is_broken_off_leaves_nobody_out(tmp_path: Path) -> None:
    """Who was copied by it, and is not on the disk yet, is saved by the next one, even without anything new."""
    beds, sinks = names(3), [Lines(), Lines()]
    stream = list(schedule(beds, 3))
    core, folder = await restarted(tmp_path, sinks[0])
    await sent(core, stream[:40])
    saving = asyncio.create_task(core.save(pause_s=60.0))
    for _ in range(20):
        await asyncio.sleep(0)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert not list((tmp_path / "patients").iterdir())
    await core.save()
    folder.close()
    core, folder = await restarted(tmp_path, sinks[1])
    await sent(core, stream[40:])
    folder.close()
    assert joined(sinks) == alone(beds)


async def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    core, folder = await restarted(state, Lines())
    await sent(core, [("bed-0", payloads(0)[0])])
    await core.save()
    folder.close()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.rglob("*"))}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes


def test_a_patient_called_as_our_probe_was(tmp_path: Path) -> None:
    """Every later start with `--record` failed."""

    async def record() -> None:
        async with SegmentRecorder(tmp_path) as recorder:
            await recorder.write(Step(".probe", Chunk(0, 250.0, ("II",), [[0.0]] * 250), [], 0.0, 0.0))

    asyncio.run(record())
    asyncio.run(record())
    assert len(list(tmp_path.glob(".probe/*/*.hea"))) == 2
    assert {path.name for path in tmp_path.iterdir()} == {".probe"}


@pytest.fixture(autouse=True)
def warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


@pytest.mark.parametrize("seed", range(2))
async def test_holes_given_up_for_want_of_room_are_given_up_again_after_a_kill(tmp_path: Path, seed: int) -> None:
    """Room is scarce before the kill and plentiful after it; a late chunk then comes too late, as it did."""
    chance = random.Random(seed)
    leads = tuple(f"L{k}" for k in range(12))
    signal = np.repeat(demo_record(fs=1000.0).signal(0, 12_000)[:, :1], 12, axis=1)
    chunks = [Chunk(start, 1000.0, leads, signal[start : start + 500]) for start in range(0, 12_000, 500)]
    missing = chunks.pop(5)
    chunks.insert(8, missing)
    messages = [encode_wave(Wave(chunk, number, "s"), "msgpack") for number, chunk in enumerate(chunks)]
    plenty, whole, first, second = Lines(), Lines(), Lines(), Lines()
    for sink, limits in ((plenty, Limits()), (whole, Limits(held_bytes=0))):
        core = make(sink, limits=limits)
        await sent(core, [("a", message) for message in messages])
    assert whole.lines != plenty.lines
    folder = StateFolder(tmp_path)
    core = make(first, ledger=FolderLedger(folder), limits=Limits(held_bytes=0))
    cut = chance.randrange(10, 20)
    await sent(core, [("a", message) for message in messages[:cut]])
    folder.close()
    core, folder = await restarted(tmp_path, second)
    await sent(core, [("a", message) for message in messages[cut:]])
    folder.close()
    assert joined([first, second]) == whole.lines
