import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.stream.run.summary import BIN_RATIO, DurationHistogram

durations = st.floats(2e-3, 9e4)


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([50, 95, 99, 100]))
def test_a_percentile_is_within_a_bin_of_the_exact_one(values: list[float], percent: int) -> None:
    histogram = DurationHistogram()
    for value in values:
        histogram.add(value)
    exact = float(np.percentile(values, percent, method="inverted_cdf"))
    found = histogram.percentile(percent)
    assert found is not None
    assert exact / BIN_RATIO <= found <= exact * BIN_RATIO
    assert histogram.max == max(values)


def test_delays_on_the_sampling_grid_are_exact() -> None:
    histogram = DurationHistogram()
    for samples in [37] * 60 + [38] * 35 + [50] * 5:
        histogram.add(4.0 * samples)
    assert (histogram.percentile(50), histogram.percentile(95), histogram.percentile(99)) == (148.0, 152.0, 200.0)


@given(st.lists(st.floats(0, 1e9), max_size=50))
def test_durations_beyond_the_bins_are_counted_too(values: list[float]) -> None:
    histogram = DurationHistogram()
    for value in values:
        histogram.add(value)
    assert histogram.count == len(values)
    assert (histogram.percentile(100) is None) == (not values)
