"""Runs of ventricular beats, at the rates of tachycardias, put into records.

Hardly any record at hand has a ventricular tachycardia, and where beats follow each other so fast that one begins in
the T wave of the one before, a network that has never seen it takes them for noise. So in a few places of a record
what stands there gives way to such a run: beats of one donor (`ectopic_beats`), added up where they overlap, at an
interval of their own, growing and shrinking at times as they do when the ventricles' axis turns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .ectopic_beats import AFTER_S, BEFORE_S, PACE, Donor, Look, N, S, V, donor_of, give_way
from .training_records import TrainingRecord, qrs_height


@dataclass(frozen=True, slots=True)
class Runs:
    """How often runs come, and how long and how fast they are; each pair is what is drawn between.

    Attributes
    ----------
    an_hour
        How many are tried in an hour of the record; one that would meet flutter is left out.
    seconds
        How long a run lasts, but for `beats`.
    beats
        Fewest and most beats of a run; it is drawn twice and the shorter run taken.
    interval_s, share
        The interval in a run, and the share of the patient's own that it is at most.
    from_start
        How often a record begins in a run.
    over_any
        Whether beats of any class give way, or N beats alone.
    label
        Class of the beats of a run.
    """

    an_hour: tuple[float, float]
    seconds: tuple[float, float]
    beats: tuple[int, int]
    interval_s: tuple[float, float]
    share: float
    from_start: float = 0.0
    over_any: bool = False
    label: int = V


SHORT = Runs((6.0, 40.0), (0.0, 60.0), (3, 16), (0.26, 0.55), 0.8)
"""Rather few beats than many, as most runs are."""

SUSTAINED = Runs((4.0, 12.0), (20.0, 180.0), (16, 750), (0.24, 0.60), 0.95, from_start=0.5, over_any=True)
"""Tachycardias of 100 to 250 beats a minute that last for minutes, so that their beats become the usual ones; half of
the records begin in one, when nothing is known of the patient's own."""
SUPRAVENTRICULAR = Runs((4.0, 12.0), (5.0, 90.0), (10, 300), (0.28, 0.50), 0.75, label=S)
"""As fast, and narrow: what tells the two is the shape, not the rate."""

ABERRANT = 0.35
"""So much of each lead comes into the others: at such rates beats do not look quite as usual."""

COUPLING_S, COUPLING = 0.30, (0.45, 0.9)
"""The first beat comes no sooner than this after the one before, and after such a share of the usual interval."""

UNSTEADY = (0.0, 0.06)
"""Deviation of the intervals in a run, as a share of them."""

TURNING, TURN_BEATS, LEAST = 0.3, (4.0, 12.0), 0.3
"""How often the axis turns during a run, over how many beats, and what share of its height a beat keeps meanwhile."""

REST_S = 0.5
"""From the last beat of a run to the next of the record's own it is at least so long."""

AFTER_QRS_S, P_WAVE_S = 0.10, 0.22
"""The beat before is kept up to so long after its mark, and the next from so long before its own."""

AROUND = 8
"""Beats before and after the place of a run that tell the usual interval."""

SLOWEST = PACE[1] * 1.1
"""A beat is drawn so many times as far from its mark as a donor's reaches: its pace, and a tenth for leads that lag."""


def with_supraventricular_runs(record: TrainingRecord, rng: np.random.Generator) -> TrainingRecord:
    """Give the record with runs of its own N beats, as in a supraventricular tachycardia; see `with_runs`."""
    donor = donor_of(record, N)
    if donor is None:
        return record
    n_leads = donor.waves.shape[2]
    changed = donor.waves @ (np.eye(n_leads) + ABERRANT * rng.standard_normal((n_leads, n_leads)))
    return with_runs(record, rng, replace(donor, waves=changed.astype(np.float32)), SUPRAVENTRICULAR)


def with_runs(record: TrainingRecord, rng: np.random.Generator, donor: Donor, kind: Runs = SHORT) -> TrainingRecord:
    """Give the record with runs of beats of `donor`; signal, beats and classes are new.

    Nothing in or beside flutter gives way to them. A record that has too few N beats is given back.
    """
    fs = record.fs
    signal = record.signal.astype(np.float64)
    outside = record.outside_flutter(record.beats)
    normal = (record.classes == N) & outside
    height = qrs_height(signal, record.beats[record.classes == N], fs)
    if normal.sum() < SHORT.beats[1] or not (height > 0.0).all():
        return record
    turning = TURNING if kind.label == V else 0.0
    gives_way = outside if kind.over_any else normal
    look = Look.of(donor, height, rng) if kind.label == V else Look.own(donor, height, rng)
    wanted = rng.poisson(rng.uniform(*kind.an_hour) * len(signal) / fs / 3600.0)
    kept = np.ones(len(record.beats), dtype=np.bool_)
    runs: list[NDArray[np.int64]] = []
    taken = 0
    places = np.sort(rng.integers(0, len(record.beats) - SHORT.beats[1], wanted)).tolist()
    if rng.random() < kind.from_start:
        places = [-1, *places]
    for first in places:
        if first < taken - (first < 0):
            continue
        marks, resumed = _run(record, first, rng, kind)
        if resumed is None or not gives_way[max(first, 0) : resumed + 1].all():
            continue
        before = record.beats[first] if first >= 0 else -round(AFTER_QRS_S * fs)
        _put(signal, marks, (int(before), int(record.beats[resumed])), fs, look, rng, turning)
        kept[first + 1 : resumed] = False
        runs.append(marks)
        taken = resumed + 1
    if not runs:
        return record
    added = np.concatenate(runs)
    beats = np.concatenate([record.beats[kept], added])
    classes = np.concatenate([record.classes[kept], np.full(len(added), kind.label)])
    order = np.argsort(beats)
    others = donor.patient if donor.patient != record.patient else record.donor
    return replace(record, signal=signal.astype(np.float32), beats=beats[order], classes=classes[order], donor=others)


def _run(
    record: TrainingRecord, first: int, rng: np.random.Generator, kind: Runs
) -> tuple[NDArray[np.int64], int | None]:
    """Draw the marks of a run after a beat (-1: from the start), and the number of the record's own beat after it."""
    fs = record.fs
    usual = float(np.median(np.diff(record.beats[max(first - AROUND, 0) : max(first, 0) + AROUND]))) / fs
    interval = min(rng.uniform(*kind.interval_s), kind.share * usual)
    few, many = kind.beats
    n = min(int(rng.integers(few, many + 1)), int(rng.integers(few, many + 1)))
    n = max(min(n, int(rng.uniform(*kind.seconds) / interval)), few)
    steps = interval * (1.0 + rng.uniform(*UNSTEADY) * rng.standard_normal(n))
    steps[0] = max(rng.uniform(*COUPLING) * usual, COUPLING_S)
    begin = record.beats[first] if first >= 0 else 0
    marks = begin + np.rint(np.cumsum(steps) * fs).astype(np.int64)
    resumed = int(np.searchsorted(record.beats, marks[-1] + REST_S * fs))
    return marks, resumed if resumed < len(record.beats) else None


def _put(
    signal: NDArray[np.float64],
    marks: NDArray[np.int64],
    between: tuple[int, int],
    fs: float,
    look: Look,
    rng: np.random.Generator,
    turning: float,
) -> None:
    """Put a run between two beats, in place; the axis of so many of them turns."""
    begin = max(marks[0] - round(BEFORE_S * look.pace * fs), between[0] + round(AFTER_QRS_S * fs))
    end = between[1] - round(P_WAVE_S * fs)
    stretch = signal[begin:end]
    new = np.linspace(stretch[0], stretch[-1], len(stretch))
    samples = np.arange(begin, end)
    turn = 2.0 * np.pi / rng.uniform(*TURN_BEATS) if rng.random() < turning else 0.0
    phase = rng.uniform(0.0, 2.0 * np.pi, signal.shape[1])
    for number, mark in enumerate(marks.tolist()):
        axis = np.sin(turn * number + phase)
        size = np.copysign(np.maximum(np.abs(axis), LEAST), axis) if turn else np.ones(signal.shape[1])
        near = slice(*np.searchsorted(samples, [mark - SLOWEST * BEFORE_S * fs, mark + SLOWEST * AFTER_S * fs]))
        new[near] += size * look.wave((samples[near] - mark) / fs, rng)
    give_way(stretch, new, fs)
