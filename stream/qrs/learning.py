"""What the QRS detector learns from a beat, and how it unlearns what was none.

Row 0 of what was learnt, and record 0 of the rhythm, is what stands; 1 is what stood before the last beat.
"""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Integer, Records, Scalars, compiled_part
from .candidate import match, slope_at
from .overdue import learn_usual
from .state import CENTRE_LAG, LOWEST, MASK, MATCHED, N_RR, REFRACTORY, TEMPLATE

P_WAVE, HIGHER = 40, 1.5
"""What follows a beat within 320 ms and is one and a half times as high is the QRS complex after a P wave, too: what
was learnt from the P wave is unlearnt. With an RR half as long as it is, and a level between the two, a detector went
on for minutes to take both for beats."""
MATCHED_BEATS = 40
"""The matched filter follows the last 40 beats or so; what moves it is certain and like it, so noise does not."""
LONGEST_RR = 375
"""An interval of 3 s or more is no RR interval."""


@compiled_part
def _copy(rhythm: Records, learnt: Records, source: Integer, target: Integer) -> None:
    """Copy the rhythm and what the leads have learnt: from 0 to 1 before a beat, and back when it was none."""
    rhythm[target] = rhythm[source]
    for lead in range(learnt.shape[1]):
        learnt[target, lead] = learnt[source, lead]


@compiled_part
def _learn_interval(r: Scalars, interval: int, certainty: float) -> None:
    """Let the mean RR, and the steady one that no single beat moves far, follow an interval."""
    slot = r.n_beats % N_RR
    r.rr[slot] = interval
    n = 0
    total = 0.0
    for k in range(N_RR):
        if r.rr[k] > 0.0:
            total += r.rr[k]
            n += 1
    r.mean_rr = total / n
    r.last_rr = interval
    near = min(max(float(interval), 0.6 * r.steady_rr), 1.7 * r.steady_rr)
    r.steady_rr += max(0.03, 1.0 / (r.n_beats + 1.0)) * certainty * (near - r.steady_rr)


@compiled_part
def _learn_wave(lead: Scalars, learnt: Scalars, peak: int, certainty: float) -> None:
    """Let the level, the template and the matched filter of a lead follow the beat at `peak`."""
    centre = peak - CENTRE_LAG
    slopes = np.zeros(MATCHED)
    e = lead.envelope[peak & MASK]
    rate = 1.0 / (learnt.beats + 1.0)
    learnt.level += rate * (min(max(e, 0.3 * learnt.level), 2.0 * learnt.level) - learnt.level)
    learnt.lowest = LOWEST * learnt.level
    mean = 0.0
    for k in range(TEMPLATE):
        mean += lead.signal[(centre - 12 + k) & MASK]
    mean /= TEMPLATE
    dot = 0.0
    norm = 1e-12
    norm_t = 1e-12
    for k in range(TEMPLATE):
        value = lead.signal[(centre - 12 + k) & MASK] - mean
        dot += value * learnt.template[k]
        norm += value * value
        norm_t += learnt.template[k] * learnt.template[k]
    # A wave unlike the template moves it slowly, so that a run of ectopics does not become the norm at once.
    share = 0.12 if dot > 0.8 * np.sqrt(norm * norm_t) else 0.04
    if learnt.beats == 0:
        share = 1.0
    learnt.beats = min(learnt.beats + 1, 7)
    for k in range(TEMPLATE):
        value = lead.signal[(centre - 12 + k) & MASK] - mean
        learnt.template[k] += share * (value - learnt.template[k])
    for k in range(MATCHED):
        slopes[k] = slope_at(lead, centre + k - MATCHED // 2 + 1)
    _, likeness = match(slopes, np.int64(0), learnt)
    share = certainty / MATCHED_BEATS if likeness > 0.7 else 0.3 * certainty / MATCHED_BEATS
    if learnt.beats < 7:
        share = 1.0 / learnt.beats
    norm = 1e-12
    for k in range(MATCHED):
        learnt.matched[k] += share * (slopes[k] - learnt.matched[k])
        norm += learnt.matched[k] * learnt.matched[k]
    learnt.power = norm


@compiled_part
def accept(s: Scalars, rhythm: Records, leads: Records, learnt: Records, usable: Flags, beat: Scalars) -> None:
    """Make a candidate a beat: levels, templates and RR context follow it."""
    r = rhythm[0]
    peak = beat.peak
    if r.n_beats > 0 and peak - r.last < P_WAVE and beat.height > HIGHER * s.last_height:
        _copy(rhythm, learnt, np.int64(1), np.int64(0))
    _copy(rhythm, learnt, np.int64(0), np.int64(1))
    certainty = max(2.0 * beat.p - 1.0, 0.05) ** 2
    interval = peak - r.last
    if r.n_beats > 0 and REFRACTORY <= interval < LONGEST_RR and r.last >= s.bad_until:
        _learn_interval(r, interval, certainty)
    for lead in range(len(leads)):
        if usable[lead]:
            learn_usual(leads[lead], learnt[0, lead], peak, interval / r.mean_rr)
            _learn_wave(leads[lead], learnt[0, lead], peak, certainty)
    r.n_beats += 1
    r.last = peak
    s.last_height = beat.height
    s.passed.best = beat
    s.passed.best.p = 0.0
    s.pending.peak = -1
    s.pending.p = 0.0
