"""RR intervals against the patient's own: the columns `rr` of a beat's features."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Floats, Integer, Scalars, compiled_part
from .state import N_RR

MOST = 4.0
"""A ratio of intervals counts as this at most."""
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


@compiled_part
def median_of_last(rr: Floats, n_rr: int, n: Integer, scratch: Floats) -> float:
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
def _write_unknown(x: Scalars, interval: float, n_rr: int) -> None:
    """Write the columns of a beat without an interval, or of one with the first interval."""
    known = interval >= 0.0
    x.rr_s = interval if known else 0.8
    x.rr_to_mean10 = 1.0
    x.rr_to_median8 = 1.0
    x.rr_to_median16 = 1.0
    x.rr_to_median63 = 1.0
    x.rr_spread20 = 0.1
    x.rr_to_previous = 1.0
    x.previous_to_median8 = 1.0
    x.before_previous_to_median8 = 1.0
    x.pair_to_median8 = 1.0
    x.shortest8_to_median8 = 1.0
    x.rr_change8 = 0.1
    x.rr_seen = min(n_rr, 63) / 63.0
    x.rr_valid = 1.0 if known else 0.0
    x.rr_score = 0.0
    x.rr_rank32 = 0.5
    x.rr_to_short32 = 1.0
    x.previous_score = 0.0
    x.irregular16 = 0.1
    x.rr_to_before_previous = 1.0
    x.rr_to_longest8 = 1.0
    x.rr_to_long32 = 1.0
    x.rr_to_base = 1.0
    x.run_length = 0.0
    x.alternation8 = 0.0
    x.alternation_depth8 = 0.0
    x.irregular48 = 0.1


@compiled_part
def _irregularity(rr: Floats, n_rr: int, n: int, tolerance: float) -> float:
    """Share of the last `n` intervals that are like neither of the two before: fibrillation, and not bigeminy."""
    irregular = 0.0
    for k in range(n - 2):
        newer = rr[(n_rr - 1 - k) % N_RR]
        unlike = min(abs(newer - rr[(n_rr - 2 - k) % N_RR]), abs(newer - rr[(n_rr - 3 - k) % N_RR]))
        if unlike > tolerance:
            irregular += 1.0
    return irregular / max(n - 2, 1)


@compiled_part
def _follow_run(p: Scalars, interval: float, previous: float, median8: float, spread: float, irregular: float) -> None:
    """Let a run of the patient `p` begin, go on or end with an interval.

    A run begins out of a steady rhythm with an interval far shorter than the median and the one before, and lasts
    until one comes near to what was the median then: so a tachycardia that outlasts every running median is still
    known as one. It is held against no more than the long-term mean outside of runs, so that neither a pause nor a
    run is taken for the rhythm; and what it was held against stands for some beats more, so that one long interval in
    the middle of it does not end it.
    """
    if p.run == 0:
        p.rested = min(p.rested + 1, RESTED + 1)
        if p.rested > RESTED:
            p.base_rr = min(median8, LONGEST_BASE * p.slow_rr, LONGEST_BASE_S)
            begins = spread < STEADY and interval < 0.8 * median8
        else:
            begins = irregular < FIBRILLATING and interval < 0.8 * p.base_rr
        if begins and p.n_rr >= KNOWN_RR and interval < 0.85 * previous:
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


@compiled_part
def _alternation(rr: Floats, n_rr: int, n: int, interval: float, median: float) -> tuple[float, float]:
    """How steadily the last `n` intervals alternate between short and long, and how deep, relative to the median."""
    newer = interval
    sign = 1.0
    alternation = 0.0
    depth = 0.0
    for k in range(n):
        older = rr[(n_rr - 1 - k) % N_RR]
        step = sign * (newer - older)
        if abs(step) > 0.02 * median:
            alternation += 1.0 if step > 0.0 else -1.0
        depth += step
        newer = older
        sign = -sign
    return alternation / n, depth / n / median


@compiled_part
def describe_rhythm(x: Scalars, p: Scalars, interval: float) -> float:
    """Write the RR columns, `x`, of a beat of the patient `p`; give the ratio to the median of eight.

    `interval` in seconds is not yet one of the patient's; it is negative if there is none. The run that the patient is
    in, if any, is followed here.
    """
    rr = p.rr
    n_rr = p.n_rr
    scratch = np.zeros(N_RR)
    deviations = np.zeros(N_RR)
    if interval < 0.0 or n_rr == 0:
        _write_unknown(x, interval, n_rr)
        p.run = 0
        p.rested = RESTED
        return 1.0
    n10 = min(n_rr, 10)
    mean10 = 0.0
    for k in range(n10):
        mean10 += rr[(n_rr - 1 - k) % N_RR]
    mean10 /= n10
    median8 = median_of_last(rr, n_rr, np.int64(8), scratch)
    median16 = median_of_last(rr, n_rr, np.int64(16), scratch)
    n20 = min(n_rr, 20)
    spread = 0.0
    for k in range(n20):
        spread += abs(rr[(n_rr - 1 - k) % N_RR] - median8)
    spread /= n20 * median8
    previous = rr[(n_rr - 1) % N_RR]
    before_previous = rr[(n_rr - 2) % N_RR] if n_rr > 1 else median8
    shortest = 10.0
    longest = previous
    change = 0.0
    n8 = min(n_rr, 8)
    for k in range(n8):
        shortest = min(shortest, rr[(n_rr - 1 - k) % N_RR])
        longest = max(longest, rr[(n_rr - 1 - k) % N_RR])
        if k + 1 < n8:
            change += abs(rr[(n_rr - 1 - k) % N_RR] - rr[(n_rr - 2 - k) % N_RR])
    x.rr_s = interval
    x.rr_to_mean10 = min(interval / mean10, MOST)
    x.rr_to_median8 = min(interval / median8, MOST)
    x.rr_to_median16 = min(interval / median16, MOST)
    x.rr_to_median63 = min(interval / median_of_last(rr, n_rr, np.int64(63), scratch), MOST)
    x.rr_spread20 = min(spread, MOST)
    x.rr_to_previous = min(interval / previous, MOST)
    x.previous_to_median8 = min(previous / median8, MOST)
    x.before_previous_to_median8 = min(before_previous / median8, MOST)
    x.pair_to_median8 = min(0.5 * (interval + previous) / median8, MOST)
    x.shortest8_to_median8 = min(shortest / median8, MOST)
    x.rr_change8 = min(change / max(n8 - 1, 1) / median8, MOST)
    x.rr_seen = min(n_rr, 63) / 63.0
    x.rr_valid = 1.0
    # Against the patient's own spread: in an irregular rhythm a short interval is nothing remarkable.
    n16 = min(n_rr, 16)
    for k in range(n16):
        deviations[k] = abs(rr[(n_rr - 1 - k) % N_RR] - median16)
    spread16 = 1.4826 * median_of_last(deviations, n16, n16, scratch) + 0.02 * median16
    n32 = min(n_rr, 32)
    shorter = 0.0
    for k in range(n32):
        if rr[(n_rr - 1 - k) % N_RR] < interval:
            shorter += 1.0
    irregular = 0.0
    for k in range(n16 - 1):
        if abs(rr[(n_rr - 1 - k) % N_RR] - rr[(n_rr - 2 - k) % N_RR]) > 0.08 * median16:
            irregular += 1.0
    x.rr_score = min(max((interval - median16) / spread16, -8.0), 8.0)
    x.previous_score = min(max((previous - median16) / spread16, -8.0), 8.0)
    x.rr_rank32 = (shorter + 0.5) / (n32 + 1.0)
    x.irregular16 = irregular / max(n16 - 1, 1)
    irregular = _irregularity(rr, n_rr, min(n_rr, 48), 0.08 * median16)
    x.irregular48 = irregular
    _follow_run(p, interval, previous, median8, spread, irregular)
    median_of_last(rr, n_rr, np.int64(32), scratch)  # leaves the last intervals sorted
    x.rr_to_short32 = min(interval / scratch[n32 // 10], MOST)
    x.rr_to_long32 = min(interval / scratch[(n32 - 1) * 4 // 5], MOST)
    x.rr_to_before_previous = min(interval / before_previous, MOST)
    x.rr_to_longest8 = min(interval / longest, MOST)
    x.rr_to_base = min(interval / p.base_rr, MOST)
    x.run_length = np.log1p(float(p.run))
    # Bigeminy that lasts: every other interval is short, and this one is of the short ones (below 0) or of the long.
    alternation, depth = _alternation(rr, n_rr, n8, interval, median8)
    x.alternation8 = alternation
    x.alternation_depth8 = min(max(depth, -2.0), 2.0)
    return float(x.rr_to_median8)
