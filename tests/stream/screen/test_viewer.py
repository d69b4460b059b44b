"""Looking back, stepping and seeking: what is seen, and what the source is told."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from ecg_stream.stream.core.messages import Beat, Chunk, Output, Rhythm
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.screen.agreement import Reference
from ecg_stream.stream.screen.history import HISTORY_S
from ecg_stream.stream.screen.view import Title, View
from ecg_stream.stream.screen.viewer import AFTER_S, FASTEST, SLOWEST, Viewer
from ecg_stream.stream.screen.watch import Watch

FS = 100.0
CHUNK = 10
LENGTH_S = 120.0


def label(k: int) -> str:
    return "V" if k % 10 == 7 else "N"


def steps(length_s: float = LENGTH_S) -> Iterator[Step]:
    """A beat each second, on the half second, decided 0.2 s later; each tenth is V."""
    for start in range(0, int(length_s * FS), CHUNK):
        outputs: list[Output] = []
        k, within = divmod(start - 70, 100)
        if k >= 0 and within == 0:
            sample = 100 * k + 50
            p = (1.0, 0.0, 0.0, 0.0, 0.0) if label(k) == "N" else (0.0, 0.0, 1.0, 0.0, 0.0)
            outputs.append(Beat(sample, sample / FS, label(k), p, None if k == 0 else 1000.0, 200.0))
        ramp = np.arange(start, start + CHUNK)[:, None] / FS
        yield Step("made", Chunk(start, FS, ("I", "II", "III"), np.repeat(ramp, 3, axis=1)), outputs, 0.1, 0.0)


class Tape:
    """A source that a hand controls: it gives its steps to the viewer, at once when it is told to hurry."""

    def __init__(self, length_s: float = LENGTH_S, reference: Reference | None = None) -> None:
        self.speed: float | None = 1.0
        self.at_end = False
        self.running = True
        self._until = -math.inf
        self._steps = steps(length_s)
        self.watch = Watch(Title("made", "", "×1", length_s), reference)
        self.left = False
        self.viewer = Viewer(self.watch, self)
        self.viewer.leave = self.leave

    def leave(self) -> None:
        self.left = True

    def pause(self) -> None:
        self.running, self._until = False, -math.inf

    def resume(self) -> None:
        self.running, self._until = True, -math.inf

    def hurry(self, until_s: float) -> None:
        self.running, self._until = False, until_s

    def play(self, seconds: float = 0.0) -> View:
        """Let stream time pass at the player's pace, and what it hurries through; give what is then seen."""
        end = self.watch.now_s + (seconds if self.running else 0.0) - 1e-9
        while self.watch.now_s < max(end, self._until):
            step = next(self._steps, None)
            if step is None:
                self.at_end = True
                break
            self.viewer.take(step)
        return self.viewer.view(0.0)

    def press(self, *keys: str) -> View:
        view = self.play()
        for key in keys:
            self.viewer.press(key)
            view = self.play()
        return view


@pytest.fixture
def tape() -> Tape:
    tape = Tape()
    tape.play(30.0)
    return tape


def trace_ends_at(view: View) -> float:
    """Time in the last dot column, which the made signal tells by its height."""
    return float(np.nanmax(view.leads[0].high))


def test_a_record_waits_and_goes_on(tape: Tape) -> None:
    paused = tape.press(" ")
    assert not tape.running
    assert paused.controls.state == "paused"
    assert tape.play(5.0).now_s == paused.now_s
    tape.press(" ")
    assert tape.running
    assert tape.play(5.0).now_s == pytest.approx(35.0)


def test_a_step_back_shows_the_second_before_as_it_was(tape: Tape) -> None:
    then = Tape()
    at_27 = then.play(27.0)
    view = tape.press("left", "left", "left")
    assert view.now_s == pytest.approx(27.0)
    assert view.controls.state == "paused 3 s back"
    assert view.counts == at_27.counts
    assert trace_ends_at(view) == pytest.approx(27.0, abs=0.05)
    assert [beat.sample for beat in view.beats] == [beat.sample for beat in at_27.beats]


def test_steps_on_from_the_newest_play_the_record_to_there(tape: Tape) -> None:
    view = tape.press("left", "right", "right", "right")
    assert view.now_s == pytest.approx(32.0)
    assert not tape.running
    assert sum(view.counts.values()) == 32


def test_beats_are_stepped_through(tape: Tape) -> None:
    last = tape.press(",").controls.chosen
    assert last is not None
    assert last.time == 29.5
    assert tape.watch.now_s == pytest.approx(30.0), "looking back plays nothing"
    before = tape.press(",", ",").controls.chosen
    assert before is not None
    assert before.time == 27.5
    after = tape.press(".", ".", ".").controls.chosen
    assert after is not None
    assert after.time == 30.5
    assert tape.watch.now_s == pytest.approx(30.5 + AFTER_S)


def test_the_next_beat_that_is_not_normal_is_sought(tape: Tape) -> None:
    found = tape.press("n")
    assert found.controls.chosen is not None
    assert (found.controls.chosen.label, found.controls.chosen.time) == ("V", 37.5)
    assert found.now_s == pytest.approx(37.5 + AFTER_S)
    assert not tape.running
    back = tape.press("N").controls.chosen
    assert back is not None
    assert back.time == 27.5
    again = tape.press("n").controls.chosen
    assert again is not None
    assert again.time == 37.5


def test_what_is_sought_in_vain_ends_with_the_record_on_the_screen(tape: Tape) -> None:
    view = tape.press(*["n"] * 20)
    assert view.controls.message == "the end of the record: space ends"
    assert view.now_s == pytest.approx(LENGTH_S)
    assert not tape.running
    tape.press(" ")
    assert tape.running


def test_a_key_ends_the_seeking(tape: Tape) -> None:
    tape.viewer.press("n")
    tape.viewer.press(" ")
    assert tape.play().controls.state == "paused"
    assert tape.watch.now_s == pytest.approx(30.0)


def test_what_was_is_played_again_and_then_goes_on(tape: Tape) -> None:
    tape.press(*["left"] * 10)
    tape.viewer.press(" ")
    assert tape.viewer.view(100.0).now_s == pytest.approx(20.0)
    tape.viewer.press("+")
    view = tape.viewer.view(103.0)  # at twice the speed
    assert view.now_s == pytest.approx(26.0)
    assert view.controls.state == "×2 4 s back"
    assert view.controls.message == "at 2 times real time"
    assert not tape.running
    assert tape.viewer.view(105.1).now_s == pytest.approx(30.0)
    assert tape.running


def test_changes_of_rhythm_are_stepped_through() -> None:
    rhythms = ((0, "(N"), (2000, "(AFIB"), (9000, "(VT"))
    tape = Tape(reference=Reference(np.zeros(0, np.int64), (), rhythms))
    tape.play(30.0)
    ahead = tape.press("r")
    assert ahead.now_s == pytest.approx(90.0 + AFTER_S)
    assert ahead.controls.message == "0:01:30 reference: (VT"
    assert ahead.reference_rhythm == "(VT"
    back = tape.press("R")
    assert back.now_s == pytest.approx(20.0 + AFTER_S)
    assert back.reference_rhythm == "(AFIB"
    assert tape.press("r").now_s == pytest.approx(90.0 + AFTER_S)
    assert tape.press("r").controls.message == "the end of the record: space ends"


def test_changes_of_rhythm_that_we_tell_are_stepped_to_as_well(tape: Tape) -> None:
    begin = Rhythm("ventricular-tachycardia", "begin", 2500, 25.0, 150.0, "made")
    tape.viewer.take(Step("made", None, [begin], 0.0, 0.0))
    view = tape.press("R")
    assert view.now_s == pytest.approx(25.0 + AFTER_S)
    assert view.controls.message == "0:00:25 ventricular tachycardia begins"


def test_a_live_stream_goes_on_while_its_picture_stands() -> None:
    watch = Watch(Title("bed-1"))
    viewer = Viewer(watch)
    coming = steps()
    for _ in range(300):
        viewer.take(next(coming))
    viewer.press(" ")
    for _ in range(100):
        viewer.take(next(coming))
    standing = viewer.view(0.0)
    assert standing.now_s == pytest.approx(30.0)
    assert standing.controls.state == "paused 10 s back"
    viewer.press("left")
    assert viewer.view(0.0).now_s == pytest.approx(29.0)
    viewer.press("n")
    chosen = viewer.view(0.0).controls.chosen
    assert chosen is not None
    assert chosen.time == 37.5
    viewer.press("n")
    assert viewer.view(0.0).controls.message == "nothing later has come yet"
    viewer.press("+")
    assert viewer.view(0.0).controls.message == "a live stream has its own speed"
    viewer.press("escape")
    assert viewer.view(0.0).now_s == pytest.approx(40.0)
    viewer.take(next(coming))
    assert viewer.view(0.0).now_s == pytest.approx(40.1)


def test_the_speed_has_limits(tape: Tape) -> None:
    tape.press(*["-"] * 20)
    assert tape.speed == SLOWEST
    tape.press(*["+"] * 20)
    assert tape.speed is None
    assert tape.press("+").controls.message == "at full speed"
    assert tape.press("-").controls.state == f"×{FASTEST}"


def test_a_lead_in_full_and_all_again(tape: Tape) -> None:
    assert tape.press("2").controls.lead == 1
    assert tape.press("3").controls.lead == 2
    assert tape.press("3").controls.lead is None
    assert tape.press("4").controls.message == "no lead 4: there are 3"


def test_the_legend_hides_the_picture_until_a_key(tape: Tape) -> None:
    assert tape.press("?").controls.legend
    view = tape.press("left")
    assert not view.controls.legend
    assert view.now_s == pytest.approx(30.0), "the key that closes it does nothing else"
    tape.press("q")
    assert tape.left


def test_no_more_than_half_an_hour_is_kept() -> None:
    watch = Watch(Title("long"))
    for k in range(0, 6000, 10):
        samples = np.zeros((100, 1))
        beats: list[Output] = [Beat(k * 10, k / 10 * 10, "N", (1.0, 0.0, 0.0, 0.0, 0.0), None, 150.0)]
        watch.take(Step("long", Chunk(k * 10, 10.0, ("I",), samples), beats, 0.1, 0.0))
    viewer = Viewer(watch)
    viewer.press(" ")
    for _ in range(2 * int(HISTORY_S)):
        viewer.press("left")
    view = viewer.view(0.0)
    assert view.now_s == pytest.approx(watch.now_s - HISTORY_S)
    assert view.controls.message == "nothing earlier is kept"


def test_differences_from_the_reference_are_marked() -> None:
    samples = np.array([50, 150, 250, 350, 410, 2000])
    tape = Tape(reference=Reference(samples, ("N", "N", "S", "N", "N", "N")))
    view = tape.play(7.0)
    told = {mark.time: (mark.label, mark.differs) for mark in view.reference or ()}
    assert told == {
        0.5: ("N", False),
        1.5: ("N", False),
        2.5: ("S", True),  # we say N
        3.5: ("N", False),
        4.1: ("N", True),  # we have none
        4.5: ("", True),  # they have none
        5.5: ("", True),
        6.5: ("", True),
    }
