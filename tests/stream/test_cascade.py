"""The cascade: the laws, what its parts are told, and that no fault of a signal gets into any state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecg_stream.errors import StreamError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.cascade import Cascade, Completed
from ecg_stream.stream.qrs.detector import load_network
from ecg_stream.stream.signal.highpass import HighPass
from ecg_stream.testing import LAWS, Subject
from ecg_stream.testing.values import packed

LEADS = ("MLII", "V5")


class CascadeRows:
    """The cascade as a stage that gives a list: sample of decision, and the beat or event."""

    def __init__(self) -> None:
        self.cascade = Cascade(250.0, LEADS, load_network())
        self.snapshot, self.restore = self.cascade.snapshot, self.cascade.restore

    def push(self, x: np.ndarray) -> list[Any]:
        return rows(self.cascade.push(x))

    def flush(self) -> list[Any]:
        return rows(self.cascade.flush())


def rows(described: Completed) -> list[Any]:
    beats = described.beats
    columns = (beats.decided.tolist(), beats.mark.tolist(), beats.interval.tolist())
    found = [
        (decided, 1, mark, interval, features.tobytes())
        for decided, mark, interval, features in zip(*columns, beats.features, strict=True)
    ]
    told = [(decided, 0, event.sample, event.kind, event.lead) for decided, event in described.events]
    return sorted(found + told, key=lambda row: row[:3])


def demo(seconds: float = 40.0) -> np.ndarray:
    return demo_record().signal(0, round(seconds * 250)).copy()


def with_faults() -> np.ndarray:
    x = demo()
    x[2000] = np.nan
    x[2500:2900, 0] = np.nan
    x[3500:4200] = x[3499]
    x[5000:5200, 1] = 10.0
    x[6000:6500] = np.inf
    return x


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("stream", [demo, with_faults])
def test_laws(law, stream):
    law(Subject(CascadeRows, (stream(),), decided=lambda row: row[0], examples=10))


@pytest.mark.parametrize("n_leads", [1, 2, 3, 12])
@pytest.mark.parametrize("fs", [50.0, 128.0, 250.0, 360.0, 1000.0, 5000.0])
def test_any_rate_and_number_of_leads(fs, n_leads):
    rng = np.random.default_rng(1)
    t = np.arange(round(12 * fs)) / fs
    beat = np.exp(-0.5 * (((t % 0.8) - 0.4) / 0.015) ** 2)
    x = beat[:, np.newaxis] * rng.uniform(0.5, 1.5, n_leads) + rng.normal(scale=0.005, size=(len(t), n_leads))
    cascade = Cascade(fs, tuple(f"L{k}" for k in range(n_leads)), load_network())
    marks = np.concatenate([part.beats.mark for part in (cascade.push(x), cascade.flush())]) / fs
    assert len(marks) >= 14
    assert np.abs((marks[marks > 1.0] % 0.8) - 0.4).max() < 0.03


@pytest.mark.parametrize("fault", [np.nan, np.inf, -1e308, 5.0])
def test_no_fault_gets_into_any_state(fault):
    x = demo()
    x[3000:4000, 0] = fault
    x[3500:4500, 1] = fault
    x[::997] = fault
    cascade = Cascade(250.0, LEADS, load_network())
    for part in np.array_split(x, 37):
        described = cascade.push(part)
        assert np.isfinite(described.signal.samples).all()
        assert np.isfinite(described.beats.features).all()
        for value in numbers(cascade.snapshot(), skip="levels"):
            assert np.isfinite(value).all()


def numbers(state: Any, skip: str) -> list[Any]:
    """All numbers of a snapshot; the guard's extremes begin at infinity, so they are left out."""
    if isinstance(state, dict):
        return [number for key, part in state.items() if key != skip for number in numbers(part, skip)]
    if isinstance(state, np.ndarray) and state.dtype.names:
        return [number for name in state.dtype.names for number in numbers(state[name], skip)]
    return [state] if isinstance(state, int | float) or state.dtype.kind == "f" else []


def test_gives_the_high_passed_signal_and_its_validity():
    x = demo()
    x[3000:3500, 1] = np.nan
    described = Cascade(250.0, LEADS, load_network()).push(x)
    np.testing.assert_array_equal(described.signal.samples[:, 0], HighPass(250.0, 2).push(x - x[0])[:, 0])
    assert described.signal.good[:, 0].all()
    assert not described.signal.good[3000:3500, 1].any()


def test_a_bad_lead_has_no_say():
    x = demo()
    rubbish = x.copy()
    rubbish[:, 1] = np.random.default_rng(1).choice([-9.0, 9.0], len(x))
    rubbish[::3, 1] = np.nan
    one, with_rubbish = Cascade(250.0, LEADS[:1], load_network()), Cascade(250.0, LEADS, load_network())
    marks = one.push(x[:, :1]).beats.mark
    others = with_rubbish.push(rubbish).beats.mark
    assert abs(len(marks) - len(others)) <= 1
    near = np.abs(marks[:, np.newaxis] - others).min(axis=1)
    assert np.percentile(near, 95) <= 5


def test_state_of_a_patient_stays_small():
    cascade = Cascade(250.0, LEADS, load_network())
    cascade.push(demo())
    assert len(packed(cascade.snapshot())) < 100_000


def test_refuses_a_foreign_snapshot():
    state = Cascade(360.0, LEADS, load_network()).snapshot()
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        Cascade(250.0, LEADS, load_network()).restore(state)
