"""Pacing spikes as an amplifier would sample them, to be added to records.

A pacemaker's pulse is a rectangle of 0.5 to 2 ms, steeper than anything that a heart does. A tail may follow: what the
pulse has charged flows off again, the other way round (the overshoot of IEC 60601-2-27). What a record holds of it is
what its anti-alias filter leaves, at a phase of its grid that is different each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal as sp

from ..stream.core.messages import Samples

AMPLITUDE_MV = (0.5, 10.0)
WIDTH_S = (0.0005, 0.002)
TAIL_SHARE, TAIL_S = (0.025, 0.15), (0.004, 0.060)
"""The overshoot begins with this share of the pulse, to the other side, and falls to a third in this time."""
SECOND_LEAD = (0.3, 1.0)
"""A second lead sees this share of it, either way up."""
FINE = 32
"""Steps from one sample to the next in which the pulse is made."""
PASSED = 0.4
"""Cut-off of the anti-alias filter, as a share of the sampling rate: Bessel, of order four, as amplifiers have that
must not ring."""
REACH_S = 0.25


@dataclass(frozen=True, slots=True)
class Spike:
    """A pacing spike before it is sampled.

    Attributes
    ----------
    amplitudes_mv
        In each lead.
    width_s
        Of the pulse.
    tail_share, tail_s
        Of the overshoot: its height as a share of the pulse, and its time constant. A share of 0 is none.
    """

    amplitudes_mv: tuple[float, ...]
    width_s: float
    tail_share: float = 0.0
    tail_s: float = 0.02


def drawn(rng: np.random.Generator, n_leads: int, *, tail: bool) -> Spike:
    """Draw a spike: its amplitude on a logarithmic scale, all else evenly."""
    amplitude = np.exp(rng.uniform(*np.log(AMPLITUDE_MV))) * rng.choice([-1.0, 1.0])
    shares = [1.0, *(rng.uniform(*SECOND_LEAD, n_leads - 1) * rng.choice([-1.0, 1.0], n_leads - 1))]
    return Spike(
        tuple(float(amplitude * share) for share in shares),
        float(rng.uniform(*WIDTH_S)),
        float(rng.uniform(*TAIL_SHARE)) if tail else 0.0,
        float(rng.uniform(*TAIL_S)),
    )


def add(signal: Samples, fs: float, spike: Spike, at_s: float) -> None:
    """Add a spike to ``(n_samples, n_leads)`` at `fs` Hz, in place; it begins `at_s` seconds after the first sample."""
    first = int(np.floor(at_s * fs))
    fine_fs = fs * FINE
    t = (np.arange(round(REACH_S * fs) * FINE) + 0.5) / fine_fs - (at_s - first / fs)
    pulse = np.clip(0.5 + t * fine_fs, 0.0, 1.0) - np.clip(0.5 + (t - spike.width_s) * fine_fs, 0.0, 1.0)
    after = np.maximum(t - spike.width_s, 0.0)
    pulse -= np.where(t > spike.width_s, spike.tail_share * np.exp(-after / spike.tail_s), 0.0)
    wave = sp.sosfilt(_anti_alias(FINE), pulse)[::FINE]
    n = min(len(wave), len(signal) - first)
    for lead, amplitude in enumerate(spike.amplitudes_mv):
        signal[first : first + n, lead] += amplitude * wave[:n]


@lru_cache(maxsize=4)
def _anti_alias(fine: int) -> NDArray[np.float64]:
    sos: NDArray[np.float64] = sp.bessel(4, PASSED / fine, fs=1.0, norm="mag", output="sos")
    return sos
