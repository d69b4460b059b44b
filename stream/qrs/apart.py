"""A second look at what was passed over in doubt: each of the two best leads judged alone."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Floats32, Integers, Records, Scalars, compiled_part
from .candidate import AGREEMENT_REACH, ENVELOPE_REACH, describe_candidate, is_peak, slope_at
from .network import DetectorNetwork, probability
from .state import AGREEMENT_LIMIT, MASK, MATCHED, REFRACTORY, WAVE_LIMIT

APART = 14
"""The peaks of the two leads stand within 112 ms of that candidate, and of each other."""
QUIET = 6.0
"""Ratio of level to noise above which two leads that agree are believed as readily as search-back is: noise seldom
reaches both, at one time, in clean leads. (In noise each must be as sure as for any beat.)"""


@compiled_part
def _pass_before(passed: Scalars, s: Scalars, r: Scalars) -> None:
    """Fill `passed` with what the beat in doubt comes after: without the peaks that may be its own."""
    passed.previous = s.passed.previous
    for k in range(len(s.past)):
        if s.past[k].peak < s.passed.best.peak - 2 * APART:
            passed.previous = s.past[k]
            break
    passed.best = passed.previous
    if passed.previous.peak <= r.last:
        passed.best.peak = r.last
        passed.best.p = 0.0


@compiled_part
def judge_apart(
    features: Scalars,
    columns: Floats32,
    alone: Scalars,
    s: Scalars,
    r: Scalars,
    leads: Records,
    learnt: Records,
    order: Integers,
    network: DetectorNetwork,
    h1: Floats32,
    h2: Floats32,
) -> tuple[int, float]:
    """Judge each of the two best leads alone, around the best candidate passed over.

    `features`, which the network reads as `columns`, and `alone`, of `ALONE`, are room: what is read is written before.
    Gives the peak that the better lead has alone and the lower of the two probabilities if both are high enough, else
    -1.
    """
    rings, best = alone.rings, s.passed.best.peak
    _pass_before(alone.passed, s, r)
    weight = np.zeros(len(leads))
    needed = network.back_threshold
    ranked = np.zeros(2, dtype=np.int64)
    ranked[1] = -1
    found = np.zeros(2, dtype=np.int64)
    found_p = np.zeros(2)
    for rank in range(2):
        lead = order[rank]
        if learnt[lead].level < QUIET * leads[lead].noise:
            needed = network.threshold
        for other in range(len(leads)):
            weight[other] = 1.0 if other == lead else 0.0
        ranked[0] = lead
        for n in range(best - APART - ENVELOPE_REACH, s.now + 1):
            rings.fused[n & MASK] = min(leads[lead].envelope[n & MASK] / (learnt[lead].level + 1e-9), WAVE_LIMIT)
        for n in range(best - APART - AGREEMENT_REACH, s.now + 1):
            dot = 0.0
            for k in range(MATCHED):
                dot += slope_at(leads[lead], n - MATCHED + 1 + k) * learnt[lead].matched[k]
            rings.agreement[n & MASK] = min(max(dot / learnt[lead].power, -AGREEMENT_LIMIT), AGREEMENT_LIMIT)
        for peak in range(max(best - APART, r.last + REFRACTORY), best + APART + 1):
            if not is_peak(rings, peak):
                continue
            describe_candidate(features, peak, alone.passed, r, rings, leads, learnt, weight, ranked)
            p = probability(columns, network, h1, h2)
            if p > found_p[rank]:
                found[rank] = peak
                found_p[rank] = p
        if found_p[rank] <= needed:
            break
    if min(found_p[0], found_p[1]) <= needed or abs(found[0] - found[1]) > APART:
        return -1, 0.0
    return found[0], min(found_p[0], found_p[1])
