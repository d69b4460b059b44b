from __future__ import annotations

import numpy as np
import pytest
from rhythm_beats import FS, beat, beats, heard, names, row, told

from ecg_stream.stream.core.messages import Alert, Beat, Event, Heard, Rhythm
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes
from ecg_stream.stream.core.stage import State
from ecg_stream.stream.rhythm.alert_table import AlertTable
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.rate import RateRule
from ecg_stream.stream.rhythm.rule import NEVER, Finding, Findings, RhythmBeat, RhythmRule
from ecg_stream.stream.rhythm.stage import HOLE_S, RhythmStage
from ecg_stream.testing import LAWS, Subject

LABELS = "NSVFQ"
N_SAMPLES = 60_000


def make() -> RhythmStage:
    return RhythmStage(RhythmLimits(), FS, ("II", "V5"), alerts=AlertTable())


def feed(stage: RhythmStage, start: int, samples: np.ndarray, good: np.ndarray, marks: np.ndarray) -> list[object]:
    """Of `marks` each row is a sample: label of the beat decided there, its delay, its interval, its kind.

    A label counts from 10; what has none is no beat. One of the laws makes other rows of rows, ``3 * row + 1``.
    """
    decided = []
    for k in np.flatnonzero(marks[:, 0] >= 10).tolist():
        values = marks[k] if marks[k, 0] < 15 else (marks[k] - 1) // 3
        label, delay, rr, kind = values.tolist()
        decided.append((start + k, beat(start + k - delay, LABELS[label - 10], rr or None, kind=kind)))
    return stage.push(decided, heard(samples, good, start), start + len(samples))


def stream() -> tuple[np.ndarray, ...]:
    """Every rhythm that beats make, in rows drawn at random, with pauses, noise, and leads that come off."""
    rng = np.random.default_rng(11)
    marks = np.zeros((N_SAMPLES, 4), dtype=np.int64)
    x = rng.normal(0.0, 0.01, (N_SAMPLES, 2))
    good = np.ones((N_SAMPLES, 2), dtype=np.bool_)
    rows = ("NNNNNN", "VVVVVVVVV", "NVNVNVNVNV", "NNVNNVNNVNNV", "NVVN", "NVVVVN", "NSSSSSSSSN", "NNNNNNNNNN", "VVVV")
    at = 100
    while at < N_SAMPLES - 2000:
        step = int(rng.integers(60, 330))
        kind = int(rng.integers(0, 3))
        for label in rows[rng.integers(len(rows))]:
            at += step if rng.random() > 0.03 else int(rng.integers(400, 1600))
            if at > N_SAMPLES - 100:
                break
            marks[at + 35] = LABELS.index(label) + 10, 35, 0 if rng.random() < 0.03 else step, kind
            x[at - 8 : at + 8] += np.hanning(16)[:, None]
    for begin in rng.integers(0, N_SAMPLES - 3000, 6).tolist():
        x[begin : begin + 1500] += rng.normal(0.0, 0.3, (1500, 2))
        good[begin + 2000 : begin + 2600] = False
    return x, good, marks


def decided_at(output: object) -> int:
    assert isinstance(output, Beat | Rhythm | Alert)
    return output.sample + round(output.delay_ms * FS / 1000)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, stream(), feed, decided_at))


def test_a_state_is_small():
    stage = make()
    feed(stage, 0, *stream())
    assert len(to_bytes(stage.snapshot())) < 12_000


class ClockRule(RhythmRule):
    """Asystole for a second, each whole minute of samples: time alone."""

    names = ("asystole",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self.due = 1000
        self.on = False

    def time(self, now: int) -> Findings:
        self.on = not self.on
        self.due = now + (250 if self.on else 750)
        return [Finding("asystole", "begin" if self.on else "end", now, "the clock")]

    def snapshot(self) -> State:
        return {**super().snapshot(), "on": self.on}

    def restore(self, state: State) -> None:
        super().restore(state)
        self.on = state["on"]


class EarRule(RhythmRule):
    """A pause for as long as the first lead stands above 1 mV, told by time at each full 100 samples."""

    names = ("pause",)
    hears = True

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self.due = 99
        self.heard: list[tuple[int, int]] = []
        self.high = False

    def hear(self, part: Heard) -> None:
        self.heard.append((part.start, part.stop))
        self.high = bool(part.signal.samples[-1, 0] > 1.0)

    def time(self, now: int) -> Findings:
        self.due = now + 100
        return [Finding("pause", "begin" if self.high else "end", now, "loud")]

    def beat(self, beat: RhythmBeat, now: int) -> Findings:
        assert self.heard[-1][1] == now + 1  # all that was there when the beat was decided, and nothing later
        return ()


def test_time_goes_on_without_beats():
    stage = RhythmStage(RhythmLimits(), FS, ("II",), rules={"clock": ClockRule})
    found = [each for at in range(0, 3000, 7) for each in stage.push([], [], at)]
    assert [(each.state, each.sample, each.delay_ms) for each in found] == [
        ("begin", 1000, 0.0),
        ("end", 1250, 0.0),
        ("begin", 2000, 0.0),
        ("end", 2250, 0.0),
    ]
    assert found[1].length_s == 1.0


def test_a_rule_hears_every_sample_once_before_what_is_decided_there():
    made: list[EarRule] = []

    def ear(*arguments: object) -> EarRule:
        made.append(EarRule(*arguments))  # type: ignore[arg-type]
        return made[-1]

    samples = np.zeros((2000, 1))
    samples[650:900] = 2.0
    decided = beats(row("NNNNN", 1.2))
    stage = RhythmStage(RhythmLimits(), FS, ("II",), rules={"ear": ear})
    found = stage.push(decided, heard(samples), 2000)
    assert [(each.state, each.sample) for each in found if isinstance(each, Rhythm)] == [("begin", 699), ("end", 999)]
    assert [first for first, _ in made[0].heard[1:]] == [stop for _, stop in made[0].heard[:-1]]
    assert made[0].heard[-1][1] == 2000


def test_what_says_less_is_not_told_beside_what_says_more():
    """Asystole hides a slow rate, which is told again when that has ended."""
    stage = RhythmStage(RhythmLimits(), FS, ("II",), rules={"clock": ClockRule, "rate": RateRule})
    found = stage.push(beats(row("N" * 12, 1.4), begin_s=-10.0), [], 1500)
    rhythms = [each for each in found if isinstance(each, Rhythm)]
    assert names(rhythms) == ["+bradycardia", "-bradycardia", "+asystole", "-asystole", "+bradycardia"]
    assert [each.ongoing for each in rhythms] == [("bradycardia",), (), ("asystole",), (), ("bradycardia",)]
    assert [each.why for each in rhythms[1:]] == ["now asystole", "the clock", "the clock", "after asystole"]


def test_beats_and_events_come_out_as_they_went_in():
    event = Event(700, 2.8, "gap", None, "0.1 s missing")
    decided = beats(row("NNNN"))
    decided.insert(3, (720, event))
    outputs = make().push(decided, [], 1200)
    assert outputs == [item if isinstance(item, Event) else item.beat for _, item in decided]


def test_a_rule_of_another_layout_begins_afresh_and_says_so():
    stage = make()
    stage.push(beats(row("N" * 5)), [], 2000)
    state = from_bytes(to_bytes(stage.snapshot()))
    state["rules"]["rate"]["schema"] = 9
    state["rules"]["of a later version"] = {"schema": 1}
    other = make()
    (note,) = other.restore(state)
    assert note.startswith("rhythm rate: its saved state has layout 9")
    assert other.snapshot()["heard"] == 2000


def test_without_rules_nothing_is_told():
    assert RhythmStage(RhythmLimits(), FS, ("II",), rules={})._due == NEVER
    assert told(beats(row("NNNN"))) == []


@pytest.mark.parametrize("missing", [10**6, 10**13])
def test_over_a_long_hole_time_does_not_go_on_and_what_went_on_ends(missing):
    """A device that counted its samples wrongly kept the stage, and the service with it, for ever."""
    stage = RhythmStage(RhythmLimits(), FS, ("II",))
    bigeminy = [*row("NNN"), *[("N", 1.0), ("V", 0.6)] * 6]
    decided = beats(bigeminy)
    n = decided[-1][0] + 1
    quiet = np.zeros((n, 1))
    assert "+bigeminy" in names(only_rhythms(stage.push(decided, heard(quiet), n)))
    after = only_rhythms(stage.push([], heard(quiet, start=n + missing), 2 * n + missing))
    (end,) = [each for each in after if each.name == "bigeminy"]
    assert end.state == "end"
    assert end.sample <= n + round(HOLE_S * FS) + 1
    again = beats(bigeminy, begin_s=(2 * n + missing) / FS + 1.0)
    assert "+bigeminy" in names(only_rhythms(stage.push(again, [], again[-1][0] + 1)))


def only_rhythms(outputs: list[object]) -> list[Rhythm]:
    return [output for output in outputs if isinstance(output, Rhythm)]
