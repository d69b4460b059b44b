"""What the live classifier costs on this machine: delay, compute time, throughput, patients per core, memory.

All times but the start-up's are CPU time of the thread that does the work: on an idle core that is wall time, and what
other programs take does not count. What is repeated is given as the median of the rounds.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...replay.record import Record
from ...replay.recording import full_speed_chunk_ms
from ...stream.core.messages import Beat, Chunk, Output
from ...stream.pipeline import Models, Pipeline
from ...stream.run.turn import Limits
from ...stream.service.codec import Wave, encode_wave
from ...stream.service.core import Core
from ...stream.service.ledger import NoLedger
from ...stream.service.topics import Topics

CHUNK_MS = (20.0, 100.0, 500.0, 10_000.0)
TICK_S = 0.2
WARD_TICKS = 50
WARM_TICKS = 10
"""Ticks not counted, in which patients are taken on."""
WARD_STARTS_S = 10.0
"""The patients of a ward are one record, each from another place in its first seconds: beats do not coincide."""
START_UPS = 3

Figures = dict[str, float]


def percentiles(values: Sequence[float] | NDArray[np.float64], *wanted: float) -> Figures:
    """Give the wanted percentiles and the maximum, as ``{"p50": ..., "max": ...}``; empty for no values."""
    if not len(values):
        return {}
    found = {f"p{each:g}": round(float(np.percentile(values, each)), 4) for each in wanted}
    return {**found, "max": round(float(np.max(values)), 4)}


def whole(record: Record, seconds: float | None = None) -> Chunk:
    """Give the first seconds of a record, or all of it, as one chunk."""
    n = record.n_samples if seconds is None else min(record.n_samples, round(seconds * record.fs))
    return Chunk(0, record.fs, record.leads, record.signal(0, n))


def cut(chunk: Chunk, chunk_ms: float) -> list[Chunk]:
    """Cut a chunk into shorter ones."""
    n = max(1, round(chunk_ms * chunk.fs / 1000.0))
    places = range(0, len(chunk.samples), n)
    return [Chunk(chunk.start + a, chunk.fs, chunk.leads, chunk.samples[a : a + n]) for a in places]


def delay_ms(models: Models, stream: Chunk) -> Figures:
    """Stream time from each R peak to the sample at which it was labelled."""
    pipeline = Pipeline(models)
    outputs: list[Output] = pipeline.push(stream) + pipeline.flush()
    return percentiles([output.delay_ms for output in outputs if isinstance(output, Beat)], 50, 95, 99)


def compute_ms(models: Models, stream: Chunk, chunk_ms: float) -> Figures:
    """CPU time for each chunk of one patient, ms."""
    pipeline, times = Pipeline(models), []
    for chunk in cut(stream, chunk_ms):
        before = time.thread_time_ns()
        pipeline.push(chunk)
        times.append((time.thread_time_ns() - before) / 1e6)
    return percentiles(times, 50, 99)


def throughput(models: Models, stream: Chunk, rounds: int = 5) -> Figures:
    """Full speed: multiples of real time, and lead-samples a second."""
    chunks = cut(stream, full_speed_chunk_ms(stream.fs, len(stream.leads)))
    seconds = median_seconds(lambda: run(models, chunks), rounds)
    return {
        "realtime_factor": round(len(stream.samples) / stream.fs / seconds, 1),
        "lead_samples_per_s": round(stream.samples.size / seconds),
    }


def run(models: Models, chunks: Sequence[Chunk]) -> list[Output]:
    """Take chunks through a pipeline of their own."""
    pipeline = Pipeline(models)
    outputs = [output for chunk in chunks for output in pipeline.push(chunk)]
    return outputs + pipeline.flush()


def median_seconds(work: Callable[[], Any], rounds: int = 5) -> float:
    """CPU time of `work`, the median of the rounds."""
    times = []
    for _ in range(rounds):
        before = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - before) / 1e9)
    return float(np.median(times))


class Ward:
    """A ward without its network: the core that `subscribe` and each shard of a fleet run, and messages to feed it.

    The messages are decoded, wait, and are taken in turns; the beats of a turn are labelled in one call and their lines
    written; nobody reads them.

    Parameters
    ----------
    models
        See `load_models`.
    stream
        The record of all patients, each from another place in its first seconds.
    patients
        How many.
    ticks
        For so many the record is to be long enough.
    """

    def __init__(self, models: Models, stream: Chunk, patients: int, ticks: int) -> None:
        self._core = Core(models, NoLedger(), Limits(patients=patients), Topics(), publish=False)
        self._runner = asyncio.Runner()
        self._stream = stream
        self._n = round(TICK_S * stream.fs)
        latest = max(1, min(round(WARD_STARTS_S * stream.fs), len(stream.samples) - self._n * ticks))
        self._starts = ((np.arange(patients) * 7919) % latest).tolist()

    def messages(self, tick: int) -> list[tuple[str, bytes]]:
        """Give what the patients publish in a tick."""
        first = tick * self._n
        rows = (self._stream.samples[start + first : start + first + self._n] for start in self._starts)
        chunks = (Chunk(first, self._stream.fs, self._stream.leads, samples) for samples in rows)
        return [(f"bed-{bed}", encode_wave(Wave(chunk), "msgpack")) for bed, chunk in enumerate(chunks)]

    def take(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Take messages, until none waits."""
        for patient, payload in messages:
            self._core.take(patient, payload, time.monotonic())
        self._runner.run(self._core.drain())

    @property
    def samples(self) -> int:
        """How many went through the pipelines; those of all leads at one time count once."""
        return int(self._core.metrics.registry.get_sample_value("ecg_stream_samples_total") or 0)

    def close(self) -> None:
        """End its event loop."""
        self._runner.close()


def ward_ticks(models: Models, stream: Chunk, patients: int, ticks: int = WARD_TICKS) -> list[float]:
    """CPU time of each tick of a ward, ms: every patient's next `TICK_S` is a message, and all of them come at once."""
    ward = Ward(models, stream, patients, ticks + WARM_TICKS)
    times = []
    for tick in range(ticks + WARM_TICKS):
        if tick == WARM_TICKS:  # what has been taken on stays: the collector need not look at it again
            gc.collect()
            gc.freeze()
        messages = ward.messages(tick)
        before = time.thread_time_ns()
        ward.take(messages)
        times.append((time.thread_time_ns() - before) / 1e6)
    gc.unfreeze()
    ward.close()
    return times[WARM_TICKS:]


def patients_per_core(models: Models, stream: Chunk, patients: int = 2000) -> dict[str, Any]:
    """How many patients one core holds on a 200 ms tick, by the median tick of a ward that is run in full."""
    times = np.array(ward_ticks(models, stream, patients))
    return {
        "patients_per_core": int(patients * 1000.0 * TICK_S / float(np.median(times))),
        "ward": {"patients": patients, "tick_ms": 1000.0 * TICK_S, "compute_ms": percentiles(times, 50, 99)},
    }


def state_kb(models: Models, stream: Chunk, patients: int = 50) -> float:
    """Memory that each patient's pipeline holds, kB: what Python and NumPy have allocated for it."""
    chunks = cut(stream, 1000.0)
    kept = []
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(patients):
            pipeline = Pipeline(models)
            for chunk in chunks:
                pipeline.push(chunk)
            kept.append(pipeline)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return round((after - before) / patients / 1000.0, 1)


def hours(models: Models, stream: Chunk, n_hours: int = 24) -> dict[str, Any]:
    """Stream the record over and over for hours: memory that grew, and what the last hour costs of the first."""
    chunks = cut(stream, 10_000.0)
    pipeline, start, rounds = Pipeline(models), 0, 0
    per_hour: list[float] = []
    memory: list[int] = []
    gc.collect()
    tracemalloc.start()
    try:
        for hour in range(n_hours):
            cost = 0
            while start < (hour + 1) * 3600 * stream.fs:
                chunk = chunks[rounds % len(chunks)]
                moved = Chunk(start, chunk.fs, chunk.leads, chunk.samples)
                before = time.thread_time_ns()
                pipeline.push(moved)
                cost += time.thread_time_ns() - before
                start += len(chunk.samples)
                rounds += 1
            per_hour.append(cost / 1e9)
            gc.collect()
            memory.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return {
        "hours": n_hours,
        "growth_kb": round((memory[-1] - memory[0]) / 1000.0, 1),
        "last_hour_to_first": round(per_hour[-1] / per_hour[0], 3),
    }


def start_up_s(command: Sequence[str]) -> float:
    """Wall time from starting `command`, such as a replay of the demo, to its first line: the best of `START_UPS`."""
    best = float("inf")
    for _ in range(START_UPS):
        before = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            best = min(best, time.perf_counter() - before)
            process.stdout.read()
    return round(best, 2)
