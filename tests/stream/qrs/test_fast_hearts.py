"""How fast a heart may beat: the limit that the README states."""

from __future__ import annotations

import numpy as np
import pytest

import ecg_stream as es

FS = 250.0
WAVES = ((0.12, -0.045, 0.011), (-0.1, -0.022, 0.007), (1.2, 0.0, 0.009), (-0.25, 0.022, 0.008), (0.25, 0.09, 0.018))
"""P, Q, R, S and T of a fast beat: height, mV, and place and width, s."""


def found(rate: float) -> float:
    """Share of the beats of a made ECG at this rate, a minute, that are found within 75 ms."""
    rng = np.random.default_rng(0)
    times = np.arange(round(60 * FS)) / FS
    peaks = 1 + np.cumsum(60 / rate * (1 + 0.01 * rng.normal(size=round(rate))))
    x = 0.02 * rng.normal(size=len(times))
    for height, place, width in WAVES:
        x += (height * np.exp(-0.5 * ((times - peaks[:, np.newaxis] - place) / width) ** 2)).sum(axis=0)
    beats = np.array([beat.time for beat in es.classify(x, fs=FS, leads=["II"]).beats])
    inside = peaks[(peaks > 10) & (peaks < 58)]
    return float((np.abs(inside[:, np.newaxis] - beats) < 0.075).any(axis=1).mean())


@pytest.mark.parametrize(("rate", "least"), [(250, 0.99), (280, 0.99), (300, 0.8)])
def test_up_to_280_a_minute_every_beat_is_found(rate: float, least: float) -> None:
    assert found(rate) >= least
