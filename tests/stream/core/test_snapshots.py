from __future__ import annotations

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecg_stream.errors import SnapshotError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes, write_atomically
from ecg_stream.stream.pipeline import Pipeline

NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
ARRAYS = arrays.arrays(
    st.sampled_from(["<f8", "<f4", "<i8", "<i2", "|b1", "|u1"]), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
)
PAIR = np.dtype([("n", np.int64), ("e", np.float64, (2, 3))])
RECORDS = arrays.arrays(
    st.sampled_from([PAIR, np.dtype([("gap", np.bool_)]), np.dtype([("one", PAIR), ("both", PAIR, (2,))])]),
    arrays.array_shapes(min_dims=1, max_dims=2, min_side=0),
)
STATES = st.dictionaries(
    st.text(),
    st.recursive(
        st.one_of(NUMBERS, ARRAYS, RECORDS), lambda s: st.lists(s) | st.dictionaries(st.text(), s), max_leaves=8
    ),
)


def assert_same(one: object, other: object) -> None:
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        assert other.flags.writeable
    elif isinstance(one, dict):
        assert isinstance(other, dict)
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert isinstance(other, list)
        assert len(one) == len(other)
        for each, its in zip(one, other, strict=True):
            assert_same(each, its)
    elif isinstance(one, float):
        assert isinstance(other, float)
        assert struct.pack("d", one) == struct.pack("d", other)
    else:
        assert (type(one), one) == (type(other), other)


@given(STATES)
def test_round_trip(state) -> None:
    assert_same(state, from_bytes(to_bytes(state)))


def test_a_pipeline_goes_on_from_bytes_exactly() -> None:
    chunks = list(demo_record(seconds=60).chunks(333))
    whole, first, second = Pipeline(), Pipeline(), Pipeline()
    expected = [output for chunk in chunks for output in whole.push(chunk)] + whole.flush()
    outputs = [output for chunk in chunks[:80] for output in first.push(chunk)]
    second.restore(from_bytes(to_bytes(first.snapshot())))
    outputs += [output for chunk in chunks[80:] for output in second.push(chunk)] + second.flush()
    assert outputs == expected


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"raw", np.array([object()]), lambda: None], ids=lambda value: type(value).__name__
)
def test_what_no_snapshot_may_hold(value) -> None:
    with pytest.raises(TypeError):
        to_bytes({"value": value})


@given(st.data())
def test_damage_is_noticed(data) -> None:
    blob = bytearray(to_bytes({"a": np.arange(20.0), "b": [1, "two", None]}))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SnapshotError):
        from_bytes(bytes(blob))


@given(st.binary(max_size=200))
def test_what_is_no_snapshot(blob) -> None:
    with pytest.raises(SnapshotError):
        from_bytes(blob)


def test_another_format() -> None:
    blob = to_bytes({})
    with pytest.raises(SnapshotError, match="format 9"):
        from_bytes(blob[:4] + b"\x09\x00" + blob[6:])


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    path = tmp_path / "p.state"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnapshotError, match="No space left"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
