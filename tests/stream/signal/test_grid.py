"""The detection grid: the laws, where its samples stand, and what it lets through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal

from ecg_stream.errors import StreamError
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.signal.grid import GRID_HZ, LOW_PASS_HZ, Grid
from ecg_stream.testing import LAWS, Subject

RATES = (50.0, 100.0, 125.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0)


class GridRows:
    """The grid as a stage that gives a list: time of completion, samples, validity."""

    def __init__(self, fs: float = 360.0) -> None:
        self.grid = Grid(fs, 2)
        self.snapshot, self.restore = self.grid.snapshot, self.grid.restore

    def push(self, x: np.ndarray, good: np.ndarray) -> list[Any]:
        (samples, valid), completed = self.grid.push(Signal(x, good))
        return list(zip(completed.tolist(), samples.tolist(), valid.tolist(), strict=True))

    def flush(self) -> list[Any]:
        return []


def noise(n: int = 4000, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


def all_good(x: np.ndarray) -> np.ndarray:
    return np.ones(x.shape, dtype=np.bool_)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    x = noise()
    good = all_good(x)
    good[1000:1200, 1] = False
    law(Subject(GridRows, (x, good), decided=lambda row: row[0]))


@pytest.mark.parametrize("fs", RATES)
def test_samples_stand_at_multiples_of_8_ms_and_come_two_samples_later(fs):
    x = noise(round(8 * fs))
    grid = Grid(fs, 2)
    (samples, _), completed = grid.push(Signal.all_good(x))
    position = np.arange(len(samples)) * fs / GRID_HZ
    assert len(samples) == np.sum(np.arange(2000) * fs / GRID_HZ < len(x) - 2)
    np.testing.assert_array_equal(completed, np.floor(position) + grid.delay)


@pytest.mark.parametrize("fs", [125.0, 250.0, 500.0, 1000.0])
def test_where_the_grid_meets_the_samples_it_is_the_low_pass_of_scipy(fs):
    x = noise()
    sos = scipy.signal.butter(2, LOW_PASS_HZ, fs=fs, output="sos")
    expected = scipy.signal.sosfilt(sos, x, axis=0)
    (samples, _), _ = Grid(fs, 2).push(Signal.all_good(x))
    np.testing.assert_allclose(samples, expected[:: round(fs / GRID_HZ)][: len(samples)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 1000.0])
def test_a_wave_of_the_qrs_band_is_the_same_at_every_rate(fs):
    def seen(rate: float) -> np.ndarray:
        t = np.arange(round(10 * rate)) / rate
        wave = np.exp(-0.5 * (((t % 1.0) - 0.5) / 0.015) ** 2)
        x = np.stack([wave, -2.0 * wave], axis=1)
        return Grid(rate, 2).push(Signal.all_good(x)).signal.samples

    reference = seen(2000.0)
    got = seen(fs)
    n = min(len(got), len(reference))
    assert np.abs(got[:n] - reference[:n]).max() < 0.06 * np.abs(reference).max()


@pytest.mark.parametrize("fs", RATES)
def test_it_is_stable(fs):
    x = np.zeros((round(20 * fs), 2))
    x[0] = 1000.0
    (samples, _), _ = Grid(fs, 2).push(Signal.all_good(x))
    assert np.abs(samples[-100:]).max() < 1e-9


def test_a_grid_sample_is_good_when_all_that_it_is_made_of_is():
    x = noise(100)
    good = all_good(x)
    good[50, 0] = False
    (_, valid), _ = Grid(GRID_HZ, 2).push(Signal(x, good))
    np.testing.assert_array_equal(np.flatnonzero(~valid[:, 0]), [48, 49, 50, 51])
    assert valid[:, 1].all()


def test_flush_gives_the_last_value_once():
    x = np.cumsum(noise(100), axis=0)
    grid = Grid(GRID_HZ, 2)
    assert len(grid.flush().completed_at) == 0
    grid.push(Signal.all_good(x))
    (held, valid), completed = grid.flush()
    assert held.shape == valid.shape == (1, 2)
    assert valid.all()
    assert completed.tolist() == [99]
    longer = Grid(GRID_HZ, 2)
    (samples, _), _ = longer.push(Signal.all_good(np.concatenate([x, x[-1:], x[-1:]])))
    np.testing.assert_array_equal(held[0], samples[99])


def test_refuses_a_foreign_snapshot():
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        Grid(250.0, 2).restore(Grid(250.0, 3).snapshot())
