"""Chunks as callers make them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ecg_stream.errors import StreamError
from ecg_stream.stream.core.messages import Chunk


def chunk(**fields) -> Chunk:
    return Chunk(**{"start": 3, "fs": 250.0, "leads": ("II", "V5"), "samples": np.array([[1.0, np.nan]])} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"leads": ["II", "V5"]},
        {"leads": np.array(["II", "V5"])},
        {"samples": [[1, None]]},
        {"samples": np.array([[1, np.nan]], np.float32)},
        {"start": np.int64(3)},
        {"fs": 250},
        {"fs": np.float32(250)},
    ],
    ids=str,
)
def test_other_types_of_the_same_are_the_same_chunk(fields):
    made = chunk(**fields)
    assert made == chunk()
    assert (type(made.start), type(made.fs), type(made.leads)) == (int, float, tuple)
    assert made.samples.dtype == np.float64


def test_one_lead_may_be_given_as_a_name_and_one_dimension():
    assert chunk(leads="II", samples=[1, 2]) == chunk(leads=("II",), samples=np.array([[1.0], [2.0]]))


@pytest.mark.parametrize(
    "fields", [{"start": 4}, {"fs": 360.0}, {"leads": ("II", "V1")}, {"samples": [[1, 2]]}, {"samples": []}], ids=str
)
def test_chunks_that_differ_are_not_equal(fields):
    assert chunk(**fields) != chunk()


def test_a_chunk_is_equal_to_no_other_thing():
    assert chunk() != 3
    assert chunk() != (3, 250.0, ("II", "V5"))


def test_a_chunk_travels():
    assert pickle.loads(pickle.dumps(chunk())) == chunk()


def test_samples_of_the_right_type_are_not_copied():
    x = np.zeros((5, 2))
    assert chunk(samples=x).samples is x


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": 1.5}, "1.5 as the index of a chunk's first sample: valid is a whole number"),
        ({"start": None}, "None as the index"),
        ({"fs": "250"}, "'250' as the sampling rate: valid is a number, in hertz"),
        ({"fs": np.float32("nan")}, "nan.* as the sampling rate"),
        ({"leads": None}, r"None as the leads: valid are names, such as \['II', 'V5'\]"),
        ({"leads": [0, 1]}, r"\[0, 1\] as the leads"),
        ({"leads": ["II", "II"]}, "the leads II, II: valid are names of which no two are the same"),
        ({"samples": np.zeros(5)}, r"shape \(5,\): valid is \(n_samples, 2\)"),
    ],
)
def test_what_is_no_chunk_is_refused_in_one_line(fields, message):
    with pytest.raises(StreamError, match=message):
        chunk(**fields)
