"""Beats of records as the live rule of atrial fibrillation takes them, and what the annotators say of each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.catalog import find_record
from ..replay.record import Record
from ..stream.batch import Described, label
from ..stream.core.compiled import Floats32, Records
from ..stream.core.messages import Beat
from ..stream.networks import Models, load_models
from ..stream.pipeline import Pipeline
from ..stream.rhythm.atrial import beat_row
from ..stream.rhythm.irregularity import BEAT, BEATS, NAMES, describe
from ..stream.rhythm.rule import RhythmBeat
from .beat_run import CHUNK_MS
from .episodes.marks import Episodes, fibrillation, rhythm
from .parallel import in_parallel

PIECES = "challenge-2017"
"""Pieces of one hand-held lead, each with one label for all of it: A for atrial fibrillation, ~ for noise."""

NEITHER = ("(AFL", "(VT", "(NOISE", "(ASYS")
"""Rhythms in which a beat counts for neither side: EC57 compares AF with the mark ``(AFIB`` alone."""


@dataclass(frozen=True, slots=True, eq=False)
class AtrialBeats:
    """The beats of one record.

    Attributes
    ----------
    record
        As ``db/name``.
    fs, n_samples
        Its sampling rate, Hz, and length.
    samples
        ``(n,)`` R peaks.
    features
        ``(n, len(NAMES))`` of the window that ends with each; NaN where there are too few beats.
    fibrillation, neither
        ``(n,)`` share of each window's beats inside the marked rhythm, and inside of `NEITHER` and ventricular
        fibrillation.
    episodes
        The marked atrial fibrillation.
    excluded
        The marked flutter, in which EC57 counts nothing as false.
    """

    record: str
    fs: float
    n_samples: int
    samples: NDArray[np.int64]
    features: NDArray[np.float32]
    fibrillation: NDArray[np.float64]
    neither: NDArray[np.float64]
    episodes: Episodes
    excluded: Episodes


def read_atrial_beats(names: Sequence[str], folder: Path, jobs: int = 1) -> Iterator[AtrialBeats]:
    """Run the live pipeline over records at hand, one after the other; those without beats are left out."""
    yield from in_parallel(_read, ((name, folder) for name in names), jobs)


def _read(name: str, folder: Path) -> AtrialBeats:
    record = find_record(name, data_folder=folder, download=False)
    samples, beats = described(record, load_models())
    fibrillating, neither, flutter = _marked(name, record, folder)
    return AtrialBeats(
        name,
        record.fs,
        record.n_samples,
        samples,
        windows(beats),
        _share(samples, fibrillating),
        _share(samples, neither),
        fibrillating,
        flutter,
    )


def described(record: Record, models: Models) -> tuple[NDArray[np.int64], Records]:
    """Give R peaks and `stream.rhythm.irregularity.BEAT` of the beats that the pipeline finds."""
    pipeline = Pipeline(models)
    samples: list[int] = []
    rows: list[tuple[float, int, Floats32]] = []

    def take(described: Described) -> None:
        (labelled,) = label(models, [described])
        found = [output for output in labelled.outputs if isinstance(output, Beat)]
        for beat, known in zip(found, described.beats, strict=True):
            samples.append(beat.sample)
            rows.append(beat_row(RhythmBeat(beat, features=known.features)))
        pipeline.remember(labelled)

    for chunk in record.chunks(CHUNK_MS):
        take(pipeline.describe(chunk))
    take(pipeline.finish())
    return np.array(samples, dtype=np.int64), np.array(rows, dtype=BEAT)


def windows(beats: Records) -> NDArray[np.float32]:
    """Describe the window that ends with each beat; NaN where there are too few."""
    features = np.full((len(beats), len(NAMES)), np.nan, dtype=np.float32)
    out: Floats32 = np.empty(len(NAMES), dtype=np.float32)
    for last in range(len(beats)):
        if describe(beats[max(0, last + 1 - BEATS) : last + 1], out):
            features[last] = out
    return features


def _marked(name: str, record: Record, folder: Path) -> tuple[Episodes, Episodes, Episodes]:
    """Give the marked atrial fibrillation, what counts for neither side, and flutter."""
    nothing = Episodes(np.zeros((0, 2), dtype=np.int64))
    database, _, piece = name.partition("/")
    if database == PIECES:
        whole = Episodes(np.array([[0, record.n_samples]], dtype=np.int64))
        found = piece_label(folder, piece)
        return whole if found == "A" else nothing, whole if found == "~" else nothing, nothing
    marks = record.annotations("atr")
    if marks is None:
        return nothing, nothing, nothing
    end = record.n_samples
    neither = np.concatenate([rhythm(marks, NEITHER, end).spans, fibrillation(marks, end, rhythms=True).spans])
    return rhythm(marks, ("(AFIB",), end), Episodes(neither), rhythm(marks, ("(AFL",), end)


@lru_cache(maxsize=1)
def _labels(folder: Path) -> dict[str, str]:
    file = folder / PIECES / "REFERENCE.csv"
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return {row[0]: row[1] for row in csv.reader(lines) if len(row) == 2}
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}: the labels of {PIECES} stand in it") from error


def piece_label(folder: Path, piece: str) -> str:
    """Give the label of one piece of `PIECES`: N, A, O or ~.

    Raises
    ------
    RecordError
        If there is no table of labels, or none for this piece.
    """
    found = _labels(folder).get(piece)
    if found is None:
        raise RecordError(f"{folder / PIECES / 'REFERENCE.csv'} has no label for {piece}: fetch {PIECES} again")
    return found


def _share(samples: NDArray[np.int64], episodes: Episodes) -> NDArray[np.float64]:
    """Share of the beats of each window that stand inside of episodes."""
    inside = np.zeros(len(samples))
    for begin, end in episodes.spans.tolist():
        inside[(samples >= begin) & (samples < end)] = 1.0
    total = np.concatenate([[0.0], np.cumsum(inside)])
    last = np.arange(1, len(samples) + 1)
    first = np.maximum(last - BEATS, 0)
    return np.asarray((total[last] - total[first]) / (last - first))
