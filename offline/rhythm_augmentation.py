"""Records told with another rhythm: the heart's own beats, closer together or further apart, and beats of another.

Few patients have supraventricular bigeminy, long tachycardias or fibrillation, and none has all of them; what a network
learns of a rhythm from two patients is these two patients. But a premature atrial beat is, but for its P wave, a
normal beat that comes early, and what lies between two beats can be told faster or slower. So stretches of any
record are rewritten: the time from the end of one QRS complex to the P wave of the next is shortened or stretched,
and beats that come to stand early by the pattern are labelled S. Beside the patterns that are S stand those that are
not, and that a network must not take for it: breathing, drifting rates, pauses, fibrillation. Where there is a donor
(`ectopic_beats`), most of the premature beats become ventricular beats of another patient instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES
from .ectopic_beats import Donor, put_in_place
from .training_records import TrainingRecord

AFTER_QRS_S, BEFORE_P_S = 0.12, 0.20
"""What is never stretched: from the P wave to the end of the QRS complex, about the reference mark."""

SHORTEST_S, LONGEST_S = 0.28, 2.5
"""No interval is made shorter or longer than these."""

SLOW_S, SHORT_RUN_BEATS = 0.8, 12
"""Where the usual interval, in seconds, is longer than this, only short runs are made: a rate under a hundred that
lasts is no tachycardia."""

STRETCH_BEATS, LONG_STRETCH_BEATS = (20, 120), (20, 400)
"""How long one pattern lasts, and a tachycardia, bigeminy or a drift of the rate: in some patients nothing else is seen
for minutes. If only tachycardias lasted, what lasts would be one."""

STEADY = 0.08
"""A stretch whose intervals change by less than this, of their median, is steady."""

EARLY = 0.92
"""A beat is made S only if its interval becomes shorter than this share of what it was."""

SHORTEST_STRETCH_S = 0.04
"""So much of the time between two beats is left, however early the second one is made."""

P_WAVE_S = (-0.22, -0.07)
"""Where the P wave stands, from the mark."""

Factors: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
_Pattern: TypeAlias = Callable[[int, np.random.Generator], tuple[Factors, Flags]]

VENTRICULAR, LATE = 0.7, 0.3
"""Share of the stretches whose premature beats are made ventricular where there is a donor, and of these, the share in
which they come hardly early."""

VENTRICULAR_RUN = (3, 30)
"""A run of ventricular beats has so many: tachycardias of theirs that last are rare."""

IRREGULAR, IRREGULAR_SHARE = 0.5, (0.02, 0.12)
"""Share of the irregular stretches in which ventricular beats stand, and of the beats there that are made so; none of
them is moved."""

_N, _S, _V = (CLASSES.index(name) for name in "NSV")


def with_other_rhythm(record: TrainingRecord, rng: np.random.Generator, donor: Donor | None = None) -> TrainingRecord:
    """Give the record with stretches of its rhythm rewritten; signal, beats and classes are new.

    Parameters
    ----------
    record
        With reference beats. Only N beats that follow an N beat in a steady rhythm are moved; flutter is left as it
        is.
    rng
        Random seed.
    donor
        Another patient, whose ventricular beats take the place of premature ones.
    """
    n = len(record.beats)
    if n < 3:
        return record
    intervals = np.diff(record.beats, prepend=record.beats[0]) / record.fs
    factor, early, fibrillates = np.ones(n), np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    ectopic = np.zeros(n, dtype=np.bool_)
    share = np.array(list(_PATTERNS.values()))
    position = 1
    while position < n:
        pattern = list(_PATTERNS)[rng.choice(len(share), p=share)]
        lasts = LONG_STRETCH_BEATS if pattern in (_run, _drift, _bigeminy) else STRETCH_BEATS
        length = min(int(rng.integers(*lasts)), n - position)
        if pattern is _run and np.median(intervals[position : position + length]) > SLOW_S:
            length = min(length, SHORT_RUN_BEATS)
        stretch = slice(position, position + length)
        position += length
        if not _is_steady(intervals[stretch]):
            if donor is not None and rng.random() < IRREGULAR:
                ectopic[stretch] = rng.random(length) < rng.uniform(*IRREGULAR_SHARE)
            continue
        factor[stretch], early[stretch] = pattern(length, rng)
        if donor is not None and rng.random() < VENTRICULAR:
            factor[stretch], ectopic[stretch] = _ventricular(pattern, factor[stretch], early[stretch], rng)
            early[stretch] = False
        fibrillates[stretch] = pattern is _fibrillation
    normal = record.classes == _N
    movable = normal & np.concatenate([[False], normal[:-1]]) & record.outside_flutter(record.beats)
    signal, classes = record.signal.astype(np.float64), record.classes.copy()
    if donor is not None:
        classes[put_in_place(signal, record, np.flatnonzero(ectopic & movable), donor, rng)] = _V
        movable &= ~ectopic | (classes == _V)  # a beat that kept its own shape keeps its place
    factor = np.where(movable, factor, 1.0)
    wanted = np.clip(intervals * factor, SHORTEST_S, LONGEST_S)
    # What was too short, long or interrupted stays as it is.
    wanted = np.where((intervals < SHORTEST_S) | (intervals > LONGEST_S) | (factor == 1.0), intervals, wanted)
    early &= (wanted < EARLY * intervals) & movable
    _alter_p_waves(signal, record, early, fibrillates & movable, rng)
    told_at = _source_positions(record, wanted - intervals)
    beats = np.searchsorted(told_at, record.beats)
    n_samples = len(record.signal)
    resampled = np.stack([np.interp(told_at, np.arange(n_samples), lead) for lead in signal.T], axis=1)
    flutter = np.searchsorted(told_at, record.flutter.ravel()).reshape(-1, 2)
    classes[early] = _S
    return replace(
        record,
        signal=resampled.astype(np.float32),
        beats=beats.astype(np.int64),
        classes=classes,
        donor=record.donor if donor is None else donor.patient,
        flutter=flutter.astype(np.int64),
    )


def _ventricular(pattern: _Pattern, factor: Factors, early: Flags, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Give the factors, and which beats are ventricular, where the beats made `early` by a pattern are to be so."""
    ectopic = early
    if pattern is _run:
        ectopic = early & (np.cumsum(early) <= rng.integers(*VENTRICULAR_RUN))
        factor = np.where(early & ~ectopic, 1.0, factor)
    if rng.random() < LATE:
        late = rng.uniform(0.85, 1.02) + rng.normal(0.0, 0.03, len(factor))
        factor = np.where(ectopic, late, factor)
    return factor, ectopic


def _is_steady(intervals: Factors) -> bool:
    """Tell whether a stretch can be rewritten: in an irregular rhythm, what is early is nothing special."""
    return len(intervals) > 1 and bool(np.median(np.abs(np.diff(intervals))) < STEADY * np.median(intervals))


def _source_positions(record: TrainingRecord, longer: Factors) -> Factors:
    """Where in the record each sample of the new signal is from, for changes of the intervals in seconds."""
    fs = record.fs
    shortest = round(SHORTEST_STRETCH_S * fs)
    old, new = [0], [0]
    # Whole samples throughout, so that what is not stretched stays as it is to the last digit.
    changes = np.rint(longer * fs).astype(np.int64)
    for beat, before, change in zip(record.beats[1:], record.beats[:-1], changes[1:], strict=True):
        if change == 0:
            continue
        begin, end = before + round(AFTER_QRS_S * fs), beat - round(BEFORE_P_S * fs)
        room = max(end - begin, shortest)
        begin = end - room  # where P stands on T, the stretch reaches back into the end of the QRS complex
        if begin <= old[-1]:
            continue
        new += [new[-1] + begin - old[-1], new[-1] + end - old[-1] + max(change, shortest - room)]
        old += [begin, end]
    last = len(record.signal) - 1
    new.append(new[-1] + last - old[-1])
    old.append(last)
    return np.interp(np.arange(new[-1] + 1), new, old)


def _alter_p_waves(
    signal: Factors, record: TrainingRecord, early: Flags, fibrillates: Flags, rng: np.random.Generator
) -> None:
    """Change the P waves of early beats every other time, and put fibrillation in place of others."""
    fs = record.fs
    first, last = round(P_WAVE_S[0] * fs), round(P_WAVE_S[1] * fs)
    taper = np.hanning(last - first + 2)[1:-1, None]
    hertz = rng.uniform(4.0, 9.0)
    strength = rng.uniform(0.0, 0.08) * np.ptp(np.quantile(signal, [0.01, 0.99], axis=0), axis=0)
    for index in np.flatnonzero(early | fibrillates):
        begin, end = record.beats[index] + first, record.beats[index] + last
        if begin < 0 or end > len(signal):
            continue
        wave = signal[begin:end]
        base = np.linspace(wave[0], wave[-1], len(wave))
        if fibrillates[index]:
            time = np.arange(begin, end)[:, None] / fs
            kept = base + strength * np.sin(2.0 * np.pi * (hertz * time + np.arange(wave.shape[1]) / 4.0))
        elif rng.random() < 0.5:
            kept = base + rng.uniform(-1.0, 1.0) * (wave - base)
        else:
            continue
        signal[begin:end] += taper * (kept - wave)


def _plain(n: int, _: np.random.Generator) -> tuple[Factors, Flags]:
    return np.ones(n), np.zeros(n, dtype=np.bool_)


def _scattered(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Single premature beats, some in couplets, with a pause after them."""
    factor, early = np.ones(n), np.zeros(n, dtype=np.bool_)
    share = rng.uniform(0.03, 0.2)
    usual = rng.uniform(0.55, 0.88)
    k = 0
    while k < n - 1:
        if rng.random() < share:
            for _ in range(1 + (rng.random() < 0.15)):
                if k < n - 1:
                    factor[k], early[k] = np.clip(rng.normal(usual, 0.05), 0.5, 0.9), True
                    k += 1
            factor[k] = rng.uniform(1.0, 1.3)
        k += 1
    return factor, early


def _bigeminy(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Every second, third or fourth beat is premature, or the last two of three or four."""
    every = int(rng.choice([2, 2, 2, 3, 4]))
    factor, early = np.ones(n), np.zeros(n, dtype=np.bool_)
    early[every - 1 :: every] = True
    if every > 2 and rng.random() < 0.5:
        early[every - 2 :: every] = True
    usual, pause = rng.uniform(0.6, 0.9), rng.uniform(1.0, 1.3)
    factor[early] = np.clip(rng.normal(usual, 0.03, int(early.sum())), 0.5, 0.91)
    factor[np.concatenate([[False], early[:-1]]) & ~early] = pause
    return factor, early


def _run(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Let a supraventricular tachycardia run, for three beats or for many, at times with a pause in it."""
    factor, early = np.ones(n), np.zeros(n, dtype=np.bool_)
    begin = int(rng.integers(0, max(n // 3, 1)))
    length = int(rng.integers(3, 12)) if rng.random() < 0.5 else n
    usual = rng.uniform(0.5, 0.8)
    part = slice(begin, min(begin + length, n))
    early[part] = True
    factor[part] = np.clip(rng.normal(usual, rng.uniform(0.0, 0.04), len(factor[part])), 0.45, 0.88)
    if rng.random() < 0.5:
        pauses = np.flatnonzero(early & (rng.random(n) < 0.03))
        factor[pauses], early[pauses] = rng.uniform(0.9, 1.3, len(pauses)), False
    if part.stop < n:
        factor[part.stop] = rng.uniform(1.0, 1.4)
    return factor, early


def _breathing(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Sinus arrhythmia: nothing is premature."""
    depth, period = rng.uniform(0.03, 0.2), rng.uniform(3.0, 12.0)
    wave = depth * np.sin(2.0 * np.pi * (np.arange(n) / period + rng.random())) + rng.normal(0.0, 0.2 * depth, n)
    return 1.0 + wave, np.zeros(n, dtype=np.bool_)


def _drift(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Let the rate drift: no interval is far from the one before."""
    middle = rng.uniform(0.65, 1.35)
    return np.interp(np.arange(n), [0, n // 2, n], [1.0, middle, 1.0]), np.zeros(n, dtype=np.bool_)


def _pauses(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Pauses, as of blocked beats: the beat after the next is not early, only the pause was long."""
    return np.where(rng.random(n) < 0.1, rng.uniform(1.3, 2.0, n), 1.0), np.zeros(n, dtype=np.bool_)


def _fibrillation(n: int, rng: np.random.Generator) -> tuple[Factors, Flags]:
    """Irregularly irregular."""
    return rng.uniform(0.55, 1.1) * rng.lognormal(0.0, rng.uniform(0.12, 0.25), n), np.zeros(n, dtype=np.bool_)


_PATTERNS: dict[_Pattern, float] = {
    _plain: 0.22,
    _scattered: 0.25,
    _bigeminy: 0.08,
    _run: 0.08,
    _breathing: 0.14,
    _drift: 0.05,
    _pauses: 0.06,
    _fibrillation: 0.12,
}
"""Factors of the intervals and whether a beat is premature, for a number of beats; and how often each is drawn."""
