"""Pacing spikes: the laws, what is found and what is left, at any rate and any phase, and what is no spike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.errors import StreamError
from ecg_stream.offline.made_spikes import Spike, add
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.signal.highpass import HighPass
from ecg_stream.stream.signal.spikes import LOWEST_RATE_HZ, SpikeRemover
from ecg_stream.testing import LAWS, Subject

RATES = (250.0, 360.0, 500.0, 1000.0, 2000.0)
LAG_S = 0.04


def make(fs: float = 250.0, n_leads: int = 2) -> SpikeRemover:
    return SpikeRemover(fs, n_leads, round(LAG_S * fs))


def quiet(fs: float, seconds: float = 6.0, n_leads: int = 2) -> np.ndarray:
    """A slow wave with a little noise."""
    rng = np.random.default_rng(5)
    t = np.arange(round(seconds * fs))[:, np.newaxis] / fs
    return 0.1 * np.sin(2.0 * np.pi * 0.8 * t) + rng.normal(scale=0.003, size=(len(t), n_leads))


def paced_demo() -> np.ndarray:
    """Twenty seconds of the demo with a spike of either shape every 0.7 s."""
    x = demo_record().signal(0, 5000).copy()
    for k, at in enumerate(np.arange(1.0, 19.0, 0.7)):
        add(x, 250.0, Spike((4.0, -2.0), 0.001, 0.1 * (k % 2), 0.03), float(at))
    return HighPass(250.0, 2).push(x)


class InTime:
    """The stage as one that gives arrays: the signal of the detector."""

    def __init__(self) -> None:
        self.stage = make()
        self.delay, self.snapshot, self.restore = self.stage.delay, self.stage.snapshot, self.stage.restore

    def push(self, x: np.ndarray) -> np.ndarray:
        return self.stage.push(Signal.all_good(x)).begun().samples

    def flush(self) -> np.ndarray:
        return self.stage.flush().begun().samples


class Late(InTime):
    """What is to be taken off the signal of the other path; where nothing is, there are zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.delay, self.seen = round(LAG_S * 250.0), 0
        self.snapshot = lambda: {**self.stage.snapshot(), "seen": self.seen}
        self.restore = self._restore

    def _restore(self, state: dict) -> None:
        self.seen = state["seen"]
        self.stage.restore(state)

    def push(self, x: np.ndarray) -> np.ndarray:
        spikes = self.stage.push(Signal.all_good(x)).spikes
        n = min(len(x), max(0, self.seen + len(x) - self.delay))
        self.seen += len(x)
        return spikes if len(spikes) else np.zeros((n, 2))

    def flush(self) -> np.ndarray:
        spikes = self.stage.flush().spikes
        return spikes if len(spikes) else np.zeros((min(self.seen, self.delay), 2))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", [InTime, Late])
def test_laws(law, kind):
    law(Subject(kind, (paced_demo(),)))


@settings(max_examples=40, deadline=None)
@given(
    fs=st.sampled_from(RATES),
    at=st.floats(4.0, 4.1),
    width_s=st.sampled_from([0.0005, 0.001, 0.002]),
    amplitude=st.sampled_from([-10.0, -4.0, 4.0, 10.0]),
)
def test_a_spike_is_found_where_it_is_and_little_is_left_of_it(fs, at, width_s, amplitude):
    plain = quiet(fs)
    x = plain.copy()
    add(x, fs, Spike((amplitude, -0.5 * amplitude), width_s), at)
    stage = make(fs)
    clean = np.concatenate([stage.push(Signal.all_good(x)).begun().samples, stage.flush().begun().samples])
    begun = round(at * fs)
    found = stage.around(np.array([begun, begun - round(0.1 * fs), begun + round(0.1 * fs)]), (round(0.006 * fs),) * 2)
    assert found.tolist() == [True, False, False]
    # Beside what passes of it before it is steep, the signal stands still for as long as it was there.
    assert np.abs(clean - plain).max() < 0.06 * abs(amplitude)
    assert np.array_equal(clean[: begun - 3], plain[: begun - 3])


@pytest.mark.parametrize("fs", RATES)
def test_both_paths_lose_the_same(fs):
    x = quiet(fs)
    for at in (2.0, 3.1, 4.3):
        add(x, fs, Spike((5.0, 2.0), 0.001, 0.1, 0.02), at)
    stage = make(fs)
    first, rest = stage.push(Signal.all_good(x)), stage.flush()
    clean = np.concatenate([first.begun().samples, rest.begun().samples])
    spikes = np.concatenate([first.spikes, rest.spikes if len(rest.spikes) else np.zeros((round(LAG_S * fs), 2))])
    np.testing.assert_array_equal(x - spikes, clean)
    assert np.abs(spikes).max() > 0.5


def test_an_overshoot_goes_with_its_spike_and_what_follows_stays():
    fs = 500.0
    plain = quiet(fs)
    plain[2100:2140] += np.hanning(40)[:, np.newaxis]  # a wave that begins 0.2 s after the spike
    x = plain.copy()
    add(x, fs, Spike((8.0, -6.0), 0.001, 0.12, 0.03), 4.0)
    clean = make(fs).push(Signal.all_good(x)).begun().samples
    left, before = clean - plain[: len(clean)], x[: len(clean)] - plain[: len(clean)]
    assert np.abs(before[2010:2050]).max() > 0.5
    assert np.abs(left[2010:2050]).max() < 0.25
    assert np.abs(left[2100:2140]).max() < 0.1


@pytest.mark.parametrize("phase", np.arange(0.0, 1.0, 0.125))
def test_what_passes_of_a_spike_at_its_begin_does_not_stay(phase):
    fs = 1000.0
    plain = quiet(fs)
    x = plain.copy()
    add(x, fs, Spike((8.0, -5.0), 0.001, 0.08, 0.03), 4.0 + phase / fs)
    clean = make(fs).push(Signal.all_good(x)).begun().samples
    assert np.abs((clean - plain[: len(clean)])[4010:4040].mean(axis=0)).max() < 0.05


def test_a_signal_without_spikes_passes_bit_for_bit():
    x = HighPass(250.0, 2).push(demo_record().signal(0, 25_000))
    stage = make()
    given = stage.push(Signal.all_good(x))
    assert np.array_equal(given.begun().samples, x[: -stage.delay])
    assert np.array_equal(stage.flush().begun().samples, x[-stage.delay :])
    assert len(given.spikes) == 0


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("height", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("half_width_s", [0.010, 0.020])
def test_a_narrow_qrs_complex_is_none(fs, height, half_width_s):
    """The narrowest of children last 40 ms, of which half is the R wave."""
    x = quiet(fs)
    t = np.arange(len(x)) / fs
    for at in np.arange(1.0, 5.5, 0.4):
        wave = np.maximum(0.0, 1.0 - np.abs(t - at) / half_width_s)
        wave -= 0.2 * np.maximum(0.0, 1.0 - np.abs(t - at + 1.5 * half_width_s) / half_width_s)
        x += height * wave[:, np.newaxis]
    given = make(fs).push(Signal.all_good(x))
    assert len(given.spikes) == 0


def test_the_first_wave_of_a_steep_qrs_complex_is_none():
    """A recorder that cannot follow makes a triangle of the Q wave: 0.64 mV from sample to sample, down, up, and on."""
    x = quiet(250.0, n_leads=1)
    x[500:510, 0] += np.array([-0.4, -1.05, -0.42, 0.22, 0.86, 1.5, 2.1, 1.5, 0.8, 0.2])
    stage = SpikeRemover(250.0, 1, 10)
    stage.push(Signal.all_good(x))
    assert not stage.around(np.array([500]), (5, 5)).any()


def test_what_is_no_measurement_is_none():
    x = quiet(250.0)
    add(x, 250.0, Spike((5.0, 5.0), 0.001), 3.0)
    good = np.ones(x.shape, dtype=np.bool_)
    good[745:755] = False
    assert len(make().push(Signal(x, good)).spikes) == 0
    assert len(make().push(Signal.all_good(x)).spikes)


def test_at_low_rates_all_passes_without_delay():
    x = quiet(LOWEST_RATE_HZ - 1.0)
    x[500] += 5.0
    stage = SpikeRemover(LOWEST_RATE_HZ - 1.0, 2, 9)
    given = stage.push(Signal.all_good(x))
    assert stage.delay == 0
    assert given.begun().samples is x
    assert len(given.spikes) == len(stage.flush().begun().samples) == 0
    assert not stage.around(np.array([500]), (10, 10)).any()


def test_one_that_begins_in_mid_stream_gives_what_its_followers_wait_for():
    x = quiet(250.0)
    fresh, behind = SpikeRemover(250.0, 2, 10, 1000, behind=False), SpikeRemover(250.0, 2, 10, 1000)
    assert len(fresh.push(Signal.all_good(x)).begun().samples) == len(x)
    assert len(behind.push(Signal.all_good(x)).begun().samples) == len(x) - behind.delay
    assert not SpikeRemover(250.0, 2, 10, 1000, behind=False).push(Signal.all_good(x)).begun().good[: fresh.delay].any()


def test_refuses_a_foreign_snapshot():
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        make(1000.0).restore(make(250.0).snapshot())
