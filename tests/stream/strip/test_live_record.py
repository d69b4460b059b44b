"""The class of the last ten seconds, beside the beats of the same stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.models.bundle import SHIPPED
from ecg_stream.replay.catalog import find_record
from ecg_stream.stream.core.messages import Chunk, Event
from ecg_stream.stream.pipeline import Pipeline, load_models

MODEL = "ptbxl-lead-i"
LEADS = ("I", "V5")

pytestmark = pytest.mark.skipif(not (SHIPPED / MODEL).is_dir(), reason=f"the bundle {MODEL} is not shipped")


@pytest.fixture(scope="module")
def signal():
    return find_record("demo").signal(0, 40 * 250)


def _pipeline() -> Pipeline:
    return Pipeline(load_models(record_model=MODEL))


def _run(pipeline, signal, cuts=(), start=0):
    outputs = []
    for first, last in zip((0, *cuts), (*cuts, len(signal)), strict=True):
        outputs += pipeline.push(Chunk(start + first, 250.0, LEADS, signal[first:last]))
    return outputs


def _records(outputs):
    return [output for output in outputs if isinstance(output, Event) and output.kind == "record"]


def test_every_two_seconds_from_the_tenth_on(signal):
    told = _records(_run(_pipeline(), signal))
    assert [event.sample for event in told] == [250 * second for second in range(10, 41, 2)]
    assert all("probability of IMI" in event.detail for event in told)


def test_the_beats_are_the_same_with_and_without(signal):
    alone = _run(Pipeline(), signal)
    assert [output for output in _run(_pipeline(), signal) if output not in _records([output])] == alone


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 9_999), max_size=12, unique=True).map(sorted))
def test_the_cutting_does_not_show(signal, cuts):
    assert _run(_pipeline(), signal, cuts) == _run(_pipeline(), signal)


def test_a_snapshot_goes_on_where_it_stood(signal):
    whole, first = _pipeline(), _pipeline()
    expected = _run(whole, signal)
    outputs = _run(first, signal[:4321])
    second = _pipeline()
    second.restore(first.snapshot())
    outputs += _run(second, signal[4321:], start=4321)
    assert outputs == expected


def test_a_gap_is_not_classified_across(signal):
    pipeline = _pipeline()
    outputs = _run(pipeline, signal[:5000])
    outputs += pipeline.push(Chunk(5000 + 250 * 60, 250.0, LEADS, signal[5000:]))
    after = [event for event in _records(outputs) if event.sample > 5000]
    classified = [event.sample for event in after if "probability" in event.detail]
    assert classified
    assert min(classified) >= 5000 + 250 * 70
    assert all(np.isfinite(event.time) for event in after)


def test_a_stream_without_the_lead_has_beats_and_no_class(signal):
    outputs = _pipeline().push(Chunk(0, 250.0, ("V4", "MLIII"), signal))
    assert outputs
    assert not _records(outputs)
