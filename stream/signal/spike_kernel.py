"""The compiled loop of the spikes: how a spike is told from a wave, and what of the signal belongs to it."""

from __future__ import annotations

from ..core.compiled import Flags, Floats, Integer, Integers, compiled, compiled_part

QUIET_S, QUIET = 0.016, 0.2
"""For so long before it the signal keeps within this share of its height."""
BEGUN = 0.03
"""It begins with the sample that stands this share of its height away from the one before."""
RETURNED, LARGE_MV, TURNED = 0.5, 2.0, 0.85
"""At the end of the look-ahead it has fallen back to this share of its height. A large one need only have turned: no
QRS complex rises so far in so short a time."""
LOWEST_MV = 0.15
"""It is at least so high in one lead,"""
ABOVE_USUAL = 6.0
"""and so many times the usual change of that lead in the look-ahead."""
HALF, WIDTH_S = 0.45, 0.0055
"""It stands above this share of its height for so long at most: 2 samples at 250 and at 360 Hz, 6 at 1,000 Hz."""
OTHERS = 0.85
"""Meanwhile no lead moves, and before none moved, by more than this share of its height: then it is part of a wave."""
OTHER, OTHER_QUIET = 0.3, 0.5
"""Where one lead shows a spike, another one does if it is this share of the two levels high, and before it was this
quiet."""
SETTLE_S, SETTLED = 0.004, 0.6
"""It is told as one when so much longer has passed, and the signal has moved by less than this share of what it moved
within the spike in as long. Else it was the first wave of a QRS complex."""
TAIL_END_MV = 1e-3

# State of a lead: usual change; base, and what is left of the tail.
USUAL, BASE, TAIL, N_LEVELS = 0, 1, 2, 3


@compiled_part
def _clean(ring: Floats, lead: Integer, n: Integer) -> float:
    """Sample `n` of a lead without what belongs to spikes."""
    at = n & (ring.shape[1] - 1)
    return float(ring[0, at, lead] - ring[1, at, lead])


@compiled_part
def _range_before(ring: Floats, lead: Integer, first: Integer, quiet: Integer) -> float:
    """Range of a lead in the `quiet` samples before sample `first`."""
    low = high = _clean(ring, lead, first - 1)
    for n in range(first - quiet, first - 1):
        value = _clean(ring, lead, n)
        low = min(low, value)
        high = max(high, value)
    return high - low


@compiled_part
def _height(
    ring: Floats, good: Flags, lead: Integer, first: Integer, lengths: Integers, share: float, least: float
) -> float:
    """Give the height of the spike that began in a lead at sample `first`, and is back after the look-ahead; 0 if none.

    It is above `least`, and `share` of it is the range before it at most.
    """
    mask = ring.shape[1] - 1
    last = first + lengths[0]
    base = _clean(ring, lead, first - 1)
    low = high = base
    for n in range(first, last + 1):
        value = _clean(ring, lead, n)
        low = min(low, value)
        high = max(high, value)
    height = high - low  # where what follows stands on the other side, from there
    if height <= least:  # most samples
        return 0.0
    for n in range(first - lengths[1], last + 1):
        if not good[n & mask, lead]:
            return 0.0
    if abs(_clean(ring, lead, first) - base) < BEGUN * height:
        return 0.0
    if abs(_clean(ring, lead, last) - base) > (TURNED if height >= LARGE_MV else RETURNED) * height:
        return 0.0
    width = 0
    for n in range(first, last + 1):
        width += abs(_clean(ring, lead, n) - base) >= HALF * height
    if width > lengths[3] or _range_before(ring, lead, first, lengths[1]) > share * height:
        return 0.0
    return height


@compiled_part
def _has_settled(ring: Floats, lead: Integer, first: Integer, lengths: Integers) -> bool:
    """Tell whether the signal stands rather still after the spike that began in a lead at sample `first`."""
    mask = ring.shape[1] - 1
    last, settle = first + lengths[0], lengths[4]
    steepest = 0.0
    for n in range(first, last + 1):
        steepest = max(steepest, abs(ring[0, n & mask, lead] - ring[0, (n - settle) & mask, lead]))
    after = abs(ring[0, (last + settle) & mask, lead] - ring[0, last & mask, lead])
    return bool(after <= SETTLED * steepest)


@compiled
def take_out(
    x: Floats,
    good: Flags,
    ring: Floats,
    ring_good: Flags,
    levels: Floats,
    counts: Integers,
    lengths: Integers,
    rates: Floats,
    given: Floats,
    given_good: Flags,
    found: Integers,
    last: int,
) -> tuple[int, bool]:
    """Take spikes out of `x`; give how many began, and whether anything that belongs to spikes is not zero.

    `given` is room for the signal without them, and for what belongs to them, `found` for where each began; `last` is
    where the one before did.
    """
    n_leads = x.shape[1]
    mask = ring.shape[1] - 1
    ahead, quiet, lag, apart = lengths[0], lengths[1], lengths[2], lengths[5]
    n_found = 0
    any_spikes = False
    for n in range(x.shape[0]):
        now = counts[0]
        slot = now & mask
        for lead in range(n_leads):
            value = x[n, lead]
            ring[0, slot, lead] = value
            ring_good[slot, lead] = good[n, lead]
            part = 0.0
            if levels[lead, TAIL] != 0.0:
                # What is left never stands beyond where the signal does, nor falls slower than it may.
                away = value - levels[lead, BASE]
                part = levels[lead, TAIL] * rates[1]
                part = max(min(part, away), 0.0) if part > 0.0 else min(max(part, away), 0.0)
                if abs(part) < TAIL_END_MV:
                    part = 0.0
                levels[lead, TAIL] = part
                if part != 0.0:
                    counts[2] = now
            ring[1, slot, lead] = part
        first = now - ahead
        waiting = counts[4]
        if waiting >= 0 and first - waiting == lengths[4]:
            if _has_settled(ring, counts[5], waiting, lengths):
                found[n_found] = waiting
                n_found += 1
                last = waiting
            else:
                for lead in range(n_leads):
                    levels[lead, TAIL] = 0.0
                    for k in range(waiting, now + 1):
                        ring[1, k & mask, lead] = 0.0
            counts[4] = -1
        if first - quiet >= counts[1]:
            highest = 0.0
            where = 0
            for lead in range(n_leads):
                began = abs(_clean(ring, lead, first) - _clean(ring, lead, first - 1))
                if began > BEGUN * LOWEST_MV:
                    least = max(LOWEST_MV, ABOVE_USUAL * levels[lead, USUAL], highest)
                    height = _height(ring, ring_good, lead, first, lengths, QUIET, least)
                    if height > least:
                        highest = height
                        where = lead
            for lead in range(n_leads):
                change = abs(_clean(ring, lead, now) - _clean(ring, lead, first - 1))
                if highest > 0.0 and max(change, _range_before(ring, lead, first, quiet)) > OTHERS * highest:
                    highest = 0.0
                levels[lead, USUAL] += (change - levels[lead, USUAL]) * rates[0]
            if highest > 0.0:
                if first - last >= apart and counts[4] < 0:
                    counts[4] = first
                    counts[5] = where
                for lead in range(n_leads):
                    least = OTHER * max(LOWEST_MV, ABOVE_USUAL * levels[lead, USUAL])
                    height = _height(ring, ring_good, lead, first, lengths, OTHER_QUIET, least)
                    if height > least:
                        base = _clean(ring, lead, first - 2)  # the next one may hold a little of the spike
                        for k in range(first, now + 1):
                            ring[1, k & mask, lead] = ring[0, k & mask, lead] - base
                        levels[lead, BASE] = base
                        levels[lead, TAIL] = ring[1, slot, lead]
                        counts[2] = now
        early, late = first & mask, (now - lag) & mask
        for lead in range(n_leads):
            given[0, n, lead] = ring[0, early, lead] - ring[1, early, lead]
            given_good[n, lead] = ring_good[early, lead]
            given[1, n, lead] = ring[1, late, lead] if now - lag <= counts[2] else 0.0
        any_spikes = any_spikes or now - lag <= counts[2]
        counts[0] = now + 1
    return n_found, any_spikes
