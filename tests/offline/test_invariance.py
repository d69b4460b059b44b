"""What must not matter to QRS detection: gain, offset, polarity, order and number of leads, the sampling rate."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
from scipy.signal import resample_poly

from ecg_stream.offline.ec57 import compare
from ecg_stream.replay.annotations import Annotations, marks
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record
from ecg_stream.stream.core.messages import Beat, Chunk
from ecg_stream.stream.pipeline import Pipeline

RECORDS = ("demo", "edb/e0103", "edb/e0110", "mitdb/119", "svdb/800")
SECONDS = 900.0
LEARNING_S = 10.0
LEAST = 0.2
"""Percentage points of sensitivity or predictivity that nothing here may cost."""

Change = Callable[[np.ndarray], np.ndarray]
CHANGES: dict[str, Change] = {
    "gain x0.2": lambda x: 0.2 * x,
    "gain x5": lambda x: 5.0 * x,
    "gain x5 on one lead": lambda x: x * ([5.0] + [1.0] * (x.shape[1] - 1)),
    "offset": lambda x: x + 300.0 * (-1.0) ** np.arange(x.shape[1]),
    "first lead upside down": lambda x: x * ([-1.0] + [1.0] * (x.shape[1] - 1)),
    "all leads upside down": lambda x: -x,
    "other order": lambda x: x[:, ::-1],
    "first lead alone": lambda x: x[:, :1],
    "a lead twice": lambda x: np.concatenate([x, x[:, :1]], axis=1),
}
RATES = (128.0, 250.0, 360.0, 500.0, 1000.0)


@pytest.fixture(scope="module")
def record(request: pytest.FixtureRequest) -> Record:
    if request.param == "demo":
        return demo_record()
    found: Record = request.getfixturevalue("real_record")(request.param)
    return found


@lru_cache(maxsize=2)
def signal_of(record: Record) -> np.ndarray:
    return record.signal(0, min(record.n_samples, round(SECONDS * record.fs)))


def qrs(x: np.ndarray, fs: float, reference: Annotations, reference_fs: float) -> np.ndarray:
    """Sensitivity and predictivity, percent."""
    pipeline = Pipeline()
    leads = tuple(f"L{k}" for k in range(x.shape[1]))
    outputs = pipeline.push(Chunk(0, fs, leads, x)) + pipeline.flush()
    beats = [output for output in outputs if isinstance(output, Beat)]
    samples = np.rint(np.array([beat.time for beat in beats]) * reference_fs).astype(np.int64)
    found = marks(samples, tuple(beat.label for beat in beats))
    end_s = len(x) / fs - 0.5
    counts = compare(reference, found, reference_fs, start_s=LEARNING_S, end_s=end_s).counts
    true, missed, false = counts[:5, :5].sum(), counts[:5, 5].sum(), counts[5, :5].sum()
    return 100.0 * true / np.array([true + missed, true + false])


@lru_cache(maxsize=2)
def undisturbed(record: Record) -> np.ndarray:
    reference = record.annotations()
    assert reference is not None
    return qrs(signal_of(record), record.fs, reference, record.fs)


@pytest.mark.parametrize("record", RECORDS, indirect=True)
@pytest.mark.parametrize("change", CHANGES)
def test_detection_does_not_depend_on(record, change):
    reference = record.annotations()
    assert reference is not None
    got = qrs(CHANGES[change](signal_of(record)), record.fs, reference, record.fs)
    np.testing.assert_allclose(got, undisturbed(record), rtol=0, atol=LEAST)


@pytest.mark.parametrize("record", RECORDS, indirect=True)
@pytest.mark.parametrize("fs", RATES)
def test_detection_does_not_depend_on_the_sampling_rate(record, fs):
    reference = record.annotations()
    assert reference is not None
    ratio = Fraction(fs) / Fraction(record.fs)
    x = resample_poly(signal_of(record), ratio.numerator, ratio.denominator, axis=0, padtype="line")
    np.testing.assert_allclose(qrs(x, fs, reference, record.fs), undisturbed(record), rtol=0, atol=LEAST)
