"""The online set of beat templates: the kinds of beats that a patient has, and how like a beat is to each."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Floats, Integer, Records, Scalars, compiled_part
from .features import WINDOW
from .state import N_TEMPLATES

JOIN = 0.9
"""A beat belongs to a kind when their correlation is above this."""
MERGE = 0.95
"""Two kinds that have come to correlate above this are one."""
STANDS = 8
"""A kind stands as the dominant one once it has had so many beats: as many as intervals that make a rhythm known."""
SHIFTS = 3
"""Alignment is searched over 12 ms to either side."""
ESTABLISHED = 8.0
"""A kind of so many beats is no chance."""


@compiled_part
def correlate(
    a: Floats, b: Floats, share: Floats, first: Integer, last: Integer, shift: Integer
) -> tuple[float, float]:
    """Correlation, and residual relative to `b`, of two beats; `share` brings their leads to one height and quality."""
    dot = 0.0
    aa = 1e-9
    bb = 1e-9
    for lead in range(first, last):
        f = share[lead]
        for i in range(SHIFTS, WINDOW - SHIFTS):
            u = a[lead, i]
            v = b[lead, i + shift]
            dot += f * u * v
            aa += f * u * u
            bb += f * v * v
    return dot / np.sqrt(aa * bb), (aa + bb - 2.0 * dot) / bb


@compiled_part
def find_dominant(templates: Records) -> tuple[int, float]:
    """Find the kind that is the patient's normal beat, -1 if there is none yet, and the weight of all kinds.

    The most frequent kind is not always it: in bigeminy the ectopic beats may be more alike than the normal ones.
    So kinds that come early or are wider than others count for less.
    """
    total = 1e-9
    narrowest = 1e9
    for k in range(N_TEMPLATES):
        total += templates[k].weight
    for k in range(N_TEMPLATES):
        if templates[k].weight > 0.05 * total:
            narrowest = min(narrowest, templates[k].width[0] + templates[k].width[1])
    dominant = -1
    best = 0.0
    for k in range(N_TEMPLATES):
        kind = templates[k]
        if kind.weight > 0.0:
            wider = max((kind.width[0] + kind.width[1] + 20.0) / (narrowest + 20.0), 1.0)
            score = kind.weight * (1.0 - 0.8 * kind.premature) / wider
            if score > best:
                best = score
                dominant = k
    return dominant, total


@compiled_part
def find_narrow(templates: Records, first: Integer, last: Integer) -> int:
    """Find the established kind with the narrowest QRS complex in these leads, -1 if there is none yet.

    It is what the patient's normal beat looks like, remembered when a wide rhythm has lasted until it is dominant.
    """
    narrow = -1
    narrowest = np.inf
    for k in range(N_TEMPLATES):
        if templates[k].weight > 0.0 and templates[k].count >= ESTABLISHED:
            width = 0.0
            for lead in range(first, last):
                width += templates[k].width[lead]
            if width < narrowest:
                narrowest = width
                narrow = k
    return narrow


@compiled_part
def merge_kinds(templates: Records, kept: int, share: Floats, first: int, last: int) -> int:
    """Join to the kind `kept` the one that has come to be like it, if any; give its number, else -1."""
    for k in range(N_TEMPLATES):
        if k == kept or templates[k].weight <= 0.0:
            continue
        corr, _ = correlate(templates[k].wave, templates[kept].wave, share, first, last, np.int64(0))
        if corr < MERGE:
            continue
        a, b = templates[kept], templates[k]
        f = b.weight / (a.weight + b.weight)
        for lead in range(2):
            for i in range(WINDOW):
                a.wave[lead, i] += f * (b.wave[lead, i] - a.wave[lead, i])
            a.width[lead] += f * (b.width[lead] - a.width[lead])
        a.rr += f * (b.rr - a.rr)
        a.following += f * (b.following - a.following)
        a.premature += f * (b.premature - a.premature)
        a.weight += b.weight
        a.count += b.count
        b.weight = 0.0
        return k
    return -1


@compiled_part
def compare(b: Scalars, templates: Records) -> None:
    """Find the dominant kind, the narrow one and the one that the beat is most like."""
    b.dominant, b.total = find_dominant(templates)
    b.narrow = find_narrow(templates, b.first, b.last)
    b.narrow_corr = 0.0
    b.best = -1
    b.best_corr = -1.0
    b.best_shift = 0
    b.dominant_corr = 0.0
    b.dominant_residual = 1.0
    b.dominant_shift = 0
    b.other_corr = -1.0
    for k in range(N_TEMPLATES):
        if templates[k].weight <= 0.0:
            continue
        kind_corr = -1.0
        kind_residual = 1.0
        kind_shift = 0
        for shift in range(-SHIFTS, SHIFTS + 1):
            corr, residual = correlate(b.wave, templates[k].wave, b.share, b.first, b.last, shift)
            if corr > kind_corr:
                kind_corr = corr
                kind_residual = residual
                kind_shift = shift
        if kind_corr > b.best_corr:
            b.best = k
            b.best_corr = kind_corr
            b.best_shift = kind_shift
        if k == b.narrow:
            b.narrow_corr = kind_corr
        if k != b.dominant:
            b.other_corr = max(b.other_corr, kind_corr)
        else:
            b.dominant_corr = kind_corr
            b.dominant_residual = kind_residual
            b.dominant_shift = kind_shift


@compiled_part
def is_learning(b: Scalars, p: Scalars, templates: Records) -> bool:
    """Tell whether the patient `p` is too new for the dominant kind to stand; once it has, it does for good."""
    if p.known == 0 and b.dominant >= 0 and templates[b.dominant].count >= STANDS:
        p.known = 1
    return bool(p.known == 0)


@compiled_part
def is_known(b: Scalars) -> bool:
    """Tell whether the beat is of the kind that it is most like; else it is the first of a new one."""
    return bool(b.best >= 0 and b.best_corr > JOIN)


@compiled_part
def join_kind(joined: Scalars, b: Scalars, templates: Records, ratio: float, premature: float, n_beats: int) -> None:
    """Let the beat join its kind, or begin one in the place of the rarest; tell which in `joined`.

    `ratio` is the interval before the beat against the median of eight, `n_beats` the number of beats before it.
    """
    for k in range(N_TEMPLATES):
        templates[k].weight *= 0.998
    new = not is_known(b)
    best = int(b.best)
    if new:
        best = 0
        for k in range(N_TEMPLATES):
            if templates[k].weight < templates[best].weight:
                best = k
        kind = templates[best]
        for lead in range(2):
            kind.width[lead] = b.width[lead]
            for k in range(WINDOW):
                kind.wave[lead, k] = b.wave[lead, k]
        kind.weight = 1.0
        kind.count = 0.0
        kind.rr = ratio
        kind.following = 1.0
        kind.premature = premature
    else:
        kind = templates[best]
        rate = 1.0 / min(kind.count + 1.0, 16.0)
        for lead in range(b.first, b.last):
            for k in range(WINDOW):
                j = min(max(k - b.best_shift, 0), WINDOW - 1)
                kind.wave[lead, k] += rate * (b.wave[lead, j] - kind.wave[lead, k])
            kind.width[lead] += rate * (b.width[lead] - kind.width[lead])
        kind.weight += 1.0
    kind.rr += (min(ratio, 3.0) - kind.rr) / min(kind.count + 1.0, 20.0)
    kind.premature += (premature - kind.premature) / min(kind.count + 1.0, 20.0)
    kind.count += 1.0
    kind.seen = n_beats
    joined.kind = best
    joined.merged = merge_kinds(templates, best, b.share, b.first, b.last)
    joined.is_new = new
