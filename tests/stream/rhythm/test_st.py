"""The ST segment: the laws, known levels and steps, what a high-pass would do, and changes that last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rhythm_beats import FS, beat, heard

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Beat, Event, Heard, Rhythm, Signal, St
from ecg_stream.stream.core.snapshots import to_bytes
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.st import StRule
from ecg_stream.stream.rhythm.stage import RhythmStage
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.sinks import line
from ecg_stream.stream.signal.highpass import HighPass
from ecg_stream.testing import LAWS, Subject

DELAY = 35


def make(leads: tuple[str, ...] = ("II", "V5")) -> RhythmStage:
    return RhythmStage(RhythmLimits(), FS, leads, rules={"st": StRule})


def ecg(seconds: float, st_mv=(0.0, 0.0), rr_s: float = 0.8, slope: float = 0.0, fs: float = FS):
    """Beats of two leads with a P wave, a QRS of 80 ms, and an ST segment at a level that may depend on time."""
    n = round(seconds * fs)
    t = np.arange(n) / fs
    x = np.zeros((n, 2))
    middles = np.arange(1.0, seconds - 0.5, rr_s)
    for middle in middles:
        d = t - middle
        x += 0.1 * np.exp(-(((d + 0.16) / 0.02) ** 2))[:, None]
        qrs = 1.2 * np.exp(-((d / 0.012) ** 2)) - 0.3 * np.exp(-(((d - 0.026) / 0.009) ** 2))
        x += qrs[:, None] * (1.0, 0.7)
        inside = (d >= 0.036) & (d < 0.24)
        for lead in range(2):
            level = st_mv[lead](middle) if callable(st_mv[lead]) else st_mv[lead]
            x[inside, lead] += level + slope * (d[inside] - 0.036)
    return x, np.round(middles * fs).astype(int)


def readings(x: np.ndarray, middles: np.ndarray, good: np.ndarray | None = None, labels: str = "N") -> list[St]:
    stage = make()
    decided = [(m + DELAY, beat(int(m), labels[k % len(labels)], 200)) for k, m in enumerate(middles)]
    outputs = stage.push(decided, heard(x, good), len(x))
    return [each for each in outputs if isinstance(each, St)]


def test_a_level_is_read_to_ten_microvolts():
    found = readings(*ecg(41.0, (0.2, -0.15)))
    assert [(each.lead, each.time) for each in found[:4]] == [("II", 10.0), ("V5", 10.0), ("II", 20.0), ("V5", 20.0)]
    assert [each.uv for each in found if each.lead == "II"] == [pytest.approx(200, abs=10)] * 4
    assert [each.uv for each in found if each.lead == "V5"] == [pytest.approx(-150, abs=10)] * 4
    assert all(each.beats >= 10 for each in found[2:])


def test_the_slope_is_that_of_the_segment():
    for slope in (-1.0, 2.0):
        last = readings(*ecg(31.0, slope=slope))[-1]
        assert last.slope == pytest.approx(slope, abs=0.25)


def test_a_high_pass_would_bend_it():
    x, middles = ecg(41.0, (0.3, 0.3))
    bent = HighPass(FS, 2).push(x)
    straight, pulled = readings(x, middles)[-1].uv, readings(bent, middles)[-1].uv
    assert straight == pytest.approx(300, abs=12)
    assert pulled < straight - 40


def test_wander_and_offset_do_not_count():
    x, middles = ecg(41.0, (0.1, 0.1))
    t = np.arange(len(x)) / FS
    found = readings(x + 1.5 + 0.2 * np.sin(2.0 * np.pi * 0.25 * t)[:, None], middles)
    assert [each.uv for each in found[2:]] == [pytest.approx(100, abs=25)] * 6


def test_above_120_a_minute_it_is_read_at_60_ms():
    slow = readings(*ecg(31.0, slope=2.0))[-1].uv
    fast = readings(*ecg(31.0, slope=2.0, rr_s=0.45))[-1].uv
    assert slow - fast == pytest.approx(40, abs=20)


def test_ectopic_beats_are_not_read_and_of_too_few_beats_there_is_no_reading():
    x, middles = ecg(41.0)
    assert readings(x, middles, labels="V") == []
    assert readings(x, middles, labels="NVVVVV") == []
    assert {each.beats for each in readings(x, middles, labels="NV")} == {6}


def test_a_lead_that_is_off_is_not_read():
    x, middles = ecg(41.0)
    good = np.ones(x.shape, dtype=np.bool_)
    good[:, 1] = False
    assert {each.lead for each in readings(x, middles, good)} == {"II"}


def test_a_change_that_lasts_begins_and_ends():
    x, middles = ecg(200.0, (lambda s: 0.25 if 60.0 < s < 130.0 else 0.0, 0.0))
    found = readings(x, middles)
    told = [(each.lead, each.episode, each.time) for each in found if each.episode]
    assert told == [("II", "begin", 90.0), ("II", "end", 160.0)]
    assert [each.change_uv for each in found[:4]] == [None] * 4
    assert max(each.change_uv or 0 for each in found) == pytest.approx(250, abs=12)


def test_a_change_of_twenty_seconds_is_none():
    x, middles = ecg(120.0, (lambda s: 0.25 if 60.0 < s < 80.0 else 0.0, 0.0))
    assert [each for each in readings(x, middles) if each.episode] == []


def test_after_a_hole_it_goes_on_with_its_reference():
    x, middles = ecg(41.0, (0.1, 0.1))
    y, later = ecg(41.0, (0.3, 0.3))
    stage = make()
    outputs = stage.push([(m + DELAY, beat(int(m), "N", 200)) for m in middles], heard(x), len(x))
    start = 50_000
    decided = [(start, Event(len(x), 0.0, "gap"))]
    decided += [(start + m + DELAY, beat(int(start + m), "N", 200)) for m in later]
    outputs += stage.push(decided, [Heard(start, y, Signal.all_good(y))], start + len(y))
    after = [each for each in outputs if isinstance(each, St) and each.sample > start]
    assert after[0].sample == start + 2500
    assert after[-1].change_uv == pytest.approx(200, abs=12)


def stream():
    x, middles = ecg(60.0, (lambda s: 0.3 * (s > 30.0), 0.05))
    marks = np.zeros((len(x), 1), dtype=np.int64)
    marks[middles + DELAY] = 10
    good = np.ones(x.shape, dtype=np.bool_)
    good[6000:7000, 1] = False
    return x, good, marks


def feed(stage: RhythmStage, start: int, samples: np.ndarray, good: np.ndarray, marks: np.ndarray) -> list[object]:
    decided = [(start + k, beat(start + k - DELAY, "N", 200)) for k in np.flatnonzero(marks[:, 0] >= 10).tolist()]
    return stage.push(decided, heard(samples, good, start), start + len(samples))


def decided_at(output: object) -> int:
    assert isinstance(output, Beat | Rhythm | St)
    return output.sample - 1 if isinstance(output, St) else output.sample + round(output.delay_ms * FS / 1000)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, stream(), feed, decided_at, examples=8))


def test_a_state_is_small():
    stage = make()
    feed(stage, 0, *stream())
    assert len(to_bytes(stage.snapshot())) < 8_000


def test_its_lines():
    reading = St(5000, 20.0, "V4", -120, -0.4, None, 12)
    assert encode_line("e0103", reading) == (
        b'{"type":"st","record":"e0103","sample":5000,"time":20.0,"lead":"V4","uv":-120,"slope":-0.4,"beats":12}'
    )
    changed = replace(reading, change_uv=-130, episode="begin")
    assert encode_line("e0103", changed).endswith(b'"change_uv":-130,"beats":12,"episode":"begin"}')
    assert line(changed) == "0:00:20.000  ~ ST V4 -120 uV, -0.40 mV/s, -130 against its reference, a change begins"


def test_a_pipeline_reads_it_where_that_is_asked_for():
    record = demo_record(seconds=45.0)
    found = {}
    for st in (False, True):
        pipeline = Pipeline(st=st)
        outputs = [output for chunk in record.chunks(500.0) for output in pipeline.push(chunk)]
        found[st] = [output for output in outputs if isinstance(output, St)]
        rest = [output for output in outputs if not isinstance(output, St)]
        found[st, "rest"] = rest
    assert found[False] == []
    assert {each.lead for each in found[True]} == set(record.leads)
    assert [each.time for each in found[True] if each.lead == record.leads[0]] == [10.0, 20.0, 30.0, 40.0]
    assert found[True, "rest"] == found[False, "rest"]
