"""The compiled loop of the beat windows: where a beat is marked, and all that is known of it when it is classified."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats, Floats32, Integer, Integers, Records, Scalars, compiled, compiled_part
from .features import BEFORE, TEMPLATE_NAMES, WINDOW
from .intervals import N_RHYTHM, describe_rhythm
from .kinds import SHIFTS, compare, correlate, is_known, join_kind
from .state import BEAT, N_RR, N_TEMPLATES
from .waves import find_centre, find_mark, measure

BEFORE_CORR = TEMPLATE_NAMES.index("before_corr1")


@compiled_part
def _write_waves(x: Floats32, b: Scalars) -> int:
    """Write the plain window, and the waves in units of the dominant beat; give the next column."""
    i = 0
    deviation = 1e-9
    for k in range(WINDOW):
        deviation += b.wave[0, k] * b.wave[0, k]
    deviation = np.sqrt(deviation / WINDOW)
    for k in range(WINDOW):
        x[i] = b.wave[0, k] / deviation
        i += 1
    for lead in range(2):
        for k in range(WINDOW):
            x[i] = b.wave[lead, k] / b.scale[lead]
            i += 1
    for lead in range(2):
        for k in range(BEFORE):
            x[i] = b.before[lead, k] / b.scale[lead]
            i += 1
    return i


@compiled_part
def _write_likeness(
    x: Floats32, i: Integer, b: Scalars, p: Scalars, templates: Records, ratio: float, weight: Floats, odds: float
) -> None:
    """Write how like the beat is to the kinds of beats known, and what is known of its kind, from column `i` on."""
    x[i] = b.dominant_corr
    x[i + 1] = min(b.dominant_residual, 10.0)
    for lead in range(2):
        if b.first <= lead < b.last and b.dominant >= 0:
            t = templates[b.dominant].wave
            corr, _ = correlate(b.wave, t, b.share, lead, lead + 1, b.dominant_shift)
            t_area = 1e-9
            t_slope = 1e-9
            for k in range(WINDOW):
                t_area += abs(t[lead, k])
                if k > 0:
                    t_slope = max(t_slope, abs(t[lead, k] - t[lead, k - 1]))
            x[i + 2 + lead] = corr
            x[i + 4 + lead] = min(b.height[lead] / b.scale[lead], 10.0)
            x[i + 6 + lead] = min(b.area[lead] / t_area, 10.0)
            x[i + 8 + lead] = min(b.slope[lead] / t_slope, 10.0)
            x[i + 10 + lead] = b.width[lead] / 100.0
            x[i + 12 + lead] = (b.width[lead] - templates[b.dominant].width[lead]) / 100.0
        else:
            x[i + 2 + lead] = 1.0
            x[i + 4 + lead] = 1.0
            x[i + 6 + lead] = 1.0
            x[i + 8 + lead] = 1.0
            x[i + 10 + lead] = b.width[b.first] / 100.0
            x[i + 12 + lead] = 0.0
    x[i + 14] = b.best_corr
    x[i + 15] = 1.0 if b.best == b.dominant else 0.0
    if is_known(b):
        x[i + 16] = templates[b.best].weight / b.total
        x[i + 17] = np.log1p(templates[b.best].count)
        x[i + 18] = templates[b.best].rr
        x[i + 19] = templates[b.best].following
        x[i + 20] = templates[b.best].premature
        x[i + 21] = np.log1p(float(p.n_beats - templates[b.best].seen))
    else:
        x[i + 16] = 0.0
        x[i + 17] = 0.0
        x[i + 18] = ratio
        x[i + 19] = 1.0
        x[i + 20] = 0.0
        x[i + 21] = 6.0
    x[i + 22] = templates[b.dominant].weight / b.total if b.dominant >= 0 else 0.0
    kinds = 0
    for k in range(N_TEMPLATES):
        if templates[k].weight > 0.02 * b.total:
            kinds += 1
    x[i + 23] = kinds / 4.0
    for lead in range(2):
        dot = 0.0
        aa = 1e-9
        bb = 1e-9
        for k in range(BEFORE):
            u = b.before[lead, k]
            v = p.before[lead, k]
            dot += u * v
            aa += u * u
            bb += v * v
        x[i + 24 + lead] = dot / np.sqrt(aa * bb)
        x[i + 26 + lead] = min((aa + bb - 2.0 * dot) / bb, 10.0)
        x[i + 28 + lead] = np.log(np.sqrt(aa / BEFORE) / b.scale[lead] + 1e-3)
        x[i + 30 + lead] = np.log(b.rough[lead] / b.scale[lead] + 1e-3)
    x[i + 32] = p.previous_is_dominant
    x[i + 33] = p.previous_corr
    x[i + 34] = 1.0 if is_known(b) and b.best == p.previous_kind else 0.0
    x[i + 35] = p.previous_ratio
    x[i + 36] = b.best_shift
    x[i + 37] = b.sign[0]
    x[i + 38] = b.sign[1]
    x[i + 39] = float(b.last - b.first)
    x[i + 40] = weight[1] / (weight[0] + weight[1] + 1e-9) if b.last == 2 else 0.0
    previous_corr = -1.0
    for shift in range(-SHIFTS, SHIFTS + 1):
        corr, _ = correlate(b.wave, p.previous_wave, b.share, b.first, b.last, shift)
        previous_corr = max(previous_corr, corr)
    # How sure the detector is that this is a beat at all, and was of the last ones: in noise much that looks
    # like an ectopic beat is none.
    x[i + 41] = b.other_corr
    x[i + 42] = previous_corr
    x[i + 43] = odds
    x[i + 44] = p.certainty if p.n_beats > 0 else odds
    # Whether there usually is a P wave: where there is none, as in fibrillation, an early beat is no S.
    for lead in range(2):
        size = 0.0
        for k in range(BEFORE):
            size += p.before[lead, k] * p.before[lead, k]
        x[i + 45 + lead] = p.before_corr[lead]
        x[i + 47 + lead] = np.log(np.sqrt(size / BEFORE) / b.scale[lead] + 1e-3)


@compiled_part
def _learn(
    x: Floats32,
    column: Integer,
    b: Scalars,
    p: Scalars,
    templates: Records,
    rr: Floats,
    interval: float,
    ratio: float,
    odds: float,
    kind_of: Integers,
) -> None:
    """Let the patient's state learn from the beat; `column` is that of the likeness of its P wave."""
    p.certainty += (odds - p.certainty) * max(1.0 / 8.0, 1.0 / (p.n_beats + 1.0))
    for lead in range(2):
        for k in range(WINDOW):
            p.previous_wave[lead, k] = b.wave[lead, k]
    if 0.0 <= interval < 3.0:
        rr[p.n_rr % N_RR] = interval
        p.n_rr += 1
        p.slow_rr += (interval - p.slow_rr) * (0.0005 if p.run > 0 else 1.0 / min(p.n_rr, 100))
        if p.previous_kind >= 0:
            previous = templates[p.previous_kind]
            previous.following += (min(ratio, 3.0) - previous.following) / min(previous.count + 1.0, 20.0)
    premature = 1.0 if interval >= 0.0 and ratio < 0.87 else 0.0
    best = join_kind(b, templates, ratio, premature, p.n_beats, kind_of)
    is_dominant = best == b.dominant or (kind_of[1] >= 0 and kind_of[1] == b.dominant)
    if b.dominant < 0 or is_dominant:
        for lead in range(b.first, b.last):
            n = 1.0 if p.height[lead] <= 0.0 else 0.06
            p.height[lead] += n * (b.height[lead] - p.height[lead])
        if premature == 0.0:
            p.before_n = min(p.before_n + 1.0, 20.0)
            for lead in range(b.first, b.last):
                p.before_corr[lead] += (x[column + lead] - p.before_corr[lead]) / p.before_n
                for k in range(BEFORE):
                    p.before[lead, k] += (b.before[lead, k] - p.before[lead, k]) / p.before_n
    p.previous_kind = best
    p.previous_is_dominant = 1.0 if is_dominant else 0.0
    p.previous_corr = b.dominant_corr
    p.previous_ratio = ratio
    p.n_beats += 1


@compiled_part
def _describe(
    x: Floats32,
    b: Scalars,
    p: Scalars,
    templates: Records,
    rr: Floats,
    interval: float,
    weight: Floats,
    certainty: float,
    kind_of: Integers,
) -> None:
    """Fill the feature row `x` of the beat `b`, and let the state of the patient `p` learn from it.

    `interval` is the time since the beat before in seconds, negative if there is none or the signal was interrupted;
    `weight` of the leads by quality; `certainty` of the detector.
    """
    compare(b, templates)
    i = _write_waves(x, b)
    ratio = describe_rhythm(x, np.int64(i), rr, p, interval)
    i += N_RHYTHM
    odds = np.log(certainty + 1e-3) - np.log(1.0 - certainty + 1e-3)
    _write_likeness(x, np.int64(i), b, p, templates, ratio, weight, odds)
    _learn(x, np.int64(i + BEFORE_CORR), b, p, templates, rr, interval, ratio, odds, kind_of)


@compiled_part
def _fill(ring: Floats, at: Integers, signal: Floats, read: Integer, last: int) -> Integer:
    """Take samples from row `read` of `signal` on into the ring, as far as sample `last`; give the next row."""
    while at[0] <= last and read < len(signal):
        slot = at[0] & (len(ring) - 1)
        for lead in range(ring.shape[1]):
            ring[slot, lead] = signal[read, lead]
        at[0] += 1
        read += 1
    return read


@compiled
def describe_beats(
    signal: Floats,
    fs: float,
    reach: int,
    half: int,
    ahead: int,
    ring: Floats,
    at: Integers,
    guess: Integers,
    ready: Integers,
    gap: Flags,
    weight: Floats,
    certainty: Floats,
    height: Floats,
    patient: Records,
    templates: Records,
    rr: Floats,
    last_sample: int,
    out_x: Floats32,
    out_mark: Integers,
    out_decided: Integers,
    out_interval: Floats,
    out_kind: Integers,
) -> int:
    """Describe the beats whose windows are complete.

    `signal` holds the next denoised samples; `at` their count so far. The beats waiting are `guess` (middle of the
    QRS), `ready` (input sample at which the detector decided), `gap`, `weight` of the leads, and `certainty` of the
    detector. `ahead` is the denoiser's look-ahead. `last_sample` is the index at which the stream ended, or -1. Gives
    how many beats were described, in order.
    """
    mask = len(ring) - 1
    n_leads = ring.shape[1]
    use = np.zeros(2, dtype=np.bool_)
    beat_array = np.zeros(1, dtype=BEAT)
    available = at[0] + len(signal)
    done = 0
    read: Integer = np.int64(0)
    for b in range(len(guess)):
        # The ring is filled no further than a beat needs, so that a long chunk does not overrun an early beat.
        settled = guess[b] + 2 * reach
        if available <= settled and last_sample < 0:
            break
        read = _fill(ring, at, signal, read, settled)
        mark = find_mark(ring, min(settled, at[0] - 1), guess[b], reach, weight[b], height)
        centre = find_centre(ring, min(settled, at[0] - 1), guess[b], reach, weight[b], height)
        needed = max(mark, centre) + half
        if available <= needed and last_sample < 0:
            break
        read = _fill(ring, at, signal, read, needed)
        newest = min(needed, at[0] - 1)
        use[0] = weight[b, 0] > 0.0
        use[1] = n_leads > 1 and weight[b, 1] > 0.0
        if not use[0] and not use[1]:
            use[0] = True
        beat, p = beat_array[0], patient[0]
        measure(beat, p, ring, newest, centre, fs, use, weight[b])
        interval = (centre - p.last_centre) / fs if p.n_beats > 0 and not gap[b] else -1.0
        _describe(out_x[done], beat, p, templates, rr, interval, weight[b], certainty[b], out_kind[done])
        p.last_centre = centre
        # What is told of is the time from R peak to R peak.
        out_interval[done] = (mark - p.last_mark) / fs if interval >= 0.0 else -1.0
        p.last_mark = mark
        for lead in range(n_leads):
            low = np.inf
            high = -np.inf
            for n in range(max(mark - half, 0), newest + 1):
                value = ring[n & mask, lead]
                low = min(low, value)
                high = max(high, value)
            height[lead] += (high - low - height[lead]) * (0.1 if height[lead] > 1e-6 else 1.0)
        out_mark[done] = mark
        decided = max(ready[b], max(settled, needed) + ahead)
        out_decided[done] = decided if last_sample < 0 else min(decided, last_sample)
        done += 1
    _fill(ring, at, signal, read, available)
    return done
