"""Parts of a user's own in a pipeline, snapshots, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from demo_pipelines import FS, LEADS, beats, decided, demo, events, feed, make, run, with_faults

from ecg_stream.errors import BundleError, StreamError
from ecg_stream.stream.beats.classifier import PlainClassifier
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.core.messages import Beat, Chunk, DecidedEvent, Event, Signal
from ecg_stream.stream.pipeline import Pipeline, load_models
from ecg_stream.testing.values import packed, unpacked


def test_a_stage_of_ones_own_stands_beside_the_others():
    """It hears the high-passed signal, and what it says comes in the order of decision."""

    class Loudest:
        """Says where the signal was largest, second by second."""

        delay = 0

        def __init__(self, fs: float, leads: tuple[str, ...], start: int) -> None:
            self.fs, self.next, self.top = fs, start, 0.0

        def push(self, signal: Signal, /) -> list[DecidedEvent]:
            events = []
            for value in np.abs(signal.samples[:, 0]).tolist():
                self.top = max(self.top, value)
                self.next += 1
                if self.next % 250 == 0:
                    event = Event(self.next, self.next / self.fs, "note", None, f"{self.top:.3f} mV")
                    events.append((self.next - 1, event))
                    self.top = 0.0
            return events

        def flush(self) -> list[DecidedEvent]:
            return [(self.next - 1, Event(self.next - 1, (self.next - 1) / self.fs, "note", None, "end"))]

        def snapshot(self) -> dict[str, Any]:
            return {"next": self.next, "top": self.top}

        def restore(self, state: dict[str, Any]) -> None:
            self.next, self.top = state["next"], state["top"]

    x = demo()
    pipeline = Pipeline(stages=[Loudest])
    outputs = feed(pipeline, 0, x[:5100])
    again = Pipeline(stages=[Loudest])
    again.restore(unpacked(packed(pipeline.snapshot())))
    outputs += feed(again, 5100, x[5100:]) + again.flush()
    notes = [event for event in events(outputs) if event.kind == "note"]
    assert outputs[-1] == notes.pop() == Event(len(x) - 1, (len(x) - 1) / FS, "note", None, "end")
    outputs.pop()
    assert [event.sample for event in notes] == list(range(250, len(x) + 1, 250))
    assert 0.5 < float(notes[3].detail.split()[0]) < 5.0
    assert [output for output in outputs if output not in notes] == run(x)
    places = [decided(output) if isinstance(output, Beat) else output.sample - 1 for output in outputs]
    assert places[: places.index(len(x) - 1)] == sorted(places[: places.index(len(x) - 1)])


def test_a_classifier_of_ones_own():
    """Any function on features: the label is the most probable class."""

    def wide_is_v(features: np.ndarray) -> np.ndarray:
        wide = features[:, NAMES.index("width1")] > 0.7
        return np.where(wide[:, None], [0.1, 0.0, 0.9, 0.0, 0.0], [0.9, 0.0, 0.1, 0.0, 0.0])

    models = replace(load_models(), classifier=PlainClassifier(wide_is_v))
    found = beats(Pipeline(models).push(Chunk(0, FS, LEADS, demo())))
    assert {beat.label for beat in found if beat.quality >= 0.95} == {"N", "V"}
    assert {beat.label for beat in found if beat.quality < 0.95} <= {"N", "V", "Q"}  # a doubtful V is Q
    with pytest.raises(StreamError, match="no probabilities"):
        Pipeline(replace(models, classifier=PlainClassifier(lambda x: np.ones((len(x), 5))))).push(
            Chunk(0, FS, LEADS, demo())
        )
    with pytest.raises(StreamError, match="gave shape"):
        Pipeline(replace(models, classifier=PlainClassifier(lambda x: np.ones(len(x))))).push(
            Chunk(0, FS, LEADS, demo())
        )


# ---- snapshots and refusals


def test_a_snapshot_in_a_gap_of_leads_and_rates_goes_on():
    x = with_faults()
    pipeline = make()
    feed(pipeline, 0, x[:2700])
    again = make()
    again.push(Chunk(0, 360.0, ("I", "II", "III"), np.zeros((500, 3))))
    again.restore(unpacked(packed(pipeline.snapshot())))
    assert feed(again, 2700, x[2700:]) + again.flush() == feed(pipeline, 2700, x[2700:]) + pipeline.flush()


def test_a_snapshot_of_another_model_is_taken_up_and_that_is_told():
    state = {**make().snapshot(), "model": "0" * 64}
    assert make().restore(state) == ["the state was taken with other models"]


@pytest.mark.parametrize("shape", [(10,), (10, 1), (10, 3)])
def test_samples_that_do_not_fit_the_leads_are_refused(shape):
    with pytest.raises(StreamError, match="samples of shape"):
        feed(make(), 0, np.zeros(shape))
    with pytest.raises(StreamError, match="for the leads"):
        make().push(Chunk(0, FS, (), np.zeros((10, 0))))


@pytest.mark.parametrize("fs", [0.0, -250.0, 49.0, 5001.0, np.nan, np.inf])
def test_a_rate_that_is_no_ecg_is_refused(fs):
    with pytest.raises(StreamError, match="valid are 50 to 5000 Hz"):
        make().push(Chunk(0, fs, LEADS, np.zeros((10, 2))))


def test_an_unknown_model_is_refused():
    with pytest.raises(BundleError, match="no model"):
        Pipeline("nowhere")


def test_outputs_are_plain_numbers():
    for output in run(with_faults()):
        values: list[Any] = [output.sample, output.time]
        if isinstance(output, Beat):
            values += [output.delay_ms, *output.probabilities]
        assert all(type(value) in (int, float) for value in values)


def test_a_snapshot_of_another_operating_point_is_taken_up_and_that_is_told():
    models = load_models()
    other = replace(models, detector=models.detector._replace(threshold=0.7))
    pipeline = Pipeline(models)
    pipeline.push(Chunk(0, FS, LEADS, demo(5.0)))
    assert Pipeline(other).restore(pipeline.snapshot()) == ["the state was taken with other models"]
    assert Pipeline(models).restore(pipeline.snapshot()) == []
