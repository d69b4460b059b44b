"""Beats as they are decided, in a program that runs asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.errors import RequestError, StreamError

SECONDS = 30


@pytest.fixture(scope="module")
def recording() -> es.Recording:
    return es.read_record("demo", end=SECONDS)


@pytest.fixture(scope="module")
def expected(recording) -> list[es.Beat | es.Event]:
    return list(es.classify(recording).outputs)


async def device(samples: np.ndarray, n: int = 37) -> AsyncIterator[np.ndarray]:
    for k in range(0, len(samples), n):
        await asyncio.sleep(0)
        yield samples[k : k + n]


async def gathered(outputs: AsyncIterator[es.Beat | es.Event]) -> list[es.Beat | es.Event]:
    return [output async for output in outputs]


async def test_arrays_are_counted(recording, expected):
    given = await gathered(es.stream(device(recording.samples), 250, leads=recording.leads))
    assert given == expected


async def test_one_lead_in_microvolts(recording):
    given = await gathered(es.stream(device(recording.samples[:, 0] * 1000), fs=250, unit="uV"))
    rows = recording.samples[:, 0]
    assert [output.sample for output in given] == [output.sample for output in es.classify(rows, fs=250).outputs]


async def test_chunks_count_by_themselves(recording):
    async def with_a_hole() -> AsyncIterator[es.Chunk]:
        for start in (0, 250, 750, 1000):
            yield es.Chunk(start, 250, ["MLII", "V5"], recording.samples[start : start + 250])

    kinds = [output.kind for output in await gathered(es.stream(with_a_hole())) if isinstance(output, es.Event)]
    assert kinds[0] == "gap"


async def test_a_record_is_played(expected, recording):
    assert await gathered(es.stream(recording, speed="max")) == expected
    assert await gathered(es.stream(recording, speed=1e6)) == expected


async def test_a_beat_comes_when_it_is_decided_and_not_later(recording):
    """The source waits for the first beat before it gives more than is needed for it."""
    came = asyncio.Event()

    async def source() -> AsyncIterator[np.ndarray]:
        yield recording.samples[:2500]
        await asyncio.wait_for(came.wait(), 30)
        yield recording.samples[2500:]

    async for _ in es.stream(source(), fs=250):
        came.set()


async def test_a_source_is_closed_with_the_stream(recording):
    closed = []

    async def source() -> AsyncIterator[np.ndarray]:
        try:
            while True:
                yield recording.samples
        finally:
            closed.append(True)

    given = source()
    outputs = es.stream(given, fs=250)
    await anext(outputs)
    await outputs.aclose()
    assert closed == [True]


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ([[0.0]], {"fs": 250}, RequestError, "got a list to stream from: valid is an async iterable"),
        ("no-such-record", {}, RequestError, "no record 'no-such-record'"),
        ("demo", {"leads": ["aVF"]}, RequestError, "no lead 'aVF'"),
        ("demo", {"speed": 0}, RequestError, "speed of 0"),
        ("demo", {"speed": "fast"}, RequestError, "speed of 'fast'"),
        ("demo", {"model": "none"}, RequestError, "no model 'none'"),
        (device(np.zeros(3)), {"unit": "mmHg"}, StreamError, "unit 'mmHg'"),
    ],
)
def test_what_cannot_be_is_told_by_the_call(source, options, error, message):
    with pytest.raises(error, match=message):
        es.stream(source, **options)


async def test_samples_without_a_rate_are_told():
    with pytest.raises(StreamError, match="without a sampling rate"):
        await gathered(es.stream(device(np.zeros(50))))
