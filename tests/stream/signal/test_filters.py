"""Filter designs and the section loop, held against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from ecg_stream.stream.signal.filters import butter_highpass, sos_filter_in_place, steady_state

RATES = [100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0]


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("cutoff", [0.05, 0.5, 5.0, 49.0])
def test_highpass_design_is_scipys(fs, cutoff):
    expected = scipy.signal.butter(1, cutoff, "highpass", fs=fs, output="sos")
    np.testing.assert_allclose(butter_highpass(cutoff, fs), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cutoff", [0.0, 50.0, 60.0])
def test_a_cutoff_out_of_range_is_refused(cutoff):
    with pytest.raises(ValueError, match="between 0 and 50"):
        butter_highpass(cutoff, 100.0)


def test_section_loop_is_sosfilt_with_carried_state():
    rng = np.random.default_rng(2)
    sos = scipy.signal.butter(4, [5, 15], "bandpass", fs=250, output="sos")
    x = rng.normal(size=(1000, 3))
    zi = np.zeros((len(sos), 2, 3))
    expected, expected_zi = scipy.signal.sosfilt(sos, x, axis=0, zi=zi)
    for part in np.split(x, [1, 17, 400]):  # views: what is filtered stands in `x`
        sos_filter_in_place(sos, part, zi, np.ones(1, dtype=np.bool_))
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(zi, expected_zi, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fs", RATES)
def test_steady_state_is_scipys(fs):
    band = scipy.signal.butter(1, (5.0, 15.0), "bandpass", fs=fs, output="sos")
    sos = np.concatenate([band, [[0.2, 0.3, 0.1, 1.0, -0.4, 0.1]], butter_highpass(0.5, fs)])
    x = np.array([1.0, -2.0])
    expected = scipy.signal.sosfilt_zi(sos)[:, :, np.newaxis] * x
    zi = np.empty_like(expected)
    steady_state(sos, x, zi)
    np.testing.assert_allclose(zi, expected, rtol=0, atol=1e-10)
