from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from fake_pipeline import FakePipeline, done
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.stream.core.messages import Beat, Chunk, Event
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes
from ecg_stream.stream.service.codec import Wave
from ecg_stream.stream.service.session import MAX_HELD_BYTES, Ordering, PatientSession

FS = 250.0
SIGNAL = np.random.default_rng(5).normal(size=(5000, 2))


def cut(start: int, stop: int) -> Chunk:
    return Chunk(start, FS, ("I", "II"), SIGNAL[start:stop])


def consecutive(chunks: list[Chunk]) -> list[tuple[int, int]]:
    """The stretches that chunks cover one after the other; each chunk must hold the signal of its place."""
    stretches: list[tuple[int, int]] = []
    for chunk in chunks:
        stop = chunk.start + len(chunk.samples)
        np.testing.assert_array_equal(chunk.samples, SIGNAL[chunk.start : stop])
        if stretches and stretches[-1][1] == chunk.start:
            stretches[-1] = (stretches[-1][0], stop)
        else:
            stretches.append((chunk.start, stop))
    return stretches


def test_what_is_in_order_passes_at_once() -> None:
    ordering = Ordering()
    for start in range(0, 1000, 100):
        assert consecutive(ordering.take(cut(start, start + 100))) == [(start, start + 100)]


def test_duplicates_are_dropped_and_overlaps_trimmed() -> None:
    ordering = Ordering()
    ordering.take(cut(0, 200))
    assert ordering.take(cut(0, 200)) == []
    assert ordering.take(cut(50, 200)) == []
    assert ordering.duplicates == 2
    assert consecutive(ordering.take(cut(100, 300))) == [(200, 300)]


def test_short_reordering_is_mended() -> None:
    ordering = Ordering()
    assert consecutive(ordering.take(cut(0, 100))) == [(0, 100)]
    assert ordering.take(cut(200, 300)) == []
    assert ordering.take(cut(300, 400)) == []
    assert consecutive(ordering.take(cut(100, 200))) == [(100, 400)]


def test_a_hole_is_given_up_when_the_stream_is_two_seconds_beyond_it() -> None:
    ordering = Ordering()
    ordering.take(cut(0, 100))
    for start in range(200, 600, 100):
        assert ordering.take(cut(start, start + 100)) == []
    assert consecutive(ordering.take(cut(600, 700))) == [(200, 700)]
    assert ordering.take(cut(100, 200)) == []


def test_a_long_hole_is_given_up_at_once() -> None:
    ordering = Ordering()
    ordering.take(cut(0, 100))
    assert consecutive(ordering.take(cut(4000, 4100))) == [(4000, 4100)]


def test_the_end_gives_what_is_held() -> None:
    ordering = Ordering()
    ordering.take(cut(0, 100))
    ordering.take(cut(150, 200))
    ordering.take(cut(250, 300))
    assert consecutive(ordering.drain()) == [(150, 200), (250, 300)]


def test_what_is_held_is_bounded() -> None:
    ordering = Ordering(max_held=10)
    ordering.take(cut(0, 1))
    for start in range(10, 40):
        ordering.take(cut(start, start + 1))
        assert ordering.held <= 10


@settings(deadline=None)
@given(st.data())
def test_any_reordering_within_the_bound_and_any_duplicates_are_mended(data) -> None:
    bounds = sorted({0, 5000, *data.draw(st.lists(st.integers(1, 4999), max_size=60))})
    pieces = [(a, b) for a, b in pairwise(bounds) if b - a < 400]
    # A piece may come as long as the stream is not 500 samples beyond its begin.
    order = sorted(pieces[1:], key=lambda piece: piece[1] + data.draw(st.integers(0, 90)))
    again = data.draw(st.lists(st.sampled_from(order), max_size=10)) if order else []
    ordering = Ordering()
    out = [part for piece in pieces[:1] for part in ordering.take(cut(*piece))]
    for piece in order:
        out += ordering.take(cut(*piece))
        for other in again:
            if other[1] <= (ordering.next or 0):
                out += ordering.take(cut(*other))
    out += ordering.drain()
    seen = [index for start, stop in consecutive(out) for index in range(start, stop)]
    assert seen == sorted(set(seen))
    assert set(seen) <= {index for a, b in pieces for index in range(a, b)}
    if all(b == a for (_, b), (a, _) in pairwise(pieces)):
        assert consecutive(out) == [(pieces[0][0], pieces[-1][1])] if pieces else not out


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4900), st.integers(1, 100)), min_size=1, max_size=60), st.integers(0, 59))
def test_whatever_comes_nothing_comes_twice_and_a_snapshot_changes_nothing(arrivals, where) -> None:
    one, other = Ordering(), Ordering()
    outs: list[list[Chunk]] = [[], []]
    for number, (start, length) in enumerate(arrivals):
        if number == where:
            state = from_bytes(to_bytes(other.snapshot()))
            other = Ordering()
            other.restore(state)
        outs[0] += one.take(cut(start, start + length))
        outs[1] += other.take(cut(start, start + length))
    outs[0] += one.drain()
    outs[1] += other.drain()
    assert consecutive(outs[0]) == consecutive(outs[1])
    ends = [0]
    for start, stop in consecutive(outs[0]):
        assert start >= ends[-1]
        ends.append(stop)


def session() -> PatientSession:
    return PatientSession("bed-1", FakePipeline(), "s")


def test_steps_and_summary() -> None:
    patient = session()
    steps = done(patient.take(Wave(cut(0, 250)), lag_ms=12.0))
    assert [(step.record, step.lag_ms, len(step.outputs)) for step in steps] == [("bed-1", 12.0, 5)]
    (last,) = done(patient.end())
    assert last.chunk is None
    assert [output.label for output in last.outputs if isinstance(output, Beat)] == ["V"]
    summary = patient.summary()
    assert (summary.samples, summary.beats, summary.lag_ms.max) == (250, 6, 12.0)


def test_a_lost_message_is_told_as_a_gap() -> None:
    patient = session()
    done(patient.take(Wave(cut(0, 250))))
    assert done(patient.take(Wave(cut(500, 750)))) == []
    steps = done(patient.take(Wave(cut(750, 1250))))
    events = [output for step in steps for output in step.outputs if isinstance(output, Event)]
    assert [(event.sample, event.kind) for event in events] == [(250, "gap")]


@pytest.mark.parametrize("broken_at", [1, 7, 19])
def test_a_session_goes_on_in_another_process(broken_at) -> None:
    waves = [Wave(cut(start, start + 100), seq=start // 100, stream="s") for start in range(0, 2000, 100)]
    waves[3], waves[4] = waves[4], waves[3]
    whole, first, second = session(), session(), session()
    expected = [output for wave in waves for step in done(whole.take(wave)) for output in step.outputs]
    outputs = [output for wave in waves[:broken_at] for step in done(first.take(wave)) for output in step.outputs]
    second.restore(from_bytes(to_bytes(first.snapshot())))
    outputs += [output for wave in waves[broken_at:] for step in done(second.take(wave)) for output in step.outputs]
    assert outputs == expected
    assert second.summary().counts == whole.summary().counts
    assert second.summary().delay_ms == whole.summary().delay_ms
    assert second.stream == "s"


def test_what_waits_behind_a_hole_is_bounded_in_bytes() -> None:
    """Chunks that overlap each other, of many leads at a high rate, waited in their hundreds: a gigabyte."""
    ordering = Ordering()
    leads = tuple(f"L{k}" for k in range(16))
    ordering.take(Chunk(0, 5000.0, leads, np.zeros((10, 16))))
    given = 0
    for k in range(600):
        chunk = Chunk(100 + k, 5000.0, leads, np.zeros((8000, 16)))
        given += sum(len(each.samples) for each in ordering.take(chunk))
        assert ordering.held_bytes <= MAX_HELD_BYTES + chunk.samples.nbytes
    assert given <= 9000


def test_small_chunks_that_come_at_once_are_one_step() -> None:
    patient = session()
    done(patient.take(Wave(cut(0, 10))))
    for k in range(400):
        assert done(patient.take(Wave(cut(20 + k, 21 + k)))) == []
    (step,) = done(patient.take(Wave(cut(10, 20))))
    assert step.chunk is not None
    assert consecutive([step.chunk]) == [(10, 420)]
