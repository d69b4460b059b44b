"""The ward: every patient's outputs are those of the patient alone, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_stream.errors import StreamError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.batch import label
from ecg_stream.stream.beats.classifier import PlainClassifier
from ecg_stream.stream.core.messages import Beat, Chunk, Output
from ecg_stream.stream.pipeline import Pipeline, load_models
from ecg_stream.testing.values import packed, unpacked

FS = 250.0
LEADS = ("MLII", "V5")


def signals(n_patients: int, seconds: float = 20.0) -> dict[str, np.ndarray]:
    """Another stretch, size and polarity of the demo for each patient; some lose a lead."""
    rng = np.random.default_rng(1)
    demo = demo_record().signal()
    found = {}
    for k in range(n_patients):
        start = int(rng.integers(0, len(demo) - seconds * FS))
        x = demo[start : start + round(seconds * FS)] * rng.choice([-1.0, 0.4, 1.0, 3.0])
        if k % 5 == 0:
            x[1000:2000, k % 2] = np.nan
        found[f"bed-{k}"] = x
    return found


def alone(x: np.ndarray) -> list[Output]:
    pipeline = Pipeline()
    return pipeline.push(Chunk(0, FS, LEADS, x)) + pipeline.flush()


def chunk(x: np.ndarray, a: int, b: int) -> Chunk:
    return Chunk(a, FS, LEADS, x[a:b])


def step(ward: dict[str, Pipeline], chunks: dict[str, Chunk]) -> dict[str, list[Output]]:
    """Describe what has come, label all of it in one call, and give it out."""
    described = {name: ward[name].describe(part) for name, part in chunks.items()}
    labelled = label(load_models(), list(described.values()))
    return {name: ward[name].remember(each) for name, each in zip(described, labelled, strict=True)}


def end(ward: dict[str, Pipeline]) -> dict[str, list[Output]]:
    described = {name: pipeline.finish() for name, pipeline in ward.items()}
    labelled = label(load_models(), list(described.values()))
    return {name: ward[name].remember(each) for name, each in zip(described, labelled, strict=True)}


def test_many_patients_on_a_turn_are_each_as_alone():
    patients = signals(150)
    ward = {name: Pipeline() for name in patients}
    outputs: dict[str, list[Output]] = {name: [] for name in patients}
    for a in range(0, 5000, 50):
        for name, part in step(ward, {name: chunk(x, a, a + 50) for name, x in patients.items()}).items():
            outputs[name] += part
    for name, part in end(ward).items():
        outputs[name] += part
    assert outputs == {name: alone(x) for name, x in patients.items()}


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(st.integers(0, 3), st.integers(0, 400)), max_size=12))
def test_whoever_comes_on_a_turn_and_with_however_much(turns):
    patients = list(signals(4).items())
    ward = {name: Pipeline() for name, _ in patients}
    at = [0] * 4
    outputs: dict[str, list[Output]] = {name: [] for name, _ in patients}
    for turn in [*turns, dict.fromkeys(range(4), 5000)]:
        chunks = {}
        for k, n in turn.items():
            name, x = patients[k]
            chunks[name] = chunk(x, at[k], min(at[k] + n, len(x)))
            at[k] = min(at[k] + n, len(x))
        for name, part in step(ward, chunks).items():
            outputs[name] += part
    for name, part in end(ward).items():
        outputs[name] += part
    assert outputs == {name: alone(x) for name, x in patients}


def test_a_turn_makes_one_call_of_the_classifier(monkeypatch):
    models = load_models()
    calls = []

    def counted(features: np.ndarray) -> np.ndarray:
        calls.append(len(features))
        return models.classifier(features)

    patients = signals(30)
    ward = {name: Pipeline() for name in patients}
    described = [ward[name].describe(chunk(x, 0, 2500)) for name, x in patients.items()]
    n_beats = sum(len(each.beats) for each in described)
    label(replace(models, classifier=PlainClassifier(counted)), described)
    assert calls == [n_beats]
    assert n_beats > 200


def test_label_changes_nothing_that_it_is_given():
    """Pure: the same beats have the same labels as often as they are labelled, and the memory given stays."""
    models, x = load_models(), demo_record().signal(0, 15_000)
    pipeline = Pipeline(models)
    pipeline.push(Chunk(0, FS, LEADS, x[:10_000]))
    described = pipeline.describe(Chunk(10_000, FS, LEADS, x[10_000:]))
    before = packed(described.memory.snapshot())
    first, second = label(models, [described])[0], label(models, [described])[0]
    assert first.outputs == second.outputs
    assert len(first.outputs) > 15
    assert packed(described.memory.snapshot()) == before
    assert packed(first.memory.snapshot()) == packed(second.memory.snapshot()) != before


def test_beats_without_labels_are_not_lost():
    """Between `describe` and `remember` a pipeline takes nothing new and gives no snapshot."""
    pipeline = Pipeline()
    described = pipeline.describe(chunk(signals(1)["bed-0"], 0, 2500))
    assert described.beats
    more = Chunk(2500, FS, LEADS, np.zeros((5, 2)))
    for call in (pipeline.snapshot, pipeline.finish, lambda: pipeline.describe(more)):
        with pytest.raises(StreamError, match="no labels yet"):
            call()
    (labelled,) = label(pipeline.models, [described])
    assert pipeline.remember(labelled) == alone(signals(1)["bed-0"][:2500])[: len(labelled.outputs)]
    pipeline.snapshot()


def test_a_ward_moves_to_another_process():
    patients = signals(20)
    here, there = {name: Pipeline() for name in patients}, {name: Pipeline() for name in patients}
    step(here, {name: chunk(x, 0, 3000) for name, x in patients.items()})
    for name, pipeline in here.items():
        there[name].restore(unpacked(packed(pipeline.snapshot())))
    rest = {name: chunk(x, 3000, 5000) for name, x in patients.items()}
    moved = step(there, rest)
    assert moved == step(here, rest)
    assert any(isinstance(output, Beat) for output in moved["bed-1"])


def test_nobody_at_all():
    assert label(load_models(), []) == []
