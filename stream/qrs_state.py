"""The state of the QRS detector between two samples, and the lengths that its parts share.

All lengths are in grid samples of 8 ms.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Scalars: TypeAlias = Any
"""One record of `STATE`."""

RING = 512
"""Length of the history rings, 4.1 s; a power of two."""
MASK = RING - 1

SLOPE_SPAN = 3
"""The slope is the difference over 24 ms: strongest at 21 Hz, none at 42 Hz."""
CENTRE_LAG = 7
"""From the middle of a QRS to its peak in the envelope: half the average, half the span, the low-pass."""
CONFIRM = 6
"""A local maximum is one when 48 ms have passed without a higher value."""
REFRACTORY = 25
"""200 ms between beats."""
TEMPLATE = 25
"""Samples of the running template, 200 ms."""
N_RR = 8
"""Intervals in the running mean RR."""
SLOPES = 32
"""Length of the ring of slopes; a power of two."""
MATCHED = 17
"""Samples of the matched filter, 136 ms of slope: short enough to be complete when a candidate is judged."""
LOWEST = 1.0 / 16.0
"""How low the level of a lead sinks in silence: to this share of what it was at the last beat."""
BRIDGE = 5
"""A lead that is lost for 40 ms or less goes on being used: single lost samples cost no beat."""
PAST = 4
"""Candidates remembered: what stands before the one in doubt is what came before all of its peaks."""

# Counts of a lead: until the filters have settled, good samples seen (up to LEARN), beats seen (up to 7), and the
# length of a loss (up to BRIDGE + 1).
HOLD_OFF, SEEN, BEATS, LOST, N_COUNTS = 0, 1, 2, 3, 4

STATE = np.dtype(
    [
        ("now", np.int64),
        ("last", np.int64),
        ("last_e", np.float64),
        ("pending", np.int64),
        ("pending_p", np.float64),
        ("best", np.int64),
        ("best_p", np.float64),
        ("previous", np.int64),
        ("previous_p", np.float64),
        ("previous_e", np.float64),
        ("past", np.float64, (PAST, 3)),
        ("n_beats", np.int64),
        ("mean_rr", np.float64),
        ("last_rr", np.float64),
        ("steady_rr", np.float64),
        ("bad_until", np.int64),
        ("kept_last", np.int64),
        ("kept_n_beats", np.int64),
        ("kept_mean_rr", np.float64),
        ("kept_last_rr", np.float64),
        ("kept_steady_rr", np.float64),
        ("kept_rr", np.float64, (N_RR,)),
    ]
)
"""Scalars of the detector; `kept_...` are from before the last beat, as `KEPT` is for the leads."""

KEPT = TEMPLATE + MATCHED + 4
"""Of each lead: template, matched filter with the sum of its squares, level, lowest level, beats seen."""
