"""How beats are classified patient by patient: the mean over patients, and how far it would move with others.

Gross counts are ruled by the few patients who have most of the beats. What is chosen by them does not carry to new
patients, so choices are made by these figures; gross and average over records are reported beside them, as EC57 asks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .bootstrap import intervals
from .ec57 import ROWS, RecordScore
from .ec57_statistics import gross
from .splits import patient

FEWEST = 5
"""A patient with fewer beats of a class says nothing of it."""

DRAWS, SEED = 1000, 0
"""Of the bootstrap over patients."""


@dataclass(frozen=True, slots=True)
class PatientMean:
    """F1 of one class, patient by patient.

    Attributes
    ----------
    label
        The class.
    f1
        F1 of each patient with at least `FEWEST` beats of it, percent, by the patient's name.
    mean
        Their mean; None where there is none.
    low, high
        Ends of the 95 % interval of the mean, by a bootstrap over patients; None where there are fewer than two.
    """

    label: str
    f1: dict[str, float]
    mean: float | None
    low: float | None
    high: float | None


def patient_means(scores: Sequence[RecordScore]) -> tuple[PatientMean, ...]:
    """Give the mean F1 over patients of V and of S.

    Parameters
    ----------
    scores
        One a record, named ``db/name``; the counts of a patient's records are added up.
    """
    by_patient: dict[str, list[RecordScore]] = defaultdict(list)
    for score in scores:
        by_patient[patient(score.record)].append(score)
    return tuple(_mean(label, {name: _f1(each, label) for name, each in by_patient.items()}) for label in ("V", "S"))


def _f1(scores: Sequence[RecordScore], label: Literal["V", "S"]) -> float | None:
    """F1 of a class in the records of one patient, percent; None where there are too few beats of it."""
    beats = sum(int(score.counts[ROWS.index(label)].sum()) for score in scores)
    if beats < FEWEST:
        return None
    found = gross(scores)
    rates = found.v if label == "V" else found.s
    sensitivity, predictivity = rates.sensitivity or 0.0, rates.positive_predictivity or 0.0
    return 2.0 * sensitivity * predictivity / (sensitivity + predictivity) if sensitivity and predictivity else 0.0


def _mean(label: str, f1: dict[str, float | None]) -> PatientMean:
    known = {name: value for name, value in f1.items() if value is not None}
    if not known:
        return PatientMean(label, known, None, None, None)
    values = list(known.values())
    low = high = None
    if len(values) > 1:
        ((low, high),) = intervals(values, lambda draw: [math.fsum(draw) / len(draw)], DRAWS, SEED)
    return PatientMean(label, known, math.fsum(values) / len(values), low, high)
