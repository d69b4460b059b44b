"""Ventricular beats of one patient in the record of another.

Few patients have ventricular beats, and most of them of one shape or two; a network learns these shapes, and what they
look like beside the normal beat of the same patient. So the ventricular beats of a donor take the place of normal
beats of another patient: in units of the height of the normal beat, a little faster or slower, taller or lower,
and with leads turned, since it is random what stands in which lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES, Samples
from .training_records import TrainingRecord, qrs_height

WAVE_HZ = 250.0
"""Donated beats are kept at this rate."""

BEFORE_S, AFTER_S = 0.14, 0.40
"""What is donated of a beat, about its mark: from before a wide QRS complex to the end of its T wave."""

APART_S = 0.45
"""Beats nearer to the one before or after are not donated: part of it would come along."""

FEWEST, MOST = 3, 300
"""A donor has so many such beats; of more, so many are taken, evenly over the record."""

KINDS, ALIKE, LIKENESS = 3, 30, 0.8
"""At most so many shapes of a donor stand in one record, each with so many of its beats that are most like it, and
correlate with it by more than this."""

HEIGHT, UNEVEN, TURNED = 0.2, 0.04, 0.35
"""Deviation of the log height that a donor's beats get, in all leads and in each, and from beat to beat; how often a
lead is turned upside down."""

PACE = (0.85, 1.2)
"""A donor's beats take from so many to so many times as long."""

SKEW_S, SKEWED = 0.03, 1 / 3
"""Leads are shifted by up to this, and how often: one lead may show a wide beat before the other does."""

TAPER_S = 0.04
"""Over so long the donated beat takes over at its begin, and gives back at its end."""

NEXT_S, SHORTEST_S = 0.20, 0.1
"""It ends so long before the next beat, and no sooner than this after its own mark."""

P_WAVE_S = -0.24
"""From here to the donated beat nothing is left of the P wave."""

N, S, V = (CLASSES.index(name) for name in "NSV")


@dataclass(frozen=True, slots=True)
class Donor:
    """Ventricular beats, or those of another class, of one record.

    Attributes
    ----------
    patient
        Whose they are.
    waves
        ``(n, n_samples, n_leads)`` at `WAVE_HZ`, from `BEFORE_S` before the mark to `AFTER_S` after it; beginning and
        end at zero, in units of the height of the patient's normal beat.
    """

    patient: str
    waves: NDArray[np.float32]


def donors(records: Iterable[TrainingRecord]) -> list[Donor]:
    """Take the ventricular beats of all records that have some."""
    return [donor for record in records if (donor := donor_of(record, V)) is not None]


def donor_of(record: TrainingRecord, label: int) -> Donor | None:
    """Take the beats of a class of one record; None where it has too few."""
    normal = record.beats[record.classes == N]
    apart = np.diff(record.beats, prepend=-(10**9), append=10**12) > APART_S * record.fs
    chosen = (record.classes == label) & apart[:-1] & apart[1:] & record.outside_flutter(record.beats)
    inside = (record.beats > record.fs) & (record.beats < len(record.signal) - record.fs)
    marks = record.beats[chosen & inside]
    if len(marks) < FEWEST or len(normal) < FEWEST:
        return None
    marks = marks[np.linspace(0, len(marks) - 1, min(len(marks), MOST)).astype(np.int64)]
    height = qrs_height(record.signal.astype(np.float64), normal, record.fs)
    if not (height > 0.0).all():
        return None
    seconds = np.arange(round((BEFORE_S + AFTER_S) * WAVE_HZ)) / WAVE_HZ - BEFORE_S
    at = marks[:, None] + seconds * record.fs
    samples = np.arange(len(record.signal))
    waves = np.stack([np.interp(at, samples, lead) for lead in record.signal.T], axis=2) / height
    slope = np.linspace(0.0, 1.0, waves.shape[1])[None, :, None]
    begin, end = waves[:, :5].mean(axis=1, keepdims=True), waves[:, -5:].mean(axis=1, keepdims=True)
    waves -= begin + slope * (end - begin)
    return Donor(record.patient, waves.astype(np.float32))


def put_in_place(
    signal: Samples,
    record: TrainingRecord,
    chosen: NDArray[np.int64],
    donor: Donor,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Put beats of `donor` in the place of beats of `record`, in `signal`, which is altered.

    Parameters
    ----------
    signal
        ``(n_samples, n_leads)`` of the record, mV.
    record
        Whose beats stand in it.
    chosen
        Numbers of the beats to be replaced.
    donor
        Of another patient.
    rng
        Random seed.

    Returns
    -------
    NDArray
        Numbers of those that were: what stands too near to the next beat, or to an end of the record, is left.
    """
    if len(chosen) == 0:
        return chosen
    fs = record.fs
    look = Look.of(donor, qrs_height(signal, record.beats[record.classes == N], fs), rng)
    placed = []
    for index in chosen.tolist():
        mark = int(record.beats[index])
        following = int(record.beats[index + 1]) if index + 1 < len(record.beats) else len(signal)
        begin = mark - round(BEFORE_S * fs * look.pace)
        p_wave = min(mark + round(P_WAVE_S * fs), begin)
        end = min(mark + round(AFTER_S * fs * look.pace), following - round(NEXT_S * fs), len(signal))
        if p_wave < 0 or end - mark < SHORTEST_S * fs:
            continue
        stretch = signal[p_wave:end]
        new = np.linspace(stretch[0], stretch[-1], len(stretch))
        new[begin - p_wave :] += look.wave((np.arange(begin, end) - mark) / fs, rng)
        give_way(stretch, new, fs)
        placed.append(index)
    return np.array(placed, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Look:
    """How the beats of a donor look in one record.

    Attributes
    ----------
    donor
        Whose they are.
    height
        ``(n_leads,)`` what they are multiplied by in each lead; a lead that stands upside down has a negative one.
    leads
        ``(n_leads,)`` the donor's lead that each lead shows.
    delay
        ``(n_leads,)`` seconds by which each lead is late.
    pace
        How many times as long they take.
    groups, weights
        Numbers of the beats of each shape, and how often each shape comes.
    """

    donor: Donor
    height: NDArray[np.float64]
    leads: NDArray[np.int64]
    delay: NDArray[np.float64]
    pace: float
    groups: list[NDArray[np.int64]]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, donor: Donor, normal: NDArray[np.float64], rng: np.random.Generator) -> Look:
        """Draw one for a record whose normal beats have the heights `normal`, ``(n_leads,)``."""
        n_leads = len(normal)
        factor = np.exp(rng.normal(0.0, HEIGHT) + rng.normal(0.0, HEIGHT, n_leads))
        factor *= rng.choice([-1.0, 1.0], n_leads, p=[TURNED, 1.0 - TURNED])
        leads = rng.permutation(donor.waves.shape[2])[np.arange(n_leads) % donor.waves.shape[2]]
        delay = rng.uniform(-SKEW_S, SKEW_S, n_leads) if rng.random() < SKEWED else np.zeros(n_leads)
        groups = _shapes(donor, rng)
        weights = rng.dirichlet(np.ones(len(groups)))
        return cls(donor, factor * normal, leads, delay, rng.uniform(*PACE), groups, weights)

    @classmethod
    def own(cls, donor: Donor, normal: NDArray[np.float64], rng: np.random.Generator) -> Look:
        """Draw one for the donor's own record: leads stand where they do, a little taller or lower."""
        n_leads = len(normal)
        factor = np.exp(rng.normal(0.0, HEIGHT, n_leads))
        groups = _shapes(donor, rng)[:1]
        return cls(
            donor, factor * normal, np.arange(n_leads), np.zeros(n_leads), rng.uniform(*PACE), groups, np.ones(1)
        )

    def wave(self, seconds: NDArray[np.float64], rng: np.random.Generator) -> Samples:
        """Draw one beat, ``(len(seconds), n_leads)`` mV, at times from its mark; nothing before and after it."""
        group = self.groups[int(rng.choice(len(self.groups), p=self.weights))]
        wave = self.donor.waves[group[int(rng.integers(len(group)))]][:, self.leads]
        wave = wave * self.height * np.exp(rng.normal(0.0, UNEVEN))
        at = (seconds[:, None] / self.pace + BEFORE_S - self.delay) * WAVE_HZ
        places = np.arange(len(wave))
        told = [np.interp(when, places, lead, 0.0, 0.0) for when, lead in zip(at.T, wave.T, strict=True)]
        return np.stack(told, axis=1)


def give_way(stretch: Samples, new: Samples, fs: float) -> None:
    """Let `stretch` give way to `new`, both ``(n_samples, n_leads)``, in place; at its ends over `TAPER_S`."""
    edge = max(min(int(TAPER_S * fs), len(stretch) // 2), 1)
    share = np.ones((len(stretch), 1))
    share[:edge, 0] = np.linspace(0.0, 1.0, edge, endpoint=False)
    share[-edge:, 0] = np.linspace(1.0, 0.0, edge)
    stretch += share * (new - stretch)


def _shapes(donor: Donor, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Choose some shapes of a donor, each as the numbers of beats that are alike."""
    flat = donor.waves.reshape(len(donor.waves), -1)
    unit = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-9)
    seeds = rng.choice(len(unit), size=min(int(rng.integers(1, KINDS + 1)), len(unit)), replace=False)
    groups = []
    for seed in seeds:
        likeness = unit @ unit[seed]
        order = np.argsort(-likeness)[:ALIKE]
        groups.append(order[likeness[order] > LIKENESS])
    return groups


def another(available: Sequence[Donor], patient: str, rng: np.random.Generator) -> Donor | None:
    """Choose a donor that is not the patient, if there is one."""
    others = [donor for donor in available if donor.patient != patient]
    return others[int(rng.integers(len(others)))] if others else None
