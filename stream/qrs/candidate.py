"""A candidate for a QRS complex: where the envelope has a peak, and what is known of it when it is judged."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Floats, Floats32, Integer, Integers, Records, Scalars, compiled_part, record_type
from .state import CENTRE_LAG, CONFIRM, MASK, MATCHED, SLOPE_SPAN

WAVE_LIMIT = 8.0
"""Waves are given in units of the running level, up to this: an artefact may be a thousand times larger."""
N_FEATURES = 162
LEAD_FEATURES = 39
"""Columns of each of the two best leads."""
ENVELOPE_REACH, AGREEMENT_REACH = 216, 160
"""The features of a candidate look back so far from its peak: at the fused envelope, at the matched filter."""
HEIGHT_FEATURE = 16
"""Column with the height of the candidate in the fused envelope."""

LOGGED = record_type([("peak", np.int64), ("p", np.float64), ("x", np.float32, (N_FEATURES,))])
"""A candidate: its peak in the envelope (absolute grid index), its probability, and what is known of it."""


@compiled_part
def is_peak(rings: Scalars, n: int) -> bool:
    """Whether sample `n` is a local maximum, of some height; `CONFIRM` samples after it must be there."""
    envelope = rings.fused
    height = envelope[n & MASK]
    k = 1
    while height > 0.1 and k <= CONFIRM and envelope[(n + k) & MASK] < height >= envelope[(n - k) & MASK]:
        k += 1
    return bool(k > CONFIRM)


@compiled_part
def slope_at(lead: Scalars, n: int) -> float:
    """Slope at sample `n`, which must lie in the ring."""
    return float(lead.signal[n & MASK] - lead.signal[(n - SLOPE_SPAN) & MASK])


@compiled_part
def match(slopes: Floats, first: Integer, learnt: Scalars) -> tuple[float, float]:
    """How much of the matched filter's QRS stands in `slopes` from `first` on, 1 for a beat like it, and how alike."""
    dot = 0.0
    norm = 1e-12
    for k in range(MATCHED):
        d = slopes[first + k]
        dot += d * learnt.matched[k]
        norm += d * d
    return dot / learnt.power, dot / np.sqrt(norm * learnt.power)


@compiled_part
def _write_envelope(x: Floats32, rings: Scalars, peak: int) -> int:
    """Write how the fused envelope and the matched filter run; give the next column."""
    height = rings.fused[peak & MASK]
    i = 0
    # Shape of the fused envelope, from 240 ms before the peak to now.
    for k in range(-30, -9, 3):
        x[i] = rings.fused[(peak + k) & MASK]
        i += 1
    for k in range(-9, CONFIRM + 1):
        x[i] = rings.fused[(peak + k) & MASK]
        i += 1
    # What came before: the highest envelope in each 100 ms of the last 1.7 s.
    highest = 0.0
    for bin_ in range(16):
        value = 0.0
        for k in range(12):
            e = rings.fused[(peak - 18 - 12 * bin_ - k) & MASK]
            value = max(value, e)
        x[i] = value
        highest = max(highest, value)
        i += 1
    x[i] = height / (highest + 0.05)
    i += 1
    # The same of the matched filter: how it rises and falls around the candidate, and its peaks before.
    top = -1.0
    for k in range(CENTRE_LAG + CONFIRM + 1):
        value = rings.agreement[(peak + CONFIRM - k) & MASK]
        x[i] = value
        top = max(top, value)
        i += 1
    x[i] = top
    i += 1
    highest = 0.0
    for bin_ in range(12):
        value = 0.0
        for k in range(12):
            value = max(value, rings.agreement[(peak - 14 - 12 * bin_ - k) & MASK])
        x[i] = value
        highest = max(highest, value)
        i += 1
    x[i] = top / (highest + 0.05)
    i += 1
    return i


@compiled_part
def _write_lead(x: Floats32, i: Integer, lead: Scalars, learnt: Scalars, weight: float, peak: int) -> None:
    """Write the wave of a lead from column `i` on, its likeness to the running template, heights and noise."""
    centre = peak - CENTRE_LAG
    scale = 1.0 / (learnt.level + 1e-9)
    mean = 0.0
    for k in range(-12, 13):
        mean += lead.signal[(centre + k) & MASK]
    mean /= 25.0
    extreme = 0.0
    for k in range(-10, 11):
        value = lead.signal[(centre + k) & MASK] - mean
        if abs(value) > abs(extreme):
            extreme = value
    sign = 1.0 if extreme >= 0.0 else -1.0
    norm_t = 1e-12
    best = -1.0
    for shift in range(-2, 3):
        dot = 0.0
        norm = 1e-12
        norm_t = 1e-12
        for k in range(-10, 11):
            value = lead.signal[(centre + k) & MASK] - mean
            t = learnt.template[k + 12 + shift]
            dot += value * t
            norm += value * value
            norm_t += t * t
        best = max(best, dot / np.sqrt(norm * norm_t))
    for k in range(-12, 13):
        if k % 2 == 0 or abs(k) < 9:
            value = sign * (lead.signal[(centre + k) & MASK] - mean) * scale * 0.5
            x[i] = min(max(value, -WAVE_LIMIT), WAVE_LIMIT)
            i += 1
    x[i] = best
    x[i + 1] = min(lead.envelope[peak & MASK] * scale, WAVE_LIMIT)
    x[i + 2] = np.log(lead.noise * scale + 0.01)
    x[i + 3] = np.log(lead.rough * scale + 0.01)
    x[i + 4] = weight
    x[i + 5] = np.log(np.sqrt(norm_t) * scale + 0.05)
    x[i + 6] = np.log(abs(extreme) * scale + 0.02)
    x[i + 7] = 1.0
    i += 8
    # How much of the steady QRS there is, where, and how alike; how the lead's own envelope runs.
    slopes = np.zeros(MATCHED + 9)
    amount = -1.0
    likeness = 0.0
    where = 0
    for k in range(MATCHED + 9):
        slopes[k] = slope_at(lead, centre - 5 + k - MATCHED // 2 + 1)
    for shift in range(-5, 5):
        a, rho = match(slopes, np.int64(shift + 5), learnt)
        if a > amount:
            amount = a
            likeness = rho
            where = shift
    x[i] = min(max(amount, -2.0), 4.0)
    x[i + 1] = likeness
    x[i + 2] = where / 5.0
    x[i + 3] = min(learnt.beats, 7) / 7.0
    i += 4
    for k in range(-16, CONFIRM + 1, 4):
        x[i] = min(lead.envelope[(peak + k) & MASK] * scale, WAVE_LIMIT)
        i += 1


@compiled_part
def _write_rhythm(x: Floats32, i: Integer, s: Scalars, r: Scalars, rings: Scalars, peak: int) -> None:
    """Write from column `i` on how long ago the last beat was, and what was passed over since."""
    height = rings.fused[peak & MASK]
    since = float(peak - r.last)
    x[i] = min(since / r.mean_rr, 4.0)
    x[i + 1] = min(since / r.last_rr, 4.0)
    x[i + 2] = min(since / 125.0, 4.0)
    x[i + 3] = r.mean_rr / 125.0
    x[i + 4] = min(r.last_rr / r.mean_rr, 4.0)
    x[i + 5] = min(r.n_beats, 10) / 10.0
    before = min(float(peak - s.previous), 250.0)
    x[i + 6] = before / 125.0
    x[i + 7] = s.previous_p
    x[i + 8] = s.previous_e
    x[i + 9] = s.best_p
    x[i + 10] = min(float(peak - s.best), 250.0) / 125.0
    lowest = height
    for k in range(5, 40):
        lowest = min(lowest, rings.fused[(peak - k) & MASK])
    x[i + 11] = lowest
    x[i + 12] = np.log(height + 0.05)
    x[i + 13] = min(since / r.steady_rr, 4.0)
    x[i + 14] = r.steady_rr / 125.0
    x[i + 15] = min(r.mean_rr / r.steady_rr, 4.0)


@compiled_part
def describe_candidate(
    x: Floats32,
    s: Scalars,
    r: Scalars,
    rings: Scalars,
    leads: Records,
    learnt: Records,
    weight: Floats,
    order: Integers,
) -> None:
    """Fill `x` with what is known of the candidate whose envelope peak stands CONFIRM before now.

    `weight` of the leads by quality, `order` the two best; where there is only one, the columns of the other are 0.
    """
    peak = s.now - CONFIRM
    i = _write_envelope(x, rings, peak)
    for rank in range(2):
        lead = order[rank]
        if lead >= 0:
            _write_lead(x, i, leads[lead], learnt[lead], weight[lead], peak)
        else:
            for k in range(i, i + LEAD_FEATURES):
                x[k] = 0.0
        i += LEAD_FEATURES
    _write_rhythm(x, i, s, r, rings, peak)
