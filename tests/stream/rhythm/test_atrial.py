"""Atrial fibrillation: irregular, and no P waves."""

from __future__ import annotations

import numpy as np
import pytest
from rhythm_beats import FS, beat

from ecg_stream.stream.beats.features import FEATURES, as_rows
from ecg_stream.stream.core.messages import Rhythm
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.rhythm.atrial import AtrialFibrillationRule, Burden
from ecg_stream.stream.rhythm.irregularity import BEAT, NAMES, P_WAVE, describe
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.rule import RhythmBeat
from ecg_stream.stream.rhythm.stage import RhythmStage
from ecg_stream.testing import LAWS, Subject

DELAY = 35
P_WAVES = dict(zip(P_WAVE, (0.95, 0.9, 0.3, 0.4, 0.95, 0.9, -2.2, -2.4), strict=True))
NO_P_WAVES = dict(zip(P_WAVE, (0.05, 0.1, 1.0, 1.1, 0.1, 0.1, -4.5, -4.2), strict=True))


def make() -> RhythmStage:
    return RhythmStage(RhythmLimits(), FS, ("II", "V5"), rules={"atrial-fibrillation": AtrialFibrillationRule})


def with_features(found: RhythmBeat, p_wave: dict[str, float]) -> RhythmBeat:
    record = np.zeros(1, dtype=FEATURES)
    for name, value in p_wave.items():
        record["template"][name] = value
    return found._replace(features=as_rows(record)[0])


def irregular(n: int, seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).uniform(0.42, 1.1, n).tolist()


def run(stretches: list[tuple[list[float], dict[str, float], str]]) -> list[Rhythm]:
    """Beats by intervals, P waves and label; what is told of them."""
    stage, sample, outputs = make(), 100, []
    for intervals, p_wave, labels in stretches:
        for k, interval in enumerate(intervals):
            rr = round(interval * FS)
            sample += rr
            found = with_features(beat(sample, labels[k % len(labels)], rr), p_wave)
            outputs += stage.push([(sample + DELAY, found)], [], sample + DELAY + 1)
    return [each for each in outputs if isinstance(each, Rhythm)]


SINUS = [0.8 + 0.03 * (-1) ** k for k in range(60)]


def test_it_begins_and_ends_where_the_rhythm_changes():
    begin, end = run([(SINUS, P_WAVES, "N"), (irregular(80), NO_P_WAVES, "N"), (SINUS, P_WAVES, "N")])
    assert (begin.state, end.state) == ("begin", "end")
    first = 0.4 + sum(SINUS)
    assert abs(begin.time - first) < 12.0
    assert abs(end.time - first - sum(irregular(80))) < 12.0
    assert end.why == "regular again, or P waves, 47 % of the last 2 min"


def test_flutter_or_fibrillation_without_irregularity_is_not_told():
    assert run([([0.7] * 100, NO_P_WAVES, "N")]) == []


@pytest.mark.parametrize(
    ("intervals", "labels"),
    [
        ([0.8] * 90, "N"),
        ([0.5, 1.1] * 45, "VN"),
        ([0.5, 1.1, 0.8] * 30, "VNN"),
        ([0.55, 1.05, 0.8, 0.8, 0.8] * 18, "SNNNN"),
        ([0.85 + 0.15 * np.sin(k / 3.0) for k in range(90)], "N"),
        ([0.8, 0.8, 1.6] * 30, "N"),
        (([0.8] * 17 + [0.55, 1.05]) * 5, "N"),
    ],
    ids=["sinus", "bigeminy", "trigeminy", "supraventricular beats", "sinus arrhythmia", "block", "a few early beats"],
)
def test_what_is_irregular_otherwise_is_none(intervals, labels):
    assert run([(intervals, P_WAVES, labels)]) == []


def test_beats_of_a_reference_file_are_not_judged():
    stage = make()
    sample = 100
    for interval in irregular(100):
        sample += round(interval * FS)
        assert len(stage.push([(sample + DELAY, beat(sample, "N", 200))], [], sample + DELAY + 1)) == 1


def test_what_was_before_a_long_silence_says_nothing():
    begin, end = run([(irregular(60), NO_P_WAVES, "N"), ([45.0], NO_P_WAVES, "N")])
    assert (begin.state, end.state) == ("begin", "end")
    assert end.why.startswith("no beats")
    assert end.time == pytest.approx(0.4 + sum(irregular(60)), abs=0.2)


def test_the_burden_is_of_the_last_hour():
    fs = 250.0
    burden = Burden(fs, 0)
    minute = round(60.0 * fs)
    burden.go_on(30 * minute)
    burden.add(0, 15 * minute)
    assert burden.percent(30 * minute) == pytest.approx(50.0)
    burden.add(10 * minute, 15 * minute, -1)
    assert burden.percent(30 * minute) == pytest.approx(100.0 / 3.0)
    burden.go_on(65 * minute)
    assert burden.percent(65 * minute) == pytest.approx(100.0 * 4.0 / 59.0)
    assert burden.in_words(65 * minute) == "7 % of the last hour"
    burden.go_on(400 * minute)
    assert burden.percent(400 * minute) == 0.0


def rows(n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """One row a beat: interval (samples), label, P waves or none; irregular and regular in turn."""
    rng = np.random.default_rng(3)
    marks = np.zeros((n * 60, 3), dtype=np.int64)
    at, wild = 60, True
    for k in range(n):
        wild ^= rng.random() < 0.01
        rr = int(rng.integers(100, 270)) if wild else 190
        at += rr
        if at + DELAY >= len(marks):
            break
        marks[at + DELAY] = rr, 10 + (rng.random() < 0.05) * 2, wild
        del k
    return np.zeros((len(marks), 2)), marks


def feed(stage: RhythmStage, start: int, samples: np.ndarray, marks: np.ndarray) -> list[object]:
    """Of `marks` each row is a sample; one of the laws makes other rows of rows, ``3 * row + 1``."""
    decided = []
    for k in np.flatnonzero(marks[:, 1] >= 10).tolist():
        rr, label, wild = (marks[k] if marks[k, 1] < 15 else (marks[k] - 1) // 3).tolist()
        found = beat(start + k - DELAY, "NSV"[label - 10], rr)
        decided.append((start + k, with_features(found, NO_P_WAVES if wild else P_WAVES)))
    return [each for each in stage.push(decided, [], start + len(samples)) if isinstance(each, Rhythm)]


def decided_at(rhythm: Rhythm) -> int:
    return rhythm.sample + round(rhythm.delay_ms * FS / 1000)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, rows(), feed, decided_at, examples=8))


def described(intervals: list[float], kinds: list[int] | None = None) -> dict[str, float]:
    beats = np.zeros(len(intervals), dtype=BEAT)
    beats["rr"] = intervals
    beats["kind"] = 0 if kinds is None else kinds
    out = np.empty(len(NAMES), dtype=np.float32)
    assert describe(beats, out)
    return dict(zip(NAMES, out.tolist(), strict=True))


def test_the_features_are_what_plain_numpy_says():
    x = np.array(irregular(30))
    found, d = described(x.tolist()), np.diff(x)
    mean = x.mean()
    assert found["mean_rr"] == pytest.approx(mean, rel=1e-6)
    assert found["spread"] == pytest.approx(x.std() / mean, rel=1e-5)
    assert found["rmssd"] == pytest.approx(np.sqrt((d**2).mean()) / mean, rel=1e-5)
    assert found["small_changes"] == pytest.approx((np.abs(d) < 0.04 * mean).mean(), abs=1e-6)
    assert found["turning"] == pytest.approx((d[1:] * d[:-1] < 0).mean(), abs=1e-6)
    assert found["lag1"] == pytest.approx(((x[1:] - mean) * (x[:-1] - mean)).sum() / ((x - mean) ** 2).sum(), rel=1e-5)
    assert found["longest"] == pytest.approx(x.max() / np.sort(x)[15], rel=1e-6)


def test_ectopic_beats_are_left_out_of_the_plain_ones():
    intervals = ([0.8] * 6 + [0.5, 1.1]) * 4
    kinds = ([0] * 6 + [2, 0]) * 4
    found = described(intervals, kinds)
    assert found["rmssd"] > 0.2
    assert found["plain_rmssd"] < 0.01
    assert found["ventricular"] == pytest.approx(4 / 32)
    assert described(intervals)["plain_rmssd"] == pytest.approx(found["rmssd"], abs=1e-6)


def test_fewer_than_twelve_intervals_say_nothing():
    beats = np.zeros(12, dtype=BEAT)
    beats["rr"] = 0.8
    out = np.empty(len(NAMES), dtype=np.float32)
    assert describe(beats, out)
    beats["rr"][5] = 0.0
    assert not describe(beats, out)


def test_a_real_one(real_record):
    pipeline = Pipeline()
    outputs = [
        output for chunk in real_record("mitdb/201").chunks(1000.0, end_s=480.0) for output in pipeline.push(chunk)
    ]
    found = [each for each in outputs if isinstance(each, Rhythm) and each.name == "atrial-fibrillation"]
    assert [each.state for each in found][:2] == ["begin", "end"]
    assert found[0].time < 20.0
    assert abs(found[1].time - 391.0) < 15.0
