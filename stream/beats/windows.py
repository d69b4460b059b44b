"""Beat windows: 200 ms around the middle of each QRS complex, with all that is known of the beat at that time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import Records
from ..core.messages import Samples
from ..core.stage import Schema, State, restored
from ..qrs.detector import Detections
from ..signal.grid import GRID_HZ
from .features import as_rows
from .kernel import Recent, Spans, Waiting, describe_beats
from .kinds import STANDS
from .state import DESCRIBED, DETECTION, N_TEMPLATES, PATIENT, TEMPLATES

HALF_WINDOW_S = 0.100
MARK_REACH_S = 0.048
"""How far the R peak may stand from the middle of the QRS that the detector found."""
STREAM_GOES_ON = -1
"""In the place of the index of the last sample."""
HISTORY_S = 4.0
"""Signal kept: search-back goes back 3.6 s, and a window begins 0.26 s before its beat."""


class Found(NamedTuple):
    """What the windows are cut from.

    Attributes
    ----------
    denoised
        ``(n, n_leads)``, mV: the next samples.
    detections
        Those made meanwhile, in order.
    ready
        ``(len(detections.row),)`` input sample at which each was decided.
    """

    denoised: Samples
    detections: Detections
    ready: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DescribedBeats:
    """Beats whose windows are complete, in order.

    Attributes
    ----------
    mark
        ``(n,)`` R peak, input samples.
    decided
        ``(n,)`` last input sample that the window or the detector needed.
    interval
        ``(n,)`` seconds since the beat before; negative if there is none or the signal was interrupted.
    learning
        ``(n,)``: the patient's dominant kind does not stand yet.
    turn, turn_since
        ``(n,)`` how the leads are turned against how they were at first, where that has become certain to be another
        way with this beat, else -1, see `turns`; and the R peak of the first beat that came so.
    features
        ``(n, len(features.NAMES))`` float32, see `ecg_stream.stream.beats.features`.
    kinds
        ``(n,)`` records of `state.JOINED`: which of the kinds of beats that are remembered each joined.
    """

    mark: NDArray[np.int64]
    decided: NDArray[np.int64]
    interval: NDArray[np.float64]
    learning: NDArray[np.bool_]
    turn: NDArray[np.int64]
    turn_since: NDArray[np.int64]
    features: NDArray[np.float32]
    kinds: Records

    def joined(self, other: DescribedBeats) -> DescribedBeats:
        """Give these and the beats of `other`, which come after."""
        return DescribedBeats(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in DescribedBeats.__slots__)
        )


def _from_columns(state: State) -> State:
    """Give a snapshot of version 0.1, with an array for each column of the beats that wait, in records."""
    patient = _as_patient(state["patient"])
    patient["rr"] = state["rr"]
    waiting = np.zeros(len(state["guess"]), dtype=DETECTION)
    for name in ("guess", "ready", "gap", "certainty"):
        waiting[name] = state[name]
    same = {name: state[name].copy() for name in ("ring", "at", "height", "templates", "weight")}
    return {**same, "patient": patient, "waiting": waiting}


def _with_known(state: State) -> State:
    """Give a snapshot of a patient of whom it was not said whether the dominant kind stands."""
    patient = _as_patient(state["patient"])
    patient["known"] = state["templates"]["count"].max() >= STANDS
    return {**state, "patient": patient}


def _with_slots(state: State) -> State:
    """Give a snapshot of a patient whose leads could not be turned."""
    patient = _as_patient(state["patient"])
    patient["source"], patient["polarity"] = (0, 1), (1.0, 1.0)
    return {**state, "patient": patient}


def _as_patient(record: Records) -> Records:
    """Give what an earlier version remembered of a patient, in today's fields."""
    patient = np.zeros(1, dtype=PATIENT)
    for name in record.dtype.names or ():
        patient[name] = record[name]
    return patient


def _in_columns(beats: Records) -> DescribedBeats:
    return DescribedBeats(
        beats["mark"],
        beats["decided"],
        beats["interval"],
        beats["learning"],
        beats["turn"],
        beats["turn_since"],
        as_rows(beats["features"]),
        beats["joined"],
    )


_NO_RECORDS = np.empty(0, dtype=DESCRIBED)
_NO_BEATS = _in_columns(_NO_RECORDS)


class BeatWindows:
    """Mark the R peak of each detection, cut its window, and describe it against the patient's earlier beats.

    The R peak is the largest excursion, leads weighed by quality, within 48 ms of the middle of the QRS; so the
    mark of a wide beat stays near its middle. The window stands around the middle itself, the centroid of the
    squared slope, which does not flip between two waves of like height as the largest excursion does. Kinds of beats
    are an online set of templates (joined at a correlation above 0.9, up to twelve, slowly forgotten), the idea of
    Lagerholm et al. (2000, doi 10.1109/10.846677).

    Differences from the paper
    --------------------------
    Plain correlation instead of Hermite coefficients; one pass, causal, bounded; no labels are given to kinds,
    only how they differ from the dominant one and how they came in time.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    n_leads
        Number of leads; the first two are described.
    look_ahead
        Samples that the denoised signal lags behind the input.
    start
        Input samples that were before.
    """

    delay = 0
    schema = Schema(4, {1: _from_columns, 2: _with_known, 3: _with_slots})

    def __init__(self, fs: float, n_leads: int, look_ahead: int, start: int = 0) -> None:
        self._spans = Spans(fs, round(MARK_REACH_S * fs), round(HALF_WINDOW_S * fs), look_ahead)
        self._ring = np.zeros((1 << math.ceil(math.log2(HISTORY_S * fs)), n_leads))
        self._at = np.array([max(0, start - look_ahead)], dtype=np.int64)
        self._height = np.zeros(n_leads)
        self._patient = np.zeros(1, dtype=PATIENT)
        self._patient["previous_kind"] = -1
        self._patient["source"], self._patient["polarity"] = (0, 1), (1.0, 1.0)
        self._templates = np.zeros(N_TEMPLATES, dtype=TEMPLATES)
        self._waiting = np.zeros(0, dtype=DETECTION)
        self._weight = np.zeros((0, n_leads))

    def push(self, x: Found) -> DescribedBeats:
        """Take the next denoised samples and the detections made meanwhile; give the beats now complete."""
        found = x.detections
        if len(found.centre):
            n = len(self._waiting)
            waiting = np.empty(n + len(found.centre), dtype=DETECTION)
            waiting[:n], new = self._waiting, waiting[n:]
            new["guess"] = np.rint(found.centre * (self._spans.fs / GRID_HZ))
            new["ready"], new["gap"], new["certainty"] = x.ready, found.gap, found.probability
            self._waiting, self._weight = waiting, np.concatenate([self._weight, found.weight])
        return self._described(x.denoised, STREAM_GOES_ON)

    def flush(self) -> DescribedBeats:
        """End the stream; what waits is described with what is there, and is decided by the last sample."""
        return self._described(np.empty((0, len(self._height))), int(self._at[0]) - 1)

    def _described(self, denoised: Samples, last_sample: int) -> DescribedBeats:
        n = len(self._waiting)
        # Records that `np.empty` makes cost seven times as much as the same laid over bytes.
        beats = np.ndarray(n, DESCRIBED, np.empty(n * DESCRIBED.itemsize, np.uint8)) if n else _NO_RECORDS
        done = describe_beats(
            beats,
            denoised,
            last_sample,
            Waiting(self._waiting, self._weight),
            Recent(self._ring, self._at, self._height),
            self._patient,
            self._templates,
            self._spans,
        )
        if done == 0:  # most chunks of a live stream: records cost more to make than all else here
            return _NO_BEATS
        self._waiting, self._weight = self._waiting[done:], self._weight[done:]
        return _in_columns(beats[:done])

    def snapshot(self) -> State:
        """Copy the state out."""
        return {name: getattr(self, f"_{name}").copy() for name in _FIXED + _WAITING}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind, rate or number of leads.
        """
        for name in _FIXED:
            setattr(self, f"_{name}", restored(state, name, getattr(self, f"_{name}")))
        n_waiting = len(state["waiting"])
        for name in _WAITING:
            like = getattr(self, f"_{name}")
            setattr(self, f"_{name}", restored(state, name, np.empty((n_waiting, *like.shape[1:]), like.dtype)))


_FIXED = ("ring", "at", "height", "patient", "templates")
_WAITING = ("waiting", "weight")
