"""What the beats found inside each annotated rhythm are called.

Where a database marks rhythms and no beats, as that of malignant ventricular arrhythmias does, labels can be looked at
by rhythm: in ventricular tachycardia beats are V, in sinus rhythm few are. The reference is a weak one. A beat at the
edge of a rhythm may belong to the other, and single ectopic beats have no mark of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..replay.annotations import Annotations
from ..replay.catalog import find_record
from ..stream.core.messages import CLASSES, Beat, Output
from ..stream.pipeline import Pipeline
from .beat_run import CHUNK_MS, Conditions
from .episodes.marks import rhythm, rhythm_names
from .parallel import in_parallel

EDGE_S = 1.0
"""Beats so near to where a rhythm begins or ends are left out: they may belong to the other."""


@dataclass(frozen=True, slots=True)
class RhythmStretch:
    """A stretch of one annotated rhythm.

    Attributes
    ----------
    name
        As WFDB writes it, such as ``(VT``.
    begin, end
        First sample, and the one after the last.
    """

    name: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class RecordLabels:
    """The labels of one record by rhythm.

    Attributes
    ----------
    record
        As ``db/name``.
    seconds
        By rhythm, how long it lasts, edges left out.
    counts
        By rhythm, how many beats were given each class.
    """

    record: str
    seconds: dict[str, float]
    counts: dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class RhythmShares:
    """The labels in one rhythm, over records.

    Attributes
    ----------
    rhythm
        Its WFDB name.
    records, beats, seconds
        How many records have beats in it, how many beats, and how long it lasts.
    gross
        Share of each of `CLASSES` among all these beats, percent.
    mean
        Mean over the records of their shares, percent.
    """

    rhythm: str
    records: int
    beats: int
    seconds: float
    gross: tuple[float, ...]
    mean: tuple[float, ...]


def rhythm_stretches(reference: Annotations, n_samples: int) -> Iterator[RhythmStretch]:
    """Give the stretches of each annotated rhythm, as `score --episodes` takes them; ``[ ]`` of flutter is not read."""
    for name in sorted(rhythm_names(reference)):
        for begin, end in rhythm(reference, {name}, n_samples).spans.tolist():
            yield RhythmStretch(name, begin, end)


def labels_by_rhythm(
    record: str, stretches: Sequence[RhythmStretch], beats: Sequence[tuple[int, str]], fs: float
) -> RecordLabels:
    """Count the labels of beats, each with its R peak, inside of each rhythm, edges left out.

    Parameters
    ----------
    record
        Its name.
    stretches
        Of all rhythms.
    beats
        R peak (sample) and label of each, ascending.
    fs
        Sampling rate, Hz.
    """
    seconds: dict[str, float] = defaultdict(float)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    edge = EDGE_S * fs
    for stretch in stretches:
        inside = [label for sample, label in beats if stretch.begin + edge <= sample < stretch.end - edge]
        if stretch.end - stretch.begin > 2.0 * edge:
            seconds[stretch.name] += (stretch.end - stretch.begin - 2.0 * edge) / fs
            counts[stretch.name].update(inside)
    return RecordLabels(record, dict(seconds), dict(counts))


def shares(records: Sequence[RecordLabels]) -> list[RhythmShares]:
    """Put records together, a line a rhythm, the longest first."""
    names = {name for record in records for name in record.counts}
    found = []
    for name in names:
        with_beats = [record.counts[name] for record in records if record.counts.get(name)]
        gross = sum(with_beats, Counter[str]())
        each = [_percent(counts) for counts in with_beats]
        mean = tuple(sum(values) / len(each) for values in zip(*each, strict=True)) or (0.0,) * len(CLASSES)
        lasts = sum(record.seconds.get(name, 0.0) for record in records)
        found.append(RhythmShares(name, len(with_beats), gross.total(), lasts, _percent(gross), mean))
    return sorted(found, key=lambda each: (-each.seconds, each.rhythm))


def run_records(names: Sequence[str], conditions: Conditions, folder: Path, jobs: int = 1) -> Iterator[RecordLabels]:
    """Run the live pipeline over records that have rhythm marks, and count its labels; nothing is downloaded."""
    yield from in_parallel(_run, ((name, conditions, folder) for name in names), jobs)


def _run(name: str, conditions: Conditions, folder: Path) -> RecordLabels:
    record = find_record(name, data_folder=folder, download=False)
    reference = record.annotations("atr")
    stretches = [] if reference is None else list(rhythm_stretches(reference, record.n_samples))
    leads = record.leads[:1] if conditions.first_lead else record.leads
    pipeline = Pipeline(conditions.models(name))
    outputs: list[Output] = [o for chunk in record.chunks(CHUNK_MS, leads=leads) for o in pipeline.push(chunk)]
    outputs += pipeline.flush()
    beats = sorted((output.sample, output.label) for output in outputs if isinstance(output, Beat))
    return labels_by_rhythm(name, stretches, beats, record.fs)


def _percent(counts: Counter[str]) -> tuple[float, ...]:
    beats = max(counts.total(), 1)
    return tuple(100.0 * counts[label] / beats for label in CLASSES)
