"""The pipeline as its callers see it: the laws, and what comes out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from demo_pipelines import FS, beats, decided, demo, feed, feed_indexed, make, run, with_faults
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import CLASSES, Beat, Event, Output
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.testing import LAWS, Subject

PER_CHUNK = settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))

# ---- the laws


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, (demo(),), feed, decided=decided, examples=10))


@pytest.mark.parametrize("law", LAWS)
def test_laws_hold_through_faults(law):
    law(Subject(make, (with_faults(),), feed, examples=10))


@pytest.mark.parametrize("law", [law for law in LAWS if law.__name__ != "delay_is_as_stated"])
def test_laws_hold_through_gaps(law):
    x = demo()
    index = np.arange(len(x))
    index[2000:] += 1  # one sample lost
    index[4000:] += 700
    index[6000:] += 30 * 250
    index[6003:] += 100
    law(Subject(make, (x, index), feed_indexed, examples=10))


@PER_CHUNK
@given(st.lists(st.integers(0, 10_000), max_size=60).map(sorted))
def test_json_lines_are_the_same_however_the_stream_is_cut(cuts):
    x, pipeline = with_faults(), make()
    edges = [0, *cuts, len(x)]
    parts = [feed(pipeline, a, x[a:b]) for a, b in pairwise(edges)]
    outputs = [output for part in [*parts, pipeline.flush()] for output in part]
    whole = run(x)
    assert b"".join(encode_line("r", output) for output in outputs) == b"".join(
        encode_line("r", output) for output in whole
    )


@pytest.mark.parametrize("chunk", [1, 5, 25, 2500, 15_000])
def test_chunks_of_4_ms_to_a_minute_give_the_same(chunk):
    x = demo(60.0)
    pipeline = make()
    outputs = [output for a in range(0, len(x), chunk) for output in feed(pipeline, a, x[a : a + chunk])]
    assert outputs + pipeline.flush() == run(x)


# ---- what comes out


def test_beats_are_as_the_reference_has_them():
    reference = demo_record().annotations()
    assert reference is not None
    wanted = reference.samples[(reference.samples > 250) & (reference.samples < 14_900)]
    got = np.array([beat.sample for beat in beats(run(demo(60.0)))])
    near = np.abs(wanted[:, np.newaxis] - got) <= round(0.15 * FS)
    assert np.mean(near.any(axis=1)) > 0.98
    assert np.mean(near[:, got > 250].any(axis=0)) > 0.97


def test_outputs_are_in_the_order_of_decision_and_every_beat_comes_once():
    outputs = run(with_faults())
    samples = [beat.sample for beat in beats(outputs)]
    assert samples == sorted(set(samples))
    assert np.diff(samples).min() >= round(0.15 * FS)
    times = [decided(beat) for beat in beats(outputs)]
    assert times == sorted(times)


def test_what_took_long_to_be_known_comes_after_the_beats_decided_meanwhile():
    """That a lead is flat is known after a second, and is told with the sample at which it began."""
    x = demo()
    x[5000:6500, 1] = x[4999, 1]
    outputs = run(x)
    at = next(k for k, output in enumerate(outputs) if isinstance(output, Event))
    known = outputs[at].sample + round(FS)
    assert outputs[at - 1].sample > outputs[at].sample
    assert all(decided(beat) <= known + 1 for beat in outputs[:at])
    assert all(decided(beat) >= known - 1 for beat in beats(outputs[at:]))


def test_the_label_of_every_beat_is_its_most_probable_class():
    told = beats(run(with_faults()))
    assert len(told) > 30
    for beat in told:
        assert beat.label == CLASSES[int(np.argmax(beat.probabilities))]
        assert min(beat.probabilities) >= 0.0
        assert sum(beat.probabilities) == pytest.approx(1.0, abs=1e-6)
        assert beat.time == beat.sample / FS
        assert beat.rr_ms is None or beat.rr_ms >= 150.0


def test_intervals_are_between_the_beats_given():
    given_beats = beats(run(demo()))
    assert given_beats[0].rr_ms is None
    for before, beat in pairwise(given_beats):
        assert beat.rr_ms == pytest.approx(1000 * (beat.sample - before.sample) / FS)


def test_a_beat_is_decided_soon_after_its_peak():
    delays = np.array([beat.delay_ms for beat in beats(run(demo(60.0)))])
    assert np.median(delays) <= 150
    assert np.percentile(delays, 95) <= 175


def test_a_stream_that_begins_elsewhere_gives_the_same_beats_there():
    moved = run(demo(), start=1_000_000)
    for here, there in zip(run(demo()), moved, strict=True):
        assert isinstance(here, Beat)
        assert isinstance(there, Beat)
        assert there.sample == here.sample + 1_000_000
        assert there.time == there.sample / FS
        assert (there.label, there.probabilities, there.rr_ms) == (here.label, here.probabilities, here.rr_ms)


def test_after_a_flush_a_new_stream_begins():
    x, pipeline = demo(), make()
    first = feed(pipeline, 0, x) + pipeline.flush()
    assert feed(pipeline, 0, x) + pipeline.flush() == first
    assert pipeline.flush() == []


def test_streams_of_one_set_of_models_do_not_know_of_each_other():
    x = demo()
    one, two = make(), make()
    outputs: tuple[list[Output], list[Output]] = ([], [])
    for a in range(0, len(x), 250):
        outputs[0].extend(feed(one, a, x[a : a + 250]))
        outputs[1].extend(feed(two, a, -3.0 * x[a : a + 250, ::-1]))
    assert outputs[0] + one.flush() == run(x)
    assert outputs[1] + two.flush() == run(-3.0 * x[:, ::-1])
