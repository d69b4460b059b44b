"""What one classification of the last ten seconds costs; a live stream asks for one every two seconds."""

import numpy as np
import pytest

from ecg_stream.offline.ptbxl import LEADS
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.strip.classifier import RecordClassifier
from ecg_stream.stream.strip.model import load_record_model


@pytest.mark.parametrize("fs", [100.0, 250.0, 360.0, 500.0])
@pytest.mark.parametrize("model", ["ptbxl-lead-i", "ptbxl-12-leads"])
def test_one_classification(benchmark, model, fs):
    classifier = RecordClassifier(load_record_model(model), fs, LEADS)
    samples = np.random.default_rng(0).normal(0.0, 0.3, (round(10 * fs), 12))
    classifier.push(Signal.all_good(samples))
    two_seconds = Signal.all_good(samples[: round(2 * fs)])
    ((_, event),) = benchmark(classifier.push, two_seconds)
    assert event.kind == "record"
