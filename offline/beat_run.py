"""The live pipeline, end to end, over whole records, scored beat by beat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError, RequestError
from ..models.bundle import read_card
from ..replay.annotations import Annotations, marks
from ..replay.labels import LabelMap
from ..replay.record import Record
from ..stream.core.messages import CLASSES, Beat, Chunk, Output
from ..stream.pipeline import DEFAULT_DETECTOR, Models, Pipeline, load_models
from .ec57 import LEARNING_PERIOD_S, RecordScore, compare
from .noise_stress import NoiseStress, stressed
from .own_records import find
from .parallel import in_parallel

CHUNK_MS = 1000.0
"""How the record is cut; the pipeline gives the same beats for any."""

SUPRAVENTRICULAR_RHYTHMS = frozenset({"(SVTA", "(AFIB", "(AFL", "(NOD"})
"""Rhythm annotations of sustained supraventricular rhythms: tachyarrhythmia, fibrillation, flutter, nodal rhythm."""


class LivePipeline(Protocol):
    """What an evaluation needs of a pipeline."""

    def push(self, chunk: Chunk, /) -> Sequence[Output]:
        """Take the next chunk; give beats and events."""
        ...

    def flush(self) -> Sequence[Output]:
        """End the stream; give what was held back."""
        ...


@dataclass(frozen=True, slots=True)
class Conditions:
    """How every record of an evaluation is run and scored.

    Attributes
    ----------
    model
        Beat model by name or path.
    detector
        Detector by name or path.
    folds
        Bundles of a cross-validation, see `held_out_by`; each record is then run with those that it was kept from.
    first_lead
        Whether the pipeline sees the first lead only.
    start_s
        Where scoring begins.
    label_map
        See `ec57.compare`.
    noise
        What is added to each record, if anything.
    own
        Folder of records ``@LIST/PATIENT/RECORD``, see `own_records`; None if there are none.
    """

    model: str
    detector: str = DEFAULT_DETECTOR
    folds: Mapping[str, Path] | None = None
    first_lead: bool = False
    start_s: float = LEARNING_PERIOD_S
    label_map: LabelMap = "aami"
    noise: NoiseStress | None = None
    own: Path | None = None

    def models(self, record: str) -> Models:
        """Load what the record, ``db/name``, is to be run with.

        Raises
        ------
        BundleError
            If a bundle is missing or does not fit.
        RequestError
            If no fold of the cross-validation held the record out.
        """
        if self.folds is None:
            return load_models(self.model, self.detector)
        if record not in self.folds:
            raise RequestError(f"record {record} was held out of no fold", about="records")
        fold = self.folds[record]
        return load_models(str(fold / "beat"), str(fold / "qrs") if (fold / "qrs").is_dir() else self.detector)


def held_out_by(folder: Path) -> dict[str, Path]:
    """Find which fold each record was held out of.

    Parameters
    ----------
    folder
        With a folder for each fold that holds the bundle ``beat``, trained without that fold, and ``qrs`` if the
        detector is cross-validated too.

    Returns
    -------
    dict[str, Path]
        Record ``db/name``: folder of its fold.

    Raises
    ------
    RequestError
        If there are no such bundles, or the detector of a fold was trained on records of the fold.
    """
    found: dict[str, Path] = {}
    for card in sorted(folder.glob("*/beat/card.json")):
        fold = card.parent.parent
        held_out = read_card(fold / "beat").training.get("held_out", [])
        qrs = fold / "qrs"
        seen = set(held_out) & set(read_card(qrs).training.get("records", [])) if qrs.is_dir() else set()
        if seen:
            raise RequestError(
                f"{qrs} was trained on records that {fold / 'beat'} held out, such as {min(seen)}: both are to be "
                "trained without the same fold"
            )
        found |= dict.fromkeys(held_out, fold)
    if not found:
        raise RequestError(
            f"no folds in {folder}: it needs FOLD/beat, and FOLD/qrs if there is one, trained without that fold"
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class RecordRun:
    """One record after the live pipeline.

    Attributes
    ----------
    name
        The record as ``db/name``.
    fs, seconds, leads
        Its sampling rate in Hz, its length, and the leads that the pipeline saw.
    reference
        Reference annotations.
    samples, labels
        R peak and class of each detected beat, in the order of time.
    probabilities
        ``(n, 5)``: by `CLASSES`.
    delay_ms
        Stream time from each R peak to its label.
    score
        The comparison; its outcomes point into `reference` and `samples`.
    supraventricular
        Whether the rhythm of the record is supraventricular, see `rhythm_is_supraventricular`.
    """

    name: str
    fs: float
    seconds: float
    leads: tuple[str, ...]
    reference: Annotations
    samples: NDArray[np.int64]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    delay_ms: NDArray[np.float64]
    score: RecordScore
    supraventricular: bool


@dataclass(frozen=True, slots=True, eq=False)
class DatabaseResult:
    """The records of one list after the live pipeline.

    Attributes
    ----------
    name
        Name of the list, such as ``mitdb-ds2``.
    runs
        Its records that were there.
    missing
        Those that were not, as ``db/name``.
    """

    name: str
    runs: tuple[RecordRun, ...]
    missing: tuple[str, ...]


def run_record(name: str, record: Record, pipeline: LivePipeline, conditions: Conditions) -> RecordRun:
    """Stream a record through a pipeline and score its beats against ``atr``.

    Raises
    ------
    RecordError
        If the record has no reference annotations, is over before scoring begins, or cannot be read.
    """
    reference = record.annotations("atr")
    if reference is None:
        raise RecordError(f"record {name} has no annotations 'atr' to score against", about="records")
    if conditions.start_s >= record.seconds:
        raise RecordError(
            f"record {name} ends at {record.seconds:g} s, before scoring begins at {conditions.start_s:g} s",
            about="scoring",
        )
    leads = record.leads[:1] if conditions.first_lead else record.leads
    outputs = [output for chunk in record.chunks(CHUNK_MS, leads=leads) for output in pipeline.push(chunk)]
    outputs += pipeline.flush()
    # A beat found by search-back is told after its successor; annotation files are in the order of time.
    beats = sorted((output for output in outputs if isinstance(output, Beat)), key=lambda beat: beat.sample)
    samples = np.array([beat.sample for beat in beats], dtype=np.int64)
    labels = tuple(beat.label for beat in beats)
    score = compare(
        reference,
        marks(samples, labels),
        record.fs,
        start_s=conditions.start_s,
        end_s=record.seconds,
        label_map=conditions.label_map,
        record=name,
    )
    return RecordRun(
        name=name,
        fs=record.fs,
        seconds=record.seconds,
        leads=leads,
        reference=reference,
        samples=samples,
        labels=labels,
        probabilities=np.array([beat.probabilities for beat in beats]).reshape(-1, len(CLASSES)),
        delay_ms=np.array([beat.delay_ms for beat in beats]),
        score=score,
        supraventricular=rhythm_is_supraventricular(reference, record.n_samples),
    )


def run_records(names: Sequence[str], conditions: Conditions, data_folder: Path, jobs: int = 1) -> Iterator[RecordRun]:
    """Run records one after another, or several at a time.

    Parameters
    ----------
    names
        Records as ``db/name``, or ``demo``; nothing is downloaded.
    conditions
        How each is run.
    data_folder
        Where they lie.
    jobs
        See `in_parallel`.

    Yields
    ------
    RecordRun
        In the order of `names`.
    """
    yield from in_parallel(_run_by_name, ((name, conditions, data_folder) for name in names), jobs)


def rhythm_is_supraventricular(reference: Annotations, n_samples: int) -> bool:
    """Tell whether the rhythm of a record, rather than a premature beat here and there, is supraventricular.

    It is if the reference marks more than half of the record with one of `SUPRAVENTRICULAR_RHYTHMS`, or more
    than half of its beats as A, a, J or S: in neither case does prematurity tell its S beats from the rest.
    """
    changes = [
        (sample, note)
        for sample, symbol, note in zip(reference.samples, reference.symbols, reference.notes, strict=True)
        if symbol == "+"
    ]
    spans = pairwise([*changes, (n_samples, "")])
    covered = sum(end - began for (began, note), (end, _) in spans if note in SUPRAVENTRICULAR_RHYTHMS)
    beats = reference.beats().counts()
    ectopic = sum(beats[symbol] for symbol in "AaJS")
    return bool(covered > n_samples / 2 or ectopic > beats.total() / 2)


def _run_by_name(name: str, conditions: Conditions, data_folder: Path) -> RecordRun:
    record = record_under(conditions, name, data_folder)
    return run_record(name, record, Pipeline(conditions.models(name)), conditions)


def record_under(conditions: Conditions, name: str, data_folder: Path) -> Record:
    """Open a record, with noise added if the conditions have some; nothing is downloaded."""
    record = find(name, conditions.own, data_folder)
    if conditions.noise is None:
        return record
    noise = find(f"nstdb/{conditions.noise.kind}", None, data_folder)
    return stressed(record, noise, conditions.noise.snr_db)
