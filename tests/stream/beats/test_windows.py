"""Beat windows: the laws, where they stand at each sampling rate, the mark, the rhythm, the kinds of beats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_beats import RATES, RR_S, describe, found, group, regular, shape, signal

from ecg_stream.errors import StreamError
from ecg_stream.stream.beats.features import BEFORE, NAMES, WINDOW
from ecg_stream.stream.beats.windows import BeatWindows, DescribedBeats, Found
from ecg_stream.stream.qrs.detector import Detections
from ecg_stream.stream.signal.grid import GRID_HZ
from ecg_stream.testing import LAWS, Subject


class WindowRows:
    """Windows as a stage that gives a list: time of decision, mark, interval, features."""

    delay = 10

    def __init__(self) -> None:
        self.windows = BeatWindows(250.0, 2, self.delay)
        self.seen = 0

    def rows(self, beats: DescribedBeats) -> list[Any]:
        columns = (beats.decided.tolist(), beats.mark.tolist(), beats.interval.tolist(), beats.learning.tolist())
        columns += (beats.turn.tolist(), beats.turn_since.tolist())
        return [*zip(*columns, (row.tobytes() for row in beats.features), strict=True)]

    def flush(self) -> list[Any]:
        tail = np.zeros((min(self.seen, self.delay), 2))
        pushed = self.windows.push(Found(tail, found(np.empty(0)), np.empty(0, dtype=np.int64)))
        return self.rows(pushed.joined(self.windows.flush()))

    def snapshot(self) -> dict[str, Any]:
        return {"windows": self.windows.snapshot(), "seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        self.windows.restore(state["windows"])
        self.seen = state["seen"]


def feed(stage: WindowRows, start: int, x: np.ndarray, beat: np.ndarray) -> list[Any]:
    """Push samples; `beat` holds, where a detection is decided, how many samples ago it was, else 0."""
    rows = np.flatnonzero(beat > 0)
    ready = rows + start
    centre = np.rint((ready - beat[rows]) * GRID_HZ / 250.0).astype(np.int64)
    detections = Detections(centre, rows, np.ones(len(rows)), np.tile([0.7, 0.3], (len(rows), 1)), beat[rows] % 7 == 0)
    early = max(0, stage.delay - stage.seen)
    stage.seen += len(x)
    return stage.rows(stage.windows.push(Found(x[early:], detections, ready)))


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    rng = np.random.default_rng(2)
    peaks = np.cumsum(rng.uniform(0.5, 1.1, 30))
    x = signal(peaks, 250.0, 30.0) + rng.normal(scale=0.02, size=(7500, 2))
    x = np.concatenate([np.zeros((10, 2)), x[:-10]])  # as late as the denoiser gives it
    beat = np.zeros(len(x), dtype=np.int64)
    wait = rng.integers(15, 60, len(peaks))
    wait[10] = 150  # a beat that search-back found, before the next one came
    at = np.rint(peaks * 250).astype(np.int64) + wait
    keep = at < len(x)
    beat[at[keep]] = wait[keep]
    law(Subject(WindowRows, (x, beat), feed=feed, decided=lambda item: item[0]))


@pytest.mark.parametrize("fs", RATES)
def test_a_window_is_200_ms_in_50_samples_at_any_rate(fs):
    beats = describe(fs, regular())
    t = 0.004 * (np.arange(WINDOW) - WINDOW // 2)
    expected = shape(t)
    expected = (expected - expected.mean()) / expected.std()
    assert beats.features.shape == (12, len(NAMES))
    for row in group(beats, "window"):
        assert row.shape == (50,)
        np.testing.assert_allclose(row, expected, atol=0.02 if fs >= 250 else 0.35)


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
def test_where_the_raster_meets_the_samples_they_are_taken_as_they_are(fs):
    beats = describe(fs, regular())
    x = signal(regular(), fs, 12.0)
    step = round(fs * 0.004)
    for mark, row in zip(beats.mark, group(beats, "window"), strict=True):
        cut = x[mark - 25 * step : mark + 25 * step : step, 0]
        np.testing.assert_allclose(row, (cut - cut.mean()) / cut.std(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("fs", RATES)
def test_the_stretch_before_holds_the_p_wave(fs):
    beats = describe(fs, regular())
    before = group(beats, "before1")[-1]
    assert before.shape == (BEFORE,)
    p_wave = 1000 * (-0.260 + 0.008 * np.argmax(before))
    assert p_wave == pytest.approx(-170, abs=10)


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("off_s", [-0.04, 0.0, 0.04])
def test_the_mark_is_the_r_peak_wherever_the_middle_was_thought_to_be(fs, off_s):
    beats = describe(fs, regular(), off_s)
    np.testing.assert_array_equal(beats.mark, np.rint(regular() * fs))


@pytest.mark.parametrize("fs", RATES)
def test_a_beat_is_decided_when_its_window_and_its_detection_are_complete(fs):
    stage = BeatWindows(fs, 2, 7)
    peak = np.array([1.0])
    x = signal(peak, fs, 2.0)
    for wait_s in (0.05, 0.4):
        stage = BeatWindows(fs, 2, 7)
        ready = np.array([round((1.0 + wait_s) * fs)])
        beats = stage.push(Found(x, found(peak), ready))
        settled = round(1.0 * fs) + 2 * round(0.048 * fs)
        assert beats.decided[0] == max(ready[0], max(round(fs) + round(0.1 * fs), settled) + 7)


def test_intervals_are_from_mark_to_mark():
    beats = describe(250.0, regular())
    assert beats.interval[0] < 0
    np.testing.assert_allclose(beats.interval[1:], RR_S)
    rr = group(beats, "rr_s")[:, 0]
    np.testing.assert_allclose(rr[1:], RR_S, rtol=1e-6)


def test_a_wave_that_flips_between_its_two_peaks_keeps_its_window():
    """R and S of like height: which is the largest excursion hangs on a hair, where the window stands does not."""
    peaks = regular(20)
    x = np.zeros((18 * 250, 2))
    t = np.arange(-40, 41) / 250.0
    for number, peak in enumerate(peaks):
        at = round(peak * 250)
        r, s = (1.05, 1.0) if number % 2 else (1.0, 1.05)
        wave = r * np.exp(-0.5 * ((t + 0.024) / 0.012) ** 2) - s * np.exp(-0.5 * ((t - 0.024) / 0.012) ** 2)
        x[at - 40 : at + 41] += wave[:, np.newaxis] * [1.0, 0.7]
    beats = BeatWindows(250.0, 2, 0).push(Found(x, found(peaks), np.rint((peaks + 0.15) * 250).astype(np.int64)))
    assert len(set(np.diff(beats.mark).tolist())) > 1  # the mark does flip
    assert group(beats, "dominant_corr")[2:, 0].min() > 0.99
    assert np.abs(group(beats, "best_shift")[2:, 0]).max() <= 1
    np.testing.assert_allclose(group(beats, "rr_s")[1:, 0], RR_S, atol=0.005)


def test_what_the_detector_doubted_can_be_seen():
    peaks = regular(20)
    x = signal(peaks, 250.0, 18.0)
    detections = found(peaks)
    detections.probability[10] = 0.55
    beats = BeatWindows(250.0, 2, 0).push(Found(x, detections, np.rint((peaks + 0.12) * 250).astype(np.int64)))
    certainty = group(beats, "certainty")[:, 0]
    assert certainty[10] == pytest.approx(np.log(0.55 / 0.45), abs=0.02)
    assert np.delete(certainty, 10).min() > 5.0
    assert group(beats, "certainty8")[11, 0] < group(beats, "certainty8")[10, 0]


def test_after_an_interruption_there_is_no_interval():
    peaks = regular()
    detections = found(peaks)
    detections.gap[6] = True
    x = signal(peaks, 250.0, 12.0)
    beats = BeatWindows(250.0, 2, 0).push(Found(x, detections, np.rint((peaks + 0.12) * 250).astype(np.int64)))
    np.testing.assert_array_equal(np.flatnonzero(beats.interval < 0), [0, 6])
    assert group(beats, "rr_valid")[:, 0].tolist() == [0.0, *[1.0] * 5, 0.0, *[1.0] * 5]


@pytest.mark.parametrize("gain", [0.2, 5.0])
def test_features_do_not_depend_on_the_gain(gain):
    peaks = regular()
    ready = np.rint((peaks + 0.12) * 250).astype(np.int64)
    x = signal(peaks, 250.0, 12.0)
    plain = BeatWindows(250.0, 2, 0).push(Found(x, found(peaks), ready))
    scaled = BeatWindows(250.0, 2, 0).push(Found(gain * x, found(peaks), ready))
    np.testing.assert_allclose(scaled.features, plain.features, atol=2e-3)


def test_another_kind_of_beat_is_told_from_the_dominant_one():
    peaks = regular(20)
    x = signal(peaks, 250.0, 18.0)
    at = round(peaks[15] * 250)
    t = np.arange(-30, 31) / 250.0
    x[at - 30 : at + 31] = (1.8 * np.exp(-0.5 * (t / 0.05) ** 2))[:, np.newaxis] * [1.0, 0.6]
    beats = BeatWindows(250.0, 2, 0).push(Found(x, found(peaks), np.rint((peaks + 0.15) * 250).astype(np.int64)))
    corr = group(beats, "dominant_corr")[:, 0]
    assert corr[15] < 0.9 < np.delete(corr, [0, 15]).min()
    width = group(beats, "width1")[:, 0]
    assert width[15] > 1.4 * width[14]
    assert group(beats, "best_is_dominant")[16, 0] == 1.0


def test_a_patient_is_new_until_a_kind_has_had_eight_beats():
    peaks = regular(40)
    x = signal(peaks, 250.0, 34.0)
    t = np.arange(-30, 31)[:, np.newaxis] / 250.0
    for k, peak in enumerate(peaks[:5]):  # each of a kind of its own
        at = round(peak * 250)
        x[at - 30 : at + 31] = np.sin(2.0 * np.pi * (5.0 + 5.0 * k) * t) * np.cos(np.pi * t / 0.25)
    beats = BeatWindows(250.0, 2, 0).push(Found(x, found(peaks), np.rint((peaks + 0.15) * 250).astype(np.int64)))
    assert len(set(beats.kinds["kind"][:6].tolist())) == 6
    assert beats.learning.tolist() == [True] * 13 + [False] * 27
    assert describe(250.0, regular()).learning.tolist() == [True] * 8 + [False] * 4


def test_two_kinds_that_come_to_be_alike_are_one_from_then_on():
    """Every other beat begins unlike the usual one, and comes to be like it over some minutes."""
    peaks = regular(240)
    t = np.arange(-25, 25) / 250.0
    usual, unusual = (np.exp(-0.5 * (t / width) ** 2) for width in (0.012, 0.035))
    usual, unusual = usual - usual.mean(), unusual - unusual.mean()
    unusual -= usual * (usual @ unusual) / (usual @ usual)
    unusual *= np.sqrt((usual @ usual) / (unusual @ unusual))
    x = np.zeros((round((peaks[-1] + 1.0) * 250), 2))
    for number, peak in enumerate(peaks):
        angle = np.radians(45.0 - 45.0 * number / len(peaks)) if number % 2 else 0.0
        at = round(peak * 250)
        wave = np.cos(angle) * usual + np.sin(angle) * unusual
        x[at - 25 : at + 25] = wave[:, np.newaxis] * [1.0, 0.6]
    beats = BeatWindows(250.0, 2, 0).push(Found(x, found(peaks), np.rint((peaks + 0.15) * 250).astype(np.int64)))
    kinds = beats.kinds
    (merged,) = np.flatnonzero(kinds["merged"] >= 0)
    assert np.flatnonzero(kinds["is_new"]).tolist() == [0, 1]
    assert set(kinds["kind"][2:merged:2]).isdisjoint(kinds["kind"][3:merged:2])
    assert kinds["merged"][merged] in kinds["kind"][:merged]
    assert set(kinds["kind"][merged:]) == {kinds["kind"][merged]}
    count = group(beats, "best_count")[:, 0]
    assert np.expm1(count[merged + 1]) == pytest.approx(merged + 1)


def test_a_lead_without_weight_is_not_described():
    beats = describe(250.0, regular(), weight=(1.0, 0.0))
    assert (group(beats, "wave2") == 0).all()
    assert (group(beats, "leads_used") == 1).all()
    assert (group(describe(250.0, regular()), "leads_used") == 2).all()


def test_the_first_lead_is_described_where_none_has_weight():
    beats = describe(250.0, regular(), weight=(0.0, 0.0))
    assert (group(beats, "leads_used") == 1).all()
    assert (group(beats, "wave2") == 0).all()
    np.testing.assert_array_equal(group(beats, "window"), group(describe(250.0, regular()), "window"))


def test_a_beat_comes_with_the_sample_that_completes_its_window():
    peaks = np.array([1.0, 1.8])
    x, stage, given = signal(peaks, 250.0, 3.0), BeatWindows(250.0, 2, 0), []
    stage.push(Found(x[:200], found(peaks), np.array([200, 200])))
    for sample in range(200, len(x)):
        beats = stage.push(Found(x[sample : sample + 1], found(np.empty(0)), np.empty(0, dtype=np.int64)))
        given += [(decided, sample) for decided in beats.decided.tolist()]
    assert [decided for decided, _ in given] == [275, 475]
    assert all(decided == sample for decided, sample in given)


def test_one_lead_is_enough():
    peaks = regular()
    x = signal(peaks, 250.0, 12.0)[:, :1]
    detections = Detections(
        np.rint(peaks * GRID_HZ).astype(np.int64), np.zeros(12, dtype=np.int64), np.ones(12), np.ones((12, 1)),
        np.zeros(12, dtype=np.bool_),
    )  # fmt: skip
    beats = BeatWindows(250.0, 1, 0).push(Found(x, detections, np.rint((peaks + 0.12) * 250).astype(np.int64)))
    assert len(beats.mark) == 12
    assert (group(beats, "wave2") == 0).all()


def test_the_end_of_a_stream_describes_what_waits_with_what_is_there():
    peaks = np.array([1.0, 1.8])
    x = signal(peaks, 250.0, 3.0)[: round(1.83 * 250)]
    stage = BeatWindows(250.0, 2, 0)
    first = stage.push(Found(x, found(peaks), np.array([290, 457])))
    assert first.mark.tolist() == [250]
    last = stage.flush()
    assert last.mark.tolist() == [450]
    assert last.decided.tolist() == [len(x) - 1]
    assert np.isfinite(last.features).all()


@pytest.mark.parametrize("kind", ["zero", "noise", "huge"])
def test_features_are_finite_whatever_the_signal(kind):
    rng = np.random.default_rng(1)
    peaks = np.cumsum(rng.uniform(0.2, 3.5, 60))
    n = round((peaks[-1] + 1) * 250)
    scale = {"zero": 0.0, "noise": 1.0, "huge": 2000.0}[kind]
    ready = np.rint((peaks + 0.1) * 250).astype(np.int64)
    beats = BeatWindows(250.0, 2, 10).push(Found(scale * rng.normal(size=(n, 2)), found(peaks), ready))
    assert len(beats.mark) == 60
    assert np.isfinite(beats.features).all()
    assert np.abs(beats.features).max() < 100.0


def test_refuses_a_foreign_snapshot():
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        BeatWindows(250.0, 2, 0).restore(BeatWindows(1000.0, 2, 0).snapshot())


def test_takes_up_a_snapshot_of_columns():
    """Version 0.1.0 kept the intervals and the columns of what waits as arrays of their own."""
    peaks = regular()
    x, ready = signal(peaks, 250.0, 12.0), np.rint((peaks + 0.12) * 250).astype(np.int64)
    stage, other = BeatWindows(250.0, 2, 0), BeatWindows(250.0, 2, 0)
    stage.push(Found(x[:1200], found(peaks), ready))
    state = stage.snapshot()
    patient, waiting = state.pop("patient"), state.pop("waiting")
    assert len(waiting) > 0
    fields = [name for name in patient.dtype.names if name != "rr"]
    old_patient = np.zeros(1, dtype=[(name, patient.dtype[name]) for name in fields])
    for name in fields:
        old_patient[name] = patient[name]
    old_waiting = {name: waiting[name].copy() for name in ("guess", "ready", "gap", "certainty")}
    old = {**state, **old_waiting, "patient": old_patient, "rr": patient["rr"][0].copy()}
    other.restore(BeatWindows.schema.upgrade(old))
    rest = Found(x[1200:], found(np.empty(0)), np.empty(0, dtype=np.int64))
    one, two = stage.push(rest), other.push(rest)
    np.testing.assert_array_equal(one.mark, two.mark)
    np.testing.assert_array_equal(one.features, two.features)
    assert len(one.mark) == len(waiting)
