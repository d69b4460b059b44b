"""The compiled loop of the QRS detector: envelope, candidates, network, decisions.

One pass over grid samples (125 Hz). All lengths here are in grid samples of 8 ms. The loop is inherent:
each decision changes the levels, the template and the RR context that the next one is judged by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import Flags, Floats, Floats32, Integers, compiled, compiled_part
from .qrs_apart import APART, judge_apart
from .qrs_candidate import N_FEATURES, describe_candidate, is_peak
from .qrs_leads import LEARN, is_new, rank_leads
from .qrs_learning import accept
from .qrs_network import probability
from .qrs_state import (
    BRIDGE,
    CONFIRM,
    HOLD_OFF,
    LOST,
    LOWEST,
    MASK,
    MATCHED,
    PAST,
    REFRACTORY,
    RING,
    SEEN,
    SLOPE_SPAN,
    SLOPES,
    Scalars,
)

SMOOTH = 9
"""Moving average of the rectified slope, 72 ms: about a normal QRS."""
HOLD = 8
"""A candidate accepted may be replaced by a better one until 64 ms after its peak in the envelope."""
DOUBTFUL, LOW, P_WAVE_AFTER, WAIT, LONGEST = 0.98, 0.8, 0.6, 26, 38
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
SILENCE = 250
"""After 2 s without a beat, lower ones are expected."""
DOUBTED = 0.005
"""Probability from which a candidate that was passed over may be a beat that the two best leads show at different
times, as two low peaks of the fused envelope. Each of the two is then judged as if it were alone."""


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
            counts[LOST, lead] = 0 if good[row, lead] else min(counts[LOST, lead] + 1, BRIDGE + 1)
            if counts[LOST, lead] <= BRIDGE:
                counts[HOLD_OFF, lead] = max(counts[HOLD_OFF, lead] - 1, 0)
            else:
                counts[HOLD_OFF, lead] = 40  # the filters ring for a third of a second after a lead returns
            usable[lead] = counts[HOLD_OFF, lead] == 0
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
                if is_new(counts, lead):
                    level[lead] = max(level[lead], 0.8 * e)
                    floor[lead] = LOWEST * level[lead]
                elif now - s.last > SILENCE and now - s.bad_until > SILENCE:
                    # By half after 2.2 s; and what stands far above the level is news as well.
                    level[lead] = max(0.9975 * level[lead], floor[lead], 0.25 * e)
                counts[SEEN, lead] = min(counts[SEEN, lead] + 1, LEARN)
                if s.pending < 0 and now - s.last > 35:
                    noise[lead] += (min(e, level[lead]) - noise[lead]) * 0.004
        if not any_usable:
            s.bad_until = now
        rank_leads(level, noise, usable, counts, weight, order)
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
            if is_peak(fused, peak):
                n = describe_candidate(
                    features, s, level, noise, rough, weight, order, signal, envelope, fused, counts, template,
                    matched, agreement,
                )  # fmt: skip
                p = probability(features, n, w1, b1, w2, b2, w3, b3, h1, h2)
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
            apart, p = judge_apart(
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
            accept(
                s, chosen, chosen_p, fused[chosen & MASK], rr, level, floor, counts, envelope, signal, template,
                matched, usable, kept,
            )  # fmt: skip
            s.pending = -1
            s.pending_p = 0.0
        s.now = now + 1
    return n_out, n_log
