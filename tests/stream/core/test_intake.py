"""What callers have, brought to what the stages take; what cannot be is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.errors import StreamError
from ecg_stream.stream.core.intake import as_samples

TWO = np.array([[0.5, -1.0], [0.25, 2.0], [0.0, 0.125]])


@pytest.mark.parametrize(
    "samples",
    [
        TWO.tolist(),
        [tuple(row) for row in TWO],
        TWO.astype(np.float32),
        TWO.astype(">f8"),
        np.asfortranarray(TWO),
        np.repeat(TWO, 2, axis=0)[::2],
        np.ma.masked_array(TWO, mask=False),
    ],
    ids=["list", "tuples", "float32", "big-endian", "fortran", "strided", "masked"],
)
def test_what_holds_the_same_numbers_is_the_same(samples):
    x = as_samples(samples, 2)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x, TWO)


def test_samples_that_are_right_are_not_copied():
    assert as_samples(TWO, 2) is TWO


def test_one_dimension_is_one_lead():
    np.testing.assert_array_equal(as_samples([1, 2, 3]), [[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(as_samples(np.array([1, 2, 3], np.int16), 1), [[1.0], [2.0], [3.0]])
    assert as_samples([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("unit", "millivolts"), [("mV", 500.0), ("uV", 0.5), ("µV", 0.5), ("μV", 0.5), ("V", 500_000.0), ("nV", 0.0005)]
)
def test_units_become_millivolts(unit, millivolts):
    given = np.array([500], dtype=np.int16)
    np.testing.assert_allclose(as_samples(given, unit=unit), [[millivolts]], rtol=1e-15)
    assert given[0] == 500


def test_what_was_not_measured_is_nan():
    expected = [[1.0, np.nan]]
    np.testing.assert_array_equal(as_samples([[1.0, None]]), expected)
    np.testing.assert_array_equal(as_samples(np.ma.masked_array([[1, 2]], mask=[[False, True]])), expected)


@pytest.mark.parametrize(
    ("samples", "n_leads", "unit", "message"),
    [
        (np.zeros(5), 2, "mV", r"shape \(5,\): valid is \(n_samples, 2\)$"),
        (np.zeros((2, 1000)), 2, "mV", r"shape \(2, 1000\): valid is \(n_samples, 2\): turn them with \.T"),
        (np.zeros((2, 1000)), None, "mV", r"shape \(2, 1000\): .*: turn them with \.T"),
        (np.zeros((5, 3)), 2, "mV", r"shape \(5, 3\): valid is \(n_samples, 2\)$"),
        (np.zeros((5, 0)), None, "mV", r"shape \(5, 0\)"),
        (np.zeros((5, 2, 1)), 2, "mV", r"shape \(5, 2, 1\)"),
        (1.0, None, "mV", r"shape \(\): valid is \(n_samples, n_leads\), or \(n_samples,\) of one lead"),
        ([[1, 2], [3]], 2, "mV", r"no array of numbers \(list\)"),
        ("II", None, "mV", "type <U2"),
        ([b"1"], None, "mV", "type |S1"),
        (np.zeros((5, 2), complex), 2, "mV", "type complex128: valid are integers and floating-point"),
        (np.zeros((5, 2), bool), 2, "mV", "type bool"),
        ([1.0], 1, "mmHg", r"unit 'mmHg': valid are V, mV, uV \(or µV\) and nV"),
    ],
)
def test_what_is_no_signal_is_refused_in_one_line(samples, n_leads, unit, message):
    with pytest.raises(StreamError, match=message) as refused:
        as_samples(samples, n_leads, unit)
    assert "\n" not in str(refused.value)
