"""Turns side by side: who waits for whom, who pays for the call, and whose error it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fake_pipeline import EVERY, FakeLabelled, FakePipeline, fake_label

from ecg_stream.stream.core.messages import Beat, Chunk
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.service import open_turn
from ecg_stream.stream.service.codec import Wave, encode_wave
from ecg_stream.stream.service.metrics import Metrics
from ecg_stream.stream.service.open_turn import OpenTurn, close_turns
from ecg_stream.stream.service.patients import Patients


def offer(patients: Patients, patient: str, start: int, n: int = 4 * EVERY, lead: str = "II", **more: Any) -> OpenTurn:
    """Begin the turn of a patient who sends ``n`` samples, and so a beat for each `EVERY` of them."""
    wave = Wave(Chunk(start, 250.0, (lead,), np.zeros((n, 1))), stream="s", **more)
    patients.offer(patient, encode_wave(wave), 0.0)
    return patients.begin_turn(0.0)


def steps(turn: Any) -> list[Step]:
    return [outcome for outcome in turn.outcomes if isinstance(outcome, Step)]


def test_each_round_of_turns_is_one_call() -> None:
    """A filled hole lets two chunks of other leads through, and an end flushes; who has no more is not asked again."""
    patients, calls = Patients(FakePipeline, Metrics()), []

    def label(described: Sequence[Any]) -> list[Any]:
        calls.append(len(described))
        return list(described)

    close_turns([offer(patients, "hole", 0)], label)
    close_turns([offer(patients, "hole", 400, lead="V5")], label)
    calls.clear()
    begun = [offer(patients, "plain", 0), offer(patients, "hole", 200), offer(patients, "ends", 0, end=True)]
    closed = close_turns(begun, label)
    assert [turn.patient for turn in closed] == ["plain", "hole", "ends"]
    assert [len(steps(turn)) for turn in closed] == [1, 2, 2]
    assert calls == [3, 2]


def test_the_time_of_a_call_is_shared_out_by_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(open_turn.time, "perf_counter", lambda: now[0])

    def label(described: Sequence[Any]) -> list[Any]:
        now[0] += 0.004
        return list(described)

    patients = Patients(FakePipeline, Metrics())
    begun = [offer(patients, name, 1, n) for name, n in (("three", 3 * EVERY), ("one", EVERY), ("none", EVERY - 1))]
    closed = close_turns(begun, label)
    assert [step.compute_ms for turn in closed for step in steps(turn)] == pytest.approx([3.0, 1.0, 0.0])


def test_an_error_in_the_labels_of_one_is_that_patients_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The pipeline whose beats cannot be labelled is replaced; the others get their labels."""
    metrics = Metrics()
    patients, names = Patients(FakePipeline, metrics), ("a", "bad", "c")

    def label(described: Sequence[FakeLabelled]) -> list[Any]:
        beats = [output.sample for each in described for output in each.outputs if isinstance(output, Beat)]
        if any(400 < sample < 600 for sample in beats):
            raise ZeroDivisionError("a bug that one patient's beats bring out")
        return list(described)

    samples: dict[str, list[int]] = {name: [] for name in names}
    for k in range(4):
        begun = [offer(patients, name, 200 * k + (0 if name == "bad" else 10_000)) for name in names]
        for turn in close_turns(begun, label):
            samples[turn.patient] += [output.sample for step in steps(turn) for output in step.outputs]
    assert samples["a"] == samples["c"] == list(range(10_000, 10_800, EVERY))
    assert samples["bad"] == [sample for sample in range(0, 800, EVERY) if not 400 <= sample < 600]
    assert metrics.registry.get_sample_value("ecg_stream_pipeline_failures_total") == 1
    assert "patient 'bad'" in caplog.text


def test_no_turns() -> None:
    assert close_turns([], fake_label) == []
