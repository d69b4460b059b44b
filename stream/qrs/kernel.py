"""The compiled loop of the QRS detector: envelope, candidates, network, decisions.

One pass over grid samples (125 Hz). All lengths here are in grid samples of 8 ms. The loop is inherent:
each decision changes the levels, the template and the RR context that the next one is judged by.
"""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats, Floats32, Records, Scalars, compiled, compiled_part
from .apart import APART, judge_apart
from .candidate import describe_candidate, is_peak
from .leads import LEARN, is_new, rank_leads
from .learning import accept
from .network import DetectorNetwork, probability
from .overdue import PATIENCE, is_no_beat
from .state import (
    AGREEMENT_LIMIT,
    ALONE,
    BRIDGE,
    CONFIRM,
    LOWEST,
    MASK,
    MATCHED,
    PAST,
    REFRACTORY,
    RING,
    SLOPE_SPAN,
    SLOPES,
    WAVE_LIMIT,
)

SMOOTH = 9
"""Moving average of the rectified slope, 72 ms: about a normal QRS."""
RINGING = 40
"""The filters ring for a third of a second after a lead returns."""
HOLD = 8
"""A candidate accepted is a beat 64 ms after its peak in the envelope, if it need not wait. Peaks stand 56 ms apart or
more and are judged 48 ms later: a surer one takes its place only while it waits, or where leads were judged apart."""
DOUBTFUL, LOW, P_WAVE_AFTER, WAIT, LONGEST_WAIT = 0.98, 0.8, 0.6, 26, 38
"""A candidate that is less probable than this, lower than this share of the level, and no sooner after the beat before
than this share of the mean RR, may be a P wave. It waits for 208 ms, and on while the envelope stands higher than its
peak, up to 304 ms, whether a surer one follows, which is then the QRS complex. Few beats wait: one in a thousand N (in
a single lead one in three hundred) and one in thirty V (cross-validation by patient)."""
T_WAVE, UNLIKELY = 35, 0.2
"""Search-back does not take a candidate that follows a beat within 280 ms and is less probable than this: it is the
T wave, and leaves most of the pause as it was."""
MISTAKEN, TALLER = 12, 2.0
"""What comes 96 ms or more after a beat, is judged a beat as well and is twice as high is the QRS complex, and what was
taken for one its P wave: it counts, and is learnt from. Without this, a detector that had once taken P waves for beats
went on for minutes, as the QRS complexes fell into the refractory time."""
BACK = RING - 64
"""Search-back takes no candidate whose past is about to leave the rings, 3.6 s after it."""
LATE_THRESHOLD = 0.4
"""Where a beat has been due for long, so that the level has sunk, search-back is no longer content with little: what
little there is in a standstill is a P wave, or noise."""
SILENCE = 250
"""After 2 s without a beat, lower ones are expected."""
DOUBTED = 0.005
"""Probability from which a candidate that was passed over may be a beat that the two best leads show at different
times, as two low peaks of the fused envelope. Each of the two is then judged as if it were alone."""


@compiled_part
def _sense(lead: Scalars, learnt: Scalars, s: Scalars, r: Scalars, value: float, good: bool) -> bool:
    """Take the next sample of a lead: slope, envelope, level, noise. Tells whether the lead can be used."""
    now = s.now
    slot = now & MASK
    lead.signal[slot] = value
    lead.lost = 0 if good else min(lead.lost + 1, BRIDGE + 1)
    if lead.lost <= BRIDGE:
        lead.hold_off = max(lead.hold_off - 1, 0)
    else:
        lead.hold_off = RINGING
    slope = value - lead.signal[(now - SLOPE_SPAN) & MASK] if now >= SLOPE_SPAN else 0.0
    bend = abs(value - 2.0 * lead.signal[(now - 1) & MASK] + lead.signal[(now - 2) & MASK])
    if now < SLOPE_SPAN:
        bend = 0.0
    # The sum over SMOOTH slopes is taken anew each time: a running sum would drift with rounding.
    lead.slopes[now & (SLOPES - 1)] = slope
    total = 0.0
    for k in range(SMOOTH):
        total += abs(lead.slopes[(now - k) & (SLOPES - 1)])
    e = total / SMOOTH
    lead.envelope[slot] = e
    lead.rough += (bend - lead.rough) * 0.016
    if lead.hold_off > 0:
        return False
    if is_new(lead, learnt):
        learnt.level = max(learnt.level, 0.8 * e)
        learnt.lowest = LOWEST * learnt.level
    elif now - r.last > SILENCE and now - s.bad_until > SILENCE:
        # By half after 2.2 s; and what stands far above the level is news as well.
        learnt.level = max(0.9975 * learnt.level, learnt.lowest, 0.25 * e)
    lead.seen = min(lead.seen + 1, LEARN)
    if s.pending.peak < 0 and now - r.last > T_WAVE:
        lead.noise += (min(e, learnt.level) - lead.noise) * 0.004
    return True


@compiled_part
def _fuse(rings: Scalars, leads: Records, learnt: Records, usable: Flags, weight: Floats, now: int) -> None:
    """Write the next value of the fused envelope and of the matched filter, in units of the levels."""
    e = 0.0
    a = 0.0
    for i in range(len(leads)):
        if usable[i]:
            lead = leads[i]
            e += weight[i] * lead.envelope[now & MASK] / (learnt[i].level + 1e-9)
            dot = 0.0
            for k in range(MATCHED):
                dot += lead.slopes[(now - MATCHED + 1 + k) & (SLOPES - 1)] * learnt[i].matched[k]
            a += weight[i] * dot / learnt[i].power
    rings.fused[now & MASK] = min(e, WAVE_LIMIT)
    rings.agreement[now & MASK] = min(max(a, -AGREEMENT_LIMIT), AGREEMENT_LIMIT)


@compiled_part
def _consider(s: Scalars, r: Scalars, peak: int, p: float, height: float, threshold: float) -> None:
    """Let a candidate be the beat that is pending, or the best one passed over, and remember it."""
    for k in range(PAST - 1, 0, -1):
        s.past[k] = s.past[k - 1]
    s.past[0] = s.passed.previous
    candidate = s.passed.previous
    candidate.peak = peak
    candidate.p = p
    candidate.height = height
    taller = peak - r.last >= MISTAKEN and p > threshold and height > TALLER * s.last_height
    if peak - r.last >= REFRACTORY or r.n_beats == 0 or taller:
        if p > threshold:
            if s.pending.peak < 0 or p > s.pending.p:
                s.pending = candidate
        elif s.pending.peak < 0 and p > s.passed.best.p:
            s.passed.best = candidate


@compiled_part
def _waits(s: Scalars, r: Scalars, rings: Scalars) -> bool:
    """Tell whether the beat that is pending may be a P wave, with a QRS complex still to come."""
    beat = s.pending
    if beat.p >= DOUBTFUL or beat.height >= LOW or beat.peak - r.last < P_WAVE_AFTER * r.mean_rr:
        return False
    since = s.now - beat.peak
    if since < WAIT:
        return True
    if since >= LONGEST_WAIT:
        return False
    highest = 0.0
    for n in range(s.now - CONFIRM, s.now + 1):
        highest = max(highest, rings.fused[n & MASK])
    return bool(highest > beat.height)


@compiled_part
def _decide(s: Scalars, r: Scalars, rings: Scalars, back_threshold: float) -> bool:
    """Tell whether the candidate that is pending is a beat now; where none is, search-back may name one."""
    best = s.passed.best
    if s.now - best.peak == APART + CONFIRM and best.peak - r.last < T_WAVE and best.p < UNLIKELY:
        best.peak = r.last
        best.p = 0.0
    if s.pending.peak >= 0:
        return bool(s.now - s.pending.peak >= HOLD and not _waits(s, r, rings))
    needed = back_threshold if s.now - r.last < PATIENCE else max(back_threshold, LATE_THRESHOLD)
    if best.p > needed and s.now - r.last > 1.6 * r.mean_rr and s.now - best.peak < BACK:
        s.pending = best
        return True
    return False


@compiled
def detect(
    x: Floats,
    good: Flags,
    state: Records,
    rhythm: Records,
    rings_array: Records,
    leads: Records,
    learnt: Records,
    network: DetectorNetwork,
    beats: Records,
    beat_weight: Floats,
    log: Records,
    features: Records,
    columns: Floats32,
) -> tuple[int, int]:
    """Run the detector over grid samples ``x`` of shape ``(m, n_leads)``; give the number of beats and of log rows.

    The state are one record of `STATE`, two of `RHYTHM`, one of `RINGS`, one of `LEAD` for each lead, and ``(2,
    n_leads)`` of `LEARNT`. Beats are written as records of `FOUND`, with the weights of the leads; candidates as
    records of `LOGGED`, as far as there is room. `features` is room for one record of `FEATURES`, and `columns` the
    same memory as the network reads it.
    """
    s, r, rings, f = state[0], rhythm[0], rings_array[0], features[0]
    m, n_leads = x.shape
    h1 = np.zeros(len(network.b1), dtype=np.float32)
    h2 = np.zeros(len(network.b2), dtype=np.float32)
    weight = np.zeros(n_leads)
    usable = np.zeros(n_leads, dtype=np.bool_)
    order = np.zeros(2, dtype=np.int64)
    alone = np.zeros(1, dtype=ALONE)
    n_out = 0
    n_log = 0
    for row in range(m):
        any_usable = False
        for lead in range(n_leads):
            usable[lead] = _sense(leads[lead], learnt[0, lead], s, r, x[row, lead], good[row, lead])
            any_usable = any_usable or usable[lead]
        if not any_usable:
            s.bad_until = s.now
        rank_leads(leads, learnt[0], usable, weight, order)
        _fuse(rings, leads, learnt[0], usable, weight, s.now)
        peak = s.now - CONFIRM
        if peak > 8 and any_usable and is_peak(rings, peak):
            describe_candidate(f, peak, s.passed, r, rings, leads, learnt[0], weight, order)
            p = probability(columns, network, h1, h2)
            if p > DOUBTED and is_no_beat(r, leads, learnt[0], usable, weight, peak, p, network.threshold):
                p = 0.0
            if n_log < len(log):
                log[n_log].peak = peak
                log[n_log].p = p
                log[n_log].features = f
                n_log += 1
            _consider(s, r, peak, p, rings.fused[peak & MASK], network.threshold)
        best = s.passed.best
        if s.pending.peak < 0 and best.p > DOUBTED and s.now - best.peak == APART + CONFIRM and order[1] >= 0:
            apart, p = judge_apart(f, columns, alone[0], s, r, leads, learnt[0], order, network, h1, h2)
            if apart >= 0:
                s.pending.peak = apart
                s.pending.p = p
                s.pending.height = rings.fused[apart & MASK]
        if _decide(s, r, rings, network.back_threshold):
            beats[n_out].peak = s.pending.peak
            beats[n_out].row = row
            beats[n_out].p = s.pending.p
            beats[n_out].gap = r.last < s.bad_until
            for lead in range(n_leads):
                beat_weight[n_out, lead] = weight[lead]
            n_out += 1
            accept(s, rhythm, leads, learnt, usable, s.pending)
        s.now += 1
    return n_out, n_log
