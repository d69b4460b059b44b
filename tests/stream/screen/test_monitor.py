import asyncio
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyte
import pytest
from rich.color import Color
from rich.console import Console

from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Event, Output, Rhythm
from ecg_stream.stream.core.rhythm_names import RhythmName
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.screen.agreement import Reference
from ecg_stream.stream.screen.monitor import MonitorSink, Screen
from ecg_stream.stream.screen.palette import CLASS_COLOURS, PRIORITY_STYLES
from ecg_stream.stream.screen.traces import voltage_range
from ecg_stream.stream.screen.view import Title, View
from ecg_stream.stream.screen.watch import Watch

FS = 250.0
LEADS = ("MLII", "V5")
HERE = Path(__file__).parent
P = {"N": (0.97, 0.02, 0.01, 0.0, 0.0), "V": (0.03, 0.0, 0.95, 0.02, 0.0), "S": (0.3, 0.66, 0.0, 0.04, 0.0)}


def rhythm() -> list[tuple[int, str]]:
    """A beat each 0.8 s for 20 s, two premature and wide, two premature and narrow."""
    beats = [(200 * k + 100, "N") for k in range(25)]
    for k in (5, 21):
        beats[k] = (beats[k][0] - 50, "V")
    for k in (9, 23):
        beats[k] = (beats[k][0] - 40, "S")
    return beats


def signal() -> np.ndarray:
    t = np.arange(5000)
    lead = 0.05 * np.sin(2 * np.pi * t / 1000)
    for at, label in rhythm():
        width = 15 if label == "V" else 4
        lead += (1.6 if label == "V" else 1.0) * np.exp(-(((t - at) / width) ** 2))
        lead += 0.2 * np.exp(-(((t - at - 70) / 20) ** 2))
    return np.stack([lead, -0.4 * lead], axis=1)


def watch() -> Watch:
    """The rhythm after 20 s, with a reference that differs in one beat, and two events."""
    reference = Reference(
        np.array([at for at, _ in rhythm()]), tuple("N" if k == 9 else c for k, (_, c) in enumerate(rhythm()))
    )
    seen = Watch(Title("demo", "dense", "×1", 600.0), reference, lambda: {"MLII": 17.4, "V5": 15.2})
    waiting: list[tuple[int, Output]] = [
        (at + 35, Beat(at, at / FS, c, P[c], None if k == 0 else 4.0 * (at - rhythm()[k - 1][0]), 140.0))
        for k, (at, c) in enumerate(rhythm())
    ]
    waiting += [(1250, Event(1000, 4.0, "flat", "V5")), (1500, Event(1300, 5.2, "lead-on", "V5"))]
    samples = signal()
    for start in range(0, len(samples), 25):
        ready = [output for due, output in sorted(waiting, key=lambda each: each[0]) if start <= due < start + 25]
        seen.take(Step("demo", Chunk(start, FS, LEADS, samples[start : start + 25]), ready, 0.25, 2.0))
    return seen


def text(view: View, width: int, height: int) -> str:
    console = Console(width=width, height=height, file=io.StringIO(), record=True, color_system=None)
    console.print(Screen(view), end="")
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_screen_reads_as_it_should(width: int, height: int) -> None:
    assert text(watch().view(), width, height) == (HERE / f"monitor_{width}x{height}.txt").read_text()


@pytest.mark.parametrize("width", [20, 40, 80, 133, 300])
@pytest.mark.parametrize("height", [6, 10, 15, 24, 41, 90])
@pytest.mark.parametrize("seen", [watch(), Watch(Title("nothing yet"))])
def test_the_screen_fills_any_window_exactly(width: int, height: int, seen: Watch) -> None:
    console = Console(width=width, height=height, file=io.StringIO())
    lines = console.render_lines(Screen(seen.view()), pad=False)
    assert len(lines) == height
    assert {sum(segment.cell_length for segment in line) for line in lines} == {width}


def test_many_leads_share_the_room_and_those_left_out_are_counted() -> None:
    names = tuple(f"L{k}" for k in range(12))
    seen = Watch(Title("ptb"))
    seen.take(Step("ptb", Chunk(0, 500.0, names, np.zeros((2000, 12))), [], 0.1, 0.0))
    small, tall = text(seen.view(), 80, 24), text(seen.view(), 80, 60)
    assert "+7 leads" in small
    assert "leads" not in tall
    assert all(name in tall for name in names)


def test_a_lead_that_is_off_says_so_in_words() -> None:
    seen = Watch(Title("demo"))
    samples = np.zeros((2500, 2))
    samples[1250:, 1] = np.nan
    seen.take(Step("demo", Chunk(0, FS, LEADS, samples), [Event(1250, 5.0, "lead-off", "V5")], 0.1, 0.0))
    shown = text(seen.view(), 80, 24)
    assert "lead-off" in shown
    assert "0:00:05.000  ! lead-off V5" in shown


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_an_alert_stays_in_sight_until_it_ends(width: int, height: int) -> None:
    seen = watch()
    name: RhythmName = "ventricular-tachycardia"
    begins = Rhythm(name, "begin", 2500, 10.0, 140.0, "6 V in a row at 150/min", None, (name,))
    told = Alert(name, "high", "begin", 2500, 10.0, 140.0, begins.why, 2500)
    over = Alert(name, "high", "end", 5050, 20.2, 140.0, "N", 2500, 10.2)
    chunk = Chunk(5000, FS, LEADS, np.zeros((25, 2)))
    seen.take(Step("demo", chunk, [begins, told], 0.1, 0.0))
    seen.take(Step("demo", replace(chunk, start=5025), [Event(5030, 20.12, "flat", "V5")], 0.1, 0.0))
    words = "0:00:10.000  !!! ventricular tachycardia, high priority, begins: 6 V in a row"
    assert words[: width - 20] in text(seen.view(), width, height)
    assert "* ventricular tachycardia begins" not in text(seen.view(), width, height)  # the alert says it
    console = Console(width=width, height=height, file=io.StringIO())
    (alarm,) = {
        segment.style for line in console.render_lines(Screen(seen.view())) for segment in line if "!!!" in segment.text
    }
    assert alarm == PRIORITY_STYLES["high"]
    ends = Rhythm(name, "end", 5050, 20.2, 140.0, "N", 10.2)
    seen.take(Step("demo", replace(chunk, start=5050), [ends, over], 0.1, 0.0))
    assert "!!!" not in text(seen.view(), width, height)
    assert "* ventricular tachycardia ends" in text(seen.view(), width, height)


def test_without_beats_for_four_seconds_there_is_no_rate() -> None:
    seen = watch()
    assert seen.view().heart_rate is not None
    seen.take(Step("demo", Chunk(5000, FS, LEADS, np.zeros((1250, 2))), [], 0.1, 0.0))
    assert seen.view().heart_rate is None


def test_the_rate_is_the_mean_of_the_last_eight_intervals() -> None:
    seen = Watch(Title("demo"))
    rr = [2000.0, *[800.0] * 7, 1000.0]
    times = np.cumsum([0.0, *rr]) / 1000
    beats: list[Output] = [
        Beat(round(FS * t), t, "N", P["N"], before, 140.0) for t, before in zip(times, [None, *rr], strict=True)
    ]
    seen.take(Step("demo", Chunk(0, FS, LEADS, np.zeros((round(FS * times[-1]), 2))), beats, 0.1, 0.0))
    assert seen.view().heart_rate == pytest.approx(60_000 / 825)


def test_the_voltage_range_holds_the_signal_and_is_round() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        low = rng.normal(scale=10 ** rng.uniform(-2, 2), size=50)
        high = low + rng.exponential(size=50)
        bottom, top = voltage_range(low, high)
        assert bottom <= low.min()
        assert high.max() <= top + 1e-9
        assert top - bottom <= 2.6 * max(high.max() - low.min(), 0.25)
    assert voltage_range(np.full(4, np.nan), np.full(4, np.nan)) == (-1.0, 1.0)


def test_a_view_is_not_changed_by_what_comes_after() -> None:
    seen = watch()
    view = seen.view()
    before = text(view, 80, 24)
    seen.take(Step("demo", Chunk(5000, FS, LEADS, np.ones((500, 2))), [Event(5000, 20.0, "flat", "V5")], 9.0, 9.0))
    assert text(view, 80, 24) == before


@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255)])
@pytest.mark.parametrize("colour", CLASS_COLOURS.values())
def test_every_colour_reads_on_black_and_on_white(colour: str, ground: tuple[int, int, int]) -> None:
    def luminance(rgb: tuple[int, int, int]) -> float:
        linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(tuple(Color.parse(colour).get_truecolor())), luminance(ground)))
    assert (lighter + 0.05) / (darker + 0.05) >= 3.0  # WCAG, for large text and graphics


async def test_the_sink_draws_on_a_real_terminal_and_gives_it_back() -> None:
    terminal = pyte.Screen(80, 24)
    terminal.set_mode(pyte.modes.LNM)  # a line feed returns the carriage, as a tty driver has it
    stream = pyte.Stream(terminal)
    drawn = asyncio.Event()

    class Tty(io.StringIO):
        def write(self, written: str) -> int:
            stream.feed(written)
            drawn.set()
            return len(written)

    console = Console(file=Tty(), width=80, height=24, force_terminal=True, color_system="256")
    expected = (HERE / "monitor_80x24.txt").read_text().splitlines()
    async with MonitorSink(watch(), console) as sink:
        await asyncio.wait_for(drawn.wait(), 10)
        assert [line.rstrip() for line in terminal.display] == expected
        assert terminal.cursor.hidden
        await sink.write(Step("demo", Chunk(5000, FS, LEADS, np.zeros((25, 2))), [], 0.1, 0.0))
    assert not terminal.cursor.hidden
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "monitor"]


def test_before_the_first_sample_the_screen_says_so() -> None:
    assert "no samples yet" in text(Watch(Title("udp-5005")).view(), 80, 24)
    assert "no samples yet" not in text(watch().view(), 80, 24)
