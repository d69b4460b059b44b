"""Noise added to records as the Noise Stress Test Database adds it, at any ratio and to any record.

After Moody, Muldrow and Mark (1984), "A noise stress test for arrhythmia detectors", Computers in Cardiology 11:381:
from minute 5, two minutes with noise and two without, in turn. QRS power is the square of the peak-to-peak height
over eight; noise power is that of single seconds about their mean, so that slow drift, of which electrode motion has
most, does not count, over the first five minutes of the noise record. So the gains are those that the database's
records have, within 3 %. Differences: the median height of beats, within 50 ms of their marks, stands for a trimmed
mean; and only the second half of the noise record is added, since detectors and classifiers are trained with the
first. The second half of ``em`` is, on its first lead, 5 dB stronger than what it is measured by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.annotations import Annotations
from ..replay.record import Record
from ..replay.source import Source
from ..stream.core.messages import Samples
from .training_records import qrs_height

NoiseKind: TypeAlias = Literal["em", "ma", "bw"]
"""Electrode motion, muscle artefact, baseline wander."""

CLEAN_S = 300.0
STRETCH_S = 120.0
MEASURED_S = 300.0


@dataclass(frozen=True, slots=True)
class NoiseStress:
    """Which noise is added to every record of an evaluation, and its signal-to-noise ratio in dB."""

    kind: NoiseKind
    snr_db: float


@dataclass(frozen=True, slots=True)
class _NoisySource:
    """The samples of a record with `noise`, ``(n, 2)`` of level 1 at rate `noise_fs`, times `gain` in mV a lead."""

    source: Source
    fs: float
    noise: Samples
    noise_fs: float
    gain: NDArray[np.float64]

    def read(self, start: int, stop: int) -> Samples:
        seconds = np.arange(start, stop) / self.fs
        since = seconds - CLEAN_S
        noisy = (since >= 0.0) & (since % (2.0 * STRETCH_S) < STRETCH_S)
        at = (since * self.noise_fs) % (len(self.noise) - 1)
        columns = [
            np.interp(at, np.arange(len(self.noise)), self.noise[:, lead % self.noise.shape[1]])
            for lead in range(len(self.gain))
        ]
        return self.source.read(start, stop) + np.where(noisy[:, None], self.gain * np.stack(columns, axis=1), 0.0)

    def annotations(self, extension: str) -> Annotations | None:
        return self.source.annotations(extension)


def stressed(record: Record, noise: Record, snr_db: float) -> Record:
    """Give the record with noise added.

    Parameters
    ----------
    record
        With reference annotations, which tell where its QRS complexes are.
    noise
        Such as ``nstdb/em``; its second half is used, from its beginning again where it is too short.
    snr_db
        Ratio of QRS power to noise power; the same on every lead.

    Raises
    ------
    RecordError
        If there are no reference annotations or no beats among them.
    """
    reference = record.annotations("atr")
    beats = reference.beats().samples if reference is not None else np.zeros(0, dtype=np.int64)
    if len(beats) == 0:
        raise RecordError(f"record {record.name} has no beats marked in 'atr' to scale noise by: leave it out")
    signal = noise.signal(noise.n_samples // 2)
    measured = noise.signal(0, min(round(MEASURED_S * noise.fs), noise.n_samples))
    signal = (signal - signal.mean(axis=0)) / noise_level(measured, noise.fs)
    height = qrs_height(record.signal(), beats, record.fs)
    gain = height / np.sqrt(8.0) * 10.0 ** (-snr_db / 20.0)
    return replace(record, source=_NoisySource(record.source, record.fs, signal, noise.fs, gain))


def noise_level(noise: Samples, fs: float) -> NDArray[np.float64]:
    """Root mean square of single seconds about their mean, ``(n_leads,)``, without the lowest and highest 5 %."""
    n = round(fs)
    seconds = noise[: len(noise) // n * n].reshape(-1, n, noise.shape[1])
    levels = np.sort(seconds.std(axis=1), axis=0)
    cut = len(levels) // 20
    return np.asarray(levels[cut : len(levels) - cut].mean(axis=0))
