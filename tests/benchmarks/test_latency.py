"""Latency and throughput under pytest-benchmark: ``pytest tests/benchmarks --benchmark-enable``.

Figures are recorded, not asserted. The same measurements, as a table, are ``ecg-stream bench``.
"""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

from ecg_stream.offline.bench import pipeline as bench
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.pipeline import Models, Pipeline, load_models


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models()


@pytest.fixture(scope="module")
def stream(request: pytest.FixtureRequest) -> Chunk:
    """Two minutes to measure; where nothing is measured, enough for the same calls."""
    measuring = request.config.getoption("--benchmark-enable")
    return bench.whole(demo_record(), 120.0 if measuring else 15.0)


def test_delay_from_r_peak_to_label(benchmark, models, stream):
    figures = benchmark.pedantic(bench.delay_ms, (models, stream), rounds=1)
    benchmark.extra_info["delay_ms"] = figures
    assert 0 < figures["p50"] <= figures["max"]


@pytest.mark.parametrize("chunk_ms", bench.CHUNK_MS)
def test_compute_time_per_chunk(benchmark, models, stream, chunk_ms):
    pipeline = Pipeline(models)
    chunks = cycle(bench.cut(stream, chunk_ms))
    at = [0]

    def step() -> None:
        chunk = next(chunks)
        pipeline.push(Chunk(at[0], chunk.fs, chunk.leads, chunk.samples))
        at[0] += len(chunk.samples)

    benchmark(step)
    benchmark.extra_info["compute_ms"] = bench.compute_ms(models, stream, chunk_ms)


def test_samples_per_second(benchmark, models, stream):
    chunks = bench.cut(stream, 10_000.0)
    assert benchmark(bench.run, models, chunks)
    benchmark.extra_info |= bench.throughput(models, stream, rounds=1)


def test_tick_of_a_ward(benchmark, models, stream):
    rounds, n = 50, round(bench.TICK_S * stream.fs)
    ward = bench.Ward(models, stream, 200, rounds)
    ticks = iter(range(rounds))
    benchmark.pedantic(ward.take, setup=lambda: ((ward.messages(next(ticks)),), {}), rounds=rounds)
    assert ward.samples in (200 * n, 200 * n * rounds)  # where nothing is measured there is one round
    ward.close()
    benchmark.extra_info["patients"] = 200


@pytest.mark.parametrize(("fs", "n_leads"), [(128, 2), (250, 1), (250, 2), (250, 3), (250, 12), (500, 2), (1000, 2)])
def test_growth_with_rate_and_leads(benchmark, models, stream, fs, n_leads):
    times = np.arange(0.0, len(stream.samples) / stream.fs, 1.0 / fs)
    columns = [np.interp(times, np.arange(len(stream.samples)) / stream.fs, lead) for lead in stream.samples.T]
    samples = np.column_stack([columns[lead % len(columns)] for lead in range(n_leads)])
    grown = Chunk(0, float(fs), tuple(f"lead {lead + 1}" for lead in range(n_leads)), samples)
    chunks = bench.cut(grown, 10_000.0)
    assert benchmark(bench.run, models, chunks)
    benchmark.extra_info |= {
        "compute_ms_of_100_ms": bench.compute_ms(models, grown, 100.0),
        "state_kb": bench.state_kb(models, grown),
        **bench.throughput(models, grown),
    }
