"""What the QRS detector learns from a beat, and how it unlearns what was none."""

from __future__ import annotations

import numpy as np

from .compiled import Flags, Floats, Integers, compiled_part
from .qrs_candidate import match, slope_at
from .qrs_state import (
    BEATS,
    CENTRE_LAG,
    KEPT,
    LOWEST,
    MASK,
    MATCHED,
    N_RR,
    REFRACTORY,
    TEMPLATE,
    Scalars,
)

P_WAVE, HIGHER = 40, 1.5
"""What follows a beat within 320 ms and is one and a half times as high is the QRS complex after a P wave, too: what
was learnt from the P wave is unlearnt. With an RR half as long as it is, and a level between the two, a detector went
on for minutes to take both for beats."""
MATCHED_BEATS = 40
"""The matched filter follows the last 40 beats or so; what moves it is certain and like it, so noise does not."""


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
        kept[KEPT - 1, lead] = counts[BEATS, lead]


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
        counts[BEATS, lead] = int(kept[KEPT - 1, lead])


@compiled_part
def accept(
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
        rate = 1.0 / (counts[BEATS, lead] + 1.0)
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
        if counts[BEATS, lead] == 0:
            share = 1.0
        counts[BEATS, lead] = min(counts[BEATS, lead] + 1, 7)
        for k in range(TEMPLATE):
            value = signal[(centre - 12 + k) & MASK, lead] - mean
            template[k, lead] += share * (value - template[k, lead])
        for k in range(MATCHED):
            slopes[k] = slope_at(signal, centre + k - MATCHED // 2 + 1, lead)
        _, likeness = match(slopes, np.int64(0), matched, lead)
        share = certainty / MATCHED_BEATS if likeness > 0.7 else 0.3 * certainty / MATCHED_BEATS
        if counts[BEATS, lead] < 7:
            share = 1.0 / counts[BEATS, lead]
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
