"""The state of the QRS detector between two samples, and the lengths that its parts share.

Lengths are in grid samples of 8 ms.
"""

from __future__ import annotations

import numpy as np

from ..core.compiled import record_type

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
BEFORE_FIRST, BEFORE = 42, 34
"""What stands before a QRS complex is remembered from 336 ms before its middle on, for 272 ms: the P wave."""
LOWEST = 1.0 / 16.0
"""How low the level of a lead sinks in silence: to this share of what it was at the last beat."""
BRIDGE = 5
"""A lead that is lost for 40 ms or less goes on being used: single lost samples cost no beat."""
PAST = 4
"""Candidates remembered: what stands before the one in doubt is what came before all of its peaks."""

WAVE_LIMIT = 8.0
"""Waves and envelopes are given in units of the running level, up to this: an artefact may be a thousand times
larger."""
AGREEMENT_LIMIT = 4.0
"""The matched filter is given in units of a beat like those before, up to this on both sides of zero."""

CANDIDATE = record_type([("peak", np.int64), ("p", np.float64), ("height", np.float64)])
"""A candidate: its peak in the fused envelope (absolute grid index), its probability, and its height there."""

PASSED = record_type([("best", CANDIDATE), ("previous", CANDIDATE)])
"""What a candidate is judged after: the ``best`` one passed over since the last beat (the beat itself, with ``p`` 0, as
long as there is none), and the ``previous`` one, whatever became of it."""

STATE = record_type(
    [
        ("now", np.int64),
        ("last_height", np.float64),
        ("pending", CANDIDATE),
        ("passed", PASSED),
        ("past", CANDIDATE, (PAST,)),
        ("bad_until", np.int64),
    ]
)
"""Where the loop stands, the height of the last beat, and the candidates: the one that is ``pending`` (its ``peak`` is
-1 where there is none), those ``passed``, and the ``past`` ones before the previous one. All leads were unusable at
``bad_until``."""

RHYTHM = record_type(
    [
        ("last", np.int64),
        ("n_beats", np.int64),
        ("mean_rr", np.float64),
        ("last_rr", np.float64),
        ("steady_rr", np.float64),
        ("rr", np.float64, (N_RR,)),
    ]
)
"""The beats so far: peak of the last one, their number, and the intervals between them."""

RINGS = record_type([("fused", np.float64, (RING,)), ("agreement", np.float64, (RING,))])
"""Envelope of all leads together, in units of their levels, and how much of the matched filter's QRS there is."""

ALONE = record_type([("rings", RINGS), ("passed", PASSED)])
"""Room for one lead judged as if it were alone: its own envelope and matched filter, and what the beat comes after."""

LEAD = record_type(
    [
        ("hold_off", np.int64),
        ("seen", np.int64),
        ("lost", np.int64),
        ("noise", np.float64),
        ("rough", np.float64),
        ("signal", np.float64, (RING,)),
        ("envelope", np.float64, (RING,)),
        ("slopes", np.float64, (SLOPES,)),
    ]
)
"""A lead (mV): samples until the filters have settled, good ones seen (up to a limit), length of a loss (up to
``BRIDGE + 1``), noise between the beats, roughness, and its recent past."""

LEARNT = record_type(
    [
        ("level", np.float64),
        ("lowest", np.float64),
        ("beats", np.int64),
        ("template", np.float64, (TEMPLATE,)),
        ("matched", np.float64, (MATCHED,)),
        ("power", np.float64),
        ("usual", np.float64),
        ("before", np.float64, (BEFORE,)),
    ]
)
"""What a lead has learnt of its beats (mV): level and how low it may sink, beats seen (up to 7), template, and the
matched filter, slopes of a QRS, with the sum of their squares. ``usual`` is the height of the envelope at its beats,
which no pause lowers, and ``before`` the slopes that stand before each QRS complex."""

FOUND = record_type([("peak", np.int64), ("row", np.int64), ("p", np.float64), ("gap", np.bool_)])
"""A beat: its peak in the envelope (absolute grid index), the row of the samples pushed at which it became final, its
probability, and whether all leads were unusable at some time since the beat before."""
