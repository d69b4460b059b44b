"""What is no beat where a beat is overdue: the patient's own P waves, and what is low and unlike the QRS complex.

In a long pause the level sinks, so that beats which have become small are found; and in units of a level that has sunk
a P wave looks like a QRS complex. So a candidate there is also held against what was before the pause: how high the
QRS complexes were, and what stood before each of them.
"""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats, Records, Scalars, compiled_part
from .candidate import slope_at
from .state import BEFORE, BEFORE_FIRST, CENTRE_LAG, MASK, MATCHED

EARLIEST, OVERDUE = 0.5, 1.2
"""A P wave stands no sooner after a beat than this share of the mean RR; a beat is overdue after such a share."""
KNOWN_BEATS = 7
"""A lead has shown so many beats before what it has learnt is held against a candidate."""
P_SPAN = 13
"""A P wave is compared over so many slopes, 104 ms."""
P_LIKE, P_LOWEST, P_HIGHEST = 0.8, 0.5, 2.0
"""A candidate whose slopes correlate with what stands before the QRS complexes by more than this, and that is between
so many times as high, is a P wave, if it is less like the QRS complex."""
P_HEIGHT = 0.8
"""What is higher than this share of the usual QRS complex is no P wave."""
SMALL, SMALL_P_LIKE, SMALL_P_HIGHEST = 0.35, 0.6, 3.0
"""What is lower than this share of it in two leads needs to be less like one, and may be higher: noise alters it."""
TWO_LEADS = 0.1
"""Two leads speak where no lead has more than all but this share of the weight. One alone may have been moved to where
QRS complexes are low and look like what was a P wave; that two are, and at one time, is hardly seen."""
LOW, LOWEST_HEIGHT, LOWEST_IN_TWO, QRS_LIKE = 0.3, 0.1, 0.3, 0.85
"""Search-back does not take what is lower than the first share of the usual QRS complex and correlates with it by less
than the last; the first share sinks to the second. What is lower than the third share in two leads, and so unlike, is
no beat, however probable."""
PATIENCE, HALVING = 312, 250.0
"""From 2.5 s without a beat on, the share of `LOW` sinks by half every 2 s: the electrodes may have been changed."""
LONGEST, FORGOTTEN = 2000, 7500
"""After 16 s without a beat what is low may be one, after 60 s what is like a P wave: nothing is refused for ever."""
FOLLOWED = (0.85, 1.5)
"""What stands before a beat is learnt where its interval is between these shares of the mean RR."""
BEFORE_BEATS, USUAL_BEATS = 16.0, 8.0
"""What stands before the beats follows the last 16 or so; the usual height follows the last eight."""


@compiled_part
def learn_usual(lead: Scalars, learnt: Scalars, peak: int, interval_to_mean: float) -> None:
    """Let the usual height of a lead, and what stands before its QRS complexes, follow the beat at `peak`."""
    e = lead.envelope[peak & MASK]
    if learnt.beats == 0:
        learnt.usual = e
    rate = 1.0 / min(learnt.beats + 1.0, USUAL_BEATS)
    learnt.usual += rate * (min(max(e, 0.3 * learnt.usual), 2.0 * learnt.usual) - learnt.usual)
    if FOLLOWED[0] < interval_to_mean < FOLLOWED[1]:
        share = 1.0 / (learnt.beats + 1.0) if learnt.beats < KNOWN_BEATS else 1.0 / BEFORE_BEATS
        first = peak - CENTRE_LAG - BEFORE_FIRST
        for k in range(BEFORE):
            learnt.before[k] += share * (slope_at(lead, first + k) - learnt.before[k])


@compiled_part
def is_no_beat(
    r: Scalars,
    leads: Records,
    learnt: Records,
    usable: Flags,
    weight: Floats,
    peak: int,
    p: float,
    threshold: float,
) -> bool:
    """Tell whether the candidate at `peak`, of probability `p`, is refused where a beat is overdue."""
    since = float(peak - r.last)
    if since < EARLIEST * r.mean_rr or since > FORGOTTEN:
        return False
    height = 0.0
    in_two = True
    for i in range(len(leads)):
        if weight[i] > 1.0 - TWO_LEADS:
            in_two = False
        if usable[i] and weight[i] > 0.0:
            if learnt[i].beats < KNOWN_BEATS:
                return False
            height += weight[i] * leads[i].envelope[peak & MASK] / (learnt[i].usual + 1e-9)
    if height > P_HEIGHT:
        return False
    qrs = _qrs_likeness(leads, learnt, usable, weight, peak)
    low = 0.0
    if p <= threshold:
        low = max(LOW * 0.5 ** (max(since - PATIENCE, 0.0) / HALVING), LOWEST_HEIGHT)
    if since < LONGEST and in_two:
        low = max(low, LOWEST_IN_TWO)
    if since > OVERDUE * r.mean_rr and height < low and qrs < QRS_LIKE:
        return True
    return _is_p_wave(leads, learnt, usable, weight, peak, in_two and height < SMALL, qrs)


@compiled_part
def _is_p_wave(
    leads: Records, learnt: Records, usable: Flags, weight: Floats, peak: int, small: bool, qrs: float
) -> bool:
    """Tell whether a candidate is one of the patient's P waves; `qrs` says how much it is like the QRS complex."""
    first = peak - CENTRE_LAG - P_SPAN // 2 + 1
    best = -1.0
    amount = 0.0
    for shift in range(BEFORE - P_SPAN + 1):
        dot = 0.0
        norm = 1e-12
        power = 1e-12
        for i in range(len(leads)):
            if usable[i] and weight[i] > 0.0:
                w = weight[i] / (learnt[i].usual + 1e-9) ** 2
                for k in range(P_SPAN):
                    d = slope_at(leads[i], first + k)
                    t = learnt[i].before[shift + k]
                    dot += w * d * t
                    norm += w * d * d
                    power += w * t * t
        likeness = dot / np.sqrt(norm * power)
        if likeness > best:
            best = likeness
            amount = dot / power
    like, highest = (SMALL_P_LIKE, SMALL_P_HIGHEST) if small else (P_LIKE, P_HIGHEST)
    return bool(best > like and best > qrs and P_LOWEST < amount < highest)


@compiled_part
def _qrs_likeness(leads: Records, learnt: Records, usable: Flags, weight: Floats, peak: int) -> float:
    """Correlate the slopes of a candidate with the matched filters of all leads, at the best of shifts of 40 ms."""
    best = -1.0
    for shift in range(-5, 6):
        first = peak - CENTRE_LAG + shift - MATCHED // 2 + 1
        dot = 0.0
        norm = 1e-12
        power = 1e-12
        for i in range(len(leads)):
            if usable[i] and weight[i] > 0.0:
                w = weight[i] / (learnt[i].usual + 1e-9) ** 2
                for k in range(MATCHED):
                    d = slope_at(leads[i], first + k)
                    t = learnt[i].matched[k]
                    dot += w * d * t
                    norm += w * d * d
                    power += w * t * t
        best = max(best, dot / np.sqrt(norm * power))
    return best
