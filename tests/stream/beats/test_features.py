"""The columns of a beat's features: their names and order, by which bundles trained before read them."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.errors import BundleError
from ecg_stream.stream.beats.features import FEATURES, GROUPS, NAMES, PREPROCESSING, as_rows, columns

RR = (
    "rr_s", "rr_to_mean10", "rr_to_median8", "rr_to_median16", "rr_to_median63", "rr_spread20",
    "rr_to_previous", "previous_to_median8", "before_previous_to_median8", "pair_to_median8", "shortest8_to_median8",
    "rr_change8", "rr_seen", "rr_valid", "rr_score", "rr_rank32", "rr_to_short32", "previous_score", "irregular16",
    "rr_to_before_previous", "rr_to_longest8", "rr_to_long32", "rr_to_base", "run_length", "alternation8",
    "alternation_depth8", "irregular48",
)  # fmt: skip
TEMPLATE = (
    "dominant_corr", "dominant_residual", "dominant_corr1", "dominant_corr2", "height1", "height2", "area1", "area2",
    "slope1", "slope2", "width1", "width2", "width1_to_dominant", "width2_to_dominant", "best_corr", "best_is_dominant",
    "best_share", "best_count", "best_rr", "best_following_rr", "best_premature", "best_age", "dominant_share",
    "n_kinds", "before_corr1", "before_corr2", "before_residual1", "before_residual2", "before_energy1",
    "before_energy2", "roughness1", "roughness2", "previous_is_dominant", "previous_corr", "previous_same",
    "previous_premature", "best_shift", "polarity1", "polarity2", "leads_used", "lead2_share",
    "other_corr", "previous_wave_corr", "certainty", "certainty8", "usual_before_corr1", "usual_before_corr2",
    "usual_before_size1", "usual_before_size2", "narrow_corr", "width_to_narrow", "narrow_share", "narrow_age", "span1",
    "span2",
)  # fmt: skip
WAVES = {"window": 50, "wave1": 50, "wave2": 50, "before1": 20, "before2": 20}


def test_names_and_order_are_those_that_bundles_were_trained_with():
    waves = [f"{group}.{number:02d}" for group, n in WAVES.items() for number in range(n)]
    assert (*waves, *RR, *TEMPLATE) == NAMES
    assert list(GROUPS) == [*WAVES, "rr", "template"]
    assert PREPROCESSING == "beat-features/4", "bundles trained with other columns are to be refused"


def test_every_column_has_one_name():
    assert len(set(NAMES)) == len(NAMES) == sum(len(names) for names in GROUPS.values())
    np.testing.assert_array_equal(columns(list(GROUPS)), np.arange(len(NAMES)))


def test_a_record_and_a_row_are_the_same_memory():
    features = np.zeros(3, dtype=FEATURES)
    rows = as_rows(features)
    features[1].rr.rr_to_median8 = 0.5
    features[2].wave2[7] = 3.0
    assert rows.dtype == np.float32
    assert rows[1, NAMES.index("rr_to_median8")] == 0.5
    assert rows[2, NAMES.index("wave2.07")] == 3.0
    rows[0, NAMES.index("span2")] = 4.0
    assert features[0].template.span2 == 4.0


def test_an_unknown_column_is_refused():
    with pytest.raises(BundleError, match="unknown feature 'rr_to_median9': valid are the groups window, "):
        columns(["rr", "rr_to_median9"])
