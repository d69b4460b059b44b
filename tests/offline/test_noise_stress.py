from dataclasses import replace

import numpy as np
import pytest

from ecg_stream.errors import RecordError
from ecg_stream.offline.noise_stress import stressed
from ecg_stream.offline.training_records import qrs_height
from ecg_stream.replay.catalog import find_record


class _Walk:
    """Noise of two leads, with an offset that must not count as power."""

    def __init__(self, n):
        self.samples = np.random.default_rng(3).standard_normal((n, 2)) * [0.5, 2.0] + 7.0

    def read(self, start, stop):
        return self.samples[start:stop]

    def annotations(self, extension):
        return None


@pytest.fixture(scope="module")
def demo():
    return find_record("demo")


@pytest.fixture(scope="module")
def noise(demo):
    n = 40_000
    return replace(demo, name="noise", fs=360.0, n_samples=n, source=_Walk(n))


@pytest.mark.parametrize("snr_db", [6.0, 0.0, -6.0])
def test_the_ratio_in_the_noisy_stretches_is_the_one_asked_for(demo, noise, snr_db):
    added = stressed(demo, noise, snr_db).signal() - demo.signal()
    seconds = np.arange(len(added)) / demo.fs
    noisy = (seconds >= 300) & (seconds < 420)
    height = qrs_height(demo.signal(), demo.annotations("atr").beats().samples, demo.fs)
    power = np.nanvar(added[noisy], axis=0)
    # White noise loses a part of its power when it is interpolated from 360 Hz to the rate of the record.
    np.testing.assert_allclose(10 * np.log10(height**2 / 8 / power), snr_db, atol=2.0)
    clean = (seconds < 300) | ((seconds >= 420) & (seconds < 540))
    assert np.nanmax(np.abs(added[clean])) == 0.0


def test_a_stretch_has_the_same_noise_read_at_once_or_in_parts(demo, noise):
    record = stressed(demo, noise, 0.0)
    first, last = round(295 * demo.fs), round(310 * demo.fs)
    whole = record.signal(first, last)
    parts = np.concatenate([record.signal(n, min(n + 977, last)) for n in range(first, last, 977)])
    np.testing.assert_array_equal(whole, parts)


def test_marks_stay_and_a_record_without_them_is_refused(demo, noise):
    np.testing.assert_array_equal(
        stressed(demo, noise, 0.0).annotations("atr").samples, demo.annotations("atr").samples
    )
    with pytest.raises(RecordError, match="no beats marked"):
        stressed(noise, noise, 0.0)
