"""What is known of a beat when it is classified: one vector, its columns named once for training and serving.

Groups of columns, in this order:

``window``    the plain beat window: lead 1, 200 ms around the middle of the QRS, 50 samples, zero mean, unit deviation
``wave1``     the same window of lead 1 in units of the dominant beat's height, so that size tells
``wave2``     the same of lead 2 (zeros where there is one lead)
``before1``   lead 1 from 260 to 108 ms before the middle, where a P wave stands, in the same units
``before2``   the same of lead 2
``rr``        RR intervals against the patient's own recent ones
``template``  likeness to the patient's own kinds of beats, width, height, and how those kinds behaved

A beat's features are one record, which the compiled loop writes by name; to the network the same memory is a row of
float32. Names of columns, of which a bundle's card lists those that it takes, come from the record's type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ..core.compiled import Field, Records, record_type

PREPROCESSING = "beat-features/4"
"""Identifier that cards of beat bundles carry; it changes whenever a column changes its meaning."""

WINDOW = 50
BEFORE = 20


def _numbers(*names: str) -> list[Field]:
    return [(name, np.float32) for name in names]


RR_COLUMNS = record_type(_numbers(
    "rr_s", "rr_to_mean10", "rr_to_median8", "rr_to_median16", "rr_to_median63", "rr_spread20", "rr_to_previous",
    "previous_to_median8", "before_previous_to_median8", "pair_to_median8", "shortest8_to_median8", "rr_change8",
    "rr_seen", "rr_valid", "rr_score", "rr_rank32", "rr_to_short32", "previous_score", "irregular16",
    "rr_to_before_previous", "rr_to_longest8", "rr_to_long32", "rr_to_base", "run_length", "alternation8",
    "alternation_depth8", "irregular48",
))  # fmt: skip
"""RR intervals against the patient's own recent ones, see `intervals`."""

TEMPLATE_COLUMNS = record_type(_numbers(
    "dominant_corr", "dominant_residual", "dominant_corr1", "dominant_corr2", "height1", "height2", "area1", "area2",
    "slope1", "slope2", "width1", "width2", "width1_to_dominant", "width2_to_dominant", "best_corr",
    "best_is_dominant", "best_share", "best_count", "best_rr", "best_following_rr", "best_premature", "best_age",
    "dominant_share", "n_kinds", "before_corr1", "before_corr2", "before_residual1", "before_residual2",
    "before_energy1", "before_energy2", "roughness1", "roughness2", "previous_is_dominant", "previous_corr",
    "previous_same", "previous_premature", "best_shift", "polarity1", "polarity2", "leads_used", "lead2_share",
    "other_corr", "previous_wave_corr", "certainty", "certainty8", "usual_before_corr1", "usual_before_corr2",
    "usual_before_size1", "usual_before_size2", "narrow_corr", "width_to_narrow", "narrow_share", "narrow_age", "span1",
    "span2",
))  # fmt: skip
"""Likeness to the kinds of beats known, see `likeness`."""

FEATURES = record_type(
    [
        ("window", np.float32, (WINDOW,)),
        ("wave1", np.float32, (WINDOW,)),
        ("wave2", np.float32, (WINDOW,)),
        ("before1", np.float32, (BEFORE,)),
        ("before2", np.float32, (BEFORE,)),
        ("rr", RR_COLUMNS),
        ("template", TEMPLATE_COLUMNS),
    ]
)
"""What is known of one beat. A field is a group of columns; all columns are float32."""


def _columns_of(group: str) -> tuple[str, ...]:
    kind: np.dtype[Any] = FEATURES[group]
    return kind.names or tuple(f"{group}.{number:02d}" for number in range(kind.shape[0]))


GROUPS: dict[str, tuple[str, ...]] = {group: _columns_of(group) for group in FEATURES.names or ()}
NAMES: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)
_ROW = np.dtype((np.float32, (len(NAMES),)))


def as_rows(features: Records) -> NDArray[np.float32]:
    """See ``(n,)`` records of `FEATURES` as ``(n, len(NAMES))`` float32: the same memory, a column for each name."""
    return features.view(_ROW)


def columns(names: Sequence[str]) -> NDArray[np.int64]:
    """Find the indices of the named columns; a group's name stands for all of its columns.

    Raises
    ------
    BundleError
        If a name is not known.
    """
    place = {name: index for index, name in enumerate(NAMES)}
    indices: list[int] = []
    for name in names:
        wanted = GROUPS.get(name, (name,))
        unknown = [column for column in wanted if column not in place]
        if unknown:
            raise BundleError(
                f"unknown feature '{unknown[0]}': valid are the groups {', '.join(GROUPS)} and their columns"
            )
        indices += [place[column] for column in wanted]
    return np.array(indices, dtype=np.int64)
