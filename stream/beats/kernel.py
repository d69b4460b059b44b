"""The compiled loop of the beat windows: where a beat is marked, and all that is known of it when it is classified."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.compiled import Floats, Integer, Integers, Records, Scalars, compiled, compiled_part
from .features import BEFORE, WINDOW
from .intervals import describe_rhythm
from .kinds import compare, is_learning, join_kind
from .likeness import describe_likeness
from .state import BEAT, N_RR
from .turns import AS_BEFORE, find_turn, is_certain, read_slots, turn_leads, turn_of
from .waves import find_centre, find_mark, measure


class Spans(NamedTuple):
    """Lengths that go with a sampling rate.

    Attributes
    ----------
    fs
        Sampling rate, Hz.
    reach
        Samples that the R peak may stand from the middle that the detector found.
    half
        Samples of half a window.
    look_ahead
        Samples that the denoised signal lags behind the input.
    """

    fs: float
    reach: int
    half: int
    look_ahead: int


class Recent(NamedTuple):
    """The signal of late.

    Attributes
    ----------
    ring
        ``(n, n_leads)`` denoised samples, mV; the length is a power of two.
    at
        ``(1,)`` number of samples so far.
    height
        ``(n_leads,)`` height of the beats of each lead, mV.
    """

    ring: Floats
    at: Integers
    height: Floats


class Waiting(NamedTuple):
    """Detections whose windows are not complete, in order.

    Attributes
    ----------
    detections
        ``(n,)`` records of `DETECTION`.
    weight
        ``(n, n_leads)`` share of each lead in the detection, by quality.
    """

    detections: Records
    weight: Floats


@compiled_part
def _scale(x: Floats, wave: Floats, scale: float) -> None:
    """Write a wave in other units."""
    for k in range(len(x)):
        x[k] = wave[k] / scale


@compiled_part
def _write_waves(x: Scalars, b: Scalars) -> None:
    """Write the plain window, and the waves in units of the dominant beat."""
    deviation = 1e-9
    for k in range(WINDOW):
        deviation += b.wave[0, k] * b.wave[0, k]
    _scale(x.window, b.wave[0], np.sqrt(deviation / WINDOW))
    _scale(x.wave1, b.wave[0], b.scale[0])
    _scale(x.wave2, b.wave[1], b.scale[1])
    _scale(x.before1, b.before[0], b.scale[0])
    _scale(x.before2, b.before[1], b.scale[1])


@compiled_part
def _learn(
    out: Scalars, b: Scalars, p: Scalars, templates: Records, interval: float, ratio: float, odds: float
) -> None:
    """Let the patient's state learn from the beat, and tell in `out` which kind it joined."""
    p.certainty += (odds - p.certainty) * max(1.0 / 8.0, 1.0 / (p.n_beats + 1.0))
    for lead in range(2):
        for k in range(WINDOW):
            p.previous_wave[lead, k] = b.wave[lead, k]
    if 0.0 <= interval < 3.0:
        p.rr[p.n_rr % N_RR] = interval
        p.n_rr += 1
        p.slow_rr += (interval - p.slow_rr) * (0.0005 if p.run > 0 else 1.0 / min(p.n_rr, 100))
        if p.previous_kind >= 0:
            previous = templates[p.previous_kind]
            previous.following += (min(ratio, 3.0) - previous.following) / min(previous.count + 1.0, 20.0)
    premature = 1.0 if interval >= 0.0 and ratio < 0.87 else 0.0
    joined = out.joined
    join_kind(joined, b, templates, ratio, premature, p.n_beats)
    is_dominant = joined.kind == b.dominant or (joined.merged >= 0 and joined.merged == b.dominant)
    if b.dominant < 0 or is_dominant:
        for lead in range(b.first, b.last):
            n = 1.0 if p.height[lead] <= 0.0 else 0.06
            p.height[lead] += n * (b.height[lead] - p.height[lead])
        if premature == 0.0:
            p.before_n = min(p.before_n + 1.0, 20.0)
            likeness = out.features.template
            for lead in range(b.first, b.last):
                corr = likeness.before_corr1 if lead == 0 else likeness.before_corr2
                p.before_corr[lead] += (corr - p.before_corr[lead]) / p.before_n
                for k in range(BEFORE):
                    p.before[lead, k] += (b.before[lead, k] - p.before[lead, k]) / p.before_n
    p.previous_kind = joined.kind
    p.previous_is_dominant = 1.0 if is_dominant else 0.0
    p.previous_corr = b.dominant_corr
    p.previous_ratio = ratio
    p.n_beats += 1


@compiled_part
def _describe(
    out: Scalars,
    b: Scalars,
    p: Scalars,
    templates: Records,
    interval: float,
    ratio: float,
    weight: Floats,
    certainty: float,
) -> None:
    """Fill the features of the beat `b` and the kind that it joins, and let the state of the patient `p` learn from it.

    `interval` is the time since the beat before in seconds, negative if there is none or the signal was interrupted;
    `ratio` that to the median of eight; `weight` of the leads by quality; `certainty` of the detector.
    """
    x = out.features
    out.learning = is_learning(b, p, templates)
    _write_waves(x, b)
    odds = np.log(certainty + 1e-3) - np.log(1.0 - certainty + 1e-3)
    describe_likeness(x.template, b, p, templates, ratio, weight, odds)
    _learn(out, b, p, templates, interval, ratio, odds)


@compiled_part
def _fill(recent: Recent, signal: Floats, read: Integer, last: int) -> Integer:
    """Take samples from row `read` of `signal` on into the ring, as far as sample `last`; give the next row."""
    ring, at = recent.ring, recent.at
    while at[0] <= last and read < len(signal):
        slot = at[0] & (len(ring) - 1)
        for lead in range(ring.shape[1]):
            ring[slot, lead] = signal[read, lead]
        at[0] += 1
        read += 1
    return read


@compiled_part
def _follow_height(recent: Recent, first: int, last: int) -> None:
    """Let the height of the beats in each lead follow the one that stands from sample `first` to `last`."""
    ring, height = recent.ring, recent.height
    mask = len(ring) - 1
    for lead in range(ring.shape[1]):
        low = np.inf
        high = -np.inf
        for n in range(first, last + 1):
            value = ring[n & mask, lead]
            low = min(low, value)
            high = max(high, value)
        height[lead] += (high - low - height[lead]) * (0.1 if height[lead] > 1e-6 else 1.0)


@compiled
def describe_beats(
    beats: Records,
    signal: Floats,
    last_sample: int,
    waiting: Waiting,
    recent: Recent,
    patient: Records,
    templates: Records,
    spans: Spans,
) -> int:
    """Describe the beats whose windows are complete, of those `waiting`; give how many, in order.

    Parameters
    ----------
    beats
        Room for as many records of `DESCRIBED` as there are beats waiting.
    signal
        ``(n, n_leads)``, the next denoised samples, mV.
    last_sample
        Index at which the stream ended, or -1.
    waiting
        Detections.
    recent, patient, templates
        State: the signal, the patient (one record of `PATIENT`) and the kinds of beats (`N_TEMPLATES` of `TEMPLATES`).
    spans
        Lengths in samples.
    """
    ring, at, height = recent.ring, recent.at, recent.height
    reach, half = spans.reach, spans.half
    use = np.zeros(2, dtype=np.bool_)
    slots = np.zeros(2)
    in_hand = np.zeros(1, dtype=BEAT)
    p = patient[0]
    available = at[0] + len(signal)
    done = 0
    read: Integer = np.int64(0)
    for row in range(len(waiting.detections)):
        found = waiting.detections[row]
        weight = waiting.weight[row]
        # The ring is filled no further than a beat needs, so that a long chunk does not overrun an early beat.
        settled = found.guess + 2 * reach
        if available <= settled and last_sample < 0:
            break
        read = _fill(recent, signal, read, settled)
        mark = find_mark(ring, min(settled, at[0] - 1), found.guess, reach, weight, height)
        centre = find_centre(ring, min(settled, at[0] - 1), found.guess, reach, weight, height)
        needed = max(mark, centre) + half
        if available <= needed and last_sample < 0:
            break
        read = _fill(recent, signal, read, needed)
        newest = min(needed, at[0] - 1)
        b = in_hand[0]  # not before the loop: a record alone does not keep its array in memory
        out = beats[done]
        interval = (centre - p.last_centre) / spans.fs if p.n_beats > 0 and not found.gap else -1.0
        ratio = describe_rhythm(out.features.rr, p, interval)
        out.turn = AS_BEFORE
        out.turn_since = 0
        source, other = p.source[0], p.source[1]
        polarity, other_polarity = p.polarity[0], p.polarity[1]
        turn = 0
        for look in range(2):  # a second one where the leads are turned
            read_slots(slots, use, weight, p)
            measure(b, p, ring, newest, centre, spans.fs, use, slots)
            compare(b, templates)
            if look == 0:
                turn = find_turn(b, p, templates, slots, interval, ratio)
                if turn <= 0:
                    break
                turn_leads(p, turn)
        _describe(out, b, p, templates, interval, ratio, slots, found.certainty)
        if turn > 0:
            if is_certain(p, turn, mark, spans.fs):
                out.turn = turn_of(p)
                out.turn_since = p.turn_since
                p.turn = 0
            else:
                p.source[0], p.source[1] = source, other
                p.polarity[0], p.polarity[1] = polarity, other_polarity
        elif turn == AS_BEFORE:
            p.turn = 0
        out.mark = mark
        # What is told of is the time from R peak to R peak.
        out.interval = (mark - p.last_mark) / spans.fs if interval >= 0.0 else -1.0
        decided = max(found.ready, max(settled, needed) + spans.look_ahead)
        out.decided = decided if last_sample < 0 else min(decided, last_sample)
        p.last_centre = centre
        p.last_mark = mark
        _follow_height(recent, max(mark - half, 0), newest)
        done += 1
    _fill(recent, signal, read, available)
    return done
