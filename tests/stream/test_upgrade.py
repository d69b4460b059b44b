"""An upgrade keeps the patients: states of earlier versions are taken up, stage by stage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from states.layouts import FILE, layouts

from ecg_stream.errors import StreamError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.cascade import Cascade
from ecg_stream.stream.core.messages import Beat, Chunk, Event, Output, Signal
from ecg_stream.stream.core.snapshots import from_bytes
from ecg_stream.stream.core.stage import Schema, State
from ecg_stream.stream.pipeline import Pipeline, load_models
from ecg_stream.stream.qrs.detector import load_network
from ecg_stream.stream.signal.grid import Grid
from ecg_stream.testing.values import packed, unpacked

STATES = Path(__file__).parents[1] / "states"

FS = 250.0
LEADS = ("MLII", "V5")
SAVED_AT = 42_125
"""Where in the demo the state of version 0.1 was saved, by `subscribe --state`, at 20 times real time."""
STAGES = tuple(Cascade(FS, LEADS, load_network()).stages)


def chunk(start: int, stop: int) -> Chunk:
    return Chunk(start, FS, LEADS, demo_record().signal(start, stop))


def from_version_0_1() -> State:
    saved: dict[str, Any] = from_bytes((STATES / "0.1.0" / "patients" / "bed-1.state").read_bytes())
    return saved["session"]["pipeline"]


def uninterrupted(stop: int) -> list[Output]:
    pipeline = Pipeline()
    pipeline.push(chunk(0, SAVED_AT))
    return pipeline.push(chunk(SAVED_AT, stop))


def test_a_state_of_version_0_1_goes_on_as_if_nothing_had_happened():
    """But for what its classifier made of the patient's kinds of beats: the models are others today, and it says so."""
    pipeline = Pipeline()
    assert pipeline.restore(from_version_0_1()) == ["the state was taken with other models"]
    outputs = pipeline.push(chunk(SAVED_AT, 62_125))
    assert told(outputs) == told(uninterrupted(62_125))
    assert len(told(outputs)) > 90


def told(outputs: list[Output]) -> list[tuple[object, ...]]:
    return [(o.sample, o.label, o.rr_ms, o.delay_ms) for o in outputs if isinstance(o, Beat)]


def test_a_state_of_version_0_1_may_be_of_other_models():
    models = load_models()
    other = Pipeline(replace(models, detector=models.detector._replace(threshold=0.7)))
    assert other.restore(from_version_0_1()) == ["the state was taken with other models"]
    labels = [beat.label for beat in other.push(chunk(SAVED_AT, 62_125)) if isinstance(beat, Beat)]
    assert labels == [beat.label for beat in uninterrupted(62_125) if isinstance(beat, Beat)]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_whose_state_is_of_a_later_version_begins_afresh_and_says_so(name):
    before = Pipeline()
    before.push(chunk(0, SAVED_AT))
    state = unpacked(packed(before.snapshot()))
    state["stretch"]["cascade"][name] = {"schema": 1000, "whatever": 1}
    pipeline = Pipeline()
    (note,) = pipeline.restore(state)
    assert note.startswith(name.replace("_", "-"))
    assert "layout 1000" in note
    again = Pipeline()  # the news survive a further save, until they are told
    again.restore(unpacked(packed(pipeline.snapshot())))
    outputs = again.push(chunk(SAVED_AT, 62_125))
    assert outputs[0] == Event(SAVED_AT, SAVED_AT / FS, "restart", None, note)
    assert outputs == pipeline.push(chunk(SAVED_AT, 62_125))
    assert sum(isinstance(output, Event) for output in outputs) == 1
    got = {beat.sample: beat.label for beat in outputs if isinstance(beat, Beat)}
    wanted = {beat.sample: beat.label for beat in uninterrupted(62_125) if isinstance(beat, Beat)}
    since = SAVED_AT + 3 * FS
    missed = [at for at in wanted if at > since and not any(abs(at - other) <= 10 for other in got)]
    false = [at for at in got if at > since and not any(abs(at - other) <= 10 for other in wanted)]
    assert len(missed) + len(false) <= 1
    if name != "windows":  # which knows the patient's kinds of beats
        same = [got[at] == wanted[at] for at in wanted if at > since and at in got]
        assert np.mean(same) > 0.95


def test_memory_of_kinds_of_a_later_version_begins_afresh():
    before = Pipeline()
    before.push(chunk(0, 5000))
    state = before.snapshot()
    state["memory"]["schema"] = 7
    assert Pipeline().restore(state) == [
        "memory of labels: its saved state has layout 7, this version takes up none after 2"
    ]


@pytest.mark.parametrize(
    "state", [{}, {"schema": 1}, {"schema": 2}, {"schema": 2, "model": "", "memory": 3, "stretch": None}]
)
def test_what_is_no_state_is_refused(state):
    with pytest.raises(StreamError, match="no state of a pipeline"):
        Pipeline().restore(state)


def test_a_pipeline_of_a_later_version_is_refused():
    with pytest.raises(StreamError, match="none after 3"):
        Pipeline().restore({**Pipeline().snapshot(), "schema": 4})


def test_a_layout_is_brought_up_step_by_step():
    schema = Schema(3, {1: lambda state: {"b": state["a"] + 1}, 2: lambda state: {"c": 2 * state["b"]}})
    assert schema.upgrade({"a": 4}) == {"c": 10}
    assert schema.upgrade({"schema": 2, "b": 1}) == {"c": 2}
    assert schema.upgrade({"schema": 3, "c": 1})["c"] == 1


@pytest.mark.parametrize(
    "fs", [50.0, 100.0, 125.0, 128.0, 180.0, 200.0, 250.0, 257.0, 360.0, 500.0, 977.3, 1000.0, 5000.0]
)
def test_a_fresh_grid_stands_where_the_old_one_stood(fs):
    """For any number of samples before: no grid sample is given twice or left out."""
    grid = Grid(fs, 1)
    for n in range(1, 3000):
        grid.push(Signal.all_good(np.zeros((1, 1))))
        assert Grid(fs, 1, n).given == grid.given, n


def test_no_layout_changes_without_its_number():
    assert layouts() == json.loads(FILE.read_text(encoding="utf-8")), "see tests/states/layouts.py"
