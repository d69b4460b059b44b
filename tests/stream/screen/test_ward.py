from __future__ import annotations

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Event, Priority
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.attention import NOTABLE, QUIET, RECENT, URGENT, Around, HourCount
from ecg_stream.stream.run.engine import Session, Step
from ecg_stream.stream.run.turn import Load
from ecg_stream.stream.screen.ward import PatientView, Ward, WardView
from ecg_stream.stream.screen.ward_view import FocusSink, WardScreen, rows_for_patients, trace_cells


def view(patient: str, need: int = QUIET, note: str = "", columns: int = 400) -> PatientView:
    wave = np.sin(np.arange(columns) / 3)
    return PatientView(patient, need, note, None, 72.0, wave, wave + 0.3, ((columns - 9, "V"),), "V", 12, 0, 1.0, 0.2)


def drawn(ward: WardView, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, force_terminal=True)
    with console.capture() as capture:
        console.print(WardScreen(ward), end="")
    return capture.get().split("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 10), (200, 60)])
@pytest.mark.parametrize("number", [0, 1, 3, 200])
def test_the_screen_fits(width, height, number) -> None:
    patients = tuple(view(f"bed-{k}") for k in range(number))
    room = rows_for_patients(height)
    ward = WardView("mqtt://x  dense", True, patients[:room], max(0, number - room), 3, "12:00:00 news")
    lines = drawn(ward, width, height)
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert f"{number} patient" in lines[0]
    assert lines[-1].rstrip().endswith("Ctrl-C ends")
    assert sum("bed-" in line for line in lines) == min(number, room)
    if number > room:
        assert f"and {number - room} more patients, 3 of whom need attention" in lines[-2]


def test_a_line_holds_what_there_is_to_know() -> None:
    patient = view("bed-with-a-long-name-7", URGENT, "no data for 12 s")
    ward = WardView("mqtt://x  dense", False, (patient,), 0, 0, "")
    lines = drawn(ward, 80, 24)
    assert "no connection" in lines[0]
    line = lines[2]
    assert line.startswith("▌ bed-with-…   72 V")
    assert ("12" in line, "100%" in line, "0.2" in line, "no data for 12 s" in line) == (True,) * 4
    assert trace_cells(80) >= 20
    assert any("⠁" <= character <= "⣿" for character in line)


def push(
    ward: Ward, patient: str, seconds: float = 12.0, change=lambda samples: samples, chunk_ms: float = 500
) -> None:
    session = Session(patient, Pipeline())
    for chunk in demo_record().chunks(chunk_ms, 0, seconds):
        ward.take(session.push(replace(chunk, samples=change(chunk.samples.copy()))))


def needs(ward: Ward) -> dict[str, tuple[int, str]]:
    return {each.patient: (each.need, each.note) for each in ward.view(50, 80).patients}


def no_v5(samples):
    samples[:, 1] = np.nan
    return samples


def no_lead(samples):
    return np.full_like(samples, np.nan)


def test_those_in_need_come_first() -> None:
    ward = Ward("x")
    push(ward, "well")
    push(ward, "half", change=no_v5)
    push(ward, "off", change=no_lead)
    assert needs(ward)["well"][0] in (QUIET, RECENT)
    assert needs(ward)["half"] == (NOTABLE, "lead-off V5")
    assert needs(ward)["off"] == (URGENT, "no lead: lead-off")
    assert [each.patient for each in ward.view(50, 80).patients] == ["off", "half", "well"]
    few = ward.view(1, 80)
    assert ([each.patient for each in few.patients], few.hidden, few.hidden_need) == (["off"], 2, 1)
    ward.forget("off")
    assert [each.patient for each in ward.view(50, 80).patients] == ["half", "well"]


def test_what_the_service_knows_counts_too() -> None:
    ward = Ward("x")
    push(ward, "dropped")
    push(ward, "offline")
    known = {"dropped": Around(Load(3, 17)), "offline": Around(online=False)}
    ward.ask(known.__getitem__, lambda: False)
    assert needs(ward) == {"dropped": (NOTABLE, "17 dropped"), "offline": (URGENT, "device offline")}
    assert not ward.view(50, 80).connected


def test_silence_and_lag(monkeypatch) -> None:
    ward = Ward("x")
    push(ward, "a")
    later = time.monotonic() + 20
    monkeypatch.setattr(time, "monotonic", lambda: later)
    (patient,) = ward.view(50, 80).patients
    assert (patient.need, patient.note) == (URGENT, "no data for 20 s")
    assert patient.lag_s == pytest.approx(20, abs=2)


def alert(patient: str, name: str, priority: Priority, state: str = "begin") -> Step:
    chunk = Chunk(0, 250.0, ("II",), np.zeros((25, 1)))
    return Step(patient, chunk, [Alert(name, priority, state, 0, 0.0, 140.0, "why", 0)], 0.1, 0.0)  # type: ignore[arg-type]


def test_alerts_come_first_by_priority_with_marks_as_well_as_colours() -> None:
    ward = Ward("x")
    for step in (
        alert("couplets", "couplet", "low"),
        alert("in-vf", "ventricular-fibrillation", "high"),
        alert("in-vf", "couplet", "low"),
        alert("pauses", "pause", "medium"),
        alert("very-slow", "extreme-bradycardia", "high"),
    ):
        ward.take(step)
    names = ("in-vf", "very-slow", "pauses", "couplets")
    assert [each.patient for each in ward.view(50, 80).patients] == list(names)
    assert needs(ward)["in-vf"] == (URGENT, "ventricular fibrillation")
    assert needs(ward)["pauses"] == (NOTABLE, "pause")
    lines = drawn(ward.view(50, 80), 80, 24)
    found = {name: next(line for line in lines if name in line) for name in names}
    assert {name: line.split("!", 1)[1].strip() for name, line in found.items()} == {
        "in-vf": "!! VF", "very-slow": "!! very slow", "pauses": "! pause", "couplets": "couplet",
    }  # fmt: skip
    ward.take(alert("in-vf", "ventricular-fibrillation", "high", "end"))
    assert needs(ward)["in-vf"] == (NOTABLE, "couplet")


def beats(ward: Ward, rr_s: float, labels: str) -> None:
    chunk = Chunk(0, 250.0, ("II",), np.zeros((round(250 * rr_s * len(labels)), 1)))
    made = [Beat(round(250 * rr_s * k), rr_s * k, label, (), 1000 * rr_s, 140.0) for k, label in enumerate(labels)]
    ward.take(Step("a", chunk, [*made], 0.1, 0.0))


@pytest.mark.parametrize(
    ("rr_s", "labels", "need"),
    [
        (0.8, "NNNNNNNN", (QUIET, "")), (0.8, "NNVNNNNN", (RECENT, "")), (0.8, "NNNNNVVV", (URGENT, "3 V in a row")),
        (0.3, "NNNNNNNN", (URGENT, "fast")), (1.8, "NNNNNNNN", (URGENT, "slow")), (0.45, "NNNNNNNN", (NOTABLE, "fast")),
        (1.3, "NNNNNNNN", (NOTABLE, "slow")),
    ],
)  # fmt: skip
def test_rhythm(rr_s, labels, need) -> None:
    ward = Ward("x")
    beats(ward, rr_s, labels)
    assert needs(ward) == {"a": need}


def test_no_beat() -> None:
    ward = Ward("x")
    ward.take(Step("a", Chunk(0, 250.0, ("II",), np.zeros((2500, 1))), [], 0.1, 0.0))
    ward.take(Step("a", None, [Event(0, 0.0, "gap")], 0.1, 0.0))
    assert needs(ward) == {"a": (URGENT, "no beat")}


def test_the_last_hour() -> None:
    count = HourCount()
    for minute in range(0, 120, 2):
        count.add(60.0 * minute + 1)
        count.add(60.0 * minute + 2)
    assert count.at(60.0 * 119) == 60
    assert count.at(60.0 * 600) == 0


def test_a_trace_does_not_change_its_dots_as_it_scrolls() -> None:
    ward = Ward("x")
    session = Session("a", Pipeline())
    rows = []
    for chunk in demo_record().chunks(80, 0, 20):
        ward.take(session.push(chunk))
        (patient,) = ward.view(1, 60).patients
        rows.append(patient.high)
    known = [row[np.isfinite(row)][1:-2] for row in rows[-20:]]  # the newest column is still growing
    for before, after in zip(known, known[4:], strict=False):
        assert set(before[8:].tolist()) <= set(after.tolist())


async def test_focus_passes_one_patient_on() -> None:
    class Seen:
        def __init__(self) -> None:
            self.steps: list[str] = []

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_) -> None:
            self.steps.append("closed")

        async def write(self, step: Step) -> None:
            self.steps.append(step.record)

        async def finish(self, record, summary) -> None:
            self.steps.append(f"{record} ended")

    seen = Seen()
    session = Session("b", Pipeline())
    async with FocusSink("a", seen) as focus:
        for patient in ("a", "b", "a"):
            await focus.write(Step(patient, None, [], 0.0, 0.0))
        for patient in ("a", "b"):
            await focus.finish(patient, session.summary())
    assert seen.steps == ["a", "a", "a ended", "closed"]
