"""The stages in their order, for one stream of fixed rate and leads: samples in, described beats out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .beats.windows import BeatWindows, DescribedBeats
from .core.messages import Event, Samples
from .core.stage import State
from .qrs.apart import APART
from .qrs.detector import Detections, QrsDetector
from .qrs.kernel import LONGEST_WAIT
from .qrs.network import DetectorNetwork
from .qrs.state import CONFIRM
from .signal.denoise import WaveletDenoiser
from .signal.grid import Grid
from .signal.guard import SignalGuard
from .signal.highpass import HighPass

LOOK_AHEAD_S = 0.040
"""Of the denoiser; the window itself ends 100 ms after R, so a beat is decided 140 ms after R."""


@dataclass(frozen=True, slots=True)
class Described:
    """What one call of the cascade completed: beats without labels yet, events, and the clean signal.

    ``beats`` and ``events`` carry the input sample at which each was decided. ``filtered`` is the high-passed
    signal from sample ``start`` on, and ``good`` its validity, ``(n_samples, n_leads)``, for whatever else listens
    to the stream.
    """

    start: int
    beats: DescribedBeats
    events: list[tuple[int, Event]]
    filtered: Samples
    good: NDArray[np.bool_]


class Cascade:
    """Guard, high-pass, then side by side the denoiser and the QRS detector, then beat windows.

    The detector listens to the high-passed signal, not to the denoised one: its own band is narrower than what
    denoising would leave, and the two look-aheads run at the same time instead of one after the other.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    network
        Of the QRS detector.
    n_logged
        Room for detector candidates logged at each push, for training.
    """

    def __init__(self, fs: float, leads: tuple[str, ...], network: DetectorNetwork, n_logged: int = 0) -> None:
        n_leads = len(leads)
        self.guard = SignalGuard(fs, leads)
        self.high_pass = HighPass(fs, n_leads)
        self.denoiser = WaveletDenoiser(fs, n_leads, look_ahead_s=LOOK_AHEAD_S)
        self.grid = Grid(fs, n_leads)
        self.detector = QrsDetector(network, n_leads, n_logged)
        self.windows = BeatWindows(fs, n_leads, self.denoiser.delay)
        self.n_samples = 0

    def push(self, samples: Samples) -> Described:
        """Take the next ``(n, n_leads)`` samples, mV, NaN where there is none."""
        guarded = self.guard.push(samples)
        filtered = self.high_pass.push(guarded.samples)
        denoised = self.denoiser.push(filtered, guarded.good)
        x, good, completed_at = self.grid.push(filtered, guarded.good)
        found = self.detector.push(x, good)
        beats = self.windows.push(denoised, found, completed_at[found.row])
        self.n_samples += len(samples)
        return Described(self.n_samples - len(samples), beats, guarded.events, filtered, guarded.good)

    def flush(self) -> Described:
        """End the stream: what waited is decided with what is there."""
        guarded = self.guard.flush()
        # The detector confirms a candidate by what follows it: let the last value stand until all are confirmed.
        n = APART + CONFIRM + LONGEST_WAIT
        x, good = self.grid.hold(n)
        found = self.detector.push(x, good)
        last = self.n_samples - 1
        inside = found.centre * self.grid.step <= last
        found = Detections(*(getattr(found, name)[inside] for name in Detections.__slots__))
        ready = np.full(len(found.row), last)
        beats = self.windows.push(self.denoiser.flush(), found, ready, last)
        return Described(self.n_samples, beats, guarded.events, self.high_pass.flush(), guarded.good)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {name: getattr(self, name).snapshot() for name in _STAGES} | {"n_samples": self.n_samples}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a cascade of another rate or number of leads.
        """
        for name in _STAGES:
            getattr(self, name).restore(state[name])
        self.n_samples = int(state["n_samples"])


_STAGES = ("guard", "high_pass", "denoiser", "grid", "detector", "windows")
