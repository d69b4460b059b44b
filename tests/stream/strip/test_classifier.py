"""The rolling classification: the laws, when it speaks, and what it refuses."""

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from record_bundles import write_bundle

from ecg_stream.errors import BundleError, RecordError, StreamError
from ecg_stream.stream.core.messages import Event, Signal
from ecg_stream.stream.strip.classifier import RecordClassifier
from ecg_stream.stream.strip.model import RecordModel, load_record_model
from ecg_stream.testing import LAWS, Subject

FS = 125.0


def small_model() -> RecordModel:
    with tempfile.TemporaryDirectory() as folder:
        return load_record_model(write_bundle(Path(folder) / "lowest"))


def make() -> RecordClassifier:
    return RecordClassifier(small_model(), FS, ("II", "I"))


def feed(stage, start, samples, good):
    return stage.push(Signal(samples, good))


def told(stage: RecordClassifier, samples: np.ndarray, good: np.ndarray | None = None) -> list[Event]:
    """The events alone, without the sample at which each was decided."""
    signal = Signal.all_good(samples) if good is None else Signal(samples, good)
    return [event for _, event in stage.push(signal)]


def stream(seconds: float = 31.3, fs: float = FS) -> tuple[np.ndarray, np.ndarray]:
    n = round(seconds * fs)
    samples = np.random.default_rng(3).normal(0.0, 0.25, (n, 2))
    good = np.ones((n, 2), dtype=np.bool_)
    good[round(23.1 * fs) : round(23.2 * fs), 1] = False
    good[round(5 * fs), 0] = False  # of a lead that the model does not ask for
    return samples, good


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, stream(), feed=feed, decided=lambda row: row[0], examples=10))


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 360.0, 500.0, 1000.0, 256.41])
def test_speaks_every_two_seconds_whatever_the_rate(fs):
    classifier = RecordClassifier(small_model(), fs, ("I",))
    events = told(classifier, np.zeros((round(17 * fs), 1)))
    assert [event.sample for event in events] == [math.ceil(seconds * fs) for seconds in (10, 12, 14, 16)]
    assert [event.time for event in events] == [event.sample / fs for event in events]
    assert {event.kind for event in events} == {"record"}


def test_a_stream_that_is_joined_late_speaks_at_the_same_times():
    classifier = RecordClassifier(small_model(), FS, ("I",), start=round(7.3 * FS))
    assert [event.time for event in told(classifier, np.zeros((round(15 * FS), 1)))] == [18.0, 20.0, 22.0]


def test_the_label_follows_the_last_ten_seconds():
    samples = np.zeros((round(24 * FS), 1))
    samples[round(11 * FS)] = -2.0
    events = told(RecordClassifier(small_model(), FS, ("I",)), samples)
    labels = [event.detail.split(",")[0] for event in events]
    assert [event.time for event in events] == [10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0]
    assert labels == ["NORM", "IMI", "IMI", "IMI", "IMI", "IMI", "NORM", "NORM"]
    assert events[0].detail == "NORM, probability of IMI 0.002"


@pytest.mark.parametrize("how", ["flagged", "nan"])
def test_a_window_without_measurement_is_not_classified_and_says_so(how):
    samples = np.zeros((round(22 * FS), 2))
    good = np.ones(samples.shape, dtype=np.bool_)
    hurt = slice(round(10.5 * FS), round(11 * FS))
    if how == "nan":
        samples[hurt, 0] = np.nan
    else:
        good[hurt, 0] = False
    events = told(RecordClassifier(small_model(), FS, ("I", "II")), samples, good)
    silent = [event for event in events if event.detail.startswith("not classified")]
    assert [event.time for event in silent] == [12.0, 14.0, 16.0, 18.0, 20.0]
    assert {event.lead for event in silent} == {"I"}
    assert silent[0].detail == "not classified: no measurement for 0.5 of the last 10 s"


def test_a_stream_without_the_leads_is_refused():
    with pytest.raises(RecordError, match=r"the stream has the leads V4, MLIII: the model was trained on I "):
        RecordClassifier(small_model(), FS, ("V4", "MLIII"))


def test_a_rate_too_low_is_refused():
    with pytest.raises(RecordError, match=r"the stream has 60 Hz: record models need at least 100 Hz"):
        RecordClassifier(small_model(), 60.0, ("I",))


def test_samples_of_another_shape_are_a_bug_of_the_caller():
    with pytest.raises(StreamError, match=r"\(50, 3\)"):
        make().push(Signal.all_good(np.zeros((50, 3))))
    with pytest.raises(StreamError, match="flags"):
        make().push(Signal(np.zeros((50, 2)), np.ones((50, 1), dtype=np.bool_)))


@pytest.mark.parametrize(("field", "value"), [("classes", ["NORM"]), ("leads", []), ("leads", ["I", "II"])])
def test_a_card_that_does_not_fit_its_network_is_refused(tmp_path, field, value):
    folder = write_bundle(tmp_path / "model")
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {field: value}))
    with pytest.raises(BundleError, match="two classes and as many leads"):
        load_record_model(folder)


def test_lead_names_in_any_case(tmp_path):
    model = load_record_model(write_bundle(tmp_path / "two", leads=("aVR", "I")))
    samples = np.zeros((1250, 3))
    samples[700, 2] = -3.0
    (event,) = told(RecordClassifier(model, FS, ("I", "II", "AVR")), samples)
    assert event.detail.startswith("IMI")
