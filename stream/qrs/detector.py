"""Online QRS detection: many candidates, and small networks that accept or reject each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ...models.bundle import load_bundle
from ..core.messages import Samples, Signal
from ..core.stage import Schema, State, restored
from ..signal.grid import GRID_HZ
from .apart import APART
from .candidate import FEATURES, LOGGED, N_FEATURES, columns
from .kernel import BACK, HOLD, LONGEST_WAIT, RINGING, detect
from .network import BACK_THRESHOLD, THRESHOLD, DetectorNetwork
from .state import CENTRE_LAG, CONFIRM, FOUND, LEAD, LEARNT, LOWEST, MASK, RHYTHM, RING, RINGS, STATE

PREPROCESSING = "qrs-candidates/2"
"""Identifier that the detector's card carries; it changes whenever a feature changes its meaning."""

_WEIGHTS = ("w1", "b1", "w2", "b2", "w3")


@dataclass(frozen=True, slots=True)
class Detections:
    """Beats found, in the order of decision.

    Attributes
    ----------
    centre
        ``(n,)`` middle of the QRS complex, grid samples (125 Hz).
    row
        ``(n,)`` row of the pushed grid samples at which the beat was decided.
    probability
        ``(n,)`` that the candidate is a QRS complex.
    weight
        ``(n, n_leads)`` share of each lead in the decision, by quality.
    gap
        ``(n,)``: the signal was unusable on all leads at some time since the beat before.
    """

    centre: NDArray[np.int64]
    row: NDArray[np.int64]
    probability: NDArray[np.float64]
    weight: Samples
    gap: NDArray[np.bool_]

    def joined(self, other: Detections) -> Detections:
        """Give these and those of `other`, which come after."""
        return Detections(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in Detections.__slots__)
        )

    def select(self, rows: NDArray[np.bool_]) -> Detections:
        """Give some of them, by a mask ``(n,)``."""
        return Detections(*(getattr(self, name)[rows] for name in Detections.__slots__))


def load_network(name_or_path: str = "qrs") -> DetectorNetwork:
    """Load the detector's bundle.

    Raises
    ------
    BundleError
        If it is missing, corrupt or made for other features.
    """
    bundle = load_bundle(name_or_path, "detector", PREPROCESSING)
    with bundle.arrays() as arrays:
        layers = {name: np.ascontiguousarray(arrays[name], dtype=np.float32) for name in _WEIGHTS}
        b3 = float(arrays["b3"])
    _check_layers(layers, b3, bundle.folder)
    if layers["w1"].shape[0] != N_FEATURES:
        raise BundleError(
            f"bundle {bundle.folder} takes {layers['w1'].shape[0]} features, this version gives {N_FEATURES}"
        )
    thresholds = bundle.card.thresholds
    return DetectorNetwork(
        **layers,
        b3=b3,
        threshold=thresholds.get("beat", THRESHOLD),
        back_threshold=thresholds.get("search_back", BACK_THRESHOLD),
    )


def _check_layers(layers: dict[str, NDArray[np.float32]], b3: float, folder: Path) -> None:
    """Refuse layers that do not fit each other: compiled loops read them without looking where they end.

    Raises
    ------
    BundleError
        If they do not, or hold what is no number.
    """
    shapes = {name: layer.shape for name, layer in layers.items()}
    fits = [len(shape) for shape in shapes.values()] == [2, 1, 2, 1, 1]
    if fits:
        (_, units), (width, back) = shapes["w1"], shapes["w2"]
        members, rest = divmod(shapes["b2"][0], back) if back else (0, 1)
        fits = members > 0 and rest == 0 and units % members == 0 and (units,) == shapes["b1"] == (width,)
        fits = fits and shapes["b2"] == shapes["w3"]
    if not fits:
        raise BundleError(f"bundle {folder}: its layers do not fit each other: {shapes}")
    if not all(np.isfinite(layer).all() for layer in layers.values()) or not np.isfinite(b3):
        raise BundleError(f"bundle {folder}: its weights hold what is no number (NaN or infinite)")


def _from_plain_state(state: State) -> State:
    """Give a snapshot of version 0.1, whose candidates were numbers beside each other, in records."""
    old, new = state["state"][0], np.zeros(1, dtype=STATE)
    new["now"], new["bad_until"], new["last_height"] = old["now"], old["bad_until"], old["last_e"]
    new["pending"]["peak"], new["pending"]["p"] = old["pending"], old["pending_p"]
    passed = new["passed"]
    passed["best"]["peak"], passed["best"]["p"] = old["best"], old["best_p"]
    passed["previous"]["peak"], passed["previous"]["p"] = old["previous"], old["previous_p"]
    passed["previous"]["height"] = old["previous_e"]
    for column, name in enumerate(("peak", "p", "height")):
        new["past"][name] = old["past"][:, column]
    fused = state["rings"]["fused"][0]  # heights were read from there
    for candidate in (new["pending"], passed["best"]):
        candidate["height"] = fused[candidate["peak"] & MASK]
    return {**state, "state": new}


def _without_memory_of_p_waves(state: State) -> State:
    """Give a snapshot of a detector that did not know the usual height, nor what stands before the beats."""
    learnt = np.zeros(state["learnt"].shape, dtype=LEARNT)
    for name in state["learnt"].dtype.names:
        learnt[name] = state["learnt"][name]
    learnt["usual"] = learnt["lowest"] / LOWEST
    return {**state, "learnt": learnt}


class QrsDetector:
    """Find QRS complexes on the 125 Hz grid.

    Local maxima of the smoothed rectified slope, fused over the leads by signal-to-noise, are candidates; a few
    perceptrons judge each by the envelope around it, the wave of the two best leads, their likeness to the running
    template, and the rhythm. One that is low and not quite sure, as P waves are and few beats, waits for 208 to 304 ms
    and gives way to a surer one. One that is in doubt is judged in each of the two best leads alone: a wide beat
    may come so much later in one than in the other that together they show two low peaks. Search-back takes the best
    candidate passed over when 1.6 mean RR intervals go by, but hardly one that follows a beat within 280 ms. In a long
    pause it is no longer content with little. Neither the patient's own P waves are taken for beats there, nor what is
    low and unlike the QRS complex (`overdue`).

    The plan of levels, refractory time and search-back is that of Pan and Tompkins (1985,
    doi 10.1109/TBME.1985.325532).

    Differences from the paper
    --------------------------
    The adaptive thresholds are replaced by the network, trained on the detector's own decisions; leads are fused;
    T waves need no rule of their own, since the network sees the wave; a long pause lowers the level slowly instead
    of resetting it; a low, doubtful candidate gives way to a surer one in the refractory time after it, whose P wave it
    was; if it was taken for a beat, a candidate twice as high counts there, and what the P wave has taught is unlearnt.

    Parameters
    ----------
    network
        Weights, see `load_network`. Training changes them between pushes.
    n_leads
        Number of leads.
    n_logged
        Room for candidates that `push` logs for training; none in service.
    start
        Grid samples that were before.

    Attributes
    ----------
    logged
        Candidates of the last push, records of `LOGGED`; the next one overwrites them.
    """

    schema = Schema(3, {1: _from_plain_state, 2: _without_memory_of_p_waves})

    def __init__(self, network: DetectorNetwork, n_leads: int, n_logged: int = 0, start: int = 0) -> None:
        self.network = network
        self._state = np.zeros(1, dtype=STATE)
        self._state["pending"]["peak"] = self._state["bad_until"] = -1
        self._state["passed"]["previous"]["peak"] = -RING
        self._rhythm = np.zeros(2, dtype=RHYTHM)
        for name in ("mean_rr", "last_rr", "steady_rr"):
            self._rhythm[name] = 0.8 * GRID_HZ
        self._rings = np.zeros(1, dtype=RINGS)
        self._leads = np.zeros(n_leads, dtype=LEAD)
        self._leads["noise"] = self._leads["rough"] = 1e-9
        self._learnt = np.zeros((2, n_leads), dtype=LEARNT)
        self._learnt["level"] = self._learnt["lowest"] = 1e-9
        self._learnt["power"] = 1e-12
        if start:
            self._state["now"] = self._state["passed"]["best"]["peak"] = self._state["bad_until"] = start
            self._state["passed"]["previous"]["peak"] = start - RING
            self._rhythm["last"] = start - 1
            self._leads["hold_off"] = RINGING
        self._features = np.zeros(1, dtype=FEATURES)
        self._row = columns(self._features)[0]  # the same memory, as the network reads it
        self._found = np.empty(0, dtype=FOUND)
        none = np.empty(0, dtype=np.int64)
        self._none = Detections(none, none, np.empty(0), np.empty((0, n_leads)), np.empty(0, dtype=np.bool_))
        self._log = np.zeros(n_logged, dtype=LOGGED)
        self.logged = self._log[:0]

    @property
    def delay(self) -> int:
        """Grid samples from the middle of a QRS complex to its latest decision, that of search-back."""
        return BACK + CENTRE_LAG

    def push(self, x: Signal) -> Detections:
        """Take ``(m, n_leads)`` grid samples; give the beats that became final."""
        room = len(x.samples) // HOLD + 2
        if len(self._found) < room:  # kept, as making records costs more than finding them
            self._found = np.empty(room, dtype=FOUND)
        beats, weight = self._found, np.empty((room, len(self._leads)))
        n, n_logged = detect(
            x.samples, x.good, self._state, self._rhythm, self._rings, self._leads, self._learnt, self.network, beats,
            weight, self._log, self._features, self._row,
        )  # fmt: skip
        self.logged = self._log[:n_logged]
        if n == 0:
            return self._none
        beats = beats[:n].copy()
        return Detections(beats["peak"] - CENTRE_LAG, beats["row"], beats["p"], weight[:n], beats["gap"])

    def flush(self) -> Detections:
        """End the stream: the last sample stands still until every candidate is confirmed and has waited.

        Rows count from the end of the stream. A beat may stand after it: who knows where the signal ends drops that.
        """
        n = APART + CONFIRM + LONGEST_WAIT - 1
        last = self._leads["signal"][:, (int(self._state["now"][0]) - 1) & MASK]
        return self.push(Signal(np.tile(last, (n, 1)), np.tile(self._leads["lost"] == 0, (n, 1))))

    def signal_to_noise(self) -> NDArray[np.float64]:
        """Ratio of QRS level to what stands between beats, ``(n_leads,)``; 0 where a lead cannot be used now."""
        ratio: NDArray[np.float64] = self._learnt[0]["level"] / (self._leads["noise"] + 1e-9)
        ratio[self._leads["hold_off"] > 0] = 0.0
        return ratio

    def snapshot(self) -> State:
        """Copy the state out."""
        return {name: getattr(self, f"_{name}").copy() for name in _PARTS}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind or number of leads.
        """
        for name in _PARTS:
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))


_PARTS = ("state", "rhythm", "rings", "leads", "learnt")
