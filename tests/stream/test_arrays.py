"""A pipeline that is given arrays, and a classifier and stages of a user's own."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from ecg_stream.errors import RequestError, StreamError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.core.messages import CLASSES, Beat, Chunk, Event, Output, Probabilities, Signal
from ecg_stream.stream.networks import load_models
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.testing import LAWS, Subject

FS = 250.0
LEADS = ("MLII", "V5")


def demo(seconds: float = 30.0) -> np.ndarray:
    return demo_record().signal(0, round(seconds * FS)).copy()


def chunked(x: np.ndarray, **options: Any) -> list[Output]:
    pipeline = Pipeline(**options)
    return pipeline.push(Chunk(0, FS, LEADS, x)) + pipeline.flush()


def pushed(pipeline: Pipeline, x: Any, n: int = 401) -> list[Output]:
    return [output for k in range(0, len(x), n) for output in pipeline.push(x[k : k + n])] + pipeline.flush()


# ---- arrays


@pytest.mark.parametrize("leads", [["MLII", "V5"], ("MLII", "V5"), np.array(["MLII", "V5"])], ids=repr)
def test_arrays_follow_one_another(leads):
    assert pushed(Pipeline(fs=250, leads=leads), demo()) == chunked(demo())


def test_lists_will_do():
    assert pushed(Pipeline(fs=250, leads=LEADS), demo(10).tolist()) == chunked(demo(10))


def test_integers_have_a_unit():
    x = demo()
    microvolts = np.round(x * 1000).astype(np.int16)
    assert pushed(Pipeline(fs=250, unit="uV"), microvolts) == chunked(microvolts * 1e-3)


def test_unnamed_leads_have_numbers():
    x = demo()
    x[2000:3000] = np.nan
    events = [output for output in pushed(Pipeline(fs=250), x) if isinstance(output, Event)]
    assert {event.lead for event in events} == {"ECG1", "ECG2"}
    one = pushed(Pipeline(fs=250), x[:, 0])
    assert {event.lead for event in one if isinstance(event, Event)} == {"ECG1"}


def test_arrays_go_on_after_a_restore():
    x = demo()
    whole = pushed(Pipeline(fs=250, leads=list(LEADS)), x)
    first = Pipeline(fs=250, leads=list(LEADS))
    outputs = first.push(x[:3000])
    second = Pipeline(fs=250, leads=list(LEADS))
    second.restore(first.snapshot())
    assert outputs + pushed(second, x[3000:]) == whole


def test_a_list_of_leads_in_a_chunk_goes_on_after_a_restore():
    x = demo()
    first = Pipeline()
    outputs = first.push(Chunk(0, FS, list(LEADS), x[:3000]))
    second = Pipeline()
    second.restore(first.snapshot())
    assert outputs + second.push(Chunk(3000, FS, list(LEADS), x[3000:])) + second.flush() == chunked(x)


def test_arrays_and_chunks_may_take_turns():
    x = demo()
    pipeline = Pipeline(fs=250, leads=LEADS)
    outputs = pipeline.push(x[:1000]) + pipeline.push(Chunk(1000, FS, LEADS, x[1000:2000])) + pipeline.push(x[2000:])
    assert outputs + pipeline.flush() == chunked(x)
    pipeline.push(Chunk(5000, FS, LEADS, x[:250]))
    assert pipeline.push(x[250:260]) == []  # no gap: they follow


def test_after_the_flush_arrays_count_from_nothing():
    x = demo(10)
    pipeline = Pipeline(fs=250, leads=LEADS)
    assert pushed(pipeline, x)[0] == pushed(pipeline, x)[0]


@pytest.mark.parametrize("state", [{}, None, [], "state", {"schema": 2}, {"schema": 99}], ids=repr)
def test_what_is_no_state_is_told_and_changes_nothing(state):
    x = demo(20)
    pipeline = Pipeline(fs=250, leads=LEADS)
    outputs = pipeline.push(x[:2500])
    with pytest.raises(StreamError, match="state"):
        pipeline.restore(state)
    assert outputs + pipeline.push(x[2500:]) + pipeline.flush() == chunked(x)


def test_half_a_state_changes_nothing():
    x = demo(20)
    pipeline = Pipeline(fs=250, leads=LEADS)
    outputs = pipeline.push(x[:2500])
    for part in ("model", "memory", "stretch"):
        state = pipeline.snapshot()
        del state[part]
        with pytest.raises(StreamError, match=f"KeyError\\('{part}'\\)"):
            pipeline.restore(state)
    assert outputs + pipeline.push(x[2500:]) + pipeline.flush() == chunked(x)


@pytest.mark.parametrize(
    ("options", "samples", "message"),
    [
        ({}, [[0.1, 0.2]], "without a sampling rate: give it to the pipeline, fs=250, or push a Chunk"),
        ({"fs": 250, "leads": ["II"]}, [[0.1, 0.2]], r"shape \(1, 2\): valid is \(n_samples, 1\)"),
        ({"fs": 250, "leads": ["II", "V5"]}, np.zeros((2, 100)), r"turn them with \.T"),
        ({"fs": 250}, "II", "type <U2"),
        ({"fs": 250}, None, r"shape \(\)"),
    ],
)
def test_what_is_no_array_of_samples_is_told(options, samples, message):
    pipeline = Pipeline(**options)
    with pytest.raises(StreamError, match=message):
        pipeline.push(samples)
    assert pipeline.flush() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fs": 10}, "10 Hz: valid are 50 to 5000 Hz"),
        ({"fs": "quick"}, "'quick' as the sampling rate"),
        ({"leads": []}, r"\[\] as the leads"),
        ({"unit": "mmHg"}, "unit 'mmHg'"),
    ],
)
def test_a_wrong_description_is_told_at_once(options, message):
    with pytest.raises(StreamError, match=message):
        Pipeline(**{"fs": 250} | options)


# ---- probabilities


def test_probabilities_have_names_and_places():
    beat = next(output for output in chunked(demo()) if isinstance(output, Beat))
    assert isinstance(beat.probabilities, Probabilities)
    assert beat.probabilities._fields == CLASSES
    assert [getattr(beat.probabilities, name) for name in CLASSES] == list(beat.probabilities)
    assert beat.probabilities == tuple(beat.probabilities)
    assert pickle.loads(pickle.dumps(beat)) == beat


# ---- a classifier of one's own


def by_prematurity(features: np.ndarray) -> np.ndarray:
    early = features[:, NAMES.index("rr_to_median8")] < 0.8
    return np.where(early[:, None], [0, 1, 0, 0, 0], [1, 0, 0, 0, 0])


def test_a_function_on_features_is_a_classifier():
    beats = [output for output in chunked(demo(120), model=by_prematurity) if isinstance(output, Beat)]
    shipped = [output for output in chunked(demo(120)) if isinstance(output, Beat)]
    assert [beat.sample for beat in beats] == [beat.sample for beat in shipped]
    assert {beat.label for beat in beats} == {"N", "S"}
    assert all(beat.probabilities == ((0, 1, 0, 0, 0) if beat.label == "S" else (1, 0, 0, 0, 0)) for beat in beats)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda features: np.ones(len(features)), r"gave shape \(\d+,\): valid is \(\d+, 5\)"),
        (lambda features: np.ones((len(features), 5)), "no probabilities"),
    ],
)
def test_a_function_that_gives_no_probabilities_is_told(model, message):
    with pytest.raises(StreamError, match=message):
        chunked(demo(10), model=model)


def test_what_is_no_model_is_told():
    with pytest.raises(RequestError, match="got int as the model: valid are the name or folder of a bundle, and"):
        Pipeline(3)
    with pytest.raises(RequestError, match="models that are loaded, and a detector or record model beside them"):
        Pipeline(load_models(), record_model="ptbxl-lead-i")


# ---- a stage of one's own


class LongPauses:
    """Notes each second without a sample above half a millivolt on the first lead."""

    delay = 0

    def __init__(self, fs: float, leads: tuple[str, ...], start: int) -> None:
        self._fs, self._next, self._quiet = fs, start, 0

    def push(self, x: Signal, /) -> list[tuple[int, Event]]:
        events = []
        for value in x.samples[:, 0].tolist():
            self._quiet = 0 if value > 0.5 else self._quiet + 1
            if self._quiet == round(self._fs):
                events.append((self._next, Event(self._next, self._next / self._fs, "note", None, "quiet")))
            self._next += 1
        return events

    def flush(self) -> list[tuple[int, Event]]:
        return []

    def snapshot(self) -> dict[str, Any]:
        return {"next": self._next, "quiet": self._quiet}

    def restore(self, state: dict[str, Any]) -> None:
        self._next, self._quiet = state["next"], state["quiet"]


def with_pauses() -> np.ndarray:
    x = demo(40)
    x[2500:4000] *= 0.1
    x[6000:7000] *= 0.1
    return x


def make() -> Pipeline:
    return Pipeline(stages=[LongPauses])


def feed(pipeline: Pipeline, start: int, samples: np.ndarray) -> list[Output]:
    return pipeline.push(Chunk(start, FS, LEADS, samples))


def test_a_stage_of_ones_own_speaks_among_the_beats():
    outputs = chunked(with_pauses(), stages=[LongPauses])
    notes = [output for output in outputs if isinstance(output, Event) and output.kind == "note"]
    assert any(2500 < note.sample < 4000 for note in notes)
    assert any(6000 < note.sample < 7000 for note in notes)
    assert [output for output in outputs if output not in notes] == chunked(with_pauses())
    before = outputs[outputs.index(notes[0]) - 1]
    assert before.sample < notes[0].sample


@pytest.mark.parametrize("law", LAWS)
def test_a_pipeline_with_a_stage_of_ones_own_keeps_the_laws(law):
    law(Subject(make, (with_pauses(),), feed, examples=5))
