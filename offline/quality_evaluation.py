"""How well the quality that beats carry tells our own errors: false beats, and beats after which one was missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.catalog import find_record
from ..replay.record import Record
from ..stream.beats.quality import BeatQuality
from ..stream.qrs.network import DetectorNetwork
from .noise_stress import NoiseStress, stressed
from .parallel import in_parallel
from .quality_training import FEWEST, judge
from .splits import patient
from .training_records import TrainingRecord, flutter_of


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """The beats of one record, under one noise.

    Attributes
    ----------
    name, patient
        The record as ``db/name``, and whose it is.
    noise
        What was added.
    quality
        ``(n,)`` of each beat.
    right
        ``(n,)``: the reference has the beat, and none was missed since the one before.
    """

    name: str
    patient: str
    noise: NoiseStress | None
    quality: NDArray[np.float64]
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Separation:
    """How errors and right beats differ in quality.

    Attributes
    ----------
    beats, errors
        How many.
    auc
        Area under the ROC curve, all beats together; None where there are only errors, or none.
    auc_mean, patients
        Its mean over patients with at least `quality_training.FEWEST` errors, and how many those are.
    below
        Share of the errors, and of the right beats, that are below the level of trust.
    """

    beats: int
    errors: int
    auc: float | None
    auc_mean: float | None
    patients: int
    below: tuple[float, float]


def run_records(
    names: Sequence[str],
    noises: Sequence[NoiseStress | None],
    first_lead: bool,
    detector: DetectorNetwork,
    quality: BeatQuality,
    data_folder: Path,
    jobs: int = 1,
) -> Iterator[Told]:
    """Run whole records through the live cascade under each noise.

    Raises
    ------
    RecordError
        If a record has no reference, or cannot be read.
    """
    calls = ((name, noise, first_lead, detector, quality, data_folder) for name in names for noise in noises)
    yield from in_parallel(_run, calls, jobs)


def _run(
    name: str,
    noise: NoiseStress | None,
    first_lead: bool,
    detector: DetectorNetwork,
    quality: BeatQuality,
    data_folder: Path,
) -> Told:
    record = find_record(name, data_folder=data_folder, download=False)
    if noise is not None:
        record = stressed(record, find_record(f"nstdb/{noise.kind}", data_folder=data_folder), noise.snr_db)
    if first_lead:
        record = record.choose(["0"])
    judged = judge(_with_reference(name, record), detector)
    return Told(name, patient(name), noise, quality(judged.features), judged.right)


def _with_reference(name: str, record: Record) -> TrainingRecord:
    marks = record.annotations("atr")
    if marks is None:
        raise RecordError(f"record {name} has no annotations 'atr' to compare with", about="records")
    beats = marks.beats().samples
    return TrainingRecord(
        name=name,
        patient=patient(name),
        fs=record.fs,
        signal=record.signal().astype(np.float32),
        beats=beats,
        classes=np.zeros(len(beats), dtype=np.int64),
        flutter=flutter_of(marks, record.n_samples),
    )


def separation(told: Sequence[Told], trusted: float) -> Separation:
    """Compare the quality of errors with that of right beats."""
    quality = np.concatenate([each.quality for each in told])
    right = np.concatenate([each.right for each in told])
    means = []
    for who in sorted({each.patient for each in told}):
        mine = [each for each in told if each.patient == who]
        own = np.concatenate([each.right for each in mine])
        if FEWEST <= int((~own).sum()) < len(own):
            means.append(_auc(own, np.concatenate([each.quality for each in mine])))
    doubted = quality < trusted
    return Separation(
        beats=len(right),
        errors=int((~right).sum()),
        auc=_auc(right, quality) if 0 < right.sum() < len(right) else None,
        auc_mean=float(np.mean(means)) if means else None,
        patients=len(means),
        below=(_share(doubted[~right]), _share(doubted[right])),
    )


def _auc(right: NDArray[np.bool_], quality: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(right, quality))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0
