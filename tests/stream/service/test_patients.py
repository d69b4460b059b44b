from __future__ import annotations

import contextlib
import json

import msgspec
import numpy as np
import pytest
from broken_payloads import mutations
from fake_pipeline import EVERY, FailingPipeline, FakePipeline, fake_label
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_stream.errors import PayloadError
from ecg_stream.stream.core.messages import Beat, Chunk, Event, Output
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.turn import Turn
from ecg_stream.stream.service.codec import Wave, encode_wave
from ecg_stream.stream.service.known_patient import STUCK_S
from ecg_stream.stream.service.metrics import Metrics
from ecg_stream.stream.service.open_turn import close_turns
from ecg_stream.stream.service.patients import REMEMBER_ENDED_S, Ended, Limits, Patients

FS = 250.0


def payload(start: int, n: int = 100, value: float = 0.5, **fields: object) -> bytes:
    chunk = Chunk(start, FS, ("II",), np.full((n, 1), value))
    return encode_wave(Wave(chunk, **fields))  # type: ignore[arg-type]


def ward(limits: Limits | None = None, pipeline: type[FakePipeline] = FakePipeline) -> Patients:
    return Patients(pipeline, Metrics(), limits)


def take_turn(patients: Patients, now: float = 0.0) -> Turn:
    (turn,) = close_turns([patients.begin_turn(now)], fake_label)
    return turn


def end(patients: Patients, patient: str, now: float) -> Turn:
    (turn,) = close_turns([patients.begin_end(patient, now)], fake_label)
    return turn


def take_all(patients: Patients, now: float = 0.0) -> list[Turn]:
    turns = []
    while patients.queues.round:
        with contextlib.suppress(PayloadError):
            turns.append(take_turn(patients, now))
    return turns


def outputs(turns: list[Turn], patient: str | None = None) -> list[Output]:
    steps = [o for turn in turns if patient in (None, turn.patient) for o in turn.outcomes if isinstance(o, Step)]
    return [output for step in steps for output in step.outputs]


def samples(turns: list[Turn], patient: str | None = None) -> list[int]:
    return [o.sample for o in outputs(turns, patient) if isinstance(o, Beat) and o.label == "N"]


def counted(patients: Patients, name: str) -> float:
    return patients._metrics.registry.get_sample_value(f"ecg_stream_{name}_total") or 0.0


def test_turns_go_round() -> None:
    patients = ward()
    for k in range(3):
        for patient in ("a", "b", "c"):
            for _ in range(2 if patient == "a" else 1):
                patients.offer(patient, payload(100 * k), 0.0)
    assert [turn.patient for turn in take_all(patients)] == ["a", "b", "c"] * 3 + ["a"] * 3


def test_a_flood_drops_the_flooders_oldest_and_no_one_elses() -> None:
    one = payload(0, 100)
    patients = ward(Limits(queue_bytes=20 * (len(one) + 600)))
    for k in range(200):
        patients.offer("flood", payload(100 * k), 0.0)
        if k % 10 == 0:
            patients.offer("calm", payload(10 * k), 0.0)
    assert patients.load("calm").dropped == 0
    assert patients.load("flood").dropped == 200 - patients.load("flood").waiting
    turns = take_all(patients)
    assert samples(turns, "calm") == list(range(0, 2000, EVERY))
    assert samples(turns, "flood")[-1] == 20_000 - EVERY
    assert counted(patients, "dropped_messages") == patients.load("flood").dropped > 100


def test_what_was_dropped_is_told_as_a_gap() -> None:
    patients = ward(Limits(queue_bytes=20_000))
    patients.offer("a", payload(0), 0.0)
    first = take_all(patients)
    for k in range(1, 100):
        patients.offer("a", payload(100 * k), 0.0)
    events = [event for event in outputs(first + take_all(patients)) if isinstance(event, Event)]
    assert [(event.sample, event.kind) for event in events] == [(100, "gap")]


def test_all_queues_together_are_bounded_at_the_cost_of_the_longest() -> None:
    patients = ward(Limits(total_bytes=100_000))
    for k in range(400):
        patients.offer("long", payload(100 * k), 0.0)
        if k % 50 == 0:
            patients.offer(f"short-{k}", payload(0), 0.0)
    assert sum(len(payload(0)) + 512 for _ in range(patients.queues.waiting)) < 150_000
    assert all(patients.load(f"short-{k}").dropped == 0 for k in range(0, 400, 50))


def test_there_is_a_limit_to_patients() -> None:
    patients = ward(Limits(patients=2))
    patients.offer("a", payload(0), 0.0)
    patients.offer("b", payload(0), 0.0)
    with pytest.raises(PayloadError, match="the limit is"):
        patients.offer("c", payload(0), 0.0)
    patients.offer("a", payload(100), 0.0)


def test_ended_streams_keep_nobody_out_and_are_not_kept_without_end() -> None:
    patients = ward(Limits(patients=10))
    for k in range(1000):
        patients.offer(f"id-{k}", payload(0, end=True), float(k))
        take_all(patients, float(k))
        assert len(patients.ids()) <= 20
    for k in range(10):
        patients.offer(f"live-{k}", payload(0), 2000.0)
    with pytest.raises(PayloadError, match="the limit is 10 patients"):
        patients.offer("one-more", payload(0), 2000.0)


def test_a_failing_pipeline_costs_its_own_chunk_only(caplog) -> None:
    patients = ward(pipeline=FailingPipeline)
    for k in range(10):
        patients.offer("bad", payload(100 * k, value=9.0 if k == 4 else 0.5), 0.0)
        patients.offer("good", payload(100 * k), 0.0)
    turns = take_all(patients)
    assert samples(turns, "good") == list(range(0, 1000, EVERY))
    assert samples(turns, "bad") == [s for s in range(0, 1000, EVERY) if not 400 <= s < 500]
    assert counted(patients, "pipeline_failures") == 1
    assert "bad" in caplog.text


def test_the_end_flushes_and_sums_up_and_late_duplicates_change_nothing() -> None:
    patients = ward()
    for start in (0, 100, 100, 0):
        patients.offer("a", payload(start, stream="s"), 0.0)
    patients.offer("a", payload(200, 0, stream="s", end=True), 0.0)
    patients.offer("a", payload(100, stream="s"), 0.0)
    patients.offer("a", payload(200, 0, stream="s", end=True), 0.0)
    turns = take_all(patients)
    assert samples(turns) == [0, 50, 100, 150]
    ended = [outcome for turn in turns for outcome in turn.outcomes if isinstance(outcome, Ended)]
    assert [(each.patient, each.summary.beats) for each in ended] == [("a", 5)]
    assert counted(patients, "duplicate_chunks") == 4
    assert len(patients) == 0


@pytest.mark.parametrize("stream", ["s", None])
def test_after_an_end_the_same_stream_may_be_sent_again_from_the_beginning(stream) -> None:
    patients = ward()
    for _ in range(2):
        patients.offer("a", payload(0, seq=0, stream=stream), 0.0)
        patients.offer("a", payload(100, seq=1, stream=stream), 0.0)
        patients.offer("a", payload(200, 0, seq=2, stream=stream, end=True), 0.0)
    assert samples(take_all(patients)) == [0, 50, 100, 150] * 2


def test_another_stream_ends_the_one_before_and_does_not_let_it_back() -> None:
    patients = ward()
    patients.offer("a", payload(0, stream="one"), 0.0)
    patients.offer("a", payload(0, stream="two"), 0.0)
    turns = take_all(patients)
    assert samples(turns) == [0, 50, 0, 50]
    assert sum(isinstance(outcome, Ended) for turn in turns for outcome in turn.outcomes) == 1
    patients.offer("a", payload(100, stream="one"), 0.0)
    with pytest.raises(PayloadError, match="two devices"):
        take_turn(patients)
    patients.offer("a", payload(100, stream="two"), 0.0)
    assert samples(take_all(patients)) == [100, 150]


def test_a_session_ends_by_silence_and_goes_on_without_doubling() -> None:
    patients = ward(Limits(silence_s=60))
    patients.offer("a", payload(0), 0.0)
    take_all(patients)
    assert patients.silent(59.0) == []
    assert patients.silent(61.0) == ["a"]
    assert [type(outcome) for outcome in end(patients, "a", 61.0).outcomes] == [Step, Ended]
    patients.offer("a", payload(0), 62.0)
    patients.offer("a", payload(50), 62.0)
    patients.offer("a", payload(150), 62.0)
    assert samples(take_all(patients)) == [100, 150, 200]


def test_a_device_that_began_anew_without_saying_so_is_believed_after_a_while() -> None:
    patients = ward()
    patients.offer("a", payload(50_000), 0.0)
    take_all(patients)
    for second in range(int(STUCK_S) + 2):
        patients.offer("a", payload(250 * second, 250), float(second))
        take_all(patients, float(second))
    assert patients.silent(STUCK_S + 2) == ["a"]
    end(patients, "a", STUCK_S + 2)
    patients.offer("a", payload(10_000), STUCK_S + 3)
    assert samples(take_all(patients)) == [10_000, 10_050]


def test_a_device_that_begins_anew_after_its_stream_was_ended_by_silence_is_believed_after_a_while() -> None:
    """It was switched off for six minutes, and says neither `stream` nor `seq`."""
    patients = ward(Limits(silence_s=60))
    patients.offer("a", payload(50_000), 0.0)
    take_all(patients)
    end(patients, "a", 61.0)
    for second in range(int(STUCK_S) + 2):
        assert patients.silent(360.0 + second) == []
        patients.offer("a", payload(250 * second, 250), 360.0 + second)
        assert samples(take_all(patients, 360.0 + second)) == []
    assert patients.silent(360 + STUCK_S + 2) == ["a"]
    end(patients, "a", 360 + STUCK_S + 2)
    assert patients.silent(360 + STUCK_S + 3) == []
    patients.offer("a", payload(10_000), 360 + STUCK_S + 3)
    assert samples(take_all(patients)) == [10_000, 10_050]


def test_nothing_is_kept_of_who_sent_garbage_or_ended_long_ago() -> None:
    patients = ward()
    for k in range(100):
        patients.offer(f"garbage-{k}", b"x", 0.0)
    patients.offer("ended", payload(0, end=True), 0.0)
    take_all(patients)
    assert patients.ids() == ["ended"]
    patients.silent(REMEMBER_ENDED_S + 1)
    assert patients.ids() == []


def test_a_snapshot_goes_on_elsewhere() -> None:
    one, other, whole = ward(), ward(), ward()
    messages = [payload(100 * k, seq=k, stream="s") for k in range(10)]
    for number, message in enumerate(messages, 1):
        whole.offer("a", message, 0.0, number)
        if number <= 5:
            one.offer("a", message, 0.0, number)
    first = take_all(one)
    other.restore("a", from_bytes(to_bytes(one.snapshot("a", 0.0))), 100.0)
    assert other.applied("a") == 5
    for number, message in enumerate(messages[3:], 4):
        other.offer("a", message, 100.0, number)
    assert outputs(first) + outputs(take_all(other)) == outputs(take_all(whole))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=64),
    st.lists(st.floats(width=32), max_size=4),
    st.lists(st.lists(st.one_of(st.none(), st.floats()), max_size=3), max_size=4),
)  # fmt: skip
MESSAGES = st.dictionaries(
    st.sampled_from(["v", "seq", "start", "fs", "leads", "unit", "samples", "gain", "stream", "end", "x"]), VALUES
)
GOOD = msgspec.json.decode(payload(0))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(MESSAGES, st.booleans())
def test_odd_messages_are_refused_or_taken_but_never_break_anything(fields, from_good) -> None:
    message = {**GOOD, **fields} if from_good else fields
    patients = ward()
    for encode in (msgspec.msgpack.encode, lambda m: json.dumps(m, default=repr).encode(errors="replace")):
        try:
            encoded = encode(message)
        except (OverflowError, UnicodeEncodeError):
            continue
        patients.offer("a", encoded, 0.0)
        take_all(patients)


def test_a_hundred_thousand_broken_payloads_are_counted_and_leave_nothing() -> None:
    import tracemalloc

    patients = ward(Limits(patients=8))
    payloads = [*mutations(4000, seed=1), bytes(2_000_000), b"[" * 900_000]
    refused = taken = 0
    grown = []
    tracemalloc.start()
    for turn in range(25):
        for number, each in enumerate(payloads):
            patients.offer(f"p{number % 4}", each, 0.0)
            try:
                take_turn(patients)
                taken += 1
            except PayloadError:
                refused += 1
        grown.append(tracemalloc.get_traced_memory()[0])
        del turn
    tracemalloc.stop()
    assert refused + taken == 25 * len(payloads) > 100_000
    assert refused > 50_000
    assert patients.queues.waiting == 0
    assert max(grown[5:]) - min(grown[5:]) < 200_000
    patients.offer("well", payload(0), 0.0)
    assert samples(take_all(patients), "well") == [0, 50]
