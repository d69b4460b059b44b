"""A user's program, written against the root of the package only: `test_front_door` has mypy check it, strictly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
from numpy.typing import NDArray

import ecg_stream as es
from ecg_stream import Alert, Beat, Event, Rhythm, St, testing


def whole(path: Path) -> str:
    """Classify recordings of every kind."""
    result = es.classify("e0103", leads=["V4"], start=10.0, end=60)
    result = es.classify(path, leads="V4", model="context", record_model=path, progress=lambda done, whole: None)
    result = es.classify(np.zeros(5000, dtype=np.int16), fs=500, unit="uV", name="mine")
    result = es.classify([0.1, 0.2, 0.3], fs=250)
    recording = es.read_record("demo", leads=["V5"], end=30)
    result = es.classify(recording)
    assert_type(result, es.Result)
    assert_type(recording.samples, NDArray[np.float64])
    assert_type(recording.leads, tuple[str, ...])
    for beat in result:
        assert_type(beat, Beat)
        assert_type(beat.label, Literal["N", "S", "V", "F", "Q"])
        assert_type(beat.probabilities.V, float)
        assert_type(beat.probabilities[2], float)
        assert_type(beat.rr_ms, float | None)
    assert_type(result.events, tuple[Event, ...])
    assert_type(result.rhythms, tuple[Rhythm, ...])
    assert_type(result.alerts, tuple[Alert, ...])
    assert_type(result.summary, es.Summary)
    times, ms = result.rr(normal=True)
    assert_type(times, NDArray[np.float64])
    marks, lines = result.write("out")
    assert_type(marks, Path)
    table = result.to_frame()
    score = es.score(("e0103", "atr"), result)
    score = es.score((np.arange(3), ["N", "V", "N"]), lines, fs=250, start=0, label_map="bxb")
    assert_type(score.v.sensitivity, float | None)
    assert_type(score.counts["Vn"], int)
    return f"{len(result)} beats, {ms.mean():.0f} ms, {len(table)} rows, {score!r}, {es.__version__}"


def chunks(samples: NDArray[np.float64]) -> list[Beat]:
    """Push what a device sends."""
    pipeline = es.Pipeline()
    found = []
    for start in range(0, len(samples), 25):
        for output in pipeline.push(es.Chunk(start, 250.0, ("II",), samples[start : start + 25])):
            assert_type(output, Beat | Event | Rhythm | Alert | St)
            if isinstance(output, es.Beat):
                found.append(output)
    state = pipeline.snapshot()
    pipeline.restore(state)
    pipeline.flush()
    return found


def always_normal(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Classify beats, of ``(n, len(FEATURES))``."""
    columns = [es.FEATURES.index("rr_s")]
    return np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (len(features[:, columns]), 1))


class Loudness:
    """A stage of one's own: an event for each loud second."""

    delay = 0

    def __init__(self, fs: float, leads: tuple[str, ...], start: int) -> None:
        self._fs, self._leads, self._next = fs, leads, start

    def push(self, x: es.Signal, /) -> list[tuple[int, es.Event]]:
        self._next += len(x.samples)
        last = self._next - 1
        return [(last, es.Event(last, last / self._fs, "note", detail="loud"))] if x.good.any() else []

    def flush(self) -> list[tuple[int, es.Event]]:
        return []

    def snapshot(self) -> dict[str, Any]:
        return {"next": self._next}

    def restore(self, state: dict[str, Any]) -> None:
        self._next = state["next"]


def arrays(device: list[list[float]]) -> None:
    """Push samples that say nothing of themselves, with a classifier and a stage of one's own."""
    pipeline = es.Pipeline(fs=250, leads=["II"], unit="uV", model="context", detector="qrs")
    pipeline = es.Pipeline(always_normal, fs=250, leads="II", stages=[Loudness])
    for samples in device:
        assert_type(pipeline.push(samples), list[Beat | Event | Rhythm | Alert | St])
    pipeline.push(np.zeros((10, 1), np.float32))
    es.classify("demo", model=always_normal)


async def live(device: AsyncIterator[es.Chunk]) -> None:
    """Await beats."""
    async for output in es.stream(device):
        assert_type(output, Beat | Event | Rhythm | Alert | St)
    async for output in es.stream("demo", speed="max"):
        assert output.time >= 0


def lawful(make: type[es.Pipeline], signal: NDArray[np.float64]) -> None:
    """Check a stage of one's own."""
    try:
        testing.check_stage(make, signal)
        for law in es.testing.LAWS:
            law(testing.Subject(make, (signal,)))
    except es.errors.RequestError as error:
        raise SystemExit(str(error)) from None
