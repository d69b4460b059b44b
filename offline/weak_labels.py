"""Beats to train on where rhythms are annotated and beats are not: what a beat is follows from the rhythm, if plainly.

The MIT-BIH Malignant Ventricular Ectopy Database (`vfdb`) has what no database with annotated beats has a minute of,
ventricular tachycardia that lasts. Its marks are of rhythms, so the labels are weak: beats found in a tachycardia are
V, whatever is found in fibrillation is Q, and in rhythms that come from above beats are N where they look like most
and come in time. All others, and those near the edge of a rhythm, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..replay.catalog import find_record
from ..stream.beats.features import NAMES
from ..stream.cascade import Cascade
from ..stream.core.messages import CLASSES
from ..stream.qrs.network import DetectorNetwork
from .rhythm_labels import rhythm_stretches
from .splits import patient
from .training_records import TrainingRecord

N, _, V, _, Q = range(len(CLASSES))

CLASS_OF = MappingProxyType(
    {
        "(VT": V,
        "(VER": V,
        "(VF": Q,
        "(VFL": Q,
        "(VFIB": Q,
        "(ASYS": Q,
        "(N": N,
        "(SBR": N,
        "(BI": N,
        "(NOD": N,
        "(AFIB": N,
    }
)
"""The class of the beats of a rhythm. Supraventricular tachycardias are not among them: their beats may be N or S."""

EDGE_S = {N: 5.0, V: 1.0, Q: 2.0}
"""Beats of a class so near to the edge of the rhythm are left out."""

LIKENESS, INTERVAL = 0.92, (0.85, 1.3)
"""An N beat correlates with the dominant kind by more than this, and comes after such a share of the usual interval;
in fibrillation after any."""

MOST = {N: 150, V: 150, Q: 60}
"""Of a class so many beats of a record are taken, evenly: a tachycardia of ten minutes is one of one patient."""


def read_weak_records(names: Sequence[str], detector: DetectorNetwork) -> list[TrainingRecord]:
    """Read records, with the beats that the cascade finds in them and whose class the rhythm tells.

    Parameters
    ----------
    names
        ``db/name``, with annotated rhythms.
    detector
        Finds the beats.

    Raises
    ------
    RecordError
        If one is missing or damaged.
    """
    return [record for name in names if (record := _read(name, detector)) is not None]


def _read(name: str, detector: DetectorNetwork) -> TrainingRecord | None:
    record = find_record(name)
    reference = record.annotations("atr")
    if reference is None:
        return None
    signal = np.nan_to_num(record.signal())
    cascade = Cascade(record.fs, tuple(f"lead {number + 1}" for number in range(signal.shape[1])), detector)
    found = cascade.push(signal).beats.joined(cascade.flush().beats)
    usual, irregular = _usual(found.features)
    classes = np.full(len(found.mark), -1, dtype=np.int64)
    for stretch in rhythm_stretches(reference, record.n_samples):
        given = CLASS_OF.get(stretch.name)
        if given is None:
            continue
        edge = EDGE_S[given] * record.fs
        inside = (found.mark >= stretch.begin + edge) & (found.mark < stretch.end - edge)
        if given == N:
            inside &= irregular if stretch.name == "(AFIB" else usual
        classes[inside] = given
    kept = np.sort(np.concatenate([_some(np.flatnonzero(classes == k), most) for k, most in MOST.items()]))
    return TrainingRecord(
        name=name,
        patient=patient(name),
        fs=record.fs,
        signal=signal.astype(np.float32),
        beats=found.mark[kept],
        classes=classes[kept],
        flutter=np.empty((0, 2), dtype=np.int64),
        weak=True,
    )


def _usual(features: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which beats look like most, ``(n,)``: those that come in time, and all of them."""
    column = {name: features[:, NAMES.index(name)] for name in ("dominant_corr", "best_is_dominant", "rr_to_median8")}
    alike = (column["dominant_corr"] > LIKENESS) & (column["best_is_dominant"] > 0.0)
    low, high = INTERVAL
    return alike & (column["rr_to_median8"] > low) & (column["rr_to_median8"] < high), alike


def _some(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return numbers[np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), most)).astype(np.int64))]
