"""Ventricular fibrillation from the signal: the laws, when it is told, and what is none."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from fibrillating import demo_then_fibrillation, fibrillating
from rhythm_beats import heard, names

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Event, Heard, Rhythm, Signal
from ecg_stream.stream.core.snapshots import to_bytes
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.rhythm.fibrillation import Hysteresis, VentricularFibrillationRule, shipped_model
from ecg_stream.stream.rhythm.fibrillation_window import SURE, FibrillationWindow
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.stage import RhythmStage
from ecg_stream.testing import LAWS, Subject

FS = 250.0
RULES = {"ventricular-fibrillation": VentricularFibrillationRule}


def make() -> RhythmStage:
    return RhythmStage(RhythmLimits(), FS, ("II", "V5"), rules=RULES)


def stream() -> tuple[np.ndarray, np.ndarray]:
    """Quiet, fibrillation, quiet, a lead that is off, and fibrillation again."""
    rng = np.random.default_rng(7)
    quiet = rng.normal(0.0, 0.02, (2500, 2))
    x = np.concatenate([quiet, fibrillating(14.0, FS), quiet, fibrillating(12.0, FS, seed=5), quiet])
    good = np.ones(x.shape, dtype=np.bool_)
    good[9000:10500, 0] = False
    good[4000:4100] = False
    return x, good


def feed(stage: RhythmStage, start: int, samples: np.ndarray, good: np.ndarray) -> list[object]:
    return stage.push([], heard(samples, good, start), start + len(samples))


def told(samples: np.ndarray, good: np.ndarray | None = None) -> list[Rhythm]:
    return feed(make(), 0, samples, np.ones(samples.shape, dtype=np.bool_) if good is None else good)


def decided_at(rhythm: Rhythm) -> int:
    return rhythm.sample + round(rhythm.delay_ms * FS / 1000)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, stream(), feed, decided_at, examples=10))


def test_a_state_is_small():
    stage = make()
    feed(stage, 0, *stream())
    assert len(to_bytes(stage.snapshot())) < 5_000


def rhythms(samples: np.ndarray, fs: float = FS) -> list[Rhythm]:
    pipeline = Pipeline(fs=fs, leads=("MLII", "V5"))
    outputs = pipeline.push(samples) + pipeline.flush()
    return [each for each in outputs if isinstance(each, Rhythm) and each.name == "ventricular-fibrillation"]


def test_fibrillation_is_told_within_ten_seconds_and_ends():
    samples, fs = demo_then_fibrillation(30.0, 25.0, 30.0)
    begin, end = rhythms(samples, fs)
    assert begin.state == "begin"
    assert end.state == "end"
    assert begin.time + begin.delay_ms / 1000.0 < 40.0
    assert abs(begin.time - 30.0) < 4.0
    assert abs(end.time - 55.0) < 5.0
    assert end.length_s == pytest.approx(end.time - begin.time)


def test_beats_in_it_are_no_run_and_no_rate():
    samples, fs = demo_then_fibrillation(30.0, 40.0, 10.0)
    pipeline = Pipeline(fs=fs, leads=("MLII", "V5"))
    outputs = [each for each in pipeline.push(samples) if isinstance(each, Rhythm)]
    inside = [each for each in outputs if 42.0 < each.time + each.delay_ms / 1000.0 < 68.0 and each.state == "begin"]
    tachycardia = {"ventricular-tachycardia", "sustained-ventricular-tachycardia"}  # told beside it
    assert {each.name for each in inside} <= {"ventricular-fibrillation", *tachycardia}


NOISES = {
    "white noise": lambda rng, n: rng.normal(0.0, 0.3, (n, 2)),
    "nothing": lambda rng, n: np.zeros((n, 2)),
    "a quiet line": lambda rng, n: rng.normal(0.0, 0.01, (n, 2)),
    "wander": lambda rng, n: np.cumsum(rng.normal(0.0, 0.05, (n, 2)), axis=0),
    "steps": lambda rng, n: np.repeat(rng.normal(0.0, 1.0, (n // 250 + 1, 2)), 250, axis=0)[:n],
    "mains": lambda rng, n: 0.5 * np.sin(2.0 * np.pi * 50.0 * np.arange(n) / FS)[:, None] * np.ones(2),
}


@pytest.mark.parametrize("kind", NOISES)
def test_noise_is_none(kind):
    assert told(NOISES[kind](np.random.default_rng(1), 15_000)) == []


def test_the_demo_record_has_none():
    record = demo_record()
    assert rhythms(record.signal(), record.fs) == []


def test_a_lead_that_is_off_does_not_hide_it_and_no_lead_ends_it():
    x = fibrillating(60.0, FS)
    good = np.ones(x.shape, dtype=np.bool_)
    good[:, 1] = False
    x[:, 1] = 0.0
    good[7500:] = False
    x[7500:] = 0.0
    assert names(told(x, good)) == ["+ventricular-fibrillation", "-ventricular-fibrillation"]


def test_what_a_lead_that_is_off_holds_has_no_say():
    """The guard holds it or lets it be; whatever stands there is no measurement."""
    x = fibrillating(30.0, FS)
    good = np.ones(x.shape, dtype=np.bool_)
    good[:, 1] = False
    x[:, 1] = 3.0 * (np.arange(len(x)) % 200 < 5)  # a beat in 0.8 s, and nothing between
    assert names(told(x, good)) == ["+ventricular-fibrillation"]


def test_what_cannot_matter_is_not_looked_at_and_nothing_is_told_otherwise(monkeypatch):
    """A model that may say anything leaves no lead out; the shipped one leaves out most of the second leads."""
    samples, fs = demo_then_fibrillation(40.0, 20.0, 20.0)
    good = np.ones(samples.shape, dtype=np.bool_)
    model = shipped_model()._replace(highest=SURE)
    in_full = {"ventricular-fibrillation": partial(VentricularFibrillationRule, model=model)}
    opened = []
    judge = FibrillationWindow.judge

    def watched(window, *args, **options):
        found = judge(window, *args, **options)
        opened.extend(window.left_open)
        return found

    monkeypatch.setattr(FibrillationWindow, "judge", watched)
    stages = (
        RhythmStage(RhythmLimits(), fs, ("II", "V5"), rules=RULES),
        RhythmStage(RhythmLimits(), fs, ("II", "V5"), rules=in_full),
    )
    for start in range(0, len(samples), 700):
        part = slice(start, start + 700)
        sparing, full = (feed(stage, start, samples[part], good[part]) for stage in stages)
        assert sparing == full
        if start % 2100 == 0:
            assert to_bytes(stages[0].snapshot()) == to_bytes(stages[1].snapshot())
    assert any(opened)


def test_no_window_lies_across_a_hole():
    stage = make()
    x = fibrillating(4.0, FS)
    outputs = stage.push([], heard(x), 1000)
    hole = Event(1000, 4.0, "gap", None, "60 s missing")
    outputs += stage.push([(16_000, hole)], [Heard(16_000, x, Signal.all_good(x))], 17_000)
    assert outputs == [hole]


def test_it_begins_above_one_threshold_and_ends_below_the_other():
    state = Hysteresis(1.5, 0.0)
    changes = [state(odds) for odds in (0.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0, -3.0, None, None, None, None, None)]
    assert [k for k, changed in enumerate(changes) if changed] == [2, 9]
    assert not state.ongoing


def test_a_real_one(real_record):
    record = real_record("cudb/cu16")
    pipeline = Pipeline()
    outputs = [output for chunk in record.chunks(1000.0) for output in pipeline.push(chunk)]
    begins = [each.time for each in outputs if isinstance(each, Rhythm) and each.name == "ventricular-fibrillation"]
    assert abs(begins[0] - 255.0) < 6.0
