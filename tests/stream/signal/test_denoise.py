"""Wavelet denoising: the laws, exactness against PyWavelets, the noise estimate, and what it does to signals."""

from __future__ import annotations

import numpy as np
import pytest
import pywt

from ecg_stream.errors import StreamError
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.signal.denoise import WaveletDenoiser
from ecg_stream.stream.signal.filter_bank import analysis_filters, level_shares
from ecg_stream.testing import LAWS, Subject

FS = 250.0


def make() -> WaveletDenoiser:
    return WaveletDenoiser(FS, 2)


def noise(n: int = 4000, leads: int = 2, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, leads))


def run(stage: WaveletDenoiser, x: np.ndarray) -> np.ndarray:
    return np.concatenate([stage.push(Signal.all_good(x)), stage.flush()])


def feed(stage: WaveletDenoiser, start: int, x: np.ndarray, good: np.ndarray) -> np.ndarray:
    return stage.push(Signal(x, good))


def ecg_like(n: int, fs: float, width_s: float = 0.012) -> np.ndarray:
    t = np.arange(n) / fs
    phase = (t % 0.8) - 0.4
    return (1.5 * np.exp(-0.5 * (phase / width_s) ** 2) + 0.3 * np.exp(-0.5 * ((phase - 0.25) / 0.04) ** 2))[:, None]


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    x = noise() + np.sin(np.arange(4000) / 20)[:, np.newaxis]
    good = np.ones(x.shape, dtype=np.bool_)
    good[1100:1900, 0] = False
    law(Subject(make, (x, good), feed))


@pytest.mark.parametrize("fs", [128.0, 360.0, 1000.0])
def test_chunks_do_not_matter_at_other_rates(fs):
    x = noise(round(3.3 * fs))
    whole = run(WaveletDenoiser(fs, 2), x)
    stage = WaveletDenoiser(fs, 2)
    parts = [stage.push(Signal.all_good(part)) for part in np.array_split(x, 41)]
    np.testing.assert_array_equal(np.concatenate([*parts, stage.flush()]), whole)


@pytest.mark.parametrize("wavelet", ["haar", "db2", "db6", "sym4"])
@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_with_full_look_ahead_it_is_the_stationary_transform_of_pywavelets(wavelet, levels):
    x, threshold = noise(2048, 1), 1.2
    low, high = analysis_filters(wavelet)
    bank = pywt.Wavelet("minimum-phase", filter_bank=[low[::-1], high[::-1], low, high])
    # PyWavelets' filters run the other way in time.
    details = pywt.swt(x[::-1, 0], bank, level=levels)
    shrunk = [(smooth, pywt.threshold(detail, threshold, "soft")) for smooth, detail in details]
    expected = pywt.iswt(shrunk, bank)[::-1]

    full = (len(low) - 1) * (2**levels - 1)
    stage = WaveletDenoiser(FS, 1, wavelet, full / FS, shares=[1.0] * levels, threshold_mv=threshold)
    got = run(stage, x)[:, 0]
    assert stage.delay == full
    np.testing.assert_allclose(got[full:-full], expected[full:-full], rtol=0, atol=1e-10)


def test_the_filters_have_the_magnitude_of_the_wavelet_and_come_early():
    low, high = analysis_filters("db6")
    wavelet = pywt.Wavelet("db6")
    for ours, theirs in ((low, wavelet.dec_lo), (high, wavelet.dec_hi)):
        np.testing.assert_allclose(np.abs(np.fft.fft(ours, 64)), np.abs(np.fft.fft(theirs, 64)), atol=1e-12)
        assert np.sum(ours[:5] ** 2) > 0.95


@pytest.mark.parametrize(
    ("fs", "shares"),
    [
        (50.0, ()),
        (100.0, (0.5,)),
        (128.0, (0.5,)),
        (250.0, (1.0, 0.5)),
        (360.0, (1.0, 0.5)),
        (500.0, (1.0, 1.0, 0.5)),
        (1000.0, (1.0, 1.0, 1.0, 0.5)),
    ],
)
def test_levels_follow_the_sampling_rate(fs, shares):
    assert level_shares(fs) == shares


def test_a_rate_too_low_for_any_level_passes_unchanged_after_the_delay():
    x = noise(300)
    np.testing.assert_array_equal(run(WaveletDenoiser(50.0, 2), x), x)


def test_without_look_ahead_there_is_no_delay():
    stage = WaveletDenoiser(FS, 2, look_ahead_s=0.0)
    assert stage.delay == 0
    assert len(stage.push(Signal.all_good(noise(100)))) == 100


def test_the_first_window_passes_and_then_noise_is_taken_off():
    x = noise(10_000) * 0.05
    y = run(make(), x)
    np.testing.assert_array_equal(y[: round(FS) - 12], x[: round(FS) - 12])
    assert y[1000:].std() < 0.55 * x[1000:].std()


def test_the_noise_estimate_is_right_for_white_noise_and_follows_slowly():
    stage = WaveletDenoiser(FS, 1)
    sigma = 0.05
    stage.push(Signal.all_good(noise(20_000, 1) * sigma))
    np.testing.assert_allclose(stage.snapshot()["medians"][0] / 0.6745, sigma, rtol=0.1)
    stage.push(Signal.all_good(noise(round(10 * FS), 1) * 2 * sigma))
    np.testing.assert_allclose(stage.snapshot()["medians"][0] / 0.6745, sigma * (2 - np.exp(-1)), rtol=0.1)


def test_samples_that_are_not_good_do_not_feed_the_noise_estimate():
    x = noise(10_000, 1) * 0.05
    good = np.ones(x.shape, dtype=np.bool_)
    x[5000:7000] = 0.0
    good[5000:7000] = False
    stage = WaveletDenoiser(FS, 1)
    stage.push(Signal(x, good))
    np.testing.assert_allclose(stage.snapshot()["medians"][0] / 0.6745, 0.05, rtol=0.1)


@pytest.mark.parametrize("gain", [2.0**-10, 8.0, 1 / 3])
def test_a_gain_goes_through(gain):
    x = noise() + ecg_like(4000, FS)
    np.testing.assert_allclose(run(make(), x * gain), run(make(), x) * gain, rtol=0, atol=1e-12 * gain)


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 500.0, 1000.0])
def test_a_clean_qrs_keeps_its_height_and_its_place(fs):
    x = ecg_like(round(30 * fs), fs)
    y = run(WaveletDenoiser(fs, 1), x)
    for beat in range(5, 35):
        near = slice(round((0.8 * beat + 0.3) * fs), round((0.8 * beat + 0.5) * fs))
        assert abs(int(np.argmax(y[near])) - int(np.argmax(x[near]))) <= 1
        assert y[near].max() > 0.97 * x[near].max()


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 500.0, 1000.0])
def test_the_error_of_a_noisy_ecg_is_less(fs):
    clean = ecg_like(round(40 * fs), fs)
    noisy = clean + 0.05 * noise(len(clean), 1)
    error = run(WaveletDenoiser(fs, 1), noisy) - clean
    assert np.mean(error**2) < 0.75 * np.mean((noisy - clean) ** 2)


def test_a_short_look_ahead_keeps_nearly_all_that_the_full_one_gives():
    clean = ecg_like(20_000, FS)
    noisy = clean + 0.05 * noise(len(clean), 1)

    def taken(look_ahead_s: float) -> float:
        error = (run(WaveletDenoiser(FS, 1, look_ahead_s=look_ahead_s), noisy) - clean)[1000:-1000]
        return float(np.mean((noisy - clean) ** 2) - np.mean(error**2))

    full = taken(33 / FS)
    assert taken(0.040) > 0.97 * full
    assert taken(0.0) < 0.1 * full


def test_flush_of_a_stream_shorter_than_the_delay_gives_all_of_it():
    x = noise(5)
    np.testing.assert_array_equal(run(make(), x), x)


def test_requests_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="orthogonal"):
        WaveletDenoiser(FS, 1, "bior2.2")
    with pytest.raises(ValueError, match="negative"):
        WaveletDenoiser(FS, 1, look_ahead_s=-0.1)
    with pytest.raises(StreamError, match="mask of shape"):
        make().push(Signal(noise(10), np.ones((9, 2), dtype=np.bool_)))
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        make().restore(WaveletDenoiser(500.0, 2).snapshot())
