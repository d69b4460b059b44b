"""Online QRS detection: many candidates, and a small network that accepts or rejects each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from ..models.bundle import load_bundle
from .grid import GRID_HZ
from .messages import Samples
from .qrs_candidate import N_FEATURES
from .qrs_kernel import HOLD, detect
from .qrs_state import CENTRE_LAG, KEPT, MATCHED, N_COUNTS, N_RR, RING, SLOPES, STATE, TEMPLATE
from .stage import State, restored

PREPROCESSING = "qrs-candidates/2"
"""Identifier that the detector's card carries; it changes whenever a feature changes its meaning."""

THRESHOLD = 0.6
"""Probability from which a candidate is a beat. From 0.5 to 0.7 it trades a few beats for more false ones in noise and
on single leads (cross-validation by patient)."""

BACK_THRESHOLD = 0.04
"""Probability at which search-back takes the best candidate that was passed over: where a beat is due, little will do.
Against 0.15 it finds a fifth of the beats missed in mitdb, and one false one for six (cross-validation by patient)."""

_WEIGHTS = ("w1", "b1", "w2", "b2", "w3")


@dataclass(frozen=True, slots=True)
class DetectorNetwork:
    """Weights of the candidate networks, float32, side by side.

    Attributes
    ----------
    w1, b1
        First hidden layers, ``(n_features, members * units)``.
    w2, b2
        Second hidden layers: ``w2`` is ``(members * units, units)``, each member's kernel below the one before, ``b2``
        ``(members * units,)``.
    w3, b3
        What the logit, the mean of the members', is made of.
    threshold, back_threshold
        Probability from which a candidate is a beat, and is one for search-back.
    """

    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: NDArray[np.float32]
    w3: NDArray[np.float32]
    b3: float
    threshold: float = THRESHOLD
    back_threshold: float = BACK_THRESHOLD


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


def load_network(name_or_path: str = "qrs") -> DetectorNetwork:
    """Load the detector's bundle.

    Raises
    ------
    BundleError
        If it is missing, corrupt or made for other features.
    """
    bundle = load_bundle(name_or_path, "detector", PREPROCESSING)
    try:
        with np.load(bundle.weights, allow_pickle=False) as arrays:
            layers = {name: np.ascontiguousarray(arrays[name], dtype=np.float32) for name in _WEIGHTS}
            b3 = float(arrays["b3"])
    except (OSError, KeyError, ValueError) as error:
        raise BundleError(f"bundle {bundle.folder}: cannot read {bundle.card.weights}: {error}") from error
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


class QrsDetector:
    """Find QRS complexes on the 125 Hz grid.

    Local maxima of the smoothed rectified slope, fused over the leads by signal-to-noise, are candidates; a few
    perceptrons judge each by the envelope around it, the wave of the two best leads, their likeness to the running
    template, and the rhythm. One may replace another within 64 ms; where it is low and not quite sure, as P waves are
    and few beats, within 208 to 304 ms. One that is in doubt is judged in each of the two best leads alone: a wide beat
    may come so much later in one than in the other that together they show two low peaks. Search-back takes the best
    candidate passed over when 1.6 mean RR intervals go by, but hardly one that follows a beat within 280 ms.

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
    """

    def __init__(self, network: DetectorNetwork, n_leads: int, n_logged: int = 0) -> None:
        self.network = network
        self._state = np.zeros(1, dtype=STATE)
        self._state["pending"] = self._state["bad_until"] = -1
        self._state["previous"] = -RING
        self._state["mean_rr"] = self._state["last_rr"] = self._state["steady_rr"] = 0.8 * GRID_HZ
        self._rr = np.zeros(N_RR)
        self._lead = np.full((4, n_leads), 1e-9)  # level, noise, roughness, lowest level: mV
        self._counts = np.zeros((N_COUNTS, n_leads), dtype=np.int64)
        self._signal = np.zeros((RING, n_leads))
        self._envelope = np.zeros((RING, n_leads))
        self._slopes = np.zeros((SLOPES, n_leads))
        self._fused = np.zeros(RING)
        self._template = np.zeros((TEMPLATE, n_leads))
        self._matched = np.full((MATCHED + 1, n_leads), 1e-12)  # slopes of a QRS, mV, and the sum of their squares
        self._matched[:MATCHED] = 0.0
        self._agreement = np.zeros(RING)
        self._kept = np.zeros((KEPT, n_leads))
        self.log_peak = np.zeros(n_logged, dtype=np.int64)
        self.log_probability = np.zeros(n_logged)
        self.log_features = np.zeros((n_logged, N_FEATURES), dtype=np.float32)

    def push(self, x: Samples, good: NDArray[np.bool_]) -> Detections:
        """Take ``(m, n_leads)`` grid samples and their validity; give the beats that became final."""
        room = len(x) // HOLD + 2
        peak, row = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        probability, gap = np.empty(room), np.empty(room, dtype=np.bool_)
        weight = np.empty((room, self._template.shape[1]))
        net = self.network
        level, noise, rough, lowest = self._lead
        n, self.n_logged = detect(
            x, good, self._state, self._rr, level, noise, rough, lowest, self._counts, self._signal, self._envelope,
            self._slopes, self._fused, self._template, self._matched, self._agreement, self._kept, net.w1, net.b1,
            net.w2, net.b2, net.w3, net.b3, net.threshold, net.back_threshold, peak, row, probability, gap, weight,
            self.log_peak, self.log_probability, self.log_features,
        )  # fmt: skip
        return Detections(peak[:n] - CENTRE_LAG, row[:n], probability[:n], weight[:n], gap[:n])

    def signal_to_noise(self) -> NDArray[np.float64]:
        """Ratio of QRS level to what stands between beats, ``(n_leads,)``; 0 where a lead cannot be used now."""
        level, noise, _, _ = self._lead
        ratio: NDArray[np.float64] = level / (noise + 1e-9)
        ratio[self._counts[0] > 0] = 0.0
        return ratio

    def snapshot(self) -> State:
        """Copy the state out."""
        return {name: getattr(self, f"_{name}").copy() for name in _STATE} | {
            "scalars": self._state.view(np.uint8).copy()
        }

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind or number of leads.
        """
        for name in _STATE:
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))
        self._state = restored(state, "scalars", self._state.view(np.uint8)).view(STATE)


_STATE = ("rr", "lead", "counts", "signal", "envelope", "slopes", "fused", "template", "matched", "agreement", "kept")
