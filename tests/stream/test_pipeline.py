"""The pipeline as its callers see it: chunks in, classified beats and events out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_stream.errors import BundleError, StreamError
from ecg_stream.models.bundle import SHIPPED, read_card
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.beats.classifier import PlainClassifier
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.core.messages import CLASSES, Beat, Chunk, DecidedEvent, Event, Output, Signal
from ecg_stream.stream.pipeline import DEFAULT_MODEL, Pipeline, load_models
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.testing import LAWS, Subject
from ecg_stream.testing.values import packed, unpacked

FS = 250.0
LEADS = ("MLII", "V5")
PER_CHUNK = settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def make() -> Pipeline:
    return Pipeline()


def feed(pipeline: Pipeline, start: int, samples: np.ndarray) -> list[Output]:
    return pipeline.push(Chunk(start, FS, LEADS, samples))


def feed_indexed(pipeline: Pipeline, start: int, samples: np.ndarray, index: np.ndarray) -> list[Output]:
    """Push samples that carry their own index, a chunk for each run without a hole."""
    outputs: list[Output] = []
    edges = [0, *(np.flatnonzero(np.diff(index) != 1) + 1).tolist(), len(index)]
    for a, b in pairwise(edges):
        if a < b:
            outputs += pipeline.push(Chunk(int(index[a]), FS, LEADS, samples[a:b]))
    return outputs


def demo(seconds: float = 40.0) -> np.ndarray:
    return demo_record().signal(0, round(seconds * FS)).copy()


def with_faults() -> np.ndarray:
    x = demo()
    x[2500:2900, 0] = np.nan
    x[3500:4200] = x[3499]
    x[5000:5200, 1] = 10.0
    x[6000:6500] = np.inf
    return x


def run(x: np.ndarray, fs: float = FS, leads: tuple[str, ...] = LEADS, start: int = 0) -> list[Output]:
    pipeline = make()
    return pipeline.push(Chunk(start, fs, leads, x)) + pipeline.flush()


def beats(outputs: list[Output]) -> list[Beat]:
    return [output for output in outputs if isinstance(output, Beat)]


def events(outputs: list[Output]) -> list[Event]:
    return [output for output in outputs if isinstance(output, Event)]


def decided(output: Output) -> int:
    assert isinstance(output, Beat)
    return output.sample + round(output.delay_ms * FS / 1000)


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


def test_every_beat_has_the_label_that_its_probabilities_and_the_multipliers_of_the_card_make():
    multipliers = np.array([read_card(SHIPPED / DEFAULT_MODEL).thresholds[name] for name in CLASSES])
    told = beats(run(with_faults()))
    assert len(told) > 30
    for beat in told:
        assert beat.label == CLASSES[int(np.argmax(np.array(beat.probabilities) * multipliers))]
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
            return []

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
    labels = {beat.label for beat in beats(Pipeline(models).push(Chunk(0, FS, LEADS, demo())))}
    assert labels == {"N", "V"}
    with pytest.raises(StreamError, match="no probabilities"):
        Pipeline(replace(models, classifier=PlainClassifier(lambda x: np.ones((len(x), 5))))).push(
            Chunk(0, FS, LEADS, demo())
        )
    with pytest.raises(StreamError, match="gave shape"):
        Pipeline(replace(models, classifier=PlainClassifier(lambda x: np.ones(len(x))))).push(
            Chunk(0, FS, LEADS, demo())
        )


# ---- what can happen to a stream


def kinds(outputs: list[Output]) -> list[tuple[str, int, str | None]]:
    return [(event.kind, event.sample, event.lead) for event in events(outputs)]


@pytest.mark.parametrize(
    ("fault", "kind"), [(np.nan, "lead-off"), (np.inf, "lead-off"), (-0.3, "flat"), (9.9, "saturation")]
)
@pytest.mark.parametrize("leads", [[0], [1], [0, 1]])
def test_a_fault_is_told_and_gone_three_seconds_after_it_ends(fault, kind, leads):
    x = demo(60.0)
    a, b = 5000, 8000
    x[a:b, leads] = fault
    outputs = run(x)
    for lead in leads:
        told = [event for event in events(outputs) if event.lead == LEADS[lead]]
        assert [event.kind for event in told] == [kind, "lead-on"]
        assert abs(told[0].sample - a) <= 1
        assert told[0].time == told[0].sample / FS
        assert b <= told[1].sample <= b + 3 * FS
    if len(leads) == 2:
        held = [beat for beat in beats(outputs) if a + 50 < beat.sample < b]
        assert held == [], "beats were found where there was no signal"
        after = next(beat for beat in beats(outputs) if beat.sample >= b)
        assert after.rr_ms is None, "an interval reaches over a stretch without signal"
    expect_recovery(x=demo(60.0), outputs=outputs, since=b + round(3 * FS))


def expect_recovery(x: np.ndarray, outputs: list[Output], since: int) -> None:
    """From `since` on, the same beats as without the fault, but for one."""
    undisturbed = {beat.sample for beat in beats(run(x)) if beat.sample > since}
    got = [beat.sample for beat in beats(outputs) if beat.sample > since]
    missing = [sample for sample in undisturbed if not any(abs(sample - other) <= 10 for other in got)]
    extra = [sample for sample in got if not any(abs(sample - other) <= 10 for other in undisturbed)]
    assert len(undisturbed) > 20
    assert len(missing) + len(extra) <= 1


def test_single_lost_samples_pass_in_silence():
    x = demo()
    x[500::333] = np.nan
    outputs = run(x)
    assert events(outputs) == []
    expect_recovery(demo(), outputs, 250)


@pytest.mark.parametrize("missing_s", [0.004, 0.5, 3.0, 4.0, 5.0, 3600.0])
def test_a_gap_is_told_and_time_goes_on(missing_s):
    x, pipeline = demo(60.0), make()
    cut, missing = 5000, round(missing_s * FS)
    outputs = feed(pipeline, 0, x[:cut]) + feed(pipeline, cut + missing, x[cut:]) + pipeline.flush()
    assert ("gap", cut, None) in kinds(outputs)
    inside = [beat for beat in beats(outputs) if cut + 30 < beat.sample < cut + missing]
    assert inside == []
    for output in outputs:
        assert output.time == output.sample / FS
    there = [beat.sample - missing for beat in beats(outputs) if beat.sample >= cut + missing]
    shifted = [Beat(sample, 0.0, "N", (), None, 0.0) for sample in there]
    expect_recovery(x, list(shifted), cut + round(3 * FS))
    if missing_s >= 0.5:
        assert next(beat for beat in beats(outputs) if beat.sample > cut + missing).rr_ms is None


def test_what_a_gap_costs_does_not_grow_with_it():
    pipeline = make()
    feed(pipeline, 0, demo())
    before = len(packed(pipeline.snapshot()))
    feed(pipeline, 10**13, demo())
    assert len(packed(pipeline.snapshot())) < before + 512


def test_an_overlap_is_dropped_and_told():
    x, pipeline = demo(), make()
    outputs = feed(pipeline, 0, x[:4000]) + feed(pipeline, 3900, x[3900:6000]) + feed(pipeline, 2000, x[2000:3000])
    outputs += feed(pipeline, 6000, x[6000:]) + pipeline.flush()
    assert [(kind, sample) for kind, sample, _ in kinds(outputs)] == [("overlap", 3900), ("overlap", 2000)]
    assert [output for output in outputs if isinstance(output, Beat)] == run(x)


def test_another_rate_is_told_and_starts_afresh():
    pipeline = make()
    x = demo()
    fast = demo_record(fs=500.0).signal(0, 20_000)
    outputs = feed(pipeline, 0, x) + pipeline.push(Chunk(30_000, 500.0, LEADS, fast)) + pipeline.flush()
    at = next(k for k, output in enumerate(outputs) if isinstance(output, Event))
    event = outputs[at]
    assert isinstance(event, Event)
    assert (event.kind, event.sample, event.time) == ("rate-change", 30_000, 60.0)
    assert "250" in event.detail
    assert "500" in event.detail
    assert outputs[:at] == run(x)
    assert outputs[at + 1 :] == run(fast, 500.0, LEADS, 30_000)


def test_other_leads_are_told_and_start_afresh():
    pipeline = make()
    x = demo()
    outputs = feed(pipeline, 0, x) + pipeline.push(Chunk(10_000, FS, ("I",), x[:, :1])) + pipeline.flush()
    assert kinds(outputs) == [("leads-change", 10_000, None)]
    at = next(k for k, output in enumerate(outputs) if isinstance(output, Event))
    assert outputs[:at] == run(x)
    assert outputs[at + 1 :] == run(x[:, :1], FS, ("I",), 10_000)


def test_empty_chunks_change_nothing():
    x, pipeline = demo(), make()
    empty = np.empty((0, 2))
    outputs = feed(pipeline, 0, empty) + feed(pipeline, 0, x[:5000]) + feed(pipeline, 5000, empty)
    outputs += feed(pipeline, 5000, x[5000:]) + feed(pipeline, 10_000, empty) + pipeline.flush()
    assert outputs == run(x)


def test_a_stream_of_nothing_gives_nothing():
    pipeline = make()
    assert pipeline.flush() == []
    assert feed(pipeline, 0, np.empty((0, 2))) + pipeline.flush() == []


@pytest.mark.parametrize("n", [1, 2, 5, 30, 250])
def test_a_stream_of_a_moment_ends_well(n):
    for output in run(demo()[:n]):
        assert 0 <= output.sample < n


@pytest.mark.parametrize("dtype", [np.float32, np.int16, ">f8"])
def test_samples_of_any_kind_and_layout(dtype):
    x = np.round(200 * demo())
    expected = run(x)
    assert run(x.astype(dtype)) == expected
    assert run(np.asfortranarray(x)) == expected
    assert run(np.repeat(x, 2, axis=0)[::2]) == expected


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_in_what_goes_out_is_finite(seed):
    rng = np.random.default_rng(seed)
    pipeline = make()
    outputs: list[Output] = []
    start = 0
    for _ in range(60):
        n = int(rng.integers(0, 400))
        x = rng.choice([0.0, 5.0, -999.0, np.nan, np.inf, 1e300], size=(n, 2))
        if rng.random() < 0.6:
            x = rng.normal(size=(n, 2)) * 10.0 ** rng.integers(-6, 4)
        outputs += feed(pipeline, start, x)
        start += n + int(rng.choice([0, 0, 0, 1, 500, 10_000, -50]))
    for output in outputs + pipeline.flush():
        assert np.isfinite(output.time)
        if isinstance(output, Beat):
            assert np.isfinite(output.probabilities).all()
            assert sum(output.probabilities) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("n_leads", [1, 2, 3, 12])
def test_any_number_of_leads(n_leads):
    x = np.concatenate([demo(60.0)] * 6, axis=1)[:, :n_leads]
    got = beats(run(x, FS, tuple(f"L{k}" for k in range(n_leads))))
    assert abs(len(got) - len(beats(run(demo(60.0))))) <= 3


def test_lead_quality_tells_the_good_lead_from_the_bad():
    x = demo()
    x[:, 1] += np.random.default_rng(1).normal(scale=0.5, size=len(x))
    pipeline = make()
    assert pipeline.lead_quality() == {}
    feed(pipeline, 0, x)
    quality = pipeline.lead_quality()
    assert tuple(quality) == LEADS
    assert quality["MLII"] > quality["V5"] + 3.0


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
