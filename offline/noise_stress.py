"""Noise added to records as the Noise Stress Test Database adds it, at any ratio and to any record.

After Moody, Muldrow and Mark (1984), "A noise stress test for arrhythmia detectors", Computers in Cardiology 11:381:
from minute 5, two minutes with noise and two without, in turn. QRS power is the square of the median peak-to-peak
height over eight, noise power the mean square. Differences: the median height of beats, within 50 ms of their marks,
stands for the trimmed mean of ``sigamp``; noise power is taken over all of the noise that is used instead of second
by second; and that is the second half of the noise record, since detectors and classifiers are trained with the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.annotations import Annotations
from ..replay.record import Record, Source
from ..stream.messages import Samples
from .training_records import qrs_height

NoiseKind: TypeAlias = Literal["em", "ma", "bw"]
"""Electrode motion, muscle artefact, baseline wander."""

CLEAN_S = 300.0
STRETCH_S = 120.0


@dataclass(frozen=True, slots=True)
class NoiseStress:
    """Which noise is added to every record of an evaluation, and its signal-to-noise ratio in dB."""

    kind: NoiseKind
    snr_db: float


@dataclass(frozen=True, slots=True)
class _NoisySource:
    """The samples of a record with noise of ``(n, 2)``, unit power at rate `noise_fs`, times `gain` in mV a lead."""

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
    signal = signal - signal.mean(axis=0)
    height = qrs_height(record.signal(), beats, record.fs)
    gain = height / np.sqrt(8.0) * 10.0 ** (-snr_db / 20.0)
    return replace(record, source=_NoisySource(record.source, record.fs, signal / signal.std(axis=0), noise.fs, gain))
