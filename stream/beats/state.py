"""The records of the beat windows: what is remembered of a patient, what waits, the beat in hand, what comes out."""

from __future__ import annotations

import numpy as np

from ..core.compiled import record_type
from .features import BEFORE, FEATURES, WINDOW

N_TEMPLATES = 12
"""Kinds of beats remembered for a patient."""
N_RR = 64
"""RR intervals remembered."""

TEMPLATES = record_type(
    [
        ("wave", np.float64, (2, WINDOW)),
        ("weight", np.float64),
        ("count", np.float64),
        ("rr", np.float64),
        ("following", np.float64),
        ("premature", np.float64),
        ("width", np.float64, (2,)),
        ("seen", np.int64),
    ]
)
"""One kind of beat: mean wave of the two leads (mV), its share, and how its members came in time."""

PATIENT = record_type(
    [
        ("n_beats", np.int64),
        ("known", np.int64),
        ("source", np.int64, (2,)),
        ("polarity", np.float64, (2,)),
        ("turn", np.int64),
        ("turn_since", np.int64),
        ("turn_beats", np.int64),
        ("rr", np.float64, (N_RR,)),
        ("n_rr", np.int64),
        ("last_centre", np.int64),
        ("last_mark", np.int64),
        ("slow_rr", np.float64),
        ("base_rr", np.float64),
        ("run", np.int64),
        ("rested", np.int64),
        ("previous_kind", np.int64),
        ("previous_is_dominant", np.float64),
        ("previous_corr", np.float64),
        ("previous_ratio", np.float64),
        ("previous_wave", np.float64, (2, WINDOW)),
        ("certainty", np.float64),
        ("height", np.float64, (2,)),
        ("before", np.float64, (2, BEFORE)),
        ("before_n", np.float64),
        ("before_corr", np.float64, (2,)),
    ]
)
"""What is remembered of the patient beside the kinds of beats: the rhythm, the beat before, the usual P wave. ``known``
is 1 once the dominant kind stands. ``source`` and ``polarity`` say which lead each slot reads, and whether upright (1)
or upside down (-1); ``turn_beats`` have come since the sample ``turn_since`` that are usual after a ``turn`` of the
leads, see `turns`. ``rr`` is a ring of intervals (s), to which ``n_rr`` have come so far."""

DETECTION = record_type([("guess", np.int64), ("ready", np.int64), ("gap", np.bool_), ("certainty", np.float64)])
"""A beat whose window is not complete: middle of its QRS complex as the detector found it, input sample at which it was
decided, whether the signal was unusable before it, and how probable it is."""

JOINED = record_type([("kind", np.int64), ("merged", np.int64), ("is_new", np.bool_)])
"""Which of the kinds of beats that are remembered a beat joined, which one was merged into that one (-1: none), and
whether the beat began the kind anew."""

DESCRIBED = record_type(
    [
        ("mark", np.int64),
        ("decided", np.int64),
        ("interval", np.float64),
        ("learning", np.bool_),
        ("turn", np.int64),
        ("turn_since", np.int64),
        ("joined", JOINED),
        ("features", FEATURES),
    ]
)
"""A beat that is complete, see `windows.DescribedBeats`."""

BEAT = record_type(
    [
        ("wave", np.float64, (2, WINDOW)),
        ("before", np.float64, (2, BEFORE)),
        ("height", np.float64, (2,)),
        ("slope", np.float64, (2,)),
        ("area", np.float64, (2,)),
        ("width", np.float64, (2,)),
        ("rough", np.float64, (2,)),
        ("sign", np.float64, (2,)),
        ("scale", np.float64, (2,)),
        ("share", np.float64, (2,)),
        ("first", np.int64),
        ("last", np.int64),
        ("dominant", np.int64),
        ("total", np.float64),
        ("dominant_corr", np.float64),
        ("dominant_residual", np.float64),
        ("dominant_shift", np.int64),
        ("best", np.int64),
        ("best_corr", np.float64),
        ("best_shift", np.int64),
        ("other_corr", np.float64),
        ("span", np.float64, (2,)),
        ("narrow", np.int64),
        ("narrow_corr", np.float64),
    ]
)
"""The beat in hand: its two leads (mV), from lead ``first`` to before lead ``last`` in use, what was measured of them,
the scale that the dominant kind gives and the share of each lead in correlations; how like the beat is to the
``dominant`` kind, to the ``best``, to the most alike of those that are not dominant, and to the ``narrow`` one; the
weight of all kinds."""
