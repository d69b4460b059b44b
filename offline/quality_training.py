"""Fit the quality of beats to our own errors, in clean and in noisy records.

Each record is run through the live cascade as it is, with noise in all leads, with noise in one of its leads, and with
one lead alone with noise. The noise comes in minutes, two of three, of a kind and a ratio drawn anew for each. A beat
is right if the reference has it and none was missed since the one before. Of records whose rhythms alone are known
(`weak_labels`), the beats of ventricular tachycardias are right: they are like no kind that is known, as noise is, and
a gate that took them for noise would hide what must not be hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.bundle import Card, library_versions, write_card, writing_bundle
from ..stream.beats.features import NAMES, PREPROCESSING, columns
from ..stream.beats.quality import LIMIT
from ..stream.cascade import Cascade
from ..stream.core.messages import CLASSES, Samples
from ..stream.qrs.network import DetectorNetwork
from .noise_stress import noise_level
from .parallel import in_parallel
from .training_records import MATCH_S, TrainingRecord, match
from .variations import noise_like

COLUMNS = (
    "certainty",
    "certainty8",
    "leads_used",
    "best_count",
    "best_share",
    "n_kinds",
    "roughness2",
    "height1",
    "before_corr1",
    "before_corr2",
    "dominant_corr",
    "rr_spread20",
    "rr_to_long32",
    "shortest8_to_median8",
)
"""Of 76 columns tried, by patient: with all of them the mean AUC over patients rises by 0.004."""
TRUSTED = {"ventricular": 0.95, "ventricular, one lead": 0.85, "ventricular, run": 0.8}
"""Levels below which a beat is not called V: alone, and in a run of V. In noise at 0 dB the mean F1 of V over the
patients of DS1 rises from 40.6 to 48.5, in clean records it stands, and of the beats of tachycardias 4 in 100 are
lost. With 0.95 for all beats 24 in 100 are; with 0.8 for all the mean is 42.7, and 2 in 100 are lost. One lead alone
has lower quality throughout: at 0.95 the mean F1 of clean records falls by 1 to 8, at 0.85 in svdb alone, by 0.3."""
READ_S = 600.0
"""Of each record; more of a patient tells little more."""
MINUTE_S = 60.0
SNR_DB = (18.0, 12.0, 6.0, 0.0, -6.0, -10.0)
V = CLASSES.index("V")
KINDS = {"em": 0.5, "ma": 0.4, "bw": 0.1}
WAYS = ("clean", "noise", "noise in a lead", "one lead")
TACHYCARDIA = 10.0
"""Weight of a beat of a tachycardia: there are some hundred of each patient."""
FOLDS = 5
FEWEST = 10
"""A patient with fewer errors says nothing of how they are told apart."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Beats of one patient, and which are right.

    Attributes
    ----------
    patient, way
        Whose, and which of `WAYS` the record was run in.
    features
        ``(n, len(features.NAMES))`` float32.
    right
        ``(n,)``: the reference has the beat, and none was missed since the one before.
    weight
        Of each beat in the fit.
    """

    patient: str
    way: str
    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    weight: float = 1.0


def disturbed(record: TrainingRecord, way: str, noises: dict[str, Samples], rng: np.random.Generator) -> TrainingRecord:
    """Give the record's first minutes in one of `WAYS`; the noise is of level 1, see `noise_stress.noise_level`."""
    n = len(record.signal) if record.weak else min(len(record.signal), round(READ_S * record.fs))
    signal = record.signal[:n].astype(np.float64)
    inside = record.beats < n
    record = replace(
        record, signal=signal.astype(np.float32), beats=record.beats[inside], classes=record.classes[inside]
    )
    if way == "clean":
        return record
    kept = rng.integers(signal.shape[1])
    minute = round(MINUTE_S * record.fs)
    for number, start in enumerate(range(0, n, minute)):
        kind = rng.choice(list(KINDS), p=list(KINDS.values()))
        noise = noise_like(record, noises[kind], float(rng.choice(SNR_DB)), rng)[start : start + minute]
        if way == "noise in a lead" and signal.shape[1] > 1:
            noise[:, rng.integers(signal.shape[1])] = 0.0
        if number % 3 < 2:
            signal[start : start + minute] += noise
    if way == "one lead":
        signal = signal[:, [kept]]
    return replace(record, signal=np.ascontiguousarray(signal, dtype=np.float32))


def judge(record: TrainingRecord, detector: DetectorNetwork, way: str = "clean") -> Judged:
    """Run the cascade over a record, and compare with its reference; outside of flutter, and of its ends."""
    cascade = Cascade(record.fs, tuple(f"lead {k + 1}" for k in range(record.signal.shape[1])), detector)
    beats = cascade.push(np.asarray(record.signal, dtype=np.float64)).beats.joined(cascade.flush().beats)
    order = np.argsort(beats.mark, kind="stable")
    marks, features = beats.mark[order], beats.features[order]
    if record.weak:
        known = np.isin(np.arange(len(marks)), match(record.beats[record.classes == V], marks, MATCH_S * record.fs))
        return Judged(record.patient, way, features[known], np.ones(int(known.sum()), dtype=np.bool_), TACHYCARDIA)
    pair = match(record.beats, marks, MATCH_S * record.fs)
    right = np.isin(np.arange(len(marks)), pair)
    missed = record.beats[pair < 0]
    after = np.searchsorted(marks, missed[record.outside_flutter(missed)])
    right[after[after < len(marks)]] = False
    first = record.beats[0] - MATCH_S * record.fs if len(record.beats) else 0
    last = record.beats[-1] + MATCH_S * record.fs if len(record.beats) else 0
    kept = record.outside_flutter(marks) & (marks > first) & (marks < last)
    return Judged(record.patient, way, features[kept], right[kept])


def gather(
    records: Sequence[TrainingRecord],
    noises: dict[str, Samples],
    detector: DetectorNetwork,
    seed: int,
    on_record: Callable[[str], None] = lambda _name: None,
    jobs: int = 1,
) -> list[Judged]:
    """Judge the beats of all records in all `WAYS`; the same for any number of `jobs`."""
    rng = np.random.default_rng(seed)
    levelled = {kind: noise / noise_level(noise, 360.0) for kind, noise in noises.items()}

    def calls() -> Iterator[tuple[TrainingRecord, DetectorNetwork, str]]:
        for record in records:
            for way in WAYS:
                yield disturbed(record, way, levelled, rng), detector, way

    found = []
    names = (record.name for record in records for _ in WAYS)
    for name, part in zip(names, in_parallel(judge, calls(), jobs), strict=True):
        found.append(part)
        on_record(name)
    return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """A logistic regression on standardised columns."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the quality of rows, as `BeatQuality` does."""
        x = np.clip((features[:, columns(COLUMNS)] - self.mean) / self.deviation, -LIMIT, LIMIT)
        return np.asarray(1.0 / (1.0 + np.exp(-(x @ self.weight + self.bias))))


def fit(parts: Sequence[Judged]) -> Fitted:
    """Fit the regression to all beats of the parts."""
    from sklearn.linear_model import LogisticRegression

    x = np.concatenate([part.features for part in parts])[:, columns(COLUMNS)].astype(np.float64)
    right = np.concatenate([part.right for part in parts])
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
    weight = np.concatenate([np.full(len(part.right), part.weight) for part in parts])
    model = LogisticRegression(C=0.1, max_iter=200)
    model.fit(np.clip((x - mean) / deviation, -LIMIT, LIMIT), right, sample_weight=weight)
    return Fitted(mean, deviation, model.coef_[0].astype(np.float64), float(model.intercept_[0]))


def cross_validated(parts: Sequence[Judged], seed: int) -> dict[str, Any]:
    """Give the AUC of the quality on patients that a fit has not seen: pooled by way, and the mean over patients."""
    from sklearn.metrics import roc_auc_score

    patients = np.array(sorted({part.patient for part in parts}))
    np.random.default_rng(seed).shuffle(patients)
    judged: list[tuple[Judged, NDArray[np.float64]]] = []
    for fold in range(FOLDS):
        held = set(patients[fold::FOLDS].tolist())
        fitted = fit([part for part in parts if part.patient not in held])
        judged += [(part, fitted(part.features)) for part in parts if part.patient in held]

    def auc(chosen: Callable[[Judged], bool]) -> tuple[float, int, int]:
        right = np.concatenate([part.right for part, _ in judged if chosen(part)])
        quality = np.concatenate([values for part, values in judged if chosen(part)])
        wrong = int((~right).sum())
        return (float(roc_auc_score(right, quality)) if 0 < wrong < len(right) else np.nan), wrong, len(right)

    figures: dict[str, Any] = {}
    for way in WAYS:
        value, wrong, n = auc(lambda part, way=way: part.way == way)  # type: ignore[misc]
        figures[f"auc, {way}"] = round(value, 4)
        figures[f"errors of beats, {way}"] = f"{wrong} of {n}"
    each = [auc(lambda part, who=who: part.patient == who and part.way != "clean") for who in patients]  # type: ignore[misc]
    values = [value for value, wrong, _ in each if wrong >= FEWEST]
    figures["auc, mean of patients in noise"] = round(float(np.mean(values)), 4) if values else None
    figures["patients"] = len(values)
    return figures


def write_quality_bundle(folder: Path, fitted: Fitted, training: dict[str, Any], metrics: dict[str, Any]) -> Card:
    """Write weights and card; a bundle that is there is replaced as a whole.

    Raises
    ------
    BundleError
        If the place cannot be written.
    """
    with writing_bundle(folder) as part:
        np.savez(
            part / "weights.npz",
            mean=fitted.mean,
            deviation=fitted.deviation,
            weight=fitted.weight,
            bias=np.float64(fitted.bias),
        )
        card = Card(
            name=folder.name,
            task="quality",
            arch=f"logistic regression, {len(COLUMNS)} columns",
            classes=("error", "right"),
            input_name="features",
            input_shape=(None, len(NAMES)),
            preprocessing=PREPROCESSING,
            features=COLUMNS,
            normalization=f"deviations from the mean, at most {LIMIT:g}",
            thresholds=TRUSTED,
            training=training,
            metrics=metrics,
            versions=dict(library_versions("numpy", "scikit-learn")),
            data_licence="MIT-BIH Arrhythmia, Supraventricular, European ST-T and Noise Stress data, ODC-By 1.0",
            weights="weights.npz",
        )
        return write_card(part, card)
