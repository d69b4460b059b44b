"""The leads of the QRS detector: which of them are new, and how they are weighed by quality."""

from __future__ import annotations

from ..core.compiled import Flags, Floats, Integers, Records, Scalars, compiled_part

LEARN = 250
"""A lead is new for 2 s of good signal, or three beats: its level follows the highest envelope."""
LEARN_BEATS = 3
CLEAN = 12.0
"""Ratio of level to noise above which a lead is as good as any."""


@compiled_part
def is_new(lead: Scalars, learnt: Scalars) -> bool:
    """Tell whether a lead has been seen for too short a time to be weighed."""
    return bool(lead.seen < LEARN and learnt.beats < LEARN_BEATS)


@compiled_part
def rank_leads(leads: Records, learnt: Records, usable: Flags, weight: Floats, order: Integers) -> None:
    """Weigh the leads by signal-to-noise, and find the best two. A new lead waits, unless all are new."""
    n_leads = len(leads)
    total = 0.0
    any_known = False
    for lead in range(n_leads):
        if usable[lead] and not is_new(leads[lead], learnt[lead]):
            any_known = True
    for lead in range(n_leads):
        w = 0.0
        if usable[lead] and not (any_known and is_new(leads[lead], learnt[lead])):
            q = learnt[lead].level / (leads[lead].noise + 0.02 * learnt[lead].level + 1e-9)
            # Beyond this both are clean, and a beat that one of them hardly shows must not hang on it alone.
            q = min(q, CLEAN)
            w = q * q
        weight[lead] = w
        total += w
    if total > 0.0:
        for lead in range(n_leads):
            weight[lead] /= total
    order[0] = 0
    for lead in range(1, n_leads):
        if weight[lead] > weight[order[0]]:
            order[0] = lead
    order[1] = -1
    for lead in range(n_leads):
        if lead != order[0] and weight[lead] > 0.0 and (order[1] < 0 or weight[lead] > weight[order[1]]):
            order[1] = lead
