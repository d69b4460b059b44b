"""Electrodes that were changed in mid-stream: the same beats, upside down in a lead, or with the two leads swapped.

The beats of a patient are described in two *slots*, as they became known. A slot reads one of the first two leads,
upright or upside down. A beat that is unlike the dominant kind, but is just like it once the leads are turned, is
described in the leads turned so. When some have come, and none in the leads as they were, the leads stay turned, and it
is told. So a normal rhythm goes on as one, and no new kind of beat has to become known.
"""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats, Integer, Records, Scalars, compiled_part
from .features import WINDOW
from .kinds import SHIFTS

FIRST_DOWN, SECOND_DOWN, SWAPPED = 1, 2, 4
"""A turn is a sum of these: the first slot upside down, the second one, the leads of the two swapped."""
N_TURNS = 8
AS_BEFORE = -1
"""In the place of a turn: the leads are as they were."""
UNLIKE = 0.5
"""Leads are not turned where each correlates more than this with the dominant kind as it is."""
ALIKE = 0.9
"""Turned, they have to correlate with the dominant kind at least so much, all together,"""
ALIKE_EACH = 0.7
"""and each by itself so much;"""
SIZE = 2.0
"""its size has to be within this factor of that kind's,"""
WIDTH_MS = 24.0
"""and its width within this many milliseconds."""
SMALL_SHARE = 0.2
"""A lead that has less of the weight than this has too little signal, or too much noise, to be asked by itself."""
SIMPLER = 0.03
"""What turns more has to be better by so much."""
EARLY = 0.8
"""Ectopic beats come early: the interval before the beat has to be more than this share of the median of eight."""
OWN_KIND = 5
"""A beat that is more like another kind is of that one, once so many have been: the leads are as they were."""
BEATS = 4
"""So many beats, and none in the leads as they were, make it certain"""
WITHIN_S = 8.0
"""if they come within this time."""


@compiled_part
def _sign(turn: Integer, slot: Integer) -> float:
    return -1.0 if (turn >> slot) & 1 else 1.0


@compiled_part
def _likeness(b: Scalars, kind: Scalars, weight: Floats, turn: Integer, shift: Integer) -> tuple[float, float]:
    """Correlation of the beat with a kind, were the leads turned: of all, and of the least alike that counts.

    Where the size or, in leads turned, the width of one that counts differs, both are -1.
    """
    total = weight[b.first] + weight[b.last - 1]
    dot_all = 0.0
    size_all = 1e-9
    norm_all = 1e-9
    lowest = 1.0
    for slot in range(2):
        lead = 1 - slot if turn & SWAPPED else slot
        if not b.first <= lead < b.last:
            continue
        dot = 0.0
        aa = 1e-9
        bb = 1e-9
        for i in range(SHIFTS, WINDOW - SHIFTS):
            u = b.wave[lead, i]
            v = kind.wave[slot, i + shift]
            dot += u * v
            aa += u * u
            bb += v * v
        dot *= _sign(turn, np.int64(slot))
        counts = b.last - b.first == 1 or weight[lead] > SMALL_SHARE * total
        if counts:
            other = abs(b.width[lead] - kind.width[slot]) > WIDTH_MS and turn != 0
            if other or aa > SIZE * SIZE * bb or bb > SIZE * SIZE * aa:
                return -1.0, -1.0
            lowest = min(lowest, dot / np.sqrt(aa * bb))
        f = (0.02 + weight[lead]) / bb
        dot_all += f * dot
        size_all += f * aa
        norm_all += f * bb
    return dot_all / np.sqrt(size_all * norm_all), lowest


@compiled_part
def find_turn(b: Scalars, p: Scalars, templates: Records, weight: Floats, interval: float, ratio: float) -> int:
    """Give the turn of the leads after which the beat is like the dominant kind; 0 if after none.

    `AS_BEFORE` if it is so, or of another kind that is known, in the leads as they are. `weight` is that of the lead
    that each slot reads, `ratio` that of the `interval` before the beat, in seconds, to the median of eight.
    """
    if p.known == 0 or b.dominant < 0:
        return 0
    kind = templates[b.dominant]
    together, lowest = _likeness(b, kind, weight, np.int64(0), b.dominant_shift)
    own_kind = b.best >= 0 and b.best_corr > ALIKE and templates[b.best].count >= OWN_KIND
    as_it_is = AS_BEFORE if own_kind else 0
    if lowest > UNLIKE:
        return AS_BEFORE if together > ALIKE else as_it_is
    if interval >= 0.0 and ratio < EARLY:
        return as_it_is
    found = 0
    highest = 0.0
    for turn in (FIRST_DOWN, SECOND_DOWN, SWAPPED, 3, 5, 6, 7):
        if b.last - b.first < 2 and turn != 1 << b.first:
            continue  # one lead may be upside down, and nothing tells whether it is another one
        for shift in range(-SHIFTS, SHIFTS + 1):
            together, lowest = _likeness(b, kind, weight, np.int64(turn), np.int64(shift))
            if together > ALIKE and lowest > ALIKE_EACH and together > highest + (0.0 if turn == found else SIMPLER):
                highest = together
                found = turn
    if found == 0 or (own_kind and b.best != b.dominant and b.best_corr > highest):
        return as_it_is
    return found


@compiled_part
def turn_leads(p: Scalars, turn: Integer) -> None:
    """Let the slots of the patient `p` read the leads turned."""
    if turn & SWAPPED:
        lead = p.source[0]
        sign = p.polarity[0]
        p.source[0] = p.source[1]
        p.polarity[0] = p.polarity[1]
        p.source[1] = lead
        p.polarity[1] = sign
    for slot in range(2):
        p.polarity[slot] *= _sign(turn, np.int64(slot))


@compiled_part
def turn_of(p: Scalars) -> int:
    """Give the turn that makes the leads as they were at first those that the slots read now."""
    turn = SWAPPED if p.source[0] == 1 else 0
    for slot in range(2):
        if p.polarity[slot] < 0.0:
            turn += 1 << slot
    return turn


@compiled_part
def is_certain(p: Scalars, turn: Integer, mark: int, fs: float) -> bool:
    """Count a beat that is the usual one in turned leads; tell whether there have been enough."""
    if p.turn != turn or mark - p.turn_since > WITHIN_S * fs:
        p.turn = turn
        p.turn_since = mark
        p.turn_beats = 0
    p.turn_beats += 1
    return bool(p.turn_beats >= BEATS)


@compiled_part
def read_slots(weight: Floats, use: Flags, lead_weight: Floats, p: Scalars) -> None:
    """Give the weight of the lead that each slot reads, and whether it can be used; the first, where none has any."""
    n_leads = len(lead_weight)
    for slot in range(2):
        there = p.source[slot] < n_leads
        weight[slot] = lead_weight[p.source[slot]] if there else 0.0
        use[slot] = weight[slot] > 0.0
    if not use[0] and not use[1]:
        use[0] = True
