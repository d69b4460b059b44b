"""A candidate for a QRS complex: where the envelope has a peak, and what is known of it when it is judged."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Floats, Floats32, Integer, Integers, Records, Scalars, compiled_part, record_type
from .state import AGREEMENT_LIMIT, CENTRE_LAG, CONFIRM, MASK, MATCHED, SLOPE_SPAN, WAVE_LIMIT

EARLY, EARLY_STEP, RISE = 7, 3, 9
"""The fused envelope before the peak: from 240 ms to 96 ms before it every 24 ms, from 72 ms on every 8 ms."""
BIN, BINS, BEFORE = 12, 16, 18
"""What came before: the highest envelope in each 96 ms of 1.5 s, that end 144 ms before the peak."""
AGREEMENT_BINS, AGREEMENT_BEFORE = 12, 14
"""The same of the matched filter: 1.2 s, that end 112 ms before the peak."""
ENVELOPE_REACH, AGREEMENT_REACH = BEFORE + BIN * BINS, AGREEMENT_BEFORE + BIN * AGREEMENT_BINS
"""The features of a candidate look back so far from its peak: at the fused envelope, at the matched filter."""
HALF_WAVE, CLOSE = 12, 9
"""The wave of a lead reaches 96 ms to both sides of its middle, every 16 ms; nearer than 72 ms, every 8 ms."""
WAVE = 2 * CLOSE - 1 + 2 * len(range(HALF_WAVE, CLOSE, -2))
COURSE, COURSE_STEP = 16, 4
"""How the envelope of a lead runs: from 128 ms before the peak on, every 32 ms."""

LEAD_FEATURES = record_type(
    [
        ("wave", np.float32, (WAVE,)),
        ("template_likeness", np.float32),
        ("height", np.float32),
        ("noise", np.float32),
        ("rough", np.float32),
        ("weight", np.float32),
        ("template_size", np.float32),
        ("size", np.float32),
        ("present", np.float32),
        ("matched", np.float32),
        ("matched_likeness", np.float32),
        ("matched_shift", np.float32),
        ("beats", np.float32),
        ("envelope", np.float32, (len(range(-COURSE, CONFIRM + 1, COURSE_STEP)),)),
    ]
)
"""What is known of a candidate in one of the two best leads, in units of its level: the ``wave``, upright, its likeness
to the running template and the logarithms of the template's size and its own; the ``height`` of its envelope, and how
that runs; noise and roughness (logarithms) and the lead's weight; how much of the steady QRS there is
(``matched``), how alike, and where; how many beats the lead has seen. ``present`` is 1; where there is no second lead,
all is 0."""

FEATURES = record_type(
    [
        ("early", np.float32, (EARLY,)),
        ("rise", np.float32, (RISE,)),
        ("height", np.float32),
        ("fall", np.float32, (CONFIRM,)),
        ("before", np.float32, (BINS,)),
        ("height_to_before", np.float32),
        ("agreement", np.float32, (CENTRE_LAG + CONFIRM + 1,)),
        ("agreement_top", np.float32),
        ("agreement_before", np.float32, (AGREEMENT_BINS,)),
        ("agreement_top_to_before", np.float32),
        ("lead", LEAD_FEATURES, (2,)),
        ("since_beat_to_mean_rr", np.float32),
        ("since_beat_to_last_rr", np.float32),
        ("since_beat", np.float32),
        ("mean_rr", np.float32),
        ("last_rr_to_mean", np.float32),
        ("n_beats", np.float32),
        ("since_previous", np.float32),
        ("previous_p", np.float32),
        ("previous_height", np.float32),
        ("best_p", np.float32),
        ("since_best", np.float32),
        ("lowest", np.float32),
        ("log_height", np.float32),
        ("since_beat_to_steady_rr", np.float32),
        ("steady_rr", np.float32),
        ("mean_rr_to_steady", np.float32),
    ]
)
"""What is known of a candidate when it is judged: the columns that the network reads, in the order of its weights.

First the fused envelope: ``early``, the ``rise`` to the peak, its ``height``, the ``fall``, the highest of each bin
``before`` it and the height to the highest of these. Then the ``agreement`` with the matched filter, latest first, its
top, and the same bins. The two best leads. Then the rhythm, in seconds or as ratios: the time since the last beat, the
candidates passed over, and the ``lowest`` envelope since 312 ms before the peak."""

_NO_LEAD = np.zeros(1, dtype=LEAD_FEATURES)

N_FEATURES = FEATURES.itemsize // np.dtype(np.float32).itemsize

LOGGED = record_type([("peak", np.int64), ("p", np.float64), ("features", FEATURES)])
"""A candidate logged for training: its peak in the envelope (absolute grid index), its probability, its features."""


def columns(features: Records) -> Floats32:
    """Read records of `FEATURES` as the network does: ``(n, N_FEATURES)``, the same memory where that is in order."""
    return np.ascontiguousarray(features).view(np.float32).reshape(len(features), N_FEATURES)


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
def _write_envelope(f: Scalars, rings: Scalars, peak: int) -> None:
    """Write how the fused envelope and the matched filter run."""
    height = rings.fused[peak & MASK]
    for k in range(EARLY):
        f.early[k] = rings.fused[(peak - RISE + EARLY_STEP * (k - EARLY)) & MASK]
    for k in range(RISE):
        f.rise[k] = rings.fused[(peak - RISE + k) & MASK]
    f.height = height
    for k in range(CONFIRM):
        f.fall[k] = rings.fused[(peak + 1 + k) & MASK]
    highest = 0.0
    for bin_ in range(BINS):
        value = 0.0
        for k in range(BIN):
            e = rings.fused[(peak - BEFORE - BIN * bin_ - k) & MASK]
            value = max(value, e)
        f.before[bin_] = value
        highest = max(highest, value)
    f.height_to_before = height / (highest + 0.05)
    top = -1.0
    for k in range(CENTRE_LAG + CONFIRM + 1):
        value = rings.agreement[(peak + CONFIRM - k) & MASK]
        f.agreement[k] = value
        top = max(top, value)
    f.agreement_top = top
    highest = 0.0
    for bin_ in range(AGREEMENT_BINS):
        value = 0.0
        for k in range(BIN):
            value = max(value, rings.agreement[(peak - AGREEMENT_BEFORE - BIN * bin_ - k) & MASK])
        f.agreement_before[bin_] = value
        highest = max(highest, value)
    f.agreement_top_to_before = top / (highest + 0.05)


@compiled_part
def _write_lead(f: Scalars, lead: Scalars, learnt: Scalars, weight: float, peak: int) -> None:
    """Write the wave of a lead, its likeness to the running template, heights and noise."""
    centre = peak - CENTRE_LAG
    scale = 1.0 / (learnt.level + 1e-9)
    mean = 0.0
    for k in range(-HALF_WAVE, HALF_WAVE + 1):
        mean += lead.signal[(centre + k) & MASK]
    mean /= 2.0 * HALF_WAVE + 1.0
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
            t = learnt.template[k + HALF_WAVE + shift]
            dot += value * t
            norm += value * value
            norm_t += t * t
        best = max(best, dot / np.sqrt(norm * norm_t))
    i = 0
    for k in range(-HALF_WAVE, HALF_WAVE + 1):
        if k % 2 == 0 or abs(k) < CLOSE:
            value = sign * (lead.signal[(centre + k) & MASK] - mean) * scale * 0.5
            f.wave[i] = min(max(value, -WAVE_LIMIT), WAVE_LIMIT)
            i += 1
    f.template_likeness = best
    f.height = min(lead.envelope[peak & MASK] * scale, WAVE_LIMIT)
    f.noise = np.log(lead.noise * scale + 0.01)
    f.rough = np.log(lead.rough * scale + 0.01)
    f.weight = weight
    f.template_size = np.log(np.sqrt(norm_t) * scale + 0.05)
    f.size = np.log(abs(extreme) * scale + 0.02)
    f.present = 1.0
    # How much of the steady QRS there is, where, and how alike.
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
    f.matched = min(max(amount, -2.0), AGREEMENT_LIMIT)
    f.matched_likeness = likeness
    f.matched_shift = where / 5.0
    f.beats = min(learnt.beats, 7) / 7.0
    for k in range(len(f.envelope)):
        f.envelope[k] = min(lead.envelope[(peak - COURSE + COURSE_STEP * k) & MASK] * scale, WAVE_LIMIT)


@compiled_part
def _write_rhythm(f: Scalars, passed: Scalars, r: Scalars, rings: Scalars, peak: int) -> None:
    """Write how long ago the last beat was, and what was passed over since."""
    height = rings.fused[peak & MASK]
    since = float(peak - r.last)
    f.since_beat_to_mean_rr = min(since / r.mean_rr, 4.0)
    f.since_beat_to_last_rr = min(since / r.last_rr, 4.0)
    f.since_beat = min(since / 125.0, 4.0)
    f.mean_rr = r.mean_rr / 125.0
    f.last_rr_to_mean = min(r.last_rr / r.mean_rr, 4.0)
    f.n_beats = min(r.n_beats, 10) / 10.0
    f.since_previous = min(float(peak - passed.previous.peak), 250.0) / 125.0
    f.previous_p = passed.previous.p
    f.previous_height = passed.previous.height
    f.best_p = passed.best.p
    f.since_best = min(float(peak - passed.best.peak), 250.0) / 125.0
    lowest = height
    for k in range(5, 40):
        lowest = min(lowest, rings.fused[(peak - k) & MASK])
    f.lowest = lowest
    f.log_height = np.log(height + 0.05)
    f.since_beat_to_steady_rr = min(since / r.steady_rr, 4.0)
    f.steady_rr = r.steady_rr / 125.0
    f.mean_rr_to_steady = min(r.mean_rr / r.steady_rr, 4.0)


@compiled_part
def describe_candidate(
    f: Scalars,
    peak: int,
    passed: Scalars,
    r: Scalars,
    rings: Scalars,
    leads: Records,
    learnt: Records,
    weight: Floats,
    order: Integers,
) -> None:
    """Fill `f`, of `FEATURES`, with what is known of the candidate at `peak` when `CONFIRM` samples after it are there.

    `passed` is what it comes after, `weight` that of the leads by quality, `order` the two best, -1 for none.
    """
    _write_envelope(f, rings, peak)
    for rank in range(2):
        lead = order[rank]
        if lead >= 0:
            _write_lead(f.lead[rank], leads[lead], learnt[lead], weight[lead], peak)
        else:
            f.lead[rank] = _NO_LEAD[0]
    _write_rhythm(f, passed, r, rings, peak)
