"""The compiled loop of the QRS detector: envelope, candidates, network, decisions.

One pass over grid samples (125 Hz). All lengths here are in grid samples of 8 ms. The loop is inherent:
each decision changes the levels, the template and the RR context that the next one is judged by.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .compiled import Integer, compiled, compiled_part

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Scalars: TypeAlias = Any
"""One record of `STATE`."""

RING = 512
"""Length of the history rings, 4.1 s; a power of two."""
MASK = RING - 1

SLOPE_SPAN = 3
"""The slope is the difference over 24 ms: strongest at 21 Hz, none at 42 Hz."""
SMOOTH = 9
"""Moving average of the rectified slope, 72 ms: about a normal QRS."""
CENTRE_LAG = 7
"""From the middle of a QRS to its peak in the envelope: half the average, half the span, the low-pass."""
CONFIRM = 6
"""A local maximum is one when 48 ms have passed without a higher value."""
HOLD = 8
"""A candidate accepted may be replaced by a better one until 64 ms after its peak in the envelope."""
DOUBTFUL, LOW, P_WAVE_AFTER, WAIT, LONGEST = 0.98, 0.8, 0.6, 26, 38
"""A candidate that is less probable than this, lower than this share of the level, and no sooner after the beat before
than this share of the mean RR, may be a P wave. It waits for 208 ms, and on while the envelope stands higher than its
peak, up to 304 ms, whether a surer one follows, which is then the QRS complex. Few beats wait: one in a thousand N (in
a single lead one in three hundred) and one in thirty V (cross-validation by patient)."""
REFRACTORY = 25
"""200 ms between beats."""
T_WAVE, UNLIKELY = 35, 0.2
"""Search-back does not take a candidate that follows a beat within 280 ms and is less probable than this: it is the
T wave, and leaves most of the pause as it was."""
MISTAKEN, TALLER = 12, 2.0
"""What comes 96 ms or more after a beat, is judged a beat as well and is twice as high is the QRS complex, and what was
taken for one its P wave: it counts, and is learnt from. Without this, a detector that had once taken P waves for beats
went on for minutes, as the QRS complexes fell into the refractory time."""
P_WAVE, HIGHER = 40, 1.5
"""What follows a beat within 320 ms and is one and a half times as high is the QRS complex after a P wave, too: what
was learnt from the P wave is unlearnt. With an RR half as long as it is, and a level between the two, a detector went
on for minutes to take both for beats."""
TEMPLATE = 25
"""Samples of the running template, 200 ms."""
N_RR = 8
"""Intervals in the running mean RR."""
SLOPES = 32
"""Length of the ring of slopes; a power of two."""
MATCHED = 17
"""Samples of the matched filter, 136 ms of slope: short enough to be complete when a candidate is judged."""
MATCHED_BEATS = 40
"""The matched filter follows the last 40 beats or so; what moves it is certain and like it, so noise does not."""

LEARN = 250
"""A lead is new for 2 s of good signal, or three beats: its level follows the highest envelope."""
LEARN_BEATS = 3
SILENCE = 250
"""After 2 s without a beat, lower ones are expected."""
LOWEST = 1.0 / 16.0
"""How far: of the level at the last beat."""

WAVE_LIMIT = 8.0
"""Waves are given in units of the running level, up to this: an artefact may be a thousand times larger."""

N_FEATURES = 162
LEAD_FEATURES = 39
"""Columns of each of the two best leads."""
HEIGHT_FEATURE = 16
"""Column with the height of the candidate in the fused envelope."""

CLEAN = 12.0
"""Ratio of level to noise above which a lead is as good as any."""

BRIDGE = 5
"""A lead that is lost for 40 ms or less goes on being used: single lost samples cost no beat."""

DOUBTED = 0.005
"""Probability from which a candidate that was passed over may be a beat that the two best leads show at different
times, as two low peaks of the fused envelope. Each of the two is then judged as if it were alone."""
APART = 14
"""The peaks of the two leads stand within 112 ms of that candidate, and of each other."""
QUIET = 6.0
"""Ratio of level to noise above which two leads that agree are believed as readily as search-back is: noise seldom
reaches both, at one time, in clean leads. (In noise each must be as sure as for any beat.)"""
PAST = 4
"""Candidates remembered: what stands before the one in doubt is what came before all of its peaks."""

# Counts of a lead: until the filters have settled, good samples seen (up to LEARN), beats seen (up to 7), and the
# length of a loss (up to BRIDGE + 1).
_HOLD_OFF, _SEEN, _BEATS, _LOST, N_COUNTS = 0, 1, 2, 3, 4

STATE = np.dtype(
    [
        ("now", np.int64),
        ("last", np.int64),
        ("last_e", np.float64),
        ("pending", np.int64),
        ("pending_p", np.float64),
        ("best", np.int64),
        ("best_p", np.float64),
        ("previous", np.int64),
        ("previous_p", np.float64),
        ("previous_e", np.float64),
        ("past", np.float64, (PAST, 3)),
        ("n_beats", np.int64),
        ("mean_rr", np.float64),
        ("last_rr", np.float64),
        ("steady_rr", np.float64),
        ("bad_until", np.int64),
        ("kept_last", np.int64),
        ("kept_n_beats", np.int64),
        ("kept_mean_rr", np.float64),
        ("kept_last_rr", np.float64),
        ("kept_steady_rr", np.float64),
        ("kept_rr", np.float64, (N_RR,)),
    ]
)
"""Scalars of the detector; `kept_...` are from before the last beat, as `KEPT` is for the leads."""

KEPT = TEMPLATE + MATCHED + 4
"""Of each lead: template, matched filter with the sum of its squares, level, lowest level, beats seen."""


@compiled_part
def _is_new(counts: Integers, lead: int) -> bool:
    return bool(counts[_SEEN, lead] < LEARN and counts[_BEATS, lead] < LEARN_BEATS)


@compiled_part
def _quality_order(
    level: Floats, noise: Floats, usable: Flags, counts: Integers, weight: Floats, order: Integers
) -> None:
    """Weights of the leads by signal-to-noise, and the best two. A new lead waits, unless all are new."""
    n_leads = len(level)
    total = 0.0
    any_known = False
    for lead in range(n_leads):
        if usable[lead] and not _is_new(counts, lead):
            any_known = True
    for lead in range(n_leads):
        w = 0.0
        if usable[lead] and not (any_known and _is_new(counts, lead)):
            q = level[lead] / (noise[lead] + 0.02 * level[lead] + 1e-9)
            # Beyond this both are clean, and a beat that one of them hardly shows must not hang on it alone.
            w = min(q, CLEAN) ** 2
        weight[lead] = w
        total += w
    if total > 0.0:
        for lead in range(n_leads):
            weight[lead] /= total
    order[0] = 0
    for lead in range(1, n_leads):
        if weight[lead] > weight[order[0]]:
            order[0] = lead
    order[1] = -1
    for lead in range(n_leads):
        if lead != order[0] and weight[lead] > 0.0 and (order[1] < 0 or weight[lead] > weight[order[1]]):
            order[1] = lead


@compiled_part
def _is_peak(envelope: Floats, n: int) -> bool:
    """Whether sample `n` is a local maximum, of some height; `CONFIRM` samples after it must be there."""
    height = envelope[n & MASK]
    k = 1
    while height > 0.1 and k <= CONFIRM and envelope[(n + k) & MASK] < height >= envelope[(n - k) & MASK]:
        k += 1
    return bool(k > CONFIRM)


@compiled_part
def _slope(signal: Floats, n: int, lead: int) -> float:
    """Slope at sample `n`, which must lie in the ring."""
    return float(signal[n & MASK, lead] - signal[(n - SLOPE_SPAN) & MASK, lead])


@compiled_part
def _match(slopes: Floats, first: Integer, matched: Floats, lead: int) -> tuple[float, float]:
    """How much of the matched filter's QRS stands in `slopes` from `first` on, 1 for a beat like it, and how alike."""
    dot = 0.0
    norm = 1e-12
    for k in range(MATCHED):
        d = slopes[first + k]
        dot += d * matched[k, lead]
        norm += d * d
    return dot / matched[MATCHED, lead], dot / np.sqrt(norm * matched[MATCHED, lead])


@compiled_part
def _features(
    x: Floats32,
    s: Scalars,
    level: Floats,
    noise: Floats,
    rough: Floats,
    weight: Floats,
    order: Integers,
    signal: Floats,
    envelope: Floats,
    fused: Floats,
    counts: Integers,
    template: Floats,
    matched: Floats,
    agreement: Floats,
) -> int:
    """Fill `x` with what is known of the candidate whose envelope peak stands CONFIRM before now."""
    peak = s.now - CONFIRM
    centre = peak - CENTRE_LAG
    height = fused[peak & MASK]
    slopes = np.zeros(MATCHED + 9)
    i = 0
    # Shape of the fused envelope, from 240 ms before the peak to now.
    for k in range(-30, -9, 3):
        x[i] = fused[(peak + k) & MASK]
        i += 1
    for k in range(-9, CONFIRM + 1):
        x[i] = fused[(peak + k) & MASK]
        i += 1
    # What came before: the highest envelope in each 100 ms of the last 1.7 s.
    highest = 0.0
    for bin_ in range(16):
        value = 0.0
        for k in range(12):
            e = fused[(peak - 18 - 12 * bin_ - k) & MASK]
            value = max(value, e)
        x[i] = value
        highest = max(highest, value)
        i += 1
    x[i] = height / (highest + 0.05)
    i += 1
    # The same of the matched filter: how it rises and falls around the candidate, and its peaks before.
    top = -1.0
    for k in range(CENTRE_LAG + CONFIRM + 1):
        value = agreement[(s.now - k) & MASK]
        x[i] = value
        top = max(top, value)
        i += 1
    x[i] = top
    i += 1
    highest = 0.0
    for bin_ in range(12):
        value = 0.0
        for k in range(12):
            value = max(value, agreement[(peak - 14 - 12 * bin_ - k) & MASK])
        x[i] = value
        highest = max(highest, value)
        i += 1
    x[i] = top / (highest + 0.05)
    i += 1
    # The two best leads: the wave itself, its likeness to the running template, heights and noise.
    for rank in range(2):
        lead = order[rank]
        if lead < 0:
            for _ in range(LEAD_FEATURES):
                x[i] = 0.0
                i += 1
            continue
        scale = 1.0 / (level[lead] + 1e-9)
        mean = 0.0
        for k in range(-12, 13):
            mean += signal[(centre + k) & MASK, lead]
        mean /= 25.0
        extreme = 0.0
        for k in range(-10, 11):
            value = signal[(centre + k) & MASK, lead] - mean
            if abs(value) > abs(extreme):
                extreme = value
        sign = 1.0 if extreme >= 0.0 else -1.0
        dot = 0.0
        norm = 1e-12
        norm_t = 1e-12
        best = -1.0
        for shift in range(-2, 3):
            dot = 0.0
            norm = 1e-12
            norm_t = 1e-12
            for k in range(-10, 11):
                value = signal[(centre + k) & MASK, lead] - mean
                t = template[k + 12 + shift, lead]
                dot += value * t
                norm += value * value
                norm_t += t * t
            best = max(best, dot / np.sqrt(norm * norm_t))
        for k in range(-12, 13, 1):
            if k % 2 == 0 or abs(k) < 9:
                value = sign * (signal[(centre + k) & MASK, lead] - mean) * scale * 0.5
                x[i] = min(max(value, -WAVE_LIMIT), WAVE_LIMIT)
                i += 1
        x[i] = best
        x[i + 1] = min(envelope[peak & MASK, lead] * scale, WAVE_LIMIT)
        x[i + 2] = np.log(noise[lead] * scale + 0.01)
        x[i + 3] = np.log(rough[lead] * scale + 0.01)
        x[i + 4] = weight[lead]
        x[i + 5] = np.log(np.sqrt(norm_t) * scale + 0.05)
        x[i + 6] = np.log(abs(extreme) * scale + 0.02)
        x[i + 7] = 1.0
        i += 8
        # How much of the steady QRS there is, where, and how alike; how the lead's own envelope runs.
        amount = -1.0
        likeness = 0.0
        where = 0
        for k in range(MATCHED + 9):
            slopes[k] = _slope(signal, centre - 5 + k - MATCHED // 2 + 1, lead)
        for shift in range(-5, 5):
            a, rho = _match(slopes, np.int64(shift + 5), matched, lead)
            if a > amount:
                amount = a
                likeness = rho
                where = shift
        x[i] = min(max(amount, -2.0), 4.0)
        x[i + 1] = likeness
        x[i + 2] = where / 5.0
        x[i + 3] = min(counts[_BEATS, lead], 7) / 7.0
        i += 4
        for k in range(-16, CONFIRM + 1, 4):
            x[i] = min(envelope[(peak + k) & MASK, lead] * scale, WAVE_LIMIT)
            i += 1
    # Rhythm.
    since = float(peak - s.last)
    x[i] = min(since / s.mean_rr, 4.0)
    x[i + 1] = min(since / s.last_rr, 4.0)
    x[i + 2] = min(since / 125.0, 4.0)
    x[i + 3] = s.mean_rr / 125.0
    x[i + 4] = min(s.last_rr / s.mean_rr, 4.0)
    x[i + 5] = min(s.n_beats, 10) / 10.0
    before = min(float(peak - s.previous), 250.0)
    x[i + 6] = before / 125.0
    x[i + 7] = s.previous_p
    x[i + 8] = s.previous_e
    x[i + 9] = s.best_p
    x[i + 10] = min(float(peak - s.best), 250.0) / 125.0
    lowest = height
    for k in range(5, 40):
        lowest = min(lowest, fused[(peak - k) & MASK])
    x[i + 11] = lowest
    x[i + 12] = np.log(height + 0.05)
    x[i + 13] = min(since / s.steady_rr, 4.0)
    x[i + 14] = s.steady_rr / 125.0
    x[i + 15] = min(s.mean_rr / s.steady_rr, 4.0)
    return i + 16


@compiled_part
def _add_product(x: Floats32, w: Floats32, y: Floats32) -> None:
    """Add ``x @ w`` to `y`, four rows at a time: row by row, much of the time goes into the sums' way to and fro."""
    n = len(x) // 4 * 4
    for k in range(0, n, 4):
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
        for j in range(len(y)):
            y[j] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j])
    for k in range(n, len(x)):
        for j in range(len(y)):
            y[j] += x[k] * w[k, j]


@compiled_part
def _network(
    x: Floats32,
    n: int,
    w1: Floats32,
    b1: Floats32,
    w2: Floats32,
    b2: Floats32,
    w3: Floats32,
    b3: float,
    h1: Floats32,
    h2: Floats32,
) -> float:
    """Probability that the candidate is a QRS complex: the mean logit of perceptrons with two hidden layers each."""
    width = w2.shape[1]
    members = len(b2) // width
    per_member = len(b1) // members
    for j in range(len(b1)):
        h1[j] = b1[j]
    _add_product(x[:n], w1, h1)
    for j in range(len(b1)):
        h1[j] = max(h1[j], np.float32(0.0))
    for j in range(len(b2)):
        h2[j] = b2[j]
    for member in range(members):
        inputs = slice(member * per_member, (member + 1) * per_member)
        _add_product(h1[inputs], w2[inputs], h2[member * width : (member + 1) * width])
    z = b3
    for k in range(len(b2)):
        if h2[k] > 0.0:
            z += h2[k] * w3[k]
    return float(1.0 / (1.0 + np.exp(-z)))


@compiled_part
def _keep(
    s: Scalars,
    rr: Floats,
    level: Floats,
    floor: Floats,
    counts: Integers,
    template: Floats,
    matched: Floats,
    kept: Floats,
) -> None:
    """Keep what the next beat will change."""
    s.kept_last, s.kept_n_beats = s.last, s.n_beats
    s.kept_mean_rr, s.kept_last_rr, s.kept_steady_rr = s.mean_rr, s.last_rr, s.steady_rr
    for k in range(N_RR):
        s.kept_rr[k] = rr[k]
    # Element by element: numba takes a second to compile each assignment of a slice.
    for lead in range(len(level)):
        for k in range(TEMPLATE):
            kept[k, lead] = template[k, lead]
        for k in range(MATCHED + 1):
            kept[TEMPLATE + k, lead] = matched[k, lead]
        kept[KEPT - 3, lead] = level[lead]
        kept[KEPT - 2, lead] = floor[lead]
        kept[KEPT - 1, lead] = counts[_BEATS, lead]


@compiled_part
def _unlearn(
    s: Scalars,
    rr: Floats,
    level: Floats,
    floor: Floats,
    counts: Integers,
    template: Floats,
    matched: Floats,
    kept: Floats,
) -> None:
    """Put back what `_keep` kept: the last beat was none."""
    s.last, s.n_beats = s.kept_last, s.kept_n_beats
    s.mean_rr, s.last_rr, s.steady_rr = s.kept_mean_rr, s.kept_last_rr, s.kept_steady_rr
    for k in range(N_RR):
        rr[k] = s.kept_rr[k]
    for lead in range(len(level)):
        for k in range(TEMPLATE):
            template[k, lead] = kept[k, lead]
        for k in range(MATCHED + 1):
            matched[k, lead] = kept[TEMPLATE + k, lead]
        level[lead] = kept[KEPT - 3, lead]
        floor[lead] = kept[KEPT - 2, lead]
        counts[_BEATS, lead] = int(kept[KEPT - 1, lead])


@compiled_part
def _accept(
    s: Scalars,
    peak: int,
    p: float,
    height: float,
    rr: Floats,
    level: Floats,
    floor: Floats,
    counts: Integers,
    envelope: Floats,
    signal: Floats,
    template: Floats,
    matched: Floats,
    usable: Flags,
    kept: Floats,
) -> None:
    """Make the beat at `peak` final: levels, template and RR context follow it."""
    if s.n_beats > 0 and peak - s.last < P_WAVE and height > HIGHER * s.last_e:
        _unlearn(s, rr, level, floor, counts, template, matched, kept)
    _keep(s, rr, level, floor, counts, template, matched, kept)
    certainty = max(2.0 * p - 1.0, 0.05) ** 2
    interval = peak - s.last
    if s.n_beats > 0 and REFRACTORY <= interval < 375 and s.last >= s.bad_until:
        slot = s.n_beats % N_RR
        rr[slot] = interval
        n = 0
        total = 0.0
        for k in range(N_RR):
            if rr[k] > 0.0:
                total += rr[k]
                n += 1
        s.mean_rr = total / n
        s.last_rr = interval
        near = min(max(float(interval), 0.6 * s.steady_rr), 1.7 * s.steady_rr)
        s.steady_rr += max(0.03, 1.0 / (s.n_beats + 1.0)) * certainty * (near - s.steady_rr)
    centre = peak - CENTRE_LAG
    slopes = np.zeros(MATCHED)
    for lead in range(len(level)):
        if not usable[lead]:
            continue
        e = envelope[peak & MASK, lead]
        rate = 1.0 / (counts[_BEATS, lead] + 1.0)
        level[lead] += rate * (min(max(e, 0.3 * level[lead]), 2.0 * level[lead]) - level[lead])
        floor[lead] = LOWEST * level[lead]
        mean = 0.0
        for k in range(TEMPLATE):
            mean += signal[(centre - 12 + k) & MASK, lead]
        mean /= TEMPLATE
        dot = 0.0
        norm = 1e-12
        norm_t = 1e-12
        for k in range(TEMPLATE):
            value = signal[(centre - 12 + k) & MASK, lead] - mean
            dot += value * template[k, lead]
            norm += value * value
            norm_t += template[k, lead] * template[k, lead]
        # A wave unlike the template moves it slowly, so that a run of ectopics does not become the norm at once.
        share = 0.12 if dot > 0.8 * np.sqrt(norm * norm_t) else 0.04
        if counts[_BEATS, lead] == 0:
            share = 1.0
        counts[_BEATS, lead] = min(counts[_BEATS, lead] + 1, 7)
        for k in range(TEMPLATE):
            value = signal[(centre - 12 + k) & MASK, lead] - mean
            template[k, lead] += share * (value - template[k, lead])
        for k in range(MATCHED):
            slopes[k] = _slope(signal, centre + k - MATCHED // 2 + 1, lead)
        _, likeness = _match(slopes, np.int64(0), matched, lead)
        share = certainty / MATCHED_BEATS if likeness > 0.7 else 0.3 * certainty / MATCHED_BEATS
        if counts[_BEATS, lead] < 7:
            share = 1.0 / counts[_BEATS, lead]
        norm = 1e-12
        for k in range(MATCHED):
            matched[k, lead] += share * (slopes[k] - matched[k, lead])
            norm += matched[k, lead] * matched[k, lead]
        matched[MATCHED, lead] = norm
    s.n_beats += 1
    s.last = peak
    s.last_e = height
    s.best = peak
    s.best_p = 0.0


@compiled_part
def _waits(s: Scalars, fused: Floats) -> bool:
    """Tell whether the beat that is pending may be a P wave, with a QRS complex still to come."""
    height = fused[s.pending & MASK]
    if s.pending_p >= DOUBTFUL or height >= LOW or s.pending - s.last < P_WAVE_AFTER * s.mean_rr:
        return False
    since = s.now - s.pending
    if since < WAIT:
        return True
    if since >= LONGEST:
        return False
    highest = 0.0
    for n in range(s.now - CONFIRM, s.now + 1):
        highest = max(highest, fused[n & MASK])
    return bool(highest > height)


@compiled_part
def _apart(
    x: Floats32,
    s: Scalars,
    level: Floats,
    noise: Floats,
    rough: Floats,
    order: Integers,
    signal: Floats,
    envelope: Floats,
    counts: Integers,
    template: Floats,
    matched: Floats,
    w1: Floats32,
    b1: Floats32,
    w2: Floats32,
    b2: Floats32,
    w3: Floats32,
    b3: float,
    h1: Floats32,
    h2: Floats32,
    threshold: float,
    back_threshold: float,
) -> tuple[int, float]:
    """Judge each of the two best leads alone, around the best candidate passed over.

    Gives the peak that the better lead has alone and the lower of the two probabilities if both are high enough, else
    -1.
    """
    now, best, best_p = s.now, s.best, s.best_p
    previous, previous_p, previous_e = s.previous, s.previous_p, s.previous_e
    for k in range(PAST):
        if s.past[k, 0] < best - 2 * APART:
            s.previous = int(s.past[k, 0])
            s.previous_p = s.past[k, 1]
            s.previous_e = s.past[k, 2]
            break
    if s.previous > s.last:
        s.best = s.previous
        s.best_p = s.previous_p
    else:
        s.best = s.last
        s.best_p = 0.0
    fused = np.zeros(RING)
    agreement = np.zeros(RING)
    weight = np.zeros(len(level))
    needed = back_threshold
    alone = np.zeros(2, dtype=np.int64)
    alone[1] = -1
    found = np.zeros(2, dtype=np.int64)
    found_p = np.zeros(2)
    for rank in range(2):
        lead = order[rank]
        if level[lead] < QUIET * noise[lead]:
            needed = threshold
        for other in range(len(level)):
            weight[other] = 1.0 if other == lead else 0.0
        alone[0] = lead
        # As far back as the features of a candidate reach.
        for n in range(best - APART - 216, now + 1):
            fused[n & MASK] = min(envelope[n & MASK, lead] / (level[lead] + 1e-9), 8.0)
        for n in range(best - APART - 160, now + 1):
            dot = 0.0
            for k in range(MATCHED):
                dot += _slope(signal, n - MATCHED + 1 + k, lead) * matched[k, lead]
            agreement[n & MASK] = min(max(dot / matched[MATCHED, lead], -4.0), 4.0)
        for peak in range(max(best - APART, s.last + REFRACTORY), best + APART + 1):
            if not _is_peak(fused, peak):
                continue
            s.now = peak + CONFIRM
            n_features = _features(
                x, s, level, noise, rough, weight, alone, signal, envelope, fused, counts, template, matched, agreement,
            )  # fmt: skip
            p = _network(x, n_features, w1, b1, w2, b2, w3, b3, h1, h2)
            if p > found_p[rank]:
                found[rank] = peak
                found_p[rank] = p
        if found_p[rank] <= needed:
            break
    s.now, s.best, s.best_p = now, best, best_p
    s.previous, s.previous_p, s.previous_e = previous, previous_p, previous_e
    if min(found_p[0], found_p[1]) <= needed or abs(found[0] - found[1]) > APART:
        return -1, 0.0
    return found[0], min(found_p[0], found_p[1])


@compiled
def detect(
    x: Floats,
    good: Flags,
    s_array: NDArray[Any],
    rr: Floats,
    level: Floats,
    noise: Floats,
    rough: Floats,
    floor: Floats,
    counts: Integers,
    signal: Floats,
    envelope: Floats,
    slopes: Floats,
    fused: Floats,
    template: Floats,
    matched: Floats,
    agreement: Floats,
    kept: Floats,
    w1: Floats32,
    b1: Floats32,
    w2: Floats32,
    b2: Floats32,
    w3: Floats32,
    b3: float,
    threshold: float,
    back_threshold: float,
    beat_peak: Integers,
    beat_row: Integers,
    beat_p: Floats,
    beat_gap: Flags,
    beat_weight: Floats,
    log_peak: Integers,
    log_p: Floats,
    log_x: Floats32,
) -> tuple[int, int]:
    """Run the detector over grid samples ``x`` of shape ``(m, n_leads)``; give the number of beats and of log rows.

    Beats are written as envelope peak (absolute grid index), row of `x` at which they became final,
    probability, whether all leads were unusable at some time since the beat before, and the weights of the leads.
    """
    s = s_array[0]
    m, n_leads = x.shape
    features = np.zeros(N_FEATURES, dtype=np.float32)
    h1 = np.zeros(len(b1), dtype=np.float32)
    h2 = np.zeros(len(b2), dtype=np.float32)
    weight = np.zeros(n_leads)
    usable = np.zeros(n_leads, dtype=np.bool_)
    order = np.zeros(2, dtype=np.int64)
    n_out = 0
    n_log = 0
    for row in range(m):
        now = s.now
        slot = now & MASK
        any_usable = False
        for lead in range(n_leads):
            value = x[row, lead]
            signal[slot, lead] = value
            counts[_LOST, lead] = 0 if good[row, lead] else min(counts[_LOST, lead] + 1, BRIDGE + 1)
            if counts[_LOST, lead] <= BRIDGE:
                counts[_HOLD_OFF, lead] = max(counts[_HOLD_OFF, lead] - 1, 0)
            else:
                counts[_HOLD_OFF, lead] = 40  # the filters ring for a third of a second after a lead returns
            usable[lead] = counts[_HOLD_OFF, lead] == 0
            any_usable = any_usable or usable[lead]
            slope = value - signal[(now - SLOPE_SPAN) & MASK, lead] if now >= SLOPE_SPAN else 0.0
            bend = abs(value - 2.0 * signal[(now - 1) & MASK, lead] + signal[(now - 2) & MASK, lead])
            if now < SLOPE_SPAN:
                bend = 0.0
            # The sum over SMOOTH slopes is taken anew each time: a running sum would drift with rounding.
            slopes[now & (SLOPES - 1), lead] = slope
            total = 0.0
            for k in range(SMOOTH):
                total += abs(slopes[(now - k) & (SLOPES - 1), lead])
            e = total / SMOOTH
            envelope[slot, lead] = e
            rough[lead] += (bend - rough[lead]) * 0.016
            if usable[lead]:
                if _is_new(counts, lead):
                    level[lead] = max(level[lead], 0.8 * e)
                    floor[lead] = LOWEST * level[lead]
                elif now - s.last > SILENCE and now - s.bad_until > SILENCE:
                    # By half after 2.2 s; and what stands far above the level is news as well.
                    level[lead] = max(0.9975 * level[lead], floor[lead], 0.25 * e)
                counts[_SEEN, lead] = min(counts[_SEEN, lead] + 1, LEARN)
                if s.pending < 0 and now - s.last > 35:
                    noise[lead] += (min(e, level[lead]) - noise[lead]) * 0.004
        if not any_usable:
            s.bad_until = now
        _quality_order(level, noise, usable, counts, weight, order)
        e = 0.0
        a = 0.0
        for lead in range(n_leads):
            if usable[lead]:
                e += weight[lead] * envelope[slot, lead] / (level[lead] + 1e-9)
                dot = 0.0
                for k in range(MATCHED):
                    dot += slopes[(now - MATCHED + 1 + k) & (SLOPES - 1), lead] * matched[k, lead]
                a += weight[lead] * dot / matched[MATCHED, lead]
        fused[slot] = min(e, 8.0)
        agreement[slot] = min(max(a, -4.0), 4.0)

        peak = now - CONFIRM
        if peak > 8 and any_usable:
            height = fused[peak & MASK]
            if _is_peak(fused, peak):
                n = _features(
                    features, s, level, noise, rough, weight, order, signal, envelope, fused, counts, template,
                    matched, agreement,
                )  # fmt: skip
                p = _network(features, n, w1, b1, w2, b2, w3, b3, h1, h2)
                if n_log < len(log_peak):
                    log_peak[n_log] = peak
                    log_p[n_log] = p
                    for k in range(n):
                        log_x[n_log, k] = features[k]
                    n_log += 1
                taller = peak - s.last >= MISTAKEN and p > threshold and height > TALLER * s.last_e
                if peak - s.last >= REFRACTORY or s.n_beats == 0 or taller:
                    if p > threshold:
                        if s.pending < 0 or p > s.pending_p:
                            s.pending = peak
                            s.pending_p = p
                    elif s.pending < 0 and p > s.best_p:
                        s.best = peak
                        s.best_p = p
                for k in range(PAST - 1, 0, -1):
                    for i in range(3):
                        s.past[k, i] = s.past[k - 1, i]
                s.past[0, 0] = s.previous
                s.past[0, 1] = s.previous_p
                s.past[0, 2] = s.previous_e
                s.previous = peak
                s.previous_p = p
                s.previous_e = height
        if s.pending < 0 and s.best_p > DOUBTED and now - s.best == APART + CONFIRM and order[1] >= 0:
            apart, p = _apart(
                features, s, level, noise, rough, order, signal, envelope, counts, template, matched, w1, b1,
                w2, b2, w3, b3, h1, h2, threshold, back_threshold,
            )  # fmt: skip
            if apart >= 0:
                s.pending = apart
                s.pending_p = p
        if now - s.best == APART + CONFIRM and s.best - s.last < T_WAVE and s.best_p < UNLIKELY:
            s.best = s.last
            s.best_p = 0.0
        chosen = -1
        chosen_p = 0.0
        if s.pending >= 0:
            if now - s.pending >= HOLD and not _waits(s, fused):
                chosen = s.pending
                chosen_p = s.pending_p
        elif s.best_p > back_threshold and now - s.last > 1.6 * s.mean_rr and now - s.best < RING - 64:
            chosen = s.best
            chosen_p = s.best_p
        if chosen >= 0:
            beat_peak[n_out] = chosen
            beat_row[n_out] = row
            beat_p[n_out] = chosen_p
            beat_gap[n_out] = s.last < s.bad_until
            for lead in range(n_leads):
                beat_weight[n_out, lead] = weight[lead]
            n_out += 1
            _accept(
                s, chosen, chosen_p, fused[chosen & MASK], rr, level, floor, counts, envelope, signal, template,
                matched, usable, kept,
            )  # fmt: skip
            s.pending = -1
            s.pending_p = 0.0
        s.now = now + 1
    return n_out, n_log
