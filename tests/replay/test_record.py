"""Chunks of a record: every sample once, in order, however it is cut; parts and leads that are not there."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.errors import RecordError
from ecg_stream.replay import record as record_module
from ecg_stream.replay.annotations import Annotations
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record, Signal
from ecg_stream.stream.core.messages import Samples


class Ramp:
    """A source whose sample i of lead j is i + j/10; counts what it is asked for."""

    def __init__(self, n_leads: int) -> None:
        self.n_leads = n_leads
        self.largest = 0

    def read(self, start: int, stop: int) -> Samples:
        self.largest = max(self.largest, stop - start)
        return np.arange(start, stop)[:, None] + np.arange(self.n_leads) / 10

    def annotations(self, extension: str) -> Annotations | None:
        return None


def ramp_record(n_samples: int, fs: float = 250.0, leads: tuple[str, ...] = ("I", "V5", "v5", "MLII")) -> Record:
    signals = tuple(Signal(lead, "mV", 200, 0, 12, fs) for lead in leads)
    return Record("ramp", None, fs, leads, n_samples, signals, (), Ramp(len(leads)))


@given(
    n_samples=st.integers(1, 3000),
    fs=st.sampled_from([100.0, 128.0, 250.0, 360.0, 1000.0, 257.123]),
    chunk_ms=st.floats(0.5, 60_000),
    part=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    block=st.integers(1, 2000),
)
def test_chunks_cover_the_part_exactly(
    n_samples: int, fs: float, chunk_ms: float, part: tuple[float, float], block: int
) -> None:
    record = ramp_record(n_samples, fs)
    start_s, end_s = (share * record.seconds for share in sorted(part))
    try:
        first, last = record.sample_range(start_s, end_s)
    except RecordError:
        assert round(start_s * fs) >= min(round(end_s * fs), n_samples)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_module, "BLOCK_VALUES", block)
        chunks = list(record.chunks(chunk_ms, start_s, end_s))
    assert chunks[0].start == first
    assert all(a.start + len(a.samples) == b.start for a, b in itertools.pairwise(chunks))
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), record.signal(first, last))
    longest = max(chunk_ms * fs / 1000, 1)
    assert all(np.floor(longest) <= len(chunk.samples) <= np.ceil(longest) for chunk in chunks[:-1])


def test_chunks_do_not_drift_where_they_are_no_whole_number_of_samples() -> None:
    chunks = list(ramp_record(128 * 1000, fs=128.0).chunks(100))
    assert len(chunks) == 10_000
    assert {len(chunk.samples) for chunk in chunks} == {12, 13}
    assert chunks[5000].start == 64_000


def test_a_long_record_is_read_in_blocks() -> None:
    record = ramp_record(2_000_000)
    total = sum(len(chunk.samples) for chunk in record.chunks(100))
    assert total == 2_000_000
    assert isinstance(record.source, Ramp)
    assert record.source.largest * len(record.leads) <= record_module.BLOCK_VALUES


def test_a_chunk_says_what_it_is() -> None:
    (chunk, *_) = ramp_record(1000).chunks(100, start_s=2, leads=["MLII", "I"])
    assert (chunk.start, chunk.fs, chunk.leads) == (500, 250.0, ("MLII", "I"))
    np.testing.assert_allclose(chunk.samples[0], [500.3, 500.0])


@pytest.mark.parametrize(
    ("leads", "columns"),
    [
        (["I"], [0]),
        (["v5", "V5"], [2, 1]),
        (["mlii"], [3]),
        (["3", "0"], [3, 0]),
        (["I", "0", "i"], [0]),
    ],
)
def test_leads_go_by_name_or_index(leads: list[str], columns: list[int]) -> None:
    assert ramp_record(10).lead_indices(leads) == columns


def test_a_name_goes_before_an_index() -> None:
    assert ramp_record(10, leads=("1", "0")).lead_indices(["1"]) == [0]


@pytest.mark.parametrize("lead", ["V9", "4", "-1", "", "²", "1.0"])
def test_a_lead_that_is_not_there_is_told(lead: str) -> None:
    message = f"record ramp has no lead '{lead}': valid are I, V5, v5, MLII, or 0 to 3"
    with pytest.raises(RecordError, match=re.escape(message)):
        ramp_record(10).chunks(100, leads=[lead])
    with pytest.raises(RecordError, match="no lead of record ramp is named"):
        ramp_record(10).chunks(100, leads=[])


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(-1, None), (4, None), (5, None), (3, 3), (3, 2), (0, -1), (float("nan"), None), (0, float("nan"))],
)
def test_a_part_that_is_not_there_is_told(start_s: float, end_s: float | None) -> None:
    with pytest.raises(RecordError, match=r"record ramp .*valid is 0 <= start < end <= 4$"):
        ramp_record(1000).chunks(100, start_s, end_s)


def test_a_part_without_a_sample_is_told() -> None:
    with pytest.raises(RecordError, match=r"has no sample from 1\.001 to 1\.0015 s"):
        ramp_record(1000).chunks(100, 1.001, 1.0015)


@pytest.mark.parametrize("chunk_ms", [0, -5, float("nan"), float("inf")])
def test_a_chunk_length_that_cannot_be_is_told(chunk_ms: float) -> None:
    with pytest.raises(RecordError, match=r"chunk of .* ms cannot be cut: valid is a number above 0"):
        ramp_record(1000).chunks(chunk_ms)


@pytest.mark.parametrize("chunk_ms", [4000, 1e12, 1.7e308])
def test_a_chunk_may_be_longer_than_the_record(chunk_ms: float) -> None:
    (chunk,) = ramp_record(1000).chunks(chunk_ms)
    assert chunk.samples.shape[0] == 1000


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 1001)])
def test_samples_that_are_not_there_are_told(start: int, stop: int) -> None:
    with pytest.raises(RecordError, match=f"no samples {start} to {stop}: valid are 0 to 1000"):
        ramp_record(1000).signal(start, stop)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        demo_record().name = "other"  # type: ignore[misc]


def test_an_end_behind_the_end_is_the_end() -> None:
    record = ramp_record(1000)
    assert record.sample_range(2.0, 99.0) == record.sample_range(2.0, float("inf")) == (500, 1000)
    assert sum(len(chunk.samples) for chunk in record.chunks(100, end_s=5000)) == 1000


def test_some_leads_of_a_record_are_a_record() -> None:
    chosen = ramp_record(1000).choose(["MLII", "0"])
    assert chosen.leads == ("MLII", "I")
    np.testing.assert_allclose(chosen.signal(10, 11), [[10.3, 10.0]])
    with pytest.raises(RecordError, match="valid are MLII, I, or 0 to 1"):
        chosen.choose(["V5"])
