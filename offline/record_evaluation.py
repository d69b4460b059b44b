"""Figures of a two-class record model: threshold-free, and at thresholds found on validation records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError
from ..models.bundle import Bundle
from ..models.inference import inference_session
from ..stream.strip.input import model_input

BOOTSTRAP_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes of calling every record positive whose probability reaches a threshold.

    Attributes
    ----------
    threshold
        Of the probability of IMI.
    tp, fp, tn, fn
        Counts; IMI is positive.
    """

    threshold: float
    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def sensitivity(self) -> float:
        """Part of the positives that was found."""
        return self.tp / (self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Part of the negatives that was left alone."""
        return self.tn / (self.tn + self.fp)

    @property
    def precision(self) -> float:
        """Part of the positive calls that is right; 0 if there is none."""
        return self.tp / max(1, self.tp + self.fp)

    @property
    def accuracy(self) -> float:
        """Part of all calls that is right."""
        return (self.tp + self.tn) / (self.tp + self.fp + self.tn + self.fn)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and sensitivity."""
        return 2.0 * self.tp / (2.0 * self.tp + self.fp + self.fn)

    def as_json(self) -> dict[str, float]:
        """All of it, for ``--json``."""
        figures = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "f1", "threshold")
        counts = ("tp", "fp", "tn", "fn")
        return {name: getattr(self, name) for name in (*figures, *counts)}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one model on one set of records.

    Attributes
    ----------
    positive, probability
        ``(n,)``: the truth, and the model's probability of IMI.
    loss
        Mean cross-entropy, nats.
    auc, auc_interval
        Area under the ROC, with its 95 % interval.
    average_precision
        Area under the precision-recall curve.
    brier
        Mean squared error of the probability.
    decisions
        By the name of the threshold.
    """

    positive: NDArray[np.bool_]
    probability: NDArray[np.float64]
    loss: float
    auc: float
    auc_interval: tuple[float, float]
    average_precision: float
    brier: float
    decisions: dict[str, Decision]


def find_thresholds(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, float]:
    """Choose decision thresholds on validation records.

    Parameters
    ----------
    positive, probability
        ``(n,)``: the truth, and the model's probability of it.

    Returns
    -------
    dict[str, float]
        ``youden``: maximum of sensitivity + specificity - 1 (Youden 1950, doi
        10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3). ``max_correct``: maximum of TP + TN - FP - FN,
        which is that of accuracy. Each stands half-way between two probabilities that occurred; of equal ones the
        middle one is taken.
    """
    values = np.unique(probability)
    candidates = np.concatenate([[values[0] / 2.0], (values[1:] + values[:-1]) / 2.0, [(values[-1] + 1.0) / 2.0]])
    # counts of those below each candidate, from sorted probabilities
    missed = np.searchsorted(np.sort(probability[positive]), candidates)
    spared = np.searchsorted(np.sort(probability[~positive]), candidates)
    n_positive, n_negative = np.count_nonzero(positive), np.count_nonzero(~positive)
    youden = (n_positive - missed) / n_positive + spared / n_negative
    correct = n_positive - missed + spared
    return {
        "youden": _middle_of_best(candidates, youden),
        "max_correct": _middle_of_best(candidates, correct.astype(np.float64)),
    }


def decide(positive: NDArray[np.bool_], probability: NDArray[np.float64], threshold: float) -> Decision:
    """Count right and wrong calls at a threshold."""
    called = probability >= threshold
    tp, fn = np.count_nonzero(called & positive), np.count_nonzero(~called & positive)
    fp, tn = np.count_nonzero(called & ~positive), np.count_nonzero(~called & ~positive)
    return Decision(float(threshold), int(tp), int(fp), int(tn), int(fn))


def evaluate(
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    patient: NDArray[np.int64],
    thresholds: dict[str, float],
    *,
    seed: int = 0,
) -> Evaluation:
    """Score a model.

    Parameters
    ----------
    positive, probability, patient
        ``(n,)``: the truth, the model's probability of it, and whose record it is.
    thresholds
        From `find_thresholds` on other records.
    seed
        Of the bootstrap.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
    except ImportError as error:
        raise MissingExtraError("evaluation", "train") from error

    return Evaluation(
        positive,
        probability,
        loss=float(log_loss(positive, probability)),
        auc=float(roc_auc_score(positive, probability)),
        auc_interval=auc_interval(positive, probability, patient, seed=seed),
        average_precision=float(average_precision_score(positive, probability)),
        brier=float(brier_score_loss(positive, probability)),
        decisions={name: decide(positive, probability, value) for name, value in thresholds.items()},
    )


def auc_interval(
    positive: NDArray[np.bool_], probability: NDArray[np.float64], patient: NDArray[np.int64], *, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the area under the ROC: percentile bootstrap over patients.

    Parameters
    ----------
    positive, probability, patient
        ``(n,)``; the records of one patient are drawn together, since they are alike.
    seed
        Of the draws.

    Returns
    -------
    tuple[float, float]
        2.5th and 97.5th percentile.
    """
    rng = np.random.default_rng(seed)
    owners, owner = np.unique(patient, return_inverse=True)
    _, rank = np.unique(probability, return_inverse=True)
    areas = np.empty(BOOTSTRAP_ROUNDS)
    for i in range(BOOTSTRAP_ROUNDS):
        times = np.bincount(rng.integers(0, len(owners), len(owners)), minlength=len(owners))[owner]
        at = np.bincount(rank, times * positive)
        below = np.bincount(rank, times * ~positive)
        # chance that a positive ranks above a negative, ties counting half
        pairs = at.sum() * below.sum()
        areas[i] = np.dot(at, np.cumsum(below) - below / 2.0) / pairs if pairs else np.nan
    low, high = np.nanpercentile(areas, [2.5, 97.5])
    return float(low), float(high)


def _middle_of_best(candidates: NDArray[np.float64], gain: NDArray[np.float64]) -> float:
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    return float(candidates[best[len(best) // 2]])


def bundle_probability(bundle: Bundle, signals: NDArray[np.float32], fs: float) -> NDArray[np.float64]:
    """Run a record model over whole records, as it is served.

    Parameters
    ----------
    bundle
        The model.
    signals
        ``(n, time, leads)``, mV, high-passed, with the leads of the model in its order.
    fs
        Their sampling rate, Hz.

    Returns
    -------
    NDArray[np.float64]
        ``(n,)``: probability of IMI.
    """
    session = inference_session(bundle)
    card = bundle.card
    probability = np.empty(len(signals))
    for i, signal in enumerate(signals):
        x = model_input(signal.astype(np.float64), fs, card.sampling_rate_hz or fs)
        probability[i] = session.run(None, {card.input_name: x})[0][0, 1]
    return probability
