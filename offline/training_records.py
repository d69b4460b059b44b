"""Records to train beat models on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..replay.annotations import Annotations
from ..replay.catalog import find_record
from ..replay.labels import AAMI_CLASS
from ..stream.core.messages import CLASSES, Samples
from .own_records import find
from .splits import patient

NOISE_KINDS = ("em", "ma", "bw")
"""Electrode motion, muscle artefact, baseline wander: the records of the Noise Stress Test Database."""

MATCH_S = 0.150
"""How far a detection may stand from the reference beat that it is taken for, as in EC57."""


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """A record with its reference beats.

    Attributes
    ----------
    name
        ``db/name``.
    patient
        Records of one patient share this.
    fs
        Hz.
    signal
        ``(n_samples, n_leads)``, mV, float32.
    beats
        ``(n_beats,)`` sample of each reference beat.
    classes
        ``(n_beats,)`` index into `CLASSES`.
    flutter
        ``(k, 2)`` first and last sample of stretches of ventricular flutter, in which no beat is marked.
    donor
        The patient whose ventricular beats were put into it, if any; see `ectopic_beats`.
    weak
        Whether only some of its beats are known; see `weak_labels`.
    pieces
        Samples from which and before which its pieces reach, where each is to be a stream of its own.
    """

    name: str
    patient: str
    fs: float
    signal: NDArray[np.float32]
    beats: NDArray[np.int64]
    classes: NDArray[np.int64]
    flutter: NDArray[np.int64]
    donor: str = ""
    weak: bool = False
    pieces: tuple[tuple[int, int], ...] = ()

    def cut(self) -> Iterator[TrainingRecord]:
        """Give each piece as a record."""
        for first, last in self.pieces:
            inside = (self.beats >= first) & (self.beats < last)
            touching = self.flutter[(self.flutter[:, 1] >= first) & (self.flutter[:, 0] < last)]
            yield replace(
                self,
                signal=self.signal[first:last],
                beats=self.beats[inside] - first,
                classes=self.classes[inside],
                flutter=np.clip(touching, first, last) - first,
                pieces=(),
            )

    def outside_flutter(self, samples: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of ``samples`` lie outside of ventricular flutter and its next 150 ms."""
        outside = np.ones(len(samples), dtype=np.bool_)
        margin = MATCH_S * self.fs
        for first, last in self.flutter:
            outside &= (samples < first - margin) | (samples > last + margin)
        return outside


def read_training_records(names: Sequence[str], own: Path | None = None) -> Iterator[TrainingRecord]:
    """Read records one after the other.

    Parameters
    ----------
    names
        ``db/name``, or ``@LIST/PATIENT/RECORD``, with reference annotations.
    own
        Folder of the latter, see `own_records`.

    Raises
    ------
    RecordError
        If one is missing or damaged.
    """
    for name in names:
        record = find(name, own, download=True)
        annotations = record.annotations("atr")
        if annotations is None:
            continue
        symbols = np.array(annotations.symbols)
        is_beat = np.array([symbol in AAMI_CLASS for symbol in annotations.symbols], dtype=np.bool_)
        classes = [CLASSES.index(AAMI_CLASS[symbol]) for symbol in symbols[is_beat]]
        yield TrainingRecord(
            name=name,
            patient=patient(name),
            fs=record.fs,
            signal=np.nan_to_num(record.signal()).astype(np.float32),
            beats=annotations.samples[is_beat],
            classes=np.array(classes, dtype=np.int64),
            flutter=flutter_of(annotations, record.n_samples),
        )


def flutter_of(annotations: Annotations, n_samples: int) -> NDArray[np.int64]:
    """Give the stretches of ventricular flutter, ``(k, 2)``: from each ``[`` to the next ``]``, or to the end."""
    symbols = np.array(annotations.symbols)
    ends = annotations.samples[symbols == "]"]
    found = [(first, min(ends[ends > first], default=n_samples)) for first in annotations.samples[symbols == "["]]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def read_noises(kinds: Sequence[str] = NOISE_KINDS) -> dict[str, Samples]:
    """Read the first half of each noise record, ``(n, 2)`` at 360 Hz; the second half is left for tests.

    Raises
    ------
    RecordError
        If the Noise Stress Test Database is not at hand.
    """
    noises = {}
    for kind in kinds:
        record = find_record(f"nstdb/{kind}")
        signal = record.signal(0, record.n_samples // 2)
        noises[kind] = (signal - signal.mean(axis=0)) / signal.std()
    return noises


def match(reference: NDArray[np.int64], found: NDArray[np.int64], within: float) -> NDArray[np.int64]:
    """Pair each reference beat with the nearest detection, one to one, both ascending.

    Returns
    -------
    NDArray
        ``(len(reference),)`` index into `found`, -1 where none lies within `within` samples.
    """
    pair = np.full(len(reference), -1, dtype=np.int64)
    i = j = 0
    while i < len(reference) and j < len(found):
        distance = abs(int(found[j]) - int(reference[i]))
        if j + 1 < len(found) and abs(int(found[j + 1]) - int(reference[i])) < distance:
            j += 1
        elif i + 1 < len(reference) and abs(int(found[j]) - int(reference[i + 1])) < distance:
            i += 1
        else:
            if distance <= within:
                pair[i] = j
            i += 1
            j += 1
    return pair


def qrs_height(signal: Samples, beats: NDArray[np.int64], fs: float) -> NDArray[np.float64]:
    """Give the median peak-to-peak height of beats at the samples `beats`, ``(n_leads,)``, in the signal's units."""
    reach = int(0.05 * fs)
    inside = beats[(beats > reach) & (beats < len(signal) - reach)][::7]
    windows = signal[inside[:, None] + np.arange(-reach, reach + 1)]
    height: NDArray[np.float64] = np.nanmedian(windows.max(axis=1) - windows.min(axis=1), axis=0)
    return height
