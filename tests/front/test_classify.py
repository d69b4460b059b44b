"""Whole recordings classified from Python: the same beats as live, from whatever a caller has."""

from __future__ import annotations

import math
import sys

import msgspec
import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.errors import MissingExtraError, RequestError
from ecg_stream.replay.annotations import read_annotations
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.jsonl import encode_line

SECONDS = 60


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return es.read_record("demo", end=SECONDS).samples


@pytest.fixture(scope="module")
def result() -> es.Result:
    return es.classify("demo", end=SECONDS)


def test_beats_and_events_are_those_of_the_pipeline(result, samples):
    pipeline = Pipeline()
    live = pipeline.push(es.Chunk(0, 250.0, ("MLII", "V5"), samples)) + pipeline.flush()
    assert list(result.outputs) == live
    assert list(result.beats) == [output for output in live if isinstance(output, es.Beat)]
    assert list(result.events) == [output for output in live if isinstance(output, es.Event)]


def test_a_result_is_a_sequence_of_its_beats(result):
    assert len(result) == len(result.beats) == result.summary.beats > 60
    assert list(result) == list(result.beats)
    assert bool(result)


def test_a_result_shows_itself_in_one_line(result):
    assert repr(result).startswith(f"<Result demo: {len(result)} beats (N ")
    assert repr(result).endswith("60 s at 250 Hz>")


def test_an_array_gives_what_the_record_gives(result, samples):
    assert es.classify(samples, 250).outputs == result.outputs
    assert es.classify(samples, fs=250, leads=["MLII", "V5"]).leads == ("MLII", "V5")


@pytest.mark.parametrize("unit", ["uV", "µV"])
def test_integers_in_microvolts_are_taken(result, samples, unit):
    microvolts = np.round(samples * 1000).astype(np.int32)
    given = es.classify(microvolts, fs=250, unit=unit)
    assert [beat.sample for beat in given] == [beat.sample for beat in result]
    assert [beat.label for beat in given] == [beat.label for beat in result]


def test_one_dimension_is_one_lead(samples):
    one = es.classify("demo", leads="V5", end=SECONDS)
    assert one.leads == ("V5",)
    assert es.classify(samples[:, 1], fs=250).outputs == one.outputs
    assert es.classify(samples[:, 1].tolist(), fs=250).outputs == one.outputs
    assert es.classify(samples[:, 1:], fs=250).leads == ("ECG1",)


def test_the_array_is_left_as_it_was(samples):
    given = samples.copy()
    es.classify(given, fs=250)
    np.testing.assert_array_equal(given, samples)


def test_a_part_is_counted_from_the_start_of_the_recording(samples):
    part = es.classify("demo", start=20, end=40)
    assert (part.start, part.stop) == (5000, 10_000)
    assert all(5000 <= beat.sample < 10_000 for beat in part)
    assert es.classify(samples, fs=250, start=20, end=40, leads=["MLII", "V5"]).outputs == part.outputs


def test_a_part_is_heard_after_what_was_before_it(result):
    part = es.classify("demo", start=30, end=SECONDS)
    assert part.beats == tuple(beat for beat in result if beat.sample >= part.start)
    assert part.summary.samples == part.stop - part.start
    cold = es.classify("demo", start=30, end=SECONDS, preroll=0)
    assert cold.beats[0].learning
    assert cold.beats[0].rr_ms is None


def test_a_recording_is_taken_as_read(result):
    recording = es.read_record("demo", end=SECONDS)
    assert es.classify(recording).outputs == result.outputs
    assert es.classify(recording, leads=["V5"]).leads == ("V5",)


def test_gaps_in_an_array_are_events(samples):
    broken = samples.copy()
    broken[5000:6000] = np.nan
    kinds = [event.kind for event in es.classify(broken, fs=250).events]
    assert kinds == ["lead-off", "lead-off", "lead-on", "lead-on"]


def test_the_record_model_speaks_as_well(samples):
    twelve = np.repeat(samples[:3000, :1], 12, axis=1) * np.linspace(0.5, 1.5, 12)
    leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    given = es.classify(twelve, fs=250, leads=leads, record_model="ptbxl-12-leads")
    assert [event.kind for event in given.events] == ["record", "record"]


def test_progress_is_told_in_seconds(samples):
    told: list[tuple[float, float]] = []
    twice = np.concatenate([samples, samples])
    es.classify(twice, fs=250, start=5, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(60.0, 115.0), (115.0, 115.0)]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ([1.0, 2.0], {}, "without a sampling rate: give it in hertz, fs=250"),
        ("demo", {"fs": 250}, "record demo has a header that names its leads and its sampling rate"),
        ("demo", {"unit": "uV"}, "the record demo is in millivolts"),
        ("demo", {"name": "x"}, "got a name with 'demo', which has its own"),
        ("no-such-record", {}, "no record 'no-such-record': valid are"),
        ("demo", {"leads": ["II"]}, "no lead 'II': valid are MLII, V5"),
        ("demo", {"start": 700}, "700 to 600 s"),
        ("demo", {"model": "none"}, "no model 'none': valid are context"),
        ("demo", {"record_model": "ptbxl-12-leads"}, "cannot do without I, II"),
        ([], {"fs": 250}, "an array without samples"),
        ([1.0] * 500, {"fs": 250, "name": "../x"}, r"name '\.\./x'"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(source, options, message):
    with pytest.raises(RequestError, match=message) as refused:
        es.classify(source, **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (np.zeros((2, 5000)), {}, r"shape \(2, 5000\).*turn them with \.T"),
        (np.zeros((5000, 2)), {"leads": ["II"]}, r"shape \(5000, 2\): valid is \(n_samples, 1\)"),
        ([1.0] * 500, {"unit": "mmHg"}, "unit 'mmHg'"),
        ([1.0] * 500, {"fs": 10}, "10 Hz: valid are 50 to 5000 Hz"),
        ([1.0] * 500, {"fs": "fast"}, "'fast' as the sampling rate"),
    ],
)
def test_samples_that_are_none_are_told_in_one_line(source, options, message):
    with pytest.raises(es.errors.StreamError, match=message):
        es.classify(source, **{"fs": 250} | options)


# ---- what a result gives


def test_the_table_has_a_row_a_beat(result):
    table = result.to_frame()
    assert list(table.columns) == [
        *("sample", "time", "label", "rr_ms", "delay_ms"),
        *("p_N", "p_S", "p_V", "p_F", "p_Q"),
        *("stream", "id", "at", "learning", "quality", "paced"),
    ]
    assert len(table) == len(result)
    beat, row = result.beats[7], table.iloc[7]
    assert (row["sample"], row["time"], row["label"], row["rr_ms"]) == (beat.sample, beat.time, beat.label, beat.rr_ms)
    assert tuple(row[f"p_{name}"] for name in "NSVFQ") == tuple(beat.probabilities)
    assert (row["learning"], row["quality"]) == (beat.learning, beat.quality)
    assert math.isnan(table["rr_ms"].iloc[0])


def test_a_table_of_nothing_has_its_columns():
    assert es.classify(np.zeros(2500), fs=250).to_frame().shape == (0, 16)


def test_without_pandas_the_table_says_what_it_needs(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pandas, which needs the extra \[train\]"):
        result.to_frame()


def test_intervals_end_at_their_beat(result):
    times, ms = result.rr()
    beats = [beat for beat in result if beat.rr_ms is not None]
    assert times.tolist() == [beat.time for beat in beats]
    assert ms.tolist() == [beat.rr_ms for beat in beats]
    np.testing.assert_allclose(np.diff(times) * 1000, ms[1:], atol=1e-6)


def test_normal_intervals_are_from_n_to_n(result):
    labels = {beat.time: beat.label for beat in result}
    before = dict(zip([beat.time for beat in result.beats[1:]], [beat.label for beat in result], strict=False))
    times, ms = result.rr(normal=True)
    assert 0 < len(times) < len(result.rr().times)
    assert {(before[time], labels[time]) for time in times.tolist()} == {("N", "N")}
    assert len(ms) == sum(labels[time] == before[time] == "N" for time in before)


def test_no_interval_reaches_across_what_hides_beats(samples):
    broken = samples.copy()
    broken[5000:7000] = np.nan
    times, ms = es.classify(broken, fs=250).rr()
    assert ms.max() < 2000
    assert not ((times > 20) & (times < 28)).any()
    assert len(times) == len(es.classify(broken, fs=250)) - 2


def test_no_beats_give_no_intervals():
    times, ms = es.classify(np.zeros(2500), fs=250).rr()
    assert (times.shape, ms.shape) == ((0,), (0,))


def test_written_files_are_those_of_replay(result, tmp_path):
    marks, lines = result.write(tmp_path / "out")
    assert (marks.name, lines.name) == ("demo.ecs", "demo.jsonl")
    read = read_annotations(marks.with_suffix(""), 250, "ecs")
    assert read is not None
    assert read.samples.tolist() == [beat.sample for beat in result]
    assert "".join(read.symbols) == "".join(beat.label for beat in result)
    *outputs, summary = lines.read_bytes().splitlines()
    assert outputs == [encode_line("demo", output, result.origin) for output in result.outputs]
    assert msgspec.json.decode(summary)["beats"] == len(result)


def test_a_folder_that_cannot_be_written_is_told(result, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot write"):
        result.write(tmp_path / "file")
