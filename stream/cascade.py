"""The stages in their order, for one stream of fixed rate and leads: samples in, described beats out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import SchemaError
from .beats.windows import BeatWindows, DescribedBeats, Found
from .core.messages import DecidedEvent, Samples, Signal
from .core.stage import SavedStage, State
from .qrs.detector import QrsDetector
from .qrs.network import DetectorNetwork
from .signal.denoise import WaveletDenoiser
from .signal.grid import Grid
from .signal.guard import SignalGuard
from .signal.highpass import HighPass
from .signal.spikes import SpikeRemover

LOOK_AHEAD_S = 0.040
"""Of the denoiser; the window itself ends 100 ms after R, so a beat is decided 140 ms after R."""


PACED_BEFORE_S, PACED_AFTER_S = 0.140, 0.030
"""A beat is paced whose R peak comes so long after a pacing spike, or so long before it, at most. The spike of an
atrial lead stands further before: conduction to the ventricles takes its time."""


class Completed(NamedTuple):
    """What one call of the cascade completed.

    Attributes
    ----------
    start
        Index of the first of these samples.
    beats
        Beats without labels yet.
    paced
        ``(n,)``: those that a pacing spike comes before.
    events
        Of the guard, each with the sample at which it was decided.
    signal
        The high-passed signal, for whatever else listens to the stream.
    raw
        The same samples before the high-pass.
    despiked
        The signal without pacing spikes, as late as `SpikeRemover` is.
    """

    start: int
    beats: DescribedBeats
    paced: NDArray[np.bool_]
    events: list[DecidedEvent]
    signal: Signal
    raw: Samples
    despiked: Signal


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
    start
        Samples that were before.
    """

    def __init__(
        self, fs: float, leads: tuple[str, ...], network: DetectorNetwork, n_logged: int = 0, start: int = 0
    ) -> None:
        n_leads = len(leads)
        self._made_for = (fs, leads, network)
        self.guard = SignalGuard(fs, leads, start=start)
        self.high_pass = HighPass(fs, n_leads)
        self.denoiser = WaveletDenoiser(fs, n_leads, look_ahead_s=LOOK_AHEAD_S, start=start)
        self.spikes = SpikeRemover(fs, n_leads, self.denoiser.delay, start, behind=start == 0)
        self._reach = (round(PACED_BEFORE_S * fs), round(PACED_AFTER_S * fs))
        self.grid = Grid(fs, n_leads, max(0, start - self.spikes.delay))
        self.detector = QrsDetector(network, n_leads, n_logged, self.grid.given)
        self.windows = BeatWindows(fs, n_leads, self.denoiser.delay, start)
        self.n_samples = start

    @property
    def stages(self) -> dict[str, SavedStage[Any, Any]]:
        """The seven stages, by the names that they have in a snapshot."""
        return {
            "guard": self.guard,
            "high_pass": self.high_pass,
            "spikes": self.spikes,
            "denoiser": self.denoiser,
            "grid": self.grid,
            "detector": self.detector,
            "windows": self.windows,
        }

    def push(self, samples: Samples) -> Completed:
        """Take the next ``(n, n_leads)`` samples, mV, NaN where there is none."""
        guarded = self.guard.push(samples)
        signal = Signal(self.high_pass.push(guarded.samples), guarded.good)
        despiked = self.spikes.push(signal)
        denoised = self._without(despiked.spikes, self.denoiser.push(signal))
        on_grid = self.grid.push(despiked.begun())
        found = self.detector.push(on_grid.signal)
        beats = self.windows.push(Found(denoised, found, on_grid.completed_at[found.row] + self.spikes.delay))
        self.n_samples += len(samples)
        start = self.n_samples - len(samples)
        return Completed(start, beats, self._paced(beats), guarded.events, signal, guarded.samples, despiked.signal)

    def flush(self) -> Completed:
        """End the stream: what waited is decided with what is there, by its last sample."""
        guarded = self.guard.flush()
        signal = Signal(self.high_pass.flush(), guarded.good)
        last = self.n_samples - 1
        despiked = self.spikes.flush()
        found = self.detector.push(self.grid.push(despiked.begun()).signal)
        found = found.joined(self.detector.push(self.grid.flush().signal)).joined(self.detector.flush())
        found = found.select(found.centre * self.grid.step <= last)
        denoised = self._without(despiked.spikes, self.denoiser.flush())
        beats = self.windows.push(Found(denoised, found, np.full(len(found.row), last)))
        beats = beats.joined(self.windows.flush())
        beats = replace(beats, decided=np.minimum(beats.decided, last))
        paced = self._paced(beats)
        return Completed(self.n_samples, beats, paced, guarded.events, signal, guarded.samples, despiked.signal)

    def _without(self, spikes: Samples, denoised: Samples) -> Samples:
        """Take spikes off what the denoiser gave; the threshold is of noise, so that it leaves them as they were."""
        return denoised - spikes if len(spikes) else denoised

    def _paced(self, beats: DescribedBeats) -> NDArray[np.bool_]:
        return self.spikes.around(beats.mark, self._reach)

    def snapshot(self) -> State:
        """Copy the state out."""
        saved = {name: stage.schema.label(stage.snapshot()) for name, stage in self.stages.items()}
        return saved | {"n_samples": self.n_samples}

    def restore(self, state: State) -> list[str]:
        """Put a copied state back, of this version or an earlier one.

        Returns
        -------
        list[str]
            Which stages begin afresh, and why: those whose state has a layout that cannot be taken up.

        Raises
        ------
        StreamError
            If it came from a cascade of another rate or number of leads.
        """
        self.n_samples = int(state["n_samples"])
        fresh = Cascade(*self._made_for, start=self.n_samples)
        afresh = []
        if "spikes" not in state:  # of a version without this stage, whose grid had seen all samples
            fs, leads, _ = self._made_for
            self.spikes = SpikeRemover(fs, len(leads), self.denoiser.delay, self.n_samples)
        for name, stage in self.stages.items():
            if name not in state:
                continue
            try:
                stage.restore(stage.schema.upgrade(state[name]))
            except SchemaError as error:
                setattr(self, name, getattr(fresh, name))
                afresh.append(f"{name.replace('_', '-')}: {error}")
        return afresh
