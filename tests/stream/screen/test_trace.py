import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.screen.trace import Trace, draw

LEADS = ("V4", "MLIII")
RATES = st.sampled_from([100.0, 128.0, 250.0, 360.0, 500.0, 1000.0])


def chunks_of(samples: np.ndarray, cuts: list[int], fs: float, start: int = 0) -> list[Chunk]:
    edges = sorted({0, len(samples), *(cut % (len(samples) + 1) for cut in cuts)})
    return [Chunk(start + a, fs, LEADS, samples[a:b]) for a, b in itertools.pairwise(edges)]


def trace_of(chunks: list[Chunk], columns: int = 64) -> Trace:
    trace = Trace(columns)
    for chunk in chunks:
        trace.push(chunk)
    return trace


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 10_000), max_size=8), RATES, st.integers(0, 10**7))
def test_the_trace_does_not_depend_on_how_the_stream_is_cut(seed: int, cuts: list[int], fs: float, start: int) -> None:
    samples = np.random.default_rng(seed).normal(size=(2000, 2))
    samples[300:420] = np.nan
    whole = trace_of(chunks_of(samples, [], fs, start)).window(40)
    cut = trace_of(chunks_of(samples, cuts, fs, start)).window(40)
    assert whole[0] == cut[0]
    np.testing.assert_array_equal(whole[1], cut[1])
    np.testing.assert_array_equal(whole[2], cut[2])


@given(st.integers(0, 499), RATES)
def test_a_spike_of_one_sample_reaches_the_top(where: int, fs: float) -> None:
    samples = np.zeros((500, 2))
    samples[where, 0] = 3.0
    _, low, high = trace_of(chunks_of(samples, [], fs), columns=200).window(160)
    drawn = draw(low[:, 0], high[:, 0], -1.0, 3.0, rows=6)
    assert set(drawn[0]) > {"⠀"}


def test_what_was_not_measured_is_not_drawn() -> None:
    samples = np.zeros((1000, 2))
    samples[500:750] = np.nan
    _, low, high = trace_of(chunks_of(samples, [], 250.0), columns=100).window(100)
    (line,) = draw(low[:, 0], high[:, 0], -1.0, 1.0, rows=1)
    assert line == "⠤" * 25 + "⠀" * 12 + "⠠" + "⠤" * 12


def test_missing_samples_leave_a_hole_and_time_goes_on() -> None:
    chunks = [Chunk(0, 250.0, LEADS, np.zeros((250, 2))), Chunk(500, 250.0, LEADS, np.ones((250, 2)))]
    trace = trace_of(chunks, columns=100)
    first, low, _ = trace.window(76)
    assert first == 0
    assert np.isnan(low[25:50]).all()
    np.testing.assert_array_equal(low[:25], 0.0)
    np.testing.assert_array_equal(low[50:75], 1.0)


def test_other_leads_begin_a_new_trace() -> None:
    trace = trace_of([Chunk(0, 250.0, LEADS, np.zeros((250, 2)))])
    trace.push(Chunk(250, 250.0, ("I",), np.ones((20, 1))))
    _, low, _ = trace.window(4)
    assert trace.leads == ("I",)
    np.testing.assert_array_equal(low[:, 0], [np.nan, 1.0, 1.0, np.nan])


@pytest.mark.parametrize("chunk", [Chunk(0, 250.0, LEADS, np.zeros((0, 2))), Chunk(0, 250.0, (), np.zeros((9, 0)))])
def test_nothing_is_a_trace_too(chunk: Chunk) -> None:
    _, low, high = trace_of([chunk]).window(10)
    assert low.shape == high.shape
    assert len(low) == 10


def test_strokes_join_into_one_line() -> None:
    up_and_down = np.array([0.0, 0.0, 4.0, 4.0, 0.0, 0.0])
    assert draw(up_and_down, up_and_down, 0.0, 4.0, rows=2) == ["⠀⣿⠀", "⣸⠀⣇"]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=60).filter(lambda values: len(values) % 2 == 0))
def test_a_line_has_no_break(values: list[float]) -> None:
    level = np.array(values)
    lines = draw(level, level, -4.0, 4.0, rows=3)
    lit = np.zeros((12, len(values)), dtype=bool)
    for row, line in enumerate(lines):
        for cell, character in enumerate(line):
            for bit, (dy, dx) in enumerate([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]):
                lit[4 * row + dy, 2 * cell + dx] = bool((ord(character) - 0x2800) >> bit & 1)
    assert lit.any(axis=0).all()
    for left, right in zip(lit.T, lit.T[1:], strict=False):
        a, b = np.flatnonzero(left), np.flatnonzero(right)
        assert a[0] <= b[-1] + 1
        assert b[0] <= a[-1] + 1
