"""What can happen to a stream: it is told, nothing is invented, and the pipeline recovers."""

from __future__ import annotations

import numpy as np
import pytest
from demo_pipelines import FS, LEADS, beats, demo, events, feed, make, run

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Beat, Chunk, Event, Output
from ecg_stream.testing.values import packed

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
