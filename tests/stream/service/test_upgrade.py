"""An upgrade keeps the patients: a state folder that version 0.1 wrote is taken up by what `subscribe --state` runs."""

from __future__ import annotations

import json
import logging
import shutil
import time
from pathlib import Path

import pytest

from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.publisher import encode_stream
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes
from ecg_stream.stream.networks import load_models
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.engine import Sink, Step
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.sinks import ContextSink
from ecg_stream.stream.run.turn import Limits
from ecg_stream.stream.service.core import Core
from ecg_stream.stream.service.folder_ledger import FolderLedger
from ecg_stream.stream.service.state_folder import StateFolder
from ecg_stream.stream.service.topics import Topics

SAVED = Path(__file__).parents[2] / "states" / "0.1.0"
SAVED_AT, STREAM = 42_125, "demo-a5711ee0"  # where in the demo, at 250 Hz, and of which stream
STOP = 62_125


class Lines(ContextSink, Sink):
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def write(self, step: Step) -> None:
        self.lines += [encode_line(step.record, output) for output in step.outputs]


def chunk(start: int, stop: int) -> Chunk:
    return Chunk(start, 250.0, ("MLII", "V5"), demo_record().signal(start, stop))


def uninterrupted() -> list[bytes]:
    pipeline = Pipeline()
    pipeline.push(chunk(0, SAVED_AT))
    return [encode_line("bed-1", output) for output in pipeline.push(chunk(SAVED_AT, STOP))]


async def goes_on(folder: Path) -> list[bytes]:
    """What a service that starts on a folder tells of the rest of the demo."""
    sink, state = Lines(), StateFolder(folder)
    ledger = FolderLedger(state)
    core = Core(load_models(), ledger, Limits(), Topics(), publish=False, sinks=[sink])
    recovered = ledger.recover(None)
    core.take_up(recovered)
    await core.take_again(recovered.since, recovered.pressed)
    await core.save()
    chunks = [chunk(start, start + 1000) for start in range(SAVED_AT, STOP, 1000)]
    for message in encode_stream(iter(chunks), "msgpack", 1.0, STREAM, end=False):
        core.take("bed-1", message.payload, time.monotonic())
    await core.drain()
    await core.save()
    state.close()
    return sink.lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAVED, tmp_path / "state"))


async def test_a_state_folder_of_version_0_1_goes_on_as_if_nothing_had_happened(folder: Path, caplog) -> None:
    """But for what its classifier made of the patient's kinds of beats: other models are told in the log."""
    assert beats(await goes_on(folder)) == beats(uninterrupted())
    (record,) = caplog.records
    assert record.getMessage() == "patient 'bed-1': taken up, but the state was taken with other models"


def beats(lines: list[bytes]) -> list[tuple[object, ...]]:
    told = [line for line in map(json.loads, lines) if line["type"] == "beat"]
    assert len(told) > 90
    return [tuple(beat[key] for key in ("sample", "label", "rr_ms", "delay_ms")) for beat in told]


async def test_a_patient_whose_state_is_of_a_later_version_begins_afresh_and_the_log_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    path = folder / "patients" / "bed-1.state"
    path.write_bytes(to_bytes({**from_bytes(path.read_bytes()), "schema": 99}))
    lines = await goes_on(folder)
    (record,) = caplog.records
    assert record.getMessage().startswith("patient 'bed-1': the saved state cannot be taken up: ")
    assert "layout 99" in record.getMessage()
    assert len(lines) > 80  # from there on


async def test_a_stage_that_begins_afresh_is_told_in_the_log_as_well(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "patients" / "bed-1.state"
    state = from_bytes(path.read_bytes())
    state["session"]["pipeline"]["cascade"]["grid"]["schema"] = 99
    path.write_bytes(to_bytes(state))
    lines = await goes_on(folder)
    assert any("patient 'bed-1': taken up, but grid: " in record.getMessage() for record in caplog.records)
    assert b'"kind":"restart"' in lines[0]
