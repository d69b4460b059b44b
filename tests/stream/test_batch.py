"""The ward: every patient's outputs are those of the patient alone, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_stream.errors import StreamError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.batch import Batch, WardEngine
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


def test_many_patients_on_a_tick_are_each_as_alone():
    ward, patients = WardEngine(load_models()), signals(150)
    outputs: dict[str, list[Output]] = {name: [] for name in patients}
    for a in range(0, 5000, 50):
        for name, part in ward.step((name, chunk(x, a, a + 50)) for name, x in patients.items()).items():
            outputs[name] += part
    assert len(ward) == 150
    for name, part in ward.discharge(patients).items():
        outputs[name] += part
    assert len(ward) == 0
    assert outputs == {name: alone(x) for name, x in patients.items()}


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400)), max_size=8), max_size=12))
def test_whoever_comes_on_a_tick_and_with_however_much(ticks):
    ward, patients = WardEngine(load_models()), list(signals(4).items())
    at = [0] * 4
    outputs: dict[str, list[Output]] = {name: [] for name, _ in patients}
    for tick in [*ticks, [(k, 5000) for k in range(4)]]:
        batch = []
        for k, n in tick:
            name, x = patients[k]
            batch.append((name, chunk(x, at[k], min(at[k] + n, len(x)))))
            at[k] = min(at[k] + n, len(x))
        given_out = ward.step(batch)
        assert given_out.keys() == {name for name, _ in batch}
        for name, part in given_out.items():
            outputs[name] += part
    for name, part in ward.discharge([name for name, _ in patients]).items():
        outputs[name] += part
    assert outputs == {name: alone(x) for name, x in patients}


def test_a_ward_moves_to_another_process():
    patients = signals(20)
    here, there = WardEngine(load_models()), WardEngine(load_models())
    here.step((name, chunk(x, 0, 3000)) for name, x in patients.items())
    there.step([("nobody", chunk(patients["bed-0"], 0, 100))])
    there.restore(unpacked(packed(here.snapshot())))
    rest = [(name, chunk(x, 3000, 5000)) for name, x in patients.items()]
    moved = there.step(rest)
    assert moved == here.step(rest)
    assert any(isinstance(output, Beat) for output in moved["bed-1"])


def test_pipelines_of_a_batch_get_their_labels_together():
    """Each patient's list of outputs is filled in place, and `flush` leaves nothing without a label."""
    patients = signals(12)
    batch = Batch(load_models())
    pipelines = {name: batch.pipeline() for name in patients}
    outputs: dict[str, list[list[Output]]] = {name: [] for name in patients}
    for a in range(0, 5000, 500):
        for name, x in patients.items():
            outputs[name].append(pipelines[name].push(chunk(x, a, a + 500)))
        if a % 1000:
            batch.label()
    for name, pipeline in pipelines.items():
        outputs[name].append(pipeline.flush())
    assert {name: [o for part in parts for o in part] for name, parts in outputs.items()} == {
        name: alone(x) for name, x in patients.items()
    }


def test_no_chunks_and_strangers():
    ward = WardEngine(load_models())
    assert ward.step([]) == {}
    assert ward.discharge([]) == {}
    with pytest.raises(KeyError):
        ward.discharge(["nobody"])
    with pytest.raises(StreamError, match="samples of shape"):
        ward.step([("bed", Chunk(0, FS, LEADS, np.zeros((5, 3))))])
