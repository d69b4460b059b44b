"""What may happen to a record on the way to a model: noise, lost leads, turned polarity, another rhythm, new beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from ..stream.core.messages import Samples
from .ectopic_beats import Donor, another
from .rhythm_augmentation import with_other_rhythm
from .training_records import TrainingRecord, qrs_height
from .ventricular_runs import SUSTAINED, with_runs, with_supraventricular_runs

SLOW_S = 0.120
"""What two moving averages over this time leave is P and T waves, hardly any QRS complex."""

RATES = (0.7, 0.85, 1.0, 1.15, 1.3)
"""A sampling rate taken for so many times what it is makes a slow heart with wide complexes, or a fast one."""

PIECES, PIECE_S = 12, 12.0
"""So many pieces of a record, each so long."""


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
    rhythm
        Whether stretches of the rhythm are rewritten, see `with_other_rhythm`.
    ectopic
        Whether most of the beats that this makes premature become ventricular beats of another patient.
    runs
        Whether runs of ventricular beats of another patient are put in, see `with_runs`.
    sustained
        Whether ventricular tachycardias that last for minutes are put in, and supraventricular ones beside them.
    pieces
        Whether only short pieces are left, each a stream of its own, in which nothing is known of the patient.
    """

    leads: str = "all"
    noise: bool = False
    turned: bool = False
    snr_db: tuple[float, ...] = (18.0, 12.0, 6.0, 0.0, -6.0)
    rhythm: bool = False
    ectopic: bool = False
    runs: bool = False
    sustained: bool = False
    pieces: bool = False

    @property
    def needs_donor(self) -> bool:
        """Whether it takes beats of another patient."""
        return self.ectopic or self.runs or self.sustained


UNALTERED, FIRST_LEAD = Variation(), Variation(leads="first")
"""What is served is the record as it is, both leads or one."""


def varied(
    record: TrainingRecord,
    variation: Variation,
    noises: dict[str, Samples],
    rng: np.random.Generator,
    available: Sequence[Donor] = (),
) -> TrainingRecord:
    """Give a copy of the record with another signal; the beats stay where they are, unless the rhythm is another.

    Ventricular beats, if it is to get any, come from one of `available` that is another patient's.
    """
    donor = another(available, record.patient, rng) if variation.needs_donor else None
    if variation.runs and donor is not None:
        record = with_runs(record, rng, donor)
    if variation.sustained and donor is not None:
        record = with_supraventricular_runs(with_runs(record, rng, donor, SUSTAINED), rng)
    if variation.rhythm:
        record = with_other_rhythm(record, rng, donor if variation.ectopic else None)
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
    if variation.pieces:
        record = replace(record, pieces=_places(record, rng))
    return replace(record, signal=np.ascontiguousarray(signal, dtype=np.float32))


def _places(record: TrainingRecord, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    """Choose where pieces begin and end."""
    length = round(PIECE_S * record.fs)
    begins = np.sort(rng.integers(0, max(len(record.signal) - length, 1), PIECES)).tolist()
    return tuple((begin, begin + length) for begin in begins)


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
