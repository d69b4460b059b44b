from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.stream.sources.places import Places

FS = 250.0


def placed(times: np.ndarray, size: int = 20, places: Places | None = None, silence_s: float = 0.0) -> np.ndarray:
    """The place of each sample, taken in blocks."""
    places = places or Places(FS)
    out = []
    for k in range(0, len(times), size):
        block = times[k : k + size].tolist()
        for first, stop, start in places.place(block, silence_s if k == 0 else 0.0):
            assert first == len(out) - k  # the parts follow one another
            out += range(start, start + stop - first)
    return np.array(out)


@pytest.mark.parametrize("size", [1, 7, 20, 1000])
def test_what_was_lost_is_a_gap_of_its_length(size: int) -> None:
    kept = np.r_[0:6000, 6001:9000, 9073:12000]  # one sample, and a packet of a strap
    np.testing.assert_array_equal(placed(1e5 + kept / FS, size), kept)


@pytest.mark.parametrize("drift", [-1e-3, 1e-3])
def test_a_clock_that_drifts_loses_and_invents_nothing(drift: float) -> None:
    n = 600 * int(FS)  # ten minutes: 0.6 s of drift
    np.testing.assert_array_equal(placed(np.arange(n) / FS * (1 + drift), 4096), np.arange(n))


def test_times_of_arrival_scatter_and_are_no_gaps() -> None:
    rng = np.random.default_rng(1)
    n, size = 60 * int(FS), 10
    late = np.repeat(rng.exponential(0.008, n // size), size)
    times = np.arange(n) / FS + late
    np.testing.assert_array_equal(placed(times, size), np.arange(n))
    missing = np.r_[0 : n // 2, n // 2 + 125 : n]
    error = placed(times[missing], size) - missing
    assert np.abs(error).max() <= 13  # half a second was lost; its length is known as well as the times are, 50 ms


@pytest.mark.parametrize("jump_s", [-1000.0, 2e6])
def test_a_clock_that_is_set_anew_is_a_gap_of_the_silence(jump_s: float) -> None:
    places = Places(FS)
    times = np.arange(1000) / FS
    placed(times, places=places)
    after = placed(times + jump_s, places=places, silence_s=4.0)
    np.testing.assert_array_equal(after, 1000 + 1000 + np.arange(1000))


def test_time_of_a_sample_is_its_own_stamp_also_across_a_gap() -> None:
    places = Places(FS)
    kept = np.r_[0:1000, 1200:3000]
    placed(50.0 + kept / FS, places=places)
    for sample in (0, 999, 1200, 2999, 3100):
        assert places.time_of(sample) == pytest.approx(50.0 + sample / FS, abs=1e-6)
    assert Places(FS).time_of(0) is None
