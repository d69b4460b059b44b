"""What the live pipeline makes of pacing spikes that were put into records, see `made_spikes`.

A bare spike, without capture, must be no beat, or an asystole stays unseen. A beat that a spike comes before is paced,
and is labelled the same at any phase of the spike on the grid of samples. A spike of an atrial lead changes no label.
And in a record without a pacemaker nothing is paced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal as sp

from ..stream.core.messages import CLASSES, Beat, Output, Rhythm, Samples
from ..stream.pipeline import Models
from .beat_run import Conditions
from .made_pauses import with_pauses
from .made_spikes import Spike, add, drawn
from .parallel import in_parallel
from .pauses import outputs_of
from .splits import PACED
from .training_records import MATCH_S, TrainingRecord, match, read_training_records

RATES_HZ = (250.0, 360.0, 500.0, 1000.0, 2000.0)
SPAN_S = 120.0
"""Length of the part of a record that spikes are put into."""
BARE_INTERVAL_S = (0.6, 1.2)
"""From one bare spike to the next in a standstill."""
DIASTOLE, ROOMY_S = 0.6, 0.75
"""Between beats a spike stands after this share of the interval, where that is at least so long: behind the T wave."""
ONSET_S = 0.07
"""A ventricular beat begins so long before its mark, about."""
CAPTURE_S = (0.002, 0.020)
"""The spike stands so long before that."""
ATRIAL_S = (0.15, 0.20)
"""Before a normal beat the spike of an atrial lead stands so long before the mark."""
AFTER_SPIKE_S = (-0.02, 0.15)
"""A false beat here, from the spike on, is the spike's."""


@dataclass(frozen=True, slots=True)
class PacingCount:
    """What was told of the spikes in one record at one sampling rate.

    Attributes
    ----------
    record
        As ``db/name``.
    rate_hz, amplitude_mv, width_ms, tail_share
        Sampling rate that the record was brought to; the spike.
    still, still_false, still_before
        Bare spikes in a standstill of 15 s, beats told there, and beats told there without spikes.
    asystole, asystole_before
        1 if an asystole was told with the spikes, and without.
    between, between_false
        Bare spikes between beats, and false beats that they made.
    ventricular, paced, q, same
        Ventricular beats after a spike that were found at two phases of it; those told to be paced, labelled Q, and
        labelled the same at both.
    atrial, atrial_changed, atrial_paced
        Normal beats after the spike of an atrial lead; those that got another label, and those told to be paced.
    """

    record: str
    rate_hz: float
    amplitude_mv: float
    width_ms: float
    tail_share: float
    still: int = 0
    still_false: int = 0
    still_before: int = 0
    asystole: int = 0
    asystole_before: int = 0
    between: int = 0
    between_false: int = 0
    ventricular: int = 0
    paced: int = 0
    q: int = 0
    same: int = 0
    atrial: int = 0
    atrial_changed: int = 0
    atrial_paced: int = 0


COUNTS = tuple(each.name for each in fields(PacingCount) if each.default == 0)


@dataclass(frozen=True, slots=True)
class Unaltered:
    """What was told of a record as it is.

    Attributes
    ----------
    record
        As ``db/name``.
    hours
        How long it is.
    beats, paced
        Beats told, and those told to be paced.
    has_pacemaker
        Whether the database says that its patient is paced.
    """

    record: str
    hours: float
    beats: int
    paced: int
    has_pacemaker: bool


def run_records(
    names: Sequence[str], conditions: Conditions, rates: Sequence[float] = RATES_HZ, seed: int = 0, jobs: int = 1
) -> Iterator[tuple[Unaltered, list[PacingCount]]]:
    """Count in each record as it is, and with spikes at each of the `rates`, Hz."""
    yield from in_parallel(_run, ((name, conditions, tuple(rates), seed) for name in names), jobs)


def _run(name: str, conditions: Conditions, rates: Sequence[float], seed: int) -> tuple[Unaltered, list[PacingCount]]:
    record = next(read_training_records([name]))
    models = conditions.models(name)
    if conditions.first_lead:
        record = replace(record, signal=record.signal[:, :1])
    return unaltered(record, models), [with_spikes(record, rate, models, seed) for rate in rates]


def unaltered(record: TrainingRecord, models: Models) -> Unaltered:
    """Count the paced beats that are told in a record as it is."""
    told = _beats(outputs_of(record.signal.astype(np.float64), record.fs, models))
    hours = len(record.signal) / record.fs / 3600.0
    return Unaltered(record.name, hours, len(told), sum(beat.paced for beat in told), record.name in PACED)


def with_spikes(record: TrainingRecord, rate_hz: float, models: Models, seed: int = 0) -> PacingCount:
    """Put spikes of one kind, drawn by name, rate and seed, into a record brought to `rate_hz`; count what is told."""
    rng = np.random.default_rng([seed, round(rate_hz), *record.name.encode()])
    spike = drawn(rng, record.signal.shape[1], tail=bool(rng.integers(2)))
    found = PacingCount(record.name, rate_hz, abs(spike.amplitudes_mv[0]), 1000.0 * spike.width_s, spike.tail_share)
    found = _in_standstill(found, record, spike, models, rng)
    fs, signal, beats, classes = _part(record, rate_hz)
    before = _beats(outputs_of(signal, fs, models))
    found = _between(found, signal, fs, beats, spike, models, rng)
    found = _ventricular(found, signal, fs, beats[classes == CLASSES.index("V")], spike, models, rng)
    return _atrial(found, signal, fs, beats[classes == CLASSES.index("N")], spike, models, rng, before)


def _part(record: TrainingRecord, rate_hz: float) -> tuple[float, Samples, NDArray[np.int64], NDArray[np.int64]]:
    """Give the part of a record with the most ventricular beats at another rate: it, the signal, beats, classes."""
    n = round(SPAN_S * record.fs)
    ventricular = record.beats[record.classes == CLASSES.index("V")]
    firsts = range(0, max(1, len(record.signal) - n + 1), n // 2)
    first = max(firsts, key=lambda at: np.sum((ventricular >= at) & (ventricular < at + n)))
    inside = (record.beats >= first) & (record.beats < first + n)
    beats = np.rint((record.beats[inside] - first) * (rate_hz / record.fs)).astype(np.int64)
    return rate_hz, resampled(record.signal[first : first + n], record.fs, rate_hz), beats, record.classes[inside]


def resampled(signal: NDArray[np.floating], fs: float, rate_hz: float) -> Samples:
    """Bring ``(n_samples, n_leads)`` from `fs` to `rate_hz`; the anti-alias filter is that of SciPy."""
    ratio = Fraction(rate_hz / fs).limit_denominator(1000)
    wanted: Samples = sp.resample_poly(signal.astype(np.float64), ratio.numerator, ratio.denominator, axis=0)
    return wanted


def _in_standstill(
    found: PacingCount, record: TrainingRecord, spike: Spike, models: Models, rng: np.random.Generator
) -> PacingCount:
    """Count beats and asystoles told in a standstill without P waves, before and after bare spikes are put into it."""
    made = with_pauses(record, rng, 1, p_waves=False)
    if made is None:
        return found
    rate = found.rate_hz
    signal = resampled(made.signal, made.fs, rate)
    begin, end = (sample / made.fs for sample in made.standstill)

    def told() -> tuple[int, int]:
        outputs = outputs_of(signal, rate, models)
        false = sum(begin + MATCH_S < beat.time < end - MATCH_S for beat in _beats(outputs))
        asystole = any(
            isinstance(each, Rhythm)
            and (each.name, each.state) == ("asystole", "begin")
            and begin - 1.0 < each.time < end
            for each in outputs
        )
        return false, int(asystole)

    false_before, asystole_before = told()
    times = _times(begin + 0.5, end - 0.5, rng)
    for at in times:
        add(signal, rate, spike, at)
    false, asystole = told()
    return replace(
        found, still=len(times), still_false=false, still_before=false_before, asystole=asystole,
        asystole_before=asystole_before,
    )  # fmt: skip


def _times(begin: float, end: float, rng: np.random.Generator) -> list[float]:
    """Draw when a pacemaker that nothing inhibits fires: at its own, steady rate."""
    interval = rng.uniform(*BARE_INTERVAL_S)
    return list(np.arange(begin + rng.uniform(0.0, 0.5), end, interval))


def _between(
    found: PacingCount,
    signal: Samples,
    fs: float,
    beats: NDArray[np.int64],
    spike: Spike,
    models: Models,
    rng: np.random.Generator,
) -> PacingCount:
    """Count false beats at bare spikes in the diastole."""
    roomy = np.diff(beats) >= ROOMY_S * fs
    at = (beats[:-1] + DIASTOLE * np.diff(beats))[roomy] / fs + rng.uniform(0.0, 1.0 / fs, int(roomy.sum()))
    told = _with(signal, fs, spike, at, models)
    samples = np.array([beat.sample for beat in told], dtype=np.int64)
    false = np.ones(len(told), dtype=np.bool_)
    pair = match(beats, samples, MATCH_S * fs)
    false[pair[pair >= 0]] = False
    times = samples[false] / fs
    n_false = sum(np.any((times > t + AFTER_SPIKE_S[0]) & (times < t + AFTER_SPIKE_S[1])) for t in at)
    return replace(found, between=len(at), between_false=int(n_false))


def _ventricular(
    found: PacingCount,
    signal: Samples,
    fs: float,
    beats: NDArray[np.int64],
    spike: Spike,
    models: Models,
    rng: np.random.Generator,
) -> PacingCount:
    """Count what is told of ventricular beats after a spike, at two phases of it half a sample apart."""
    at = beats / fs - ONSET_S - rng.uniform(*CAPTURE_S, len(beats)) + rng.uniform(0.0, 1.0 / fs, len(beats))
    pairs = []
    for shift in (0.0, 0.5 / fs):
        told = _with(signal, fs, spike, at + shift, models)
        pairs.append(_at(beats, told, fs))
    both = [(one, other) for one, other in zip(*pairs, strict=True) if one is not None and other is not None]
    return replace(
        found,
        ventricular=len(both),
        paced=sum(one.paced for one, _ in both),
        q=sum(one.label == "Q" for one, _ in both),
        same=sum(one.label == other.label for one, other in both),
    )


def _atrial(
    found: PacingCount,
    signal: Samples,
    fs: float,
    beats: NDArray[np.int64],
    spike: Spike,
    models: Models,
    rng: np.random.Generator,
    before: Sequence[Beat],
) -> PacingCount:
    """Count what changes with normal beats that the spike of an atrial lead comes before."""
    at = beats / fs - rng.uniform(*ATRIAL_S, len(beats))
    told = _with(signal, fs, spike, at, models)
    both = [
        (one, other)
        for one, other in zip(_at(beats, before, fs), _at(beats, told, fs), strict=True)
        if one is not None and other is not None
    ]
    return replace(
        found,
        atrial=len(both),
        atrial_changed=sum(one.label != other.label for one, other in both),
        atrial_paced=sum(other.paced for _, other in both),
    )


def _with(signal: Samples, fs: float, spike: Spike, at: NDArray[np.float64], models: Models) -> list[Beat]:
    """Give the beats of a signal with a spike at each of the times, seconds."""
    paced = signal.copy()
    for t in at[at > 0.0].tolist():
        add(paced, fs, spike, t)
    return _beats(outputs_of(paced, fs, models))


def _at(beats: NDArray[np.int64], told: Sequence[Beat], fs: float) -> list[Beat | None]:
    """Give the beat told at each reference beat; None where none was."""
    pair = match(beats, np.array([beat.sample for beat in told], dtype=np.int64), MATCH_S * fs)
    return [told[k] if k >= 0 else None for k in pair.tolist()]


def _beats(outputs: Sequence[Output]) -> list[Beat]:
    return sorted((each for each in outputs if isinstance(each, Beat)), key=lambda beat: beat.sample)
