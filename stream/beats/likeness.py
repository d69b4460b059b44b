"""How like a beat is to the patient's kinds of beats, and what is known of its kind: the columns `template`."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Floats, Integer, Records, Scalars, compiled_part
from .features import BEFORE, WINDOW
from .kinds import SHIFTS, correlate, is_known
from .state import N_TEMPLATES

MOST = 10.0
"""A ratio of two waves counts as this at most."""


@compiled_part
def _against_dominant(b: Scalars, templates: Records, lead: Integer) -> tuple[float, float, float, float, float, float]:
    """Compare a lead with the dominant kind: correlation, height, area, slope, width (0.1 s), how much wider it is."""
    if not b.first <= lead < b.last or b.dominant < 0:
        return 1.0, 1.0, 1.0, 1.0, b.width[b.first] / 100.0, 0.0
    t = templates[b.dominant].wave
    corr, _ = correlate(b.wave, t, b.share, lead, lead + 1, b.dominant_shift)
    area = 1e-9
    slope = 1e-9
    for k in range(WINDOW):
        area += abs(t[lead, k])
        if k > 0:
            slope = max(slope, abs(t[lead, k] - t[lead, k - 1]))
    return (
        corr,
        min(b.height[lead] / b.scale[lead], MOST),
        min(b.area[lead] / area, MOST),
        min(b.slope[lead] / slope, MOST),
        b.width[lead] / 100.0,
        (b.width[lead] - templates[b.dominant].width[lead]) / 100.0,
    )


@compiled_part
def _stretch_before(b: Scalars, p: Scalars, lead: Integer) -> tuple[float, float, float, float]:
    """Compare what stands before a beat in a lead with what usually does: correlation, residual, energy, roughness."""
    dot = 0.0
    aa = 1e-9
    bb = 1e-9
    for k in range(BEFORE):
        u = b.before[lead, k]
        v = p.before[lead, k]
        dot += u * v
        aa += u * u
        bb += v * v
    return (
        dot / np.sqrt(aa * bb),
        min((aa + bb - 2.0 * dot) / bb, MOST),
        np.log(np.sqrt(aa / BEFORE) / b.scale[lead] + 1e-3),
        np.log(b.rough[lead] / b.scale[lead] + 1e-3),
    )


@compiled_part
def _usual_size(b: Scalars, p: Scalars, lead: Integer) -> float:
    """Give the size (log) of what usually stands before a beat in a lead, in units of the dominant beat."""
    size = 0.0
    for k in range(BEFORE):
        size += p.before[lead, k] * p.before[lead, k]
    return float(np.log(np.sqrt(size / BEFORE) / b.scale[lead] + 1e-3))


@compiled_part
def _write_kind(x: Scalars, b: Scalars, p: Scalars, templates: Records, ratio: float) -> None:
    """Write what is known of the kind that the beat `b` is most like."""
    x.best_corr = b.best_corr
    x.best_is_dominant = 1.0 if b.best == b.dominant else 0.0
    if is_known(b):
        kind = templates[b.best]
        x.best_share = kind.weight / b.total
        x.best_count = np.log1p(kind.count)
        x.best_rr = kind.rr
        x.best_following_rr = kind.following
        x.best_premature = kind.premature
        x.best_age = np.log1p(float(p.n_beats - kind.seen))
    else:
        x.best_share = 0.0
        x.best_count = 0.0
        x.best_rr = ratio
        x.best_following_rr = 1.0
        x.best_premature = 0.0
        x.best_age = 6.0
    x.dominant_share = templates[b.dominant].weight / b.total if b.dominant >= 0 else 0.0
    kinds = 0
    for k in range(N_TEMPLATES):
        if templates[k].weight > 0.02 * b.total:
            kinds += 1
    x.n_kinds = kinds / 4.0


@compiled_part
def _write_narrow(x: Scalars, b: Scalars, p: Scalars, templates: Records) -> None:
    """Write how the beat `b` compares with the narrow kind: likeness, how much wider (0.1 s), and how usual that is."""
    x.narrow_corr = b.narrow_corr
    if b.narrow < 0:
        x.width_to_narrow = 0.0
        x.narrow_share = 0.0
        x.narrow_age = 6.0
        return
    narrow = templates[b.narrow]
    wider = 0.0
    for lead in range(b.first, b.last):
        wider += b.width[lead] - narrow.width[lead]
    x.width_to_narrow = wider / 100.0 / (b.last - b.first)
    x.narrow_share = narrow.weight / b.total
    x.narrow_age = np.log1p(float(p.n_beats - narrow.seen))


@compiled_part
def _previous_wave_corr(b: Scalars, p: Scalars) -> float:
    """Give the correlation with the beat before, where they align best."""
    highest = -1.0
    for shift in range(-SHIFTS, SHIFTS + 1):
        corr, _ = correlate(b.wave, p.previous_wave, b.share, b.first, b.last, shift)
        highest = max(highest, corr)
    return highest


@compiled_part
def describe_likeness(
    x: Scalars, b: Scalars, p: Scalars, templates: Records, ratio: float, weight: Floats, odds: float
) -> None:
    """Write the template columns, `x`, of the beat `b` of the patient `p`.

    `ratio` is that of its interval to the median of eight, `weight` that of the leads by quality, `odds` how sure the
    detector is of the beat (log).
    """
    one, two = np.int64(0), np.int64(1)
    x.dominant_corr = b.dominant_corr
    x.dominant_residual = min(b.dominant_residual, MOST)
    x.dominant_corr1, x.height1, x.area1, x.slope1, x.width1, x.width1_to_dominant = _against_dominant(
        b, templates, one
    )
    x.dominant_corr2, x.height2, x.area2, x.slope2, x.width2, x.width2_to_dominant = _against_dominant(
        b, templates, two
    )
    _write_kind(x, b, p, templates, ratio)
    x.before_corr1, x.before_residual1, x.before_energy1, x.roughness1 = _stretch_before(b, p, one)
    x.before_corr2, x.before_residual2, x.before_energy2, x.roughness2 = _stretch_before(b, p, two)
    x.previous_is_dominant = p.previous_is_dominant
    x.previous_corr = p.previous_corr
    x.previous_same = 1.0 if is_known(b) and b.best == p.previous_kind else 0.0
    x.previous_premature = p.previous_ratio
    x.best_shift = b.best_shift
    x.polarity1 = b.sign[0]
    x.polarity2 = b.sign[1]
    x.leads_used = float(b.last - b.first)
    x.lead2_share = weight[1] / (weight[0] + weight[1] + 1e-9) if b.last == 2 else 0.0
    x.other_corr = b.other_corr
    x.previous_wave_corr = _previous_wave_corr(b, p)
    # How sure the detector is that this is a beat at all, and was of the last ones: in noise much that looks
    # like an ectopic beat is none.
    x.certainty = odds
    x.certainty8 = p.certainty if p.n_beats > 0 else odds
    # Whether there usually is a P wave: where there is none, as in fibrillation, an early beat is no S.
    x.usual_before_corr1 = p.before_corr[0]
    x.usual_before_corr2 = p.before_corr[1]
    x.usual_before_size1 = _usual_size(b, p, one)
    x.usual_before_size2 = _usual_size(b, p, two)
    _write_narrow(x, b, p, templates)
    x.span1 = b.span[0] / 100.0 if b.first == 0 else b.span[1] / 100.0
    x.span2 = b.span[1] / 100.0 if b.last == 2 else b.span[0] / 100.0
