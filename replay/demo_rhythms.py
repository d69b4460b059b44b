"""The record ``demo-rhythms``: a generated ECG that has each rhythm once, at stated times.

The heart is that of the record ``demo``: sinus rhythm with breathing in its intervals, and beats that are sums of
Gaussians. Into it come the rhythms of `demo_rhythm_plan.SCHEDULE`. Each seed is another patient: rates, and height,
width and axis of the beats are drawn.

- Ventricular tachycardia: beats from another place of the ventricle than the single ones.
- Supraventricular tachycardia: narrow beats, whose P waves are lost in them, as in nodal reentry.
- Atrial fibrillation: intervals that do not depend on those before, no P waves, and waves of 5 to 8 Hz in their place.
- Ventricular fibrillation: waves of 4 to 6 Hz whose rate, size and axis wander, and no QRS complex. It ends by itself.
- Pause and asystole: the sinus node stands still.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..stream.core.messages import Samples
from .annotations import Annotations, marks
from .demo import LEADS, VENTRICULAR, WAVES, Band, Draw, Floats, Wave, converted, generated, heart
from .demo_rhythm_plan import SCHEDULE, Patient, Plan
from .record import Record

NAME = "demo-rhythms"
SEED = 1887  # the year of the first human electrocardiogram
SECONDS = 450.0

NO_RHYTHM = "(N"
REMARK = '"'
"""WFDB symbol of a remark."""


TACHYCARDIC = (
    Wave(-36, 11, 0.25, -0.20),
    Wave(0, 14, -1.10, 0.85),
    Wave(34, 13, -0.75, 0.70),
    Wave(64, 12, 0.20, -0.15),
    Wave(270, 45, 0.28, -0.22, moves=True),
)
"""A beat of ventricular tachycardia: from another place of the ventricle than the single ones."""


@lru_cache(maxsize=8)
def demo_rhythms(fs: float = 250.0, seed: int = SEED) -> Record:
    """Generate the record ``demo-rhythms``: two leads, seven and a half minutes, each rhythm of `SCHEDULE` once.

    The same arguments give the same samples, on any machine. Beats are marked at the sample of their R peak, with the
    symbols N, V and J; rhythms with ``+``, fibrillation with ``[`` and ``]`` too; couplet and pause with a remark.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    seed
        Another seed is another patient.
    """
    draw = Draw(seed)
    patient = Patient.drawn(draw)
    shapes = _shapes(draw)
    respiration, mayer = Band(draw, SECONDS, 0.25, 0.012), Band(draw, SECONDS, 0.10, 0.010)

    def sinus_s(t: float) -> float:
        return float(60.0 / patient.rate + 0.015 * mayer(t) + 0.02 * respiration(t))

    plan = Plan()
    for stretch in SCHEDULE:
        plan.sinus_until(stretch.begin_s, sinus_s)
        plan.go_through(stretch, patient, sinus_s(plan.times[-1]), draw)
    plan.sinus_until(SECONDS - 1.5, sinus_s)

    n_samples = round(SECONDS * fs)
    t = np.arange(n_samples) / fs
    times = np.array(plan.times)
    peaks = np.round(times * fs).astype(np.int64)
    height = 1.0 + 0.04 * respiration(times) + 0.015 * draw.noise(len(times))
    samples = heart(shapes, peaks, plan.shapes, height, _stretches(times), n_samples, fs)
    samples += _atrial_waves(draw, t, *plan.spans["atrial-fibrillation"])
    samples += _ventricular_waves(draw, t, *plan.spans["ventricular-fibrillation"])
    samples += _noise(draw, t, respiration)
    samples = converted(samples)
    samples.setflags(write=False)
    return generated(NAME, fs, samples, _annotations(plan, fs), seed)


def _shapes(draw: Draw) -> dict[str, tuple[Wave, ...]]:
    """Draw the shapes of a patient's beats; each ventricular place has an axis of its own."""
    p_wave, *rest = _turned(WAVES["N"], draw.uniform(0.8, 1.3, 2), draw.between(0.9, 1.1))
    return {
        "sinus": (p_wave, *rest),
        "narrow": tuple(rest),
        "single": _turned(VENTRICULAR, draw.uniform(0.8, 1.2, 2), draw.between(0.9, 1.1)),
        "slow": _turned(VENTRICULAR, draw.uniform(0.8, 1.1, 2) * [1.0, -1.0], draw.between(0.9, 1.1)),
        "fast": _turned(TACHYCARDIC, draw.uniform(0.8, 1.2, 2), draw.between(0.9, 1.1)),
    }


def _turned(waves: Sequence[Wave], size: Floats, width: float) -> tuple[Wave, ...]:
    """Give waves another height on each lead, and another width."""
    mlii, v5 = size.tolist()
    return tuple(
        wave._replace(at_ms=width * wave.at_ms, width_ms=width * wave.width_ms, mlii=mlii * wave.mlii, v5=v5 * wave.v5)
        for wave in waves
    )


def _stretches(times: Floats) -> Floats:
    """Give the factor of the QT interval at each beat, Bazett's, of the last four intervals: it follows late."""
    intervals = np.minimum(np.diff(times, prepend=times[0] - 0.86), 1.4)
    before = np.concatenate([np.full(3, intervals[0]), intervals])
    return np.asarray(np.sqrt(np.convolve(before, np.full(4, 0.25), "valid") / 0.86))


def _atrial_waves(draw: Draw, t: Floats, begin_s: float, end_s: float) -> Samples:
    """Fibrillation of the atria: waves of a saw, whose rate and size wander, ``(n_samples, 2)`` mV."""
    phase = _phase(draw, t, draw.between(5.5, 7.5), 0.5)
    wave = np.sin(phase) + 0.35 * np.sin(2.0 * phase) + 0.15 * np.sin(3.0 * phase)
    size = 1.0 + 0.25 * Band(draw, SECONDS, 0.4, 0.15)(t)
    return np.outer(_between(t, begin_s - 0.6, end_s - 0.6) * size * wave, draw.uniform(0.03, 0.07, 2))


def _ventricular_waves(draw: Draw, t: Floats, begin_s: float, end_s: float) -> Samples:
    """Fibrillation of the ventricles: waves whose rate, size and axis wander, ``(n_samples, 2)`` mV.

    It begins on the T wave of the beat before, and ends a second and more before the beat after.
    """
    phase = _phase(draw, t, draw.between(4.2, 5.6), 0.6)
    there = _between(t, begin_s + 0.35, end_s - 1.3)
    waves = np.zeros((len(t), len(LEADS)))
    for lead, size in enumerate(draw.uniform(0.35, 0.6, 2)):
        axis = phase + draw.between(0.0, 2.0 * np.pi) + 0.8 * Band(draw, SECONDS, 0.2, 0.08)(t)
        swell = np.exp(0.35 * Band(draw, SECONDS, 0.35, 0.15)(t))
        higher = 0.25 * np.sin(2.0 * axis + 1.5 * Band(draw, SECONDS, 0.3, 0.1)(t))
        lower = 0.2 * np.sin(0.6 * axis + 1.5 * Band(draw, SECONDS, 0.3, 0.1)(t))
        waves[:, lead] = there * size * swell * (np.sin(axis) + higher + lower)
    return waves


def _phase(draw: Draw, t: Floats, hz: float, wander_hz: float) -> Floats:
    """Give the phase of waves whose rate wanders around `hz`."""
    rate = hz + wander_hz * Band(draw, SECONDS, 0.25, 0.1)(t)
    return np.asarray(2.0 * np.pi * np.cumsum(rate) * (t[1] - t[0]))


def _between(t: Floats, begin_s: float, end_s: float) -> Floats:
    """Rise from 0 to 1 at one time and fall again at another, in half a second each."""
    return np.clip(2.0 * np.minimum(t - begin_s, end_s - t), 0.0, 1.0)


def _noise(draw: Draw, t: Floats, respiration: Band) -> Samples:
    """Breathing, slow wander and a little muscle, ``(n_samples, 2)`` mV."""
    noise = np.outer(respiration(t), [0.05, -0.03])
    for lead in range(len(LEADS)):
        white = draw.noise(len(t) + 1)
        noise[:, lead] += 0.05 * Band(draw, SECONDS, 0.035, 0.012)(t) + 0.008 * (white[1:] - 0.5 * white[:-1])
    return noise


def _annotations(plan: Plan, fs: float) -> Annotations:
    """Mark beats and rhythms; at one sample the rhythm first."""
    found = [(0, "+", NO_RHYTHM)]
    for stretch in SCHEDULE:
        begin, end = (round(at * fs) for at in plan.spans[stretch.name])
        if not stretch.mark.startswith("("):
            found.append((begin, REMARK, stretch.mark))
            continue
        found += [(begin, "+", stretch.mark), (end, "+", NO_RHYTHM)]
        if stretch.name == "ventricular-fibrillation":
            found += [(begin, "[", ""), (end, "]", "")]
    beats = zip(plan.times, plan.symbols, strict=True)
    found += [(round(at * fs), symbol, "") for at, symbol in beats]
    found.sort(key=lambda mark: mark[0])
    return marks(*zip(*found, strict=True))
