"""Bringing a window to the rate of the model."""

import numpy as np
import pytest
import scipy.signal

from ecg_stream.errors import RecordError
from ecg_stream.stream.strip.input import lead_columns, model_input, window_samples

RATES = [100.0, 128.0, 200.0, 250.0, 257.0, 360.0, 500.0, 1000.0, 128.3]


def tones(fs: float, hertz: list[float]) -> np.ndarray:
    time = np.arange(window_samples(fs)) / fs
    return np.stack([np.sin(2 * np.pi * f * time + f) for f in hertz], axis=1)


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("rate", [100.0, 500.0])
def test_what_both_rates_carry_passes(fs, rate):
    hertz = [0.7, 5.0, 17.0, 30.0, 35.0]
    got = model_input(tones(fs, hertz), fs, rate)
    assert got.shape == (1, window_samples(rate), 5)
    assert got.dtype == np.float32
    inner = slice(round(0.2 * rate), -round(0.2 * rate))
    np.testing.assert_allclose(got[0, inner], tones(rate, hertz)[inner], atol=2e-3)


@pytest.mark.parametrize("fs", [250.0, 360.0, 500.0, 1000.0])
def test_what_the_model_rate_cannot_carry_does_not_fold_back(fs):
    got = model_input(tones(fs, [60.0, 85.0]), fs, 100.0)
    assert np.abs(got[0, 20:-20]).max() < 2e-3


def test_agrees_with_scipy_resample_poly():
    x = np.random.default_rng(2).normal(size=(5000, 3)).cumsum(axis=0)
    x -= x.mean(axis=0)
    expected = scipy.signal.resample_poly(x, 1, 5, axis=0, window=("kaiser", 6.0))
    got = model_input(x, 500.0, 100.0)[0]
    assert np.corrcoef(got[20:-20].ravel(), expected[20:-20].ravel())[0, 1] > 0.9999


def test_the_same_rate_is_left_alone_and_input_unchanged():
    x = tones(100.0, [3.0])
    before = x.copy()
    np.testing.assert_array_equal(model_input(x, 100.0, 100.0)[0], x.astype(np.float32))
    model_input(x, 100.0, 500.0)
    np.testing.assert_array_equal(x, before)


def test_columns_by_name_in_any_case():
    assert lead_columns(("II", "AVR", "i"), ("I", "aVR"), what="record x") == [2, 1]
    assert lead_columns(("DII", "ECG aVR", "Lead I"), ("I", "aVR", "II"), what="record x") == [2, 1, 0]
    assert lead_columns(("D1", "I"), ("I",), what="record x") == [0]
    with pytest.raises(RecordError, match=r"record x has the leads MLII, V5: .* cannot do without I, II; choose"):
        lead_columns(("MLII", "V5"), ("I", "II"), what="record x")
