"""`--keep-days`: what is old goes, and nothing else."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from ecg_stream.replay.old_segments import remove_old
from ecg_stream.replay.segments import SegmentRecorder
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.core.snapshots import to_bytes
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.service.state_folder import StateFolder

DAY_S = 86_400.0


def segment(folder: Path, name: str, days: float) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}{suffix}" for suffix in (".hea", ".dat", ".ecs")]
    for file in files:
        file.write_text("x")
        os.utime(file, (time.time() - days * DAY_S,) * 2)
    return files


def headers(folder: Path) -> list[str]:
    return [header.stem for header in folder.glob("bed-7/*/*.hea")]


def test_old_segments_go_and_the_current_and_foreign_ones_stay(tmp_path: Path) -> None:
    old, new = tmp_path / "bed-7" / "20300101T000000Z", tmp_path / "bed-7" / "20300201T000000Z"
    gone = [*segment(old, "s0000000000", 40), *segment(old, "s0000012500", 31), *segment(new, "s0000000000", 31)]
    only_old = segment(tmp_path / "bed-8" / "20300101T000000Z-2", "s0000000000", 99)
    current = tmp_path / "bed-9" / "20300101T000000Z"
    gone += segment(current, "s0000000000", 50)
    stays = [*segment(current, "s0000012500", 40), *segment(new, "s0000012500", 29)]
    stays += segment(tmp_path / "bed-7" / "notes", "s0000000000", 99)
    stays += segment(tmp_path / "my records" / "20300101T000000Z", "s0000000000", 99)
    stays += segment(new, "report", 99)
    assert remove_old(tmp_path, time.time() - 30 * DAY_S, {current}) == 5
    assert not any(file.exists() for file in (*gone, *only_old))
    assert all(file.exists() for file in stays)
    assert not old.exists()
    assert not (tmp_path / "bed-8").exists()


async def test_the_recorder_removes_at_its_start(tmp_path: Path) -> None:
    (old,) = segment(tmp_path / "bed-7" / "20200101T000000Z", "s0000000000", 3)[:1]
    async with SegmentRecorder(tmp_path, keep_days=2) as recorder:
        await recorder.write(Step("bed-7", Chunk(0, 250.0, ("II",), [[0.0]] * 250), [], 0.0, 0.0))
        while old.exists():
            await recorder.write(Step("bed-7", None, [], 0.0, 0.0))
            await asyncio.sleep(0)
    assert headers(tmp_path) == ["s0000000000"]


@pytest.mark.parametrize(("days", "there"), [(1, False), (3, True)])
def test_old_states_go(tmp_path: Path, days: float, there: bool) -> None:
    folder = StateFolder(tmp_path)
    folder.write_patients({"bed-7": to_bytes({"x": 1})})
    file = tmp_path / "patients" / "bed-7.state"
    os.utime(file, (time.time() - 2 * DAY_S,) * 2)
    folder.remove_older_than(days)
    assert file.exists() == there
    folder.close()
