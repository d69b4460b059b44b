"""Pauses and standstills made of a record's own beats.

Databases have few pauses of more than three seconds, and none with the P waves of a heart block that stops. So real
beats are told again with a longer diastole: what stands between the T wave and the next P wave gives way to a longer
quiet. In a standstill P waves go on at the patient's own rate, and no QRS complex follows.

Quiet is made in two ways, in turn: by stretching the diastole in time, and by adding up diastoles of other beats,
which keeps the noise that the record has between its beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES, Samples
from .training_records import TrainingRecord

PAUSE_S = (3.5, 7.0)
"""From the QRS complex before a pause to the one that ends it."""

STANDSTILL_S = 15.0
"""How long P waves come without a QRS complex."""

LEAD_IN_S = 30.0
"""The record goes on as it is for so long, so that the patient is known."""

BETWEEN = (5, 12)
"""Beats from one pause to the next."""

QUIET_S = (0.36, 0.26)
"""A diastole begins, at the earliest, so long after one mark, and ends so long before the next: before the P wave."""

SHORTEST_QUIET_S = 0.06
"""It is at least so long, or the P wave may stand on the T wave."""

P_WAVE_S = (-0.26, -0.06)
"""The P wave stands here, from the mark."""

SEEN_MV, SEEN = 0.05, 0.03
"""A P wave is seen where the mean of the patient's is higher than this, and than this share of the QRS complex."""

STEADY = 0.12
"""Beats whose interval is further from the usual one, as a share of it, are no sinus rhythm to make pauses of."""

TAPER_S = 0.03
"""P waves of a standstill begin and end at zero over so long."""


@dataclass(frozen=True, slots=True, eq=False)
class MadePauses:
    """A signal with pauses, and at its end a standstill.

    Attributes
    ----------
    record
        ``db/name`` of the record that it is made of.
    fs
        Hz.
    signal
        ``(n_samples, n_leads)``, mV.
    beats
        ``(n,)`` sample of each QRS complex.
    pauses
        ``(k, 2)`` the QRS complexes before and after each pause, as samples.
    standstill
        The last QRS complex before it, and the first after.
    p_waves
        How many P waves stand in the standstill.
    """

    record: str
    fs: float
    signal: Samples
    beats: NDArray[np.int64]
    pauses: NDArray[np.int64]
    standstill: tuple[int, int]
    p_waves: int


def with_pauses(
    record: TrainingRecord, rng: np.random.Generator, n_pauses: int = 10, *, p_waves: bool = True
) -> MadePauses | None:
    """Tell a part of a record again with pauses and a standstill.

    Parameters
    ----------
    record
        With reference beats.
    rng
        Draws the part of the record, and how long each pause is.
    n_pauses
        How many are wanted.
    p_waves
        Whether the atria go on in the standstill.

    Returns
    -------
    MadePauses | None
        None where no part of the record has sinus rhythm with P waves that can be seen.
    """
    fs = record.fs
    for _ in range(20):
        part = _part(record, rng, n_pauses)
        if part is not None and _p_waves_seen(record.signal, record.beats[part], fs):
            made = _made(record, part, rng, n_pauses, p_waves)
            if made is not None:
                return made
    return None


def _part(record: TrainingRecord, rng: np.random.Generator, n_pauses: int) -> slice | None:
    """Draw a part of the record whose beats are all N and steady, long enough for so many pauses."""
    fs, beats = record.fs, record.beats
    n = n_pauses * BETWEEN[1] + round(LEAD_IN_S * 2.0)
    if len(beats) <= n:
        return None
    first = int(rng.integers(0, len(beats) - n))
    part = slice(first, first + n)
    intervals = np.diff(beats[part]) / fs
    usual = float(np.median(intervals))
    is_normal = np.mean(record.classes[part] == CLASSES.index("N")) > 0.9
    is_steady = np.mean(np.abs(intervals - usual) < STEADY * usual) > 0.7
    slow = usual > sum(QUIET_S) + SHORTEST_QUIET_S
    return part if is_normal and is_steady and slow and record.outside_flutter(beats[part]).all() else None


def _p_waves_seen(signal: NDArray[np.float32], beats: NDArray[np.int64], fs: float) -> bool:
    """Tell whether the mean beat has a P wave in one of the leads: a hump between the diastole and the QRS complex."""
    around = np.arange(round(-0.34 * fs), round(0.08 * fs))
    inside = beats[(beats + around[0] >= 0) & (beats + around[-1] < len(signal))]
    mean = np.median(signal[inside[:, None] + around], axis=0)
    at = around / fs
    before = mean[at < P_WAVE_S[0]].mean(axis=0)
    wave = mean[(at >= P_WAVE_S[0]) & (at < -0.1)]
    after = mean[(at >= -0.1) & (at < -0.06)].min(axis=0)
    high = wave.max(axis=0) - np.maximum(before, after)
    height = np.ptp(mean[at > -0.06], axis=0)
    return bool(np.any((high > SEEN_MV) & (high > SEEN * height)))


def _made(
    record: TrainingRecord, part: slice, rng: np.random.Generator, n_pauses: int, p_waves: bool
) -> MadePauses | None:
    """Tell a part again; None where it has too few places for pauses."""
    fs, beats = record.fs, record.beats[part]
    normal = record.classes[part] == CLASSES.index("N")
    usual = np.median(np.diff(beats))
    steady = np.abs(np.diff(beats) - usual) < STEADY * usual
    roomy = np.diff(beats) >= (sum(QUIET_S) + SHORTEST_QUIET_S) * fs
    movable = normal[1:] & normal[:-1] & steady & roomy  # from beat k to k + 1
    quiet = _quiet_of(record.signal, beats[:-1][movable], beats[1:][movable], fs)
    kept_s = np.cumsum(np.diff(beats, prepend=beats[0])) / fs
    at = int(np.searchsorted(kept_s, LEAD_IN_S))
    signal: list[Samples] = []
    made: list[int] = []
    pauses: list[tuple[int, int]] = []
    length, taken = 0, max(int(beats[0]) - round(0.3 * fs), 0)
    next_pause, standstill, n_p = at, (0, 0), 0

    def keep(until: int) -> None:
        nonlocal length, taken
        signal.append(record.signal[taken:until].astype(np.float64))
        length += until - taken
        taken = until

    for k in range(len(beats) - 1):
        made.append(length + int(beats[k]) - taken)
        if k < next_pause or not movable[k]:
            continue
        begin, end = _diastole(int(beats[k]), int(beats[k + 1]), fs)
        last = len(pauses) == n_pauses
        wanted = STANDSTILL_S if last else rng.uniform(*PAUSE_S)
        longer = round(wanted * fs) - int(beats[k + 1] - beats[k])
        keep(begin)
        stretch = record.signal[begin:end].astype(np.float64)
        if last or len(pauses) % 2 == 0:
            new = _filled(stretch, len(stretch) + longer, quiet, rng)
        else:
            new = _stretched(stretch, len(stretch) + longer)
        if last and p_waves:
            n_p = _add_p_waves(new, record.signal, beats[1:][movable], float(usual), fs, rng)
        signal.append(new)
        length, taken = length + len(new), end
        pair = (made[-1], length + int(beats[k + 1]) - taken)
        if last:
            standstill = pair
            break
        pauses.append(pair)
        next_pause = k + int(rng.integers(*BETWEEN))
    else:
        return None
    rest = min(k + 12, len(beats) - 1)
    made += [length + int(beat) - taken for beat in beats[k + 1 : rest]]
    keep(int(beats[rest]) - round(0.3 * fs))
    return MadePauses(
        record=record.name,
        fs=fs,
        signal=np.concatenate(signal),
        beats=np.array(made, dtype=np.int64),
        pauses=np.array(pauses, dtype=np.int64).reshape(-1, 2),
        standstill=standstill,
        p_waves=n_p,
    )


def _diastole(before: int, after: int, fs: float) -> tuple[int, int]:
    """Give where the quiet between two marks begins and ends; the end of a slow T wave does not belong to it."""
    begin, end = before + round(QUIET_S[0] * fs), after - round(QUIET_S[1] * fs)
    return max(begin, end - round(0.5 * (end - begin))), end


def _quiet_of(
    signal: NDArray[np.float32], before: NDArray[np.int64], after: NDArray[np.int64], fs: float
) -> list[Samples]:
    """Diastoles, each without the line from its begin to its end: what a record's noise looks like."""
    found = []
    for left, right in zip(before.tolist(), after.tolist(), strict=True):
        begin, end = _diastole(left, right, fs)
        wave = signal[begin:end].astype(np.float64)
        k = np.linspace(-1.0, 1.0, len(wave))[:, None]
        wave = wave - wave.mean(axis=0)
        found.append(wave - k * (k * wave).sum(axis=0) / (k * k).sum())
    return found


def _stretched(wave: Samples, n: int) -> Samples:
    """Tell a stretch more slowly."""
    at = np.linspace(0.0, len(wave) - 1.0, n)
    return np.stack([np.interp(at, np.arange(len(wave)), lead) for lead in wave.T], axis=1)


def _filled(wave: Samples, n: int, quiet: Sequence[Samples], rng: np.random.Generator) -> Samples:
    """Draw a line from the level at its begin to that at its end, and the noise of diastoles that overlap by half."""
    edge = max(len(wave) // 4, 1)
    new = np.linspace(wave[:edge].mean(axis=0), wave[-edge:].mean(axis=0), n)
    at = -(len(wave) // 2)
    while at < n:
        piece = quiet[int(rng.integers(len(quiet)))]
        # Squares of the windows add up to one, so that noise is as strong as it was.
        window = np.sin(np.pi * (np.arange(len(piece)) + 0.5) / len(piece))[:, None]
        first, last = max(at, 0), max(min(at + len(piece), n), 0)
        new[first:last] += (window * piece * rng.choice([-1.0, 1.0]))[first - at : last - at]
        at += max(len(piece) // 2, 1)
    ramp = np.linspace(0.0, 1.0, edge)[:, None]
    new[:edge] += (1.0 - ramp) * (wave[:edge] - new[:edge])
    new[-edge:] += ramp * (wave[-edge:] - new[-edge:])
    return new


def _add_p_waves(
    new: Samples,
    signal: NDArray[np.float32],
    beats: NDArray[np.int64],
    usual: float,
    fs: float,
    rng: np.random.Generator,
) -> int:
    """Add P waves of other beats at the usual interval, in place; give their number."""
    first, last = round(P_WAVE_S[0] * fs), round(P_WAVE_S[1] * fs)
    edge = max(round(TAPER_S * fs), 1)
    taper = np.ones(last - first)
    taper[:edge] = np.linspace(0.0, 1.0, edge)
    taper[-edge:] = taper[:edge][::-1]
    n = 0
    at = usual / 2.0
    while at + last - first < len(new) - usual / 2.0:
        beat = int(beats[int(rng.integers(len(beats)))])
        if beat + first >= 0:
            wave = signal[beat + first : beat + last].astype(np.float64)
            begin = round(at)
            new[begin : begin + len(wave)] += taper[:, None] * (wave - np.linspace(wave[0], wave[-1], len(wave)))
            n += 1
        at += usual * (1.0 + 0.03 * rng.standard_normal())
    return n
