"""The high-pass: the laws, its response, and its start."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from ecg_stream.errors import StreamError
from ecg_stream.stream.signal.highpass import HighPass
from ecg_stream.testing import LAWS, Subject

FS = 250.0


def make() -> HighPass:
    return HighPass(FS, 2)


def signal(n: int = 3000) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, 2)).cumsum(axis=0)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, (signal(),)))


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 500.0, 1000.0])
def test_is_the_butterworth_filter_of_scipy(fs):
    x = signal()
    sos = scipy.signal.butter(1, 0.5, "highpass", fs=fs, output="sos")
    zi = scipy.signal.sosfilt_zi(sos)[:, :, np.newaxis] * x[0]
    expected, _ = scipy.signal.sosfilt(sos, x, axis=0, zi=zi)
    np.testing.assert_allclose(HighPass(fs, 2).push(x), expected, rtol=0, atol=1e-10)


def test_an_offset_gives_no_start_up_step():
    x = np.full((500, 2), 5.0) + np.array([0.0, -300.0])
    assert np.all(HighPass(FS, 2).push(x) == 0.0)


def test_an_empty_first_chunk_does_not_prime():
    x = np.full((10, 2), 5.0)
    stage = make()
    assert stage.push(x[:0]).shape == (0, 2)
    assert np.all(stage.push(x) == 0.0)


def test_removes_wander_and_keeps_the_qrs_band():
    t = np.arange(0, 60, 1 / FS)[:, np.newaxis]
    slow, fast = np.sin(2 * np.pi * 0.05 * t), np.sin(2 * np.pi * 10 * t)
    one = HighPass(FS, 1)
    assert np.abs(one.push(slow)[2000:]).max() < 0.11
    assert np.abs(HighPass(FS, 1).push(fast)[2000:]).max() > 0.99


def test_refuses_another_shape_and_a_foreign_snapshot():
    with pytest.raises(StreamError, match=r"takes \(n_samples, 2\)"):
        make().push(np.zeros((5, 3)))
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        make().restore(HighPass(FS, 3).snapshot())
    with pytest.raises(StreamError, match="no 'zi'"):
        make().restore({"primed": True})


def test_refuses_a_cut_off_above_half_the_rate():
    with pytest.raises(ValueError, match="must be between 0 and 50"):
        HighPass(100.0, 1, cutoff_hz=60.0)
