"""Records to train beat models on, and what may happen to them on the way: noise, lost leads, turned polarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ..replay.catalog import find_record
from ..replay.labels import AAMI_CLASS
from ..stream.messages import CLASSES, Samples
from .splits import patient

NOISE_KINDS = ("em", "ma", "bw")
"""Electrode motion, muscle artefact, baseline wander: the records of the Noise Stress Test Database."""

SLOW_S = 0.120
"""What two moving averages over this time leave is P and T waves, hardly any QRS complex."""

RATES = (0.7, 0.85, 1.0, 1.15, 1.3)
"""A sampling rate taken for so many times what it is makes a slow heart with wide complexes, or a fast one."""

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
    """

    name: str
    patient: str
    fs: float
    signal: NDArray[np.float32]
    beats: NDArray[np.int64]
    classes: NDArray[np.int64]
    flutter: NDArray[np.int64]

    def outside_flutter(self, samples: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of ``samples`` lie outside of ventricular flutter and its next 150 ms."""
        outside = np.ones(len(samples), dtype=np.bool_)
        margin = MATCH_S * self.fs
        for first, last in self.flutter:
            outside &= (samples < first - margin) | (samples > last + margin)
        return outside


@dataclass(frozen=True, slots=True)
class Variation:
    """One way to alter a record for training.

    Attributes
    ----------
    leads
        ``all``, ``one`` (any single lead), ``first``, or ``mixed``: as many other leads of the same heart, each a
        random combination of those there are, with slow waves (P and T) made smaller or larger against the QRS
        complex; every other time only one of them; and all of it slower or faster by one of `RATES`.
    noise
        Whether to add noise in stretches, at a signal-to-noise ratio drawn from `snr_db`.
    turned
        Whether to turn the polarity of leads at random, and swap the two leads in a third of cases.
    snr_db
        Signal-to-noise ratios, as the Noise Stress Test defines them (QRS power over noise power).
    """

    leads: str = "all"
    noise: bool = False
    turned: bool = False
    snr_db: tuple[float, ...] = (18.0, 12.0, 6.0, 0.0, -6.0)


def read_training_records(names: Sequence[str]) -> Iterator[TrainingRecord]:
    """Read records one after the other.

    Parameters
    ----------
    names
        ``db/name``, with reference annotations.

    Raises
    ------
    RecordError
        If one is missing or damaged.
    """
    for name in names:
        record = find_record(name)
        annotations = record.annotations("atr")
        if annotations is None:
            continue
        symbols = np.array(annotations.symbols)
        is_beat = np.array([symbol in AAMI_CLASS for symbol in annotations.symbols], dtype=np.bool_)
        classes = [CLASSES.index(AAMI_CLASS[symbol]) for symbol in symbols[is_beat]]
        begins = annotations.samples[symbols == "["]
        ends = annotations.samples[symbols == "]"]
        flutter = [(first, min((last for last in ends if last > first), default=record.n_samples)) for first in begins]
        yield TrainingRecord(
            name=name,
            patient=patient(name),
            fs=record.fs,
            signal=np.nan_to_num(record.signal()).astype(np.float32),
            beats=annotations.samples[is_beat],
            classes=np.array(classes, dtype=np.int64),
            flutter=np.array(flutter, dtype=np.int64).reshape(-1, 2),
        )


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


def varied(
    record: TrainingRecord, variation: Variation, noises: dict[str, Samples], rng: np.random.Generator
) -> TrainingRecord:
    """Give a copy of the record with another signal; the beats stay where they are."""
    signal = record.signal.astype(np.float64)
    if variation.noise and noises:
        _add_noise(signal, record, noises, variation.snr_db, rng)
    if variation.leads == "mixed":
        signal = _mixed(signal, record.fs, rng)
        record = replace(record, fs=record.fs * float(rng.choice(RATES)))
    n_leads = signal.shape[1]
    if variation.leads == "one":
        signal = signal[:, [rng.integers(n_leads)]]
    elif variation.leads == "first":
        signal = signal[:, :1]
    if variation.turned:
        signal = signal * rng.choice([-1.0, 1.0], size=signal.shape[1])
        if rng.random() < 1 / 3:
            signal = signal[:, ::-1]
    return replace(record, signal=np.ascontiguousarray(signal, dtype=np.float32))


def qrs_height(signal: Samples, beats: NDArray[np.int64], fs: float) -> NDArray[np.float64]:
    """Give the median peak-to-peak height of beats at the samples `beats`, ``(n_leads,)``, in the signal's units."""
    reach = int(0.05 * fs)
    inside = beats[(beats > reach) & (beats < len(signal) - reach)][::7]
    windows = signal[inside[:, None] + np.arange(-reach, reach + 1)]
    height: NDArray[np.float64] = np.nanmedian(windows.max(axis=1) - windows.min(axis=1), axis=0)
    return height


def _mixed(signal: Samples, fs: float, rng: np.random.Generator) -> Samples:
    n_leads = signal.shape[1]
    directions = rng.standard_normal((n_leads, n_leads))
    mixed: Samples = signal @ (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T
    if rng.random() < 0.5:
        mixed = mixed[:, :1]
    span = round(SLOW_S * fs)
    slow = uniform_filter1d(uniform_filter1d(mixed, span, axis=0), span, axis=0)
    return mixed + rng.uniform(-0.5, 2.0, size=mixed.shape[1]) * slow


def noise_like(record: TrainingRecord, noise: Samples | None, snr_db: float, rng: np.random.Generator) -> Samples:
    """Give noise of the shape of the record's signal, at one signal-to-noise ratio throughout.

    Parameters
    ----------
    record
        Whose QRS height and sampling rate it is for.
    noise
        ``(n, 2)`` at 360 Hz with unit deviation, repeated where it is too short; None is white noise.
    snr_db
        QRS power over noise power.
    rng
        Where the noise is begun at, or drawn from.
    """
    signal = record.signal.astype(np.float64)
    gain = 10.0 ** (-snr_db / 20.0) / np.sqrt(8.0) * qrs_height(signal, record.beats, record.fs)
    if noise is None:
        return np.asarray(gain * rng.standard_normal(signal.shape))
    at = (rng.integers(len(noise)) + np.arange(len(signal)) * 360.0 / record.fs) % len(noise)
    columns = [np.interp(at, np.arange(len(noise)), noise[:, k % noise.shape[1]]) for k in range(signal.shape[1])]
    return np.asarray(gain * np.stack(columns, axis=1))


def _add_noise(
    signal: Samples,
    record: TrainingRecord,
    noises: dict[str, Samples],
    snr_db: tuple[float, ...],
    rng: np.random.Generator,
) -> None:
    """Add stretches of 10 to 90 s of noise, about six in ten of the time, in place."""
    peak_to_peak = qrs_height(signal, record.beats, record.fs)
    kinds = list(noises)
    position = 0
    while position < len(signal):
        length = int(rng.uniform(10.0, 90.0) * record.fs)
        if rng.random() < 0.6:
            noise = noises[kinds[rng.integers(len(kinds))]]
            stretch = signal[position : position + length]
            needed = int(len(stretch) * 360.0 / record.fs) + 2
            begin = int(rng.integers(max(len(noise) - needed, 1)))
            at = begin + np.arange(len(stretch)) * 360.0 / record.fs
            gain = 10.0 ** (-rng.choice(snr_db) / 20.0) / np.sqrt(8.0)  # QRS power is the squared height over eight
            for lead in range(signal.shape[1]):
                if rng.random() < 0.75:
                    source = noise[:, rng.integers(noise.shape[1])]
                    stretch[:, lead] += gain * peak_to_peak[lead] * np.interp(at, np.arange(len(noise)), source)
        position += length
