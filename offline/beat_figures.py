"""What the beats of an evaluation come to: classes, probabilities, delays and where beats were marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES
from .beat_run import RecordRun
from .splits import PACED

LATE_MS = 400.0
"""A label that comes later than this counts as late."""

CALIBRATION_BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class MatchedBeats:
    """The beats that were found, of all records.

    Attributes
    ----------
    truth, called
        ``(n,)``: class in the reference and class given, as positions in `CLASSES`.
    probabilities
        ``(n, 5)``: by `CLASSES`.
    offset_ms
        ``(n,)``: from the reference mark to the R peak given.
    """

    truth: NDArray[np.int64]
    called: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    offset_ms: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class against the rest, on matched beats; None where there is nothing to divide by.

    Attributes
    ----------
    label, beats
        The class, and how many matched beats are of it.
    sensitivity, specificity, positive_predictivity
        Percent.
    auc, average_precision
        Area under the ROC and under the precision-recall curve, of the probability of the class.
    """

    label: str
    beats: int
    sensitivity: float | None
    specificity: float | None
    positive_predictivity: float | None
    auc: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class Classification:
    """How matched beats were classified.

    Attributes
    ----------
    beats
        How many there are.
    accuracy, balanced_accuracy
        Percent; balanced is the mean sensitivity of the classes that occur.
    brier
        Mean squared distance of the probabilities from the truth, summed over classes: 0 is perfect, 2 the worst.
    calibration_error
        Expected difference between the probability of the class given and how often it is right, percent.
    confusion
        Counts, a row for each true class and a column for each class given.
    classes
        Each class against the rest.
    """

    beats: int
    accuracy: float | None
    balanced_accuracy: float | None
    brier: float | None
    calibration_error: float | None
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[ClassFigures, ...]


@dataclass(frozen=True, slots=True)
class Delays:
    """Stream time from the R peak to its label, ms; the share that is later than `LATE_MS`, percent."""

    beats: int
    p50: float | None
    p95: float | None
    max: float | None
    late_percent: float | None


@dataclass(frozen=True, slots=True)
class Offsets:
    """Time from the reference mark to the R peak given, ms: median, and the quantiles that hold half and 90 %."""

    beats: int
    median: float | None
    p5: float | None
    p25: float | None
    p75: float | None
    p95: float | None


def matched_beats(runs: Sequence[RecordRun]) -> MatchedBeats:
    """Collect the matched beats of `runs`."""
    truth: list[int] = []
    called: list[int] = []
    probabilities: list[NDArray[np.float64]] = [np.empty((0, len(CLASSES)))]
    offset_ms: list[NDArray[np.float64]] = [np.empty(0)]
    for run in runs:
        matched = [outcome for outcome in run.score.outcomes if outcome.reference >= 0 and outcome.test >= 0]
        truth += [CLASSES.index(outcome.row) for outcome in matched]
        called += [CLASSES.index(outcome.column.upper()) for outcome in matched]
        test = np.array([outcome.test for outcome in matched], dtype=np.int64)
        reference = np.array([outcome.reference for outcome in matched], dtype=np.int64)
        probabilities.append(run.probabilities[test])
        from_mark = run.samples[test] - run.reference.samples[reference]
        offset_ms.append(from_mark.astype(np.float64) * (1000.0 / run.fs))
    return MatchedBeats(
        truth=np.array(truth, dtype=np.int64),
        called=np.array(called, dtype=np.int64),
        probabilities=np.concatenate(probabilities),
        offset_ms=np.concatenate(offset_ms),
    )


def unpaced(runs: Sequence[RecordRun]) -> list[RecordRun]:
    """Give the runs without records with paced beats; all of them if nothing else would be left.

    EC57 leaves these records out: their beats are Q in the reference, and no class that a pipeline is trained to tell.
    """
    return [run for run in runs if run.name not in PACED] or list(runs)


def classification(beats: MatchedBeats) -> Classification:
    """Compute the figures of the classes."""
    confusion = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    np.add.at(confusion, (beats.truth, beats.called), 1)
    n = len(beats.truth)
    classes = tuple(_class_figures(beats, confusion, k) for k in range(len(CLASSES)))
    sensitivities = [one.sensitivity for one in classes if one.sensitivity is not None]
    distance = beats.probabilities - np.eye(len(CLASSES))[beats.truth]
    return Classification(
        beats=n,
        accuracy=100.0 * float(np.trace(confusion)) / n if n else None,
        balanced_accuracy=sum(sensitivities) / len(sensitivities) if sensitivities else None,
        brier=float(np.mean(np.sum(distance**2, axis=1))) if n else None,
        calibration_error=_calibration_error(beats) if n else None,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        classes=classes,
    )


def delays(runs: Sequence[RecordRun]) -> Delays:
    """Compute the figures of the delays of all beats, matched or not."""
    delay_ms = np.concatenate([np.empty(0), *(run.delay_ms for run in runs)])
    if not len(delay_ms):
        return Delays(0, None, None, None, None)
    p50, p95 = np.percentile(delay_ms, [50, 95])
    late = 100.0 * np.mean(delay_ms > LATE_MS)
    return Delays(len(delay_ms), float(p50), float(p95), float(delay_ms.max()), float(late))


def offsets(offset_ms: NDArray[np.float64]) -> Offsets:
    """Compute the figures of the places where beats were marked."""
    if not len(offset_ms):
        return Offsets(0, None, None, None, None, None)
    p5, p25, median, p75, p95 = (float(value) for value in np.percentile(offset_ms, [5, 25, 50, 75, 95]))
    return Offsets(len(offset_ms), median, p5, p25, p75, p95)


def _class_figures(beats: MatchedBeats, confusion: NDArray[np.int64], k: int) -> ClassFigures:
    from sklearn.metrics import average_precision_score, roc_auc_score

    true = int(confusion[k, k])
    of_class, called = int(confusion[k].sum()), int(confusion[:, k].sum())
    others = int(confusion.sum()) - of_class
    is_class, probability = beats.truth == k, beats.probabilities[:, k]
    both = of_class > 0 and others > 0
    return ClassFigures(
        label=CLASSES[k],
        beats=of_class,
        sensitivity=100.0 * true / of_class if of_class else None,
        specificity=100.0 * (others - (called - true)) / others if others else None,
        positive_predictivity=100.0 * true / called if called else None,
        auc=float(roc_auc_score(is_class, probability)) if both else None,
        average_precision=float(average_precision_score(is_class, probability)) if both else None,
    )


def _calibration_error(beats: MatchedBeats) -> float:
    """Compute the expected calibration error of the class given, in bins of equal width weighted by beats, percent."""
    confidence = beats.probabilities[np.arange(len(beats.called)), beats.called]
    right = beats.called == beats.truth
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=CALIBRATION_BINS)
    return float(100.0 * np.abs(gaps).sum() / len(right))
