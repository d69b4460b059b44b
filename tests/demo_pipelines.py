"""Pipelines on the demo record: made, fed and looked through, for the tests of what comes out of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Beat, Chunk, Event, Output
from ecg_stream.stream.pipeline import Pipeline

FS = 250.0
LEADS = ("MLII", "V5")


def make() -> Pipeline:
    return Pipeline()


def feed(pipeline: Pipeline, start: int, samples: np.ndarray) -> list[Output]:
    return pipeline.push(Chunk(start, FS, LEADS, samples))


def feed_indexed(pipeline: Pipeline, start: int, samples: np.ndarray, index: np.ndarray) -> list[Output]:
    """Push samples that carry their own index, a chunk for each run without a hole."""
    outputs: list[Output] = []
    edges = [0, *(np.flatnonzero(np.diff(index) != 1) + 1).tolist(), len(index)]
    for a, b in pairwise(edges):
        if a < b:
            outputs += pipeline.push(Chunk(int(index[a]), FS, LEADS, samples[a:b]))
    return outputs


def demo(seconds: float = 40.0) -> np.ndarray:
    return demo_record().signal(0, round(seconds * FS)).copy()


def with_faults() -> np.ndarray:
    x = demo()
    x[2500:2900, 0] = np.nan
    x[3500:4200] = x[3499]
    x[5000:5200, 1] = 10.0
    x[6000:6500] = np.inf
    return x


def run(x: np.ndarray, fs: float = FS, leads: tuple[str, ...] = LEADS, start: int = 0) -> list[Output]:
    pipeline = make()
    return pipeline.push(Chunk(start, fs, leads, x)) + pipeline.flush()


def beats(outputs: list[Output]) -> list[Beat]:
    return [output for output in outputs if isinstance(output, Beat)]


def events(outputs: list[Output]) -> list[Event]:
    return [output for output in outputs if isinstance(output, Event)]


def decided(output: Output) -> int:
    assert isinstance(output, Beat)
    return output.sample + round(output.delay_ms * FS / 1000)
