"""The compiled description of one beat: its mark, its windows, its rhythm, its likeness to earlier beats.

Windows stand on a 4 ms raster (50 samples are 200 ms) whatever the sampling rate, so every length below
is in these steps unless it says otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import Integer, compiled, compiled_part
from .features import BEFORE, GROUPS, NAMES, WINDOW
from .qrs_kernel import Flags, Floats, Floats32, Integers

N_FEATURES = len(NAMES)
N_RHYTHM = len(GROUPS["rr"])

N_TEMPLATES = 12
"""Kinds of beats remembered for a patient."""
JOIN = 0.9
"""A beat belongs to a kind when their correlation is above this."""
MERGE = 0.95
"""Two kinds that have come to correlate above this are one."""
SHIFTS = 3
"""Alignment is searched over 12 ms to either side."""
N_RR = 64
"""RR intervals remembered."""
LONG_RUN = 3000
"""A run of so many short intervals, half an hour, begins to be the patient's rhythm."""
MILD_RUN = 0.7
"""What is shorter by less than this is forgotten in a minute or two: a heart that beats on at four fifths of what it
beat at is no longer in a run, it has recovered from a slow rhythm."""
KNOWN_RR = 8
"""Intervals after which a rhythm is known, and a run can begin: not with the first, which may be from a false beat."""
STEADY = 0.25
"""Spread of the last intervals about their median, relative to it, out of which a run can begin."""
LONGEST_BASE, LONGEST_BASE_S = 1.1, 1.2
"""What a run is held against is at most this many mean intervals outside of runs, and this many seconds."""
RESTED = 8
"""So many intervals after a run, or after a premature beat, the rhythm before it still counts: the median of eight is
made of the run itself until then."""
FAST_S = 0.65
"""A run that has lasted for `RESTED` intervals and is slower than this, 92 a minute, is no tachycardia."""
FIBRILLATING = 0.6
"""Where more of the intervals are like neither of the two before, a run cannot begin again."""

TEMPLATES = np.dtype(
    [
        ("wave", np.float64, (2, WINDOW)),
        ("weight", np.float64),
        ("count", np.float64),
        ("rr", np.float64),
        ("following", np.float64),
        ("premature", np.float64),
        ("width", np.float64, (2,)),
        ("seen", np.int64),
    ]
)
"""One kind of beat: mean wave of the two leads (mV), its share, and how its members came in time."""

PATIENT = np.dtype(
    [
        ("n_beats", np.int64),
        ("n_rr", np.int64),
        ("last_centre", np.int64),
        ("last_mark", np.int64),
        ("slow_rr", np.float64),
        ("base_rr", np.float64),
        ("run", np.int64),
        ("rested", np.int64),
        ("previous_kind", np.int64),
        ("previous_is_dominant", np.float64),
        ("previous_corr", np.float64),
        ("previous_ratio", np.float64),
        ("previous_wave", np.float64, (2, WINDOW)),
        ("certainty", np.float64),
        ("height", np.float64, (2,)),
        ("before", np.float64, (2, BEFORE)),
        ("before_n", np.float64),
        ("before_corr", np.float64, (2,)),
    ]
)
"""What is remembered of the patient beside the kinds of beats."""


@compiled_part
def _find_mark(ring: Floats, newest: int, guess: int, reach: int, weight: Floats, height: Floats) -> int:
    """Sample of the R peak: the largest excursion within `reach` samples of `guess`, leads weighed by quality."""
    mask = len(ring) - 1
    n_leads = ring.shape[1]
    best = guess
    best_value = -1.0
    base = np.zeros(n_leads)
    for lead in range(n_leads):
        for n in range(guess - 2 * reach, guess + 2 * reach + 1):
            base[lead] += ring[min(max(n, 0), newest) & mask, lead]
        base[lead] /= 4 * reach + 1
    for n in range(max(guess - reach, 0), min(guess + reach, newest) + 1):
        value = 0.0
        for lead in range(n_leads):
            value += weight[lead] * abs(ring[n & mask, lead] - base[lead]) / (height[lead] + 1e-6)
        if value > best_value:
            best_value = value
            best = n
    return best


@compiled_part
def _find_centre(ring: Floats, newest: int, guess: int, reach: int, weight: Floats, height: Floats) -> int:
    """Sample of the middle of the QRS complex: the centroid of its squared slope, leads weighed by quality.

    Beats of one kind keep their middle even where their largest excursion flips between two waves of like height, so
    it is what windows and intervals are aligned by.
    """
    mask = len(ring) - 1
    total = 0.0
    moment = 0.0
    for lead in range(ring.shape[1]):
        if weight[lead] <= 0.0:
            continue
        f = weight[lead] / (height[lead] + 1e-6) ** 2
        for n in range(guess - reach, guess + reach + 1):
            before = ring[min(max(n - 1, 0), newest) & mask, lead]
            d = ring[min(max(n + 1, 0), newest) & mask, lead] - before
            total += f * d * d
            moment += f * d * d * (n - guess)
    if total <= 0.0:
        return guess
    return guess + int(np.rint(moment / total))


@compiled_part
def _cut(ring: Floats, centre: int, newest: int, fs: float, lead: int, wave: Floats, before: Floats) -> None:
    """Interpolate the window and what stands before it (Catmull-Rom; at 250 Hz these are the samples themselves)."""
    mask = len(ring) - 1
    for i in range(WINDOW + BEFORE):
        seconds = (i - WINDOW // 2) * 0.004 if i < WINDOW else -0.260 + (i - WINDOW) * 0.008
        position = centre + seconds * fs
        base = int(np.floor(position + 1e-9))
        t = max(position - base, 0.0)
        x1 = ring[min(max(base, 0), newest) & mask, lead]
        if t < 1e-6:
            value = x1
        else:
            x0 = ring[min(max(base - 1, 0), newest) & mask, lead]
            x2 = ring[min(max(base + 1, 0), newest) & mask, lead]
            x3 = ring[min(max(base + 2, 0), newest) & mask, lead]
            cubic = 3.0 * (x1 - x2) + x3 - x0
            value = x1 + 0.5 * t * (x2 - x0 + t * (2.0 * x0 - 5.0 * x1 + 4.0 * x2 - x3 + t * cubic))
        if i < WINDOW:
            wave[i] = value
        else:
            before[i - WINDOW] = value


@compiled_part
def _correlate(a: Floats, b: Floats, share: Floats, first: int, last: int, shift: Integer) -> tuple[float, float]:
    """Correlation, and residual relative to `b`, of two beats; `share` brings their leads to one height and quality."""
    dot = 0.0
    aa = 1e-9
    bb = 1e-9
    for lead in range(first, last):
        f = share[lead]
        for i in range(SHIFTS, WINDOW - SHIFTS):
            u = a[lead, i]
            v = b[lead, i + shift]
            dot += f * u * v
            aa += f * u * u
            bb += f * v * v
    return dot / np.sqrt(aa * bb), (aa + bb - 2.0 * dot) / bb


@compiled_part
def _width(wave: Floats) -> float:
    """Milliseconds that hold the middle 90 % of the slope of a window: the width of its QRS complex."""
    total = 1e-9
    for i in range(1, WINDOW):
        d = wave[i] - wave[i - 1]
        total += d * d
    low = 0
    high = WINDOW - 1
    running = 0.0
    started = False
    for i in range(1, WINDOW):
        d = wave[i] - wave[i - 1]
        running += d * d
        if not started and running >= 0.05 * total:
            low = i
            started = True
        if running >= 0.95 * total:
            high = i
            break
    return (high - low) * 4.0


@compiled_part
def _median_of_last(rr: Floats, n_rr: int, n: Integer, scratch: Floats) -> float:
    """Median of the last `n` intervals (of as many as there are)."""
    n = min(n, min(n_rr, N_RR))
    for k in range(n):
        value = rr[(n_rr - 1 - k) % N_RR]
        j = k
        while j > 0 and scratch[j - 1] > value:
            scratch[j] = scratch[j - 1]
            j -= 1
        scratch[j] = value
    if n % 2:
        return float(scratch[n // 2])
    return float(0.5 * (scratch[n // 2 - 1] + scratch[n // 2]))


@compiled_part
def _rhythm(x: Floats32, i: Integer, rr: Floats, p: Any, interval: float, valid: bool) -> float:
    """RR columns of the patient `p`; `interval` in seconds, not yet in `rr`. Gives the ratio to the median of eight.

    A run begins out of a steady rhythm with an interval far shorter than the median and the one before, and lasts
    until one comes near to what was the median then: so a tachycardia that outlasts every running median is still
    known as one. It is held against no more than the long-term mean outside of runs, so that neither a pause nor a
    run is taken for the rhythm; and what it was held against stands for some beats more, so that one long interval in
    the middle of it does not end it.
    """
    n_rr = p.n_rr
    scratch = np.zeros(N_RR)
    deviations = np.zeros(N_RR)
    if not valid or n_rr == 0:
        for k in range(N_RHYTHM):
            x[i + k] = 1.0
        x[i] = interval if valid else 0.8
        x[i + 5] = 0.1
        x[i + 11] = 0.1
        x[i + 12] = min(n_rr, 63) / 63.0
        x[i + 13] = 1.0 if valid else 0.0
        x[i + 14] = 0.0
        x[i + 15] = 0.5
        x[i + 17] = 0.0
        x[i + 18] = 0.1
        x[i + 23] = 0.0
        x[i + 24] = 0.0
        x[i + 25] = 0.0
        x[i + 26] = 0.1
        p.run = 0
        p.rested = RESTED
        return 1.0
    n10 = min(n_rr, 10)
    mean10 = 0.0
    for k in range(n10):
        mean10 += rr[(n_rr - 1 - k) % N_RR]
    mean10 /= n10
    median8 = _median_of_last(rr, n_rr, np.int64(8), scratch)
    median16 = _median_of_last(rr, n_rr, np.int64(16), scratch)
    n20 = min(n_rr, 20)
    spread = 0.0
    for k in range(n20):
        spread += abs(rr[(n_rr - 1 - k) % N_RR] - median8)
    spread /= n20 * median8
    previous = rr[(n_rr - 1) % N_RR]
    before_previous = rr[(n_rr - 2) % N_RR] if n_rr > 1 else median8
    shortest = 10.0
    change = 0.0
    n8 = min(n_rr, 8)
    for k in range(n8):
        shortest = min(shortest, rr[(n_rr - 1 - k) % N_RR])
        if k + 1 < n8:
            change += abs(rr[(n_rr - 1 - k) % N_RR] - rr[(n_rr - 2 - k) % N_RR])
    x[i] = interval
    x[i + 1] = interval / mean10
    x[i + 2] = interval / median8
    x[i + 3] = interval / median16
    x[i + 4] = interval / _median_of_last(rr, n_rr, np.int64(63), scratch)
    x[i + 5] = spread
    x[i + 6] = interval / previous
    x[i + 7] = previous / median8
    x[i + 8] = before_previous / median8
    x[i + 9] = 0.5 * (interval + previous) / median8
    x[i + 10] = shortest / median8
    x[i + 11] = change / max(n8 - 1, 1) / median8
    x[i + 12] = min(n_rr, 63) / 63.0
    x[i + 13] = 1.0
    # Against the patient's own spread: in an irregular rhythm a short interval is nothing remarkable.
    n16 = min(n_rr, 16)
    for k in range(n16):
        deviations[k] = abs(rr[(n_rr - 1 - k) % N_RR] - median16)
    spread16 = 1.4826 * _median_of_last(deviations, n16, n16, scratch) + 0.02 * median16
    n32 = min(n_rr, 32)
    shorter = 0.0
    for k in range(n32):
        if rr[(n_rr - 1 - k) % N_RR] < interval:
            shorter += 1.0
    _median_of_last(rr, n_rr, np.int64(32), scratch)  # leaves the last intervals sorted
    irregular = 0.0
    for k in range(n16 - 1):
        if abs(rr[(n_rr - 1 - k) % N_RR] - rr[(n_rr - 2 - k) % N_RR]) > 0.08 * median16:
            irregular += 1.0
    x[i + 14] = min(max((interval - median16) / spread16, -8.0), 8.0)
    x[i + 15] = (shorter + 0.5) / (n32 + 1.0)
    x[i + 16] = interval / scratch[n32 // 10]
    x[i + 17] = min(max((previous - median16) / spread16, -8.0), 8.0)
    x[i + 18] = irregular / max(n16 - 1, 1)
    # Irregular in fibrillation, and not in bigeminy: like neither of the two intervals before.
    n48 = min(n_rr, 48)
    irregular = 0.0
    for k in range(n48 - 2):
        newer = rr[(n_rr - 1 - k) % N_RR]
        unlike = min(abs(newer - rr[(n_rr - 2 - k) % N_RR]), abs(newer - rr[(n_rr - 3 - k) % N_RR]))
        if unlike > 0.08 * median16:
            irregular += 1.0
    irregular /= max(n48 - 2, 1)
    x[i + 26] = irregular
    if p.run == 0:
        p.rested = min(p.rested + 1, RESTED + 1)
        if p.rested > RESTED:
            p.base_rr = min(median8, LONGEST_BASE * p.slow_rr, LONGEST_BASE_S)
            begins = spread < STEADY and interval < 0.8 * median8
        else:
            begins = irregular < FIBRILLATING and interval < 0.8 * p.base_rr
        if begins and n_rr >= KNOWN_RR and interval < 0.85 * previous:
            p.run = 1
        elif 1 < p.rested <= RESTED:  # the first is the pause after it
            p.base_rr += 0.2 * (min(max(interval, 0.8 * p.base_rr), 1.2 * p.base_rr) - p.base_rr)
    elif interval < 0.85 * p.base_rr:
        p.run += 1
        if p.run > LONG_RUN:
            p.base_rr += 0.02 * (interval - p.base_rr)
        elif p.run > RESTED and interval > FAST_S:
            p.base_rr += 0.05 * (interval - p.base_rr)
        elif interval > MILD_RUN * p.base_rr:
            p.base_rr += 0.005 * (interval - p.base_rr)
    else:
        p.run = 0
        p.rested = 0
    longest = previous
    for k in range(n8):
        longest = max(longest, rr[(n_rr - 1 - k) % N_RR])
    x[i + 19] = interval / before_previous
    x[i + 20] = interval / longest
    x[i + 21] = interval / scratch[(n32 - 1) * 4 // 5]
    x[i + 22] = interval / p.base_rr
    x[i + 23] = np.log1p(float(p.run))
    # Bigeminy that lasts: every other interval is short, and this one is of the short ones (below 0) or of the long.
    newer = interval
    sign = 1.0
    alternation = 0.0
    depth = 0.0
    for k in range(n8):
        older = rr[(n_rr - 1 - k) % N_RR]
        step = sign * (newer - older)
        if abs(step) > 0.02 * median8:
            alternation += 1.0 if step > 0.0 else -1.0
        depth += step
        newer = older
        sign = -sign
    x[i + 24] = alternation / n8
    x[i + 25] = min(max(depth / n8 / median8, -2.0), 2.0)
    for k in range(1, 12):
        x[i + k] = min(x[i + k], 4.0)
    x[i + 16] = min(x[i + 16], 4.0)
    for k in range(19, 23):
        x[i + k] = min(x[i + k], 4.0)
    return float(x[i + 2])


@compiled_part
def _dominant(templates: NDArray[Any]) -> tuple[int, float]:
    """Find the kind that is the patient's normal beat, -1 if there is none yet, and the weight of all kinds.

    The most frequent kind is not always it: in bigeminy the ectopic beats may be more alike than the normal ones.
    So kinds that come early or are wider than others count for less.
    """
    total = 1e-9
    narrowest = 1e9
    for k in range(N_TEMPLATES):
        total += templates[k].weight
    for k in range(N_TEMPLATES):
        if templates[k].weight > 0.05 * total:
            narrowest = min(narrowest, templates[k].width[0] + templates[k].width[1])
    dominant = -1
    best = 0.0
    for k in range(N_TEMPLATES):
        kind = templates[k]
        if kind.weight > 0.0:
            wider = max((kind.width[0] + kind.width[1] + 20.0) / (narrowest + 20.0), 1.0)
            score = kind.weight * (1.0 - 0.8 * kind.premature) / wider
            if score > best:
                best = score
                dominant = k
    return dominant, total


@compiled_part
def _merge(templates: NDArray[Any], kept: int, share: Floats, first: int, last: int) -> int:
    """Join to the kind `kept` the one that has come to be like it, if any; give its number, else -1."""
    for k in range(N_TEMPLATES):
        if k == kept or templates[k].weight <= 0.0:
            continue
        corr, _ = _correlate(templates[k].wave, templates[kept].wave, share, first, last, np.int64(0))
        if corr < MERGE:
            continue
        a, b = templates[kept], templates[k]
        f = b.weight / (a.weight + b.weight)
        for lead in range(2):
            for i in range(WINDOW):
                a.wave[lead, i] += f * (b.wave[lead, i] - a.wave[lead, i])
            a.width[lead] += f * (b.width[lead] - a.width[lead])
        a.rr += f * (b.rr - a.rr)
        a.following += f * (b.following - a.following)
        a.premature += f * (b.premature - a.premature)
        a.weight += b.weight
        a.count += b.count
        b.weight = 0.0
        return k
    return -1


@compiled_part
def _describe(
    x: Floats32,
    ring: Floats,
    newest: int,
    centre: int,
    fs: float,
    use: Flags,
    weight: Floats,
    certainty: float,
    gap: bool,
    patient_array: NDArray[Any],
    templates: NDArray[Any],
    rr: Floats,
    kind_of: Integers,
) -> float:
    """Fill the feature row `x` of the beat around `centre`, and let the patient's state learn from the beat.

    `kind_of` gets the kind that it joined, the kind that was merged into that one (or -1), and whether it is new.
    The other parameters are the row, the ring of the signal with the index of its newest sample, the centre, the
    sampling rate, which of the two leads can be used and their weights by quality, how certain the detector is,
    whether the signal was interrupted since the last beat, and the state.
    Gives the interval from the last beat in seconds, negative if there is none.
    """
    p = patient_array[0]
    first = 0 if use[0] else 1
    last = 2 if use[1] else 1
    wave = np.zeros((2, WINDOW))
    before = np.zeros((2, BEFORE))
    height = np.zeros(2)
    slope = np.zeros(2)
    area = np.zeros(2)
    width = np.zeros(2)
    rough = np.zeros(2)
    sign = np.zeros(2)
    for lead in range(first, last):
        _cut(ring, centre, newest, fs, lead, wave[lead], before[lead])
        mean = 0.0
        for i in range(WINDOW):
            mean += wave[lead, i]
        mean /= WINDOW
        low = np.inf
        high = -np.inf
        for i in range(WINDOW):
            wave[lead, i] -= mean
            low = min(low, wave[lead, i])
            high = max(high, wave[lead, i])
            area[lead] += abs(wave[lead, i])
            if i > 0:
                slope[lead] = max(slope[lead], abs(wave[lead, i] - wave[lead, i - 1]))
        height[lead] = high - low
        sign[lead] = (high + low) / (high - low + 1e-9)
        base = 0.0
        for i in range(BEFORE):
            base += before[lead, i]
        base /= BEFORE
        for i in range(BEFORE):
            before[lead, i] -= base
            if i > 1:
                rough[lead] += abs(before[lead, i] - 2.0 * before[lead, i - 1] + before[lead, i - 2])
        rough[lead] /= BEFORE - 2
        width[lead] = _width(wave[lead])

    # The dominant kind, and the scale that it gives.
    dominant, total = _dominant(templates)
    scale = np.ones(2)
    share = np.ones(2)
    for lead in range(first, last):
        scale[lead] = p.height[lead] if p.height[lead] > 0.0 else height[lead]
        scale[lead] = max(scale[lead], 1e-3)
        # A noisy lead has less to say about which kind a beat is.
        share[lead] = (0.02 + weight[lead]) / (scale[lead] * scale[lead])

    # The plain window, and the waves in units of the dominant beat.
    i = 0
    deviation = 1e-9
    for k in range(WINDOW):
        deviation += wave[0, k] * wave[0, k]
    deviation = np.sqrt(deviation / WINDOW)
    for k in range(WINDOW):
        x[i] = wave[0, k] / deviation
        i += 1
    for lead in range(2):
        for k in range(WINDOW):
            x[i] = wave[lead, k] / scale[lead]
            i += 1
    for lead in range(2):
        for k in range(BEFORE):
            x[i] = before[lead, k] / scale[lead]
            i += 1

    valid = p.n_beats > 0 and not gap
    interval = (centre - p.last_centre) / fs if valid else -1.0
    ratio = _rhythm(x, np.int64(i), rr, p, interval, valid)
    i += N_RHYTHM

    # Likeness to the kinds of beats known.
    best = -1
    best_corr = -1.0
    best_shift = 0
    dominant_corr = 0.0
    dominant_residual = 1.0
    dominant_shift: Integer = np.int64(0)
    other_corr = -1.0
    for k in range(N_TEMPLATES):
        if templates[k].weight <= 0.0:
            continue
        kind_corr = -1.0
        kind_residual = 1.0
        kind_shift = 0
        for shift in range(-SHIFTS, SHIFTS + 1):
            corr, residual = _correlate(wave, templates[k].wave, share, first, last, shift)
            if corr > kind_corr:
                kind_corr = corr
                kind_residual = residual
                kind_shift = shift
        if kind_corr > best_corr:
            best = k
            best_corr = kind_corr
            best_shift = kind_shift
        if k != dominant:
            other_corr = max(other_corr, kind_corr)
        else:
            dominant_corr = kind_corr
            dominant_residual = kind_residual
            dominant_shift = kind_shift
    joined = best >= 0 and best_corr > JOIN

    x[i] = dominant_corr
    x[i + 1] = min(dominant_residual, 10.0)
    for lead in range(2):
        if use[lead] and dominant >= 0:
            t = templates[dominant].wave
            corr, _ = _correlate(wave, t, share, lead, lead + 1, dominant_shift)
            t_area = 1e-9
            t_slope = 1e-9
            for k in range(WINDOW):
                t_area += abs(t[lead, k])
                if k > 0:
                    t_slope = max(t_slope, abs(t[lead, k] - t[lead, k - 1]))
            x[i + 2 + lead] = corr
            x[i + 4 + lead] = min(height[lead] / scale[lead], 10.0)
            x[i + 6 + lead] = min(area[lead] / t_area, 10.0)
            x[i + 8 + lead] = min(slope[lead] / t_slope, 10.0)
            x[i + 10 + lead] = width[lead] / 100.0
            x[i + 12 + lead] = (width[lead] - templates[dominant].width[lead]) / 100.0
        else:
            x[i + 2 + lead] = 1.0
            x[i + 4 + lead] = 1.0
            x[i + 6 + lead] = 1.0
            x[i + 8 + lead] = 1.0
            x[i + 10 + lead] = width[first] / 100.0
            x[i + 12 + lead] = 0.0
    x[i + 14] = best_corr
    x[i + 15] = 1.0 if best == dominant else 0.0
    if joined:
        x[i + 16] = templates[best].weight / total
        x[i + 17] = np.log1p(templates[best].count)
        x[i + 18] = templates[best].rr
        x[i + 19] = templates[best].following
        x[i + 20] = templates[best].premature
        x[i + 21] = np.log1p(float(p.n_beats - templates[best].seen))
    else:
        x[i + 16] = 0.0
        x[i + 17] = 0.0
        x[i + 18] = ratio
        x[i + 19] = 1.0
        x[i + 20] = 0.0
        x[i + 21] = 6.0
    x[i + 22] = templates[dominant].weight / total if dominant >= 0 else 0.0
    kinds = 0
    for k in range(N_TEMPLATES):
        if templates[k].weight > 0.02 * total:
            kinds += 1
    x[i + 23] = kinds / 4.0
    for lead in range(2):
        dot = 0.0
        aa = 1e-9
        bb = 1e-9
        for k in range(BEFORE):
            u = before[lead, k]
            v = p.before[lead, k]
            dot += u * v
            aa += u * u
            bb += v * v
        x[i + 24 + lead] = dot / np.sqrt(aa * bb)
        x[i + 26 + lead] = min((aa + bb - 2.0 * dot) / bb, 10.0)
        x[i + 28 + lead] = np.log(np.sqrt(aa / BEFORE) / scale[lead] + 1e-3)
        x[i + 30 + lead] = np.log(rough[lead] / scale[lead] + 1e-3)
    x[i + 32] = p.previous_is_dominant
    x[i + 33] = p.previous_corr
    x[i + 34] = 1.0 if joined and best == p.previous_kind else 0.0
    x[i + 35] = p.previous_ratio
    x[i + 36] = best_shift
    x[i + 37] = sign[0]
    x[i + 38] = sign[1]
    x[i + 39] = float(last - first)
    x[i + 40] = weight[1] / (weight[0] + weight[1] + 1e-9) if use[1] else 0.0
    previous_corr = -1.0
    for shift in range(-SHIFTS, SHIFTS + 1):
        corr, _ = _correlate(wave, p.previous_wave, share, first, last, shift)
        previous_corr = max(previous_corr, corr)
    # How sure the detector is that this is a beat at all, and was of the last ones: in noise much that looks
    # like an ectopic beat is none.
    odds = np.log(certainty + 1e-3) - np.log(1.0 - certainty + 1e-3)
    x[i + 41] = other_corr
    x[i + 42] = previous_corr
    x[i + 43] = odds
    x[i + 44] = p.certainty if p.n_beats > 0 else odds
    # Whether there usually is a P wave: where there is none, as in fibrillation, an early beat is no S.
    for lead in range(2):
        size = 0.0
        for k in range(BEFORE):
            size += p.before[lead, k] * p.before[lead, k]
        x[i + 45 + lead] = p.before_corr[lead]
        x[i + 47 + lead] = np.log(np.sqrt(size / BEFORE) / scale[lead] + 1e-3)
    p.certainty += (odds - p.certainty) * max(1.0 / 8.0, 1.0 / (p.n_beats + 1.0))
    for lead in range(2):
        for k in range(WINDOW):
            p.previous_wave[lead, k] = wave[lead, k]

    # Learn.
    if valid and interval < 3.0:
        rr[p.n_rr % N_RR] = interval
        p.n_rr += 1
        p.slow_rr += (interval - p.slow_rr) * (0.0005 if p.run > 0 else 1.0 / min(p.n_rr, 100))
        if p.previous_kind >= 0:
            previous = templates[p.previous_kind]
            previous.following += (min(ratio, 3.0) - previous.following) / min(previous.count + 1.0, 20.0)
    for k in range(N_TEMPLATES):
        templates[k].weight *= 0.998
    premature = 1.0 if valid and ratio < 0.87 else 0.0
    if joined:
        kind = templates[best]
        rate = 1.0 / min(kind.count + 1.0, 16.0)
        for lead in range(first, last):
            for k in range(WINDOW):
                j = min(max(k - best_shift, 0), WINDOW - 1)
                kind.wave[lead, k] += rate * (wave[lead, j] - kind.wave[lead, k])
            kind.width[lead] += rate * (width[lead] - kind.width[lead])
        kind.weight += 1.0
    else:
        best = 0
        for k in range(N_TEMPLATES):
            if templates[k].weight < templates[best].weight:
                best = k
        kind = templates[best]
        for lead in range(2):
            kind.width[lead] = width[lead]
            for k in range(WINDOW):
                kind.wave[lead, k] = wave[lead, k]
        kind.weight = 1.0
        kind.count = 0.0
        kind.rr = ratio
        kind.following = 1.0
        kind.premature = premature
    kind.rr += (min(ratio, 3.0) - kind.rr) / min(kind.count + 1.0, 20.0)
    kind.premature += (premature - kind.premature) / min(kind.count + 1.0, 20.0)
    kind.count += 1.0
    kind.seen = p.n_beats
    merged = _merge(templates, best, share, first, last)
    kind_of[0] = best
    kind_of[1] = merged
    kind_of[2] = 0 if joined else 1
    if merged >= 0 and merged == dominant:
        dominant = best
    if dominant < 0 or best == dominant:
        for lead in range(first, last):
            n = 1.0 if p.height[lead] <= 0.0 else 0.06
            p.height[lead] += n * (height[lead] - p.height[lead])
        if not premature:
            p.before_n = min(p.before_n + 1.0, 20.0)
            for lead in range(first, last):
                p.before_corr[lead] += (x[i + 24 + lead] - p.before_corr[lead]) / p.before_n
                for k in range(BEFORE):
                    p.before[lead, k] += (before[lead, k] - p.before[lead, k]) / p.before_n
    p.previous_kind = best
    p.previous_is_dominant = 1.0 if best == dominant else 0.0
    p.previous_corr = dominant_corr
    p.previous_ratio = ratio
    p.last_centre = centre
    p.n_beats += 1
    return interval


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
    patient: NDArray[Any],
    templates: NDArray[Any],
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
    available = at[0] + len(signal)
    done = 0
    read: Integer = np.int64(0)
    for b in range(len(guess)):
        # The ring is filled no further than a beat needs, so that a long chunk does not overrun an early beat.
        settled = guess[b] + 2 * reach
        if available <= settled and last_sample < 0:
            break
        read = _fill(ring, at, signal, read, settled)
        mark = _find_mark(ring, min(settled, at[0] - 1), guess[b], reach, weight[b], height)
        centre = _find_centre(ring, min(settled, at[0] - 1), guess[b], reach, weight[b], height)
        needed = max(mark, centre) + half
        if available <= needed and last_sample < 0:
            break
        read = _fill(ring, at, signal, read, needed)
        newest = min(needed, at[0] - 1)
        use[0] = weight[b, 0] > 0.0
        use[1] = n_leads > 1 and weight[b, 1] > 0.0
        if not use[0] and not use[1]:
            use[0] = True
        interval = _describe(
            out_x[done], ring, newest, centre, fs, use, weight[b], certainty[b], gap[b], patient, templates, rr,
            out_kind[done],
        )  # fmt: skip
        # What is told of is the time from R peak to R peak.
        out_interval[done] = (mark - patient[0].last_mark) / fs if interval >= 0.0 else -1.0
        patient[0].last_mark = mark
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
