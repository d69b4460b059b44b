import re
import sys
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline import stage_plots
from ecg_stream.offline.one_beat_plot import stages_figure
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.pipeline import DEFAULT_MODEL


@pytest.mark.parametrize("what", ["denoise", "normalize", "beats"])
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_drawn(what: str, suffix: str, tmp_path: Path) -> None:
    output = tmp_path / "new" / f"{what}{suffix}"
    assert run(["plot", "demo", "--what", what, "--output", str(output), "--start", "20", "--end", "40"]) == 0
    head = output.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if suffix == ".png" else b"<?xml" in head


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_the_monitor_is_drawn_for_print_too(suffix: str, begins: bytes, tmp_path: Path) -> None:
    output = tmp_path / f"monitor{suffix}"
    assert run(["plot", "demo", "--what", "monitor", "--output", str(output), "--start", "9", "--size", "40x12"]) == 0
    assert output.read_bytes().startswith(begins)


def test_one_beat_is_drawn_after_every_stage(tmp_path: Path) -> None:
    output = tmp_path / "stages.svg"
    assert run(["plot", "demo", "--what", "stages", "--output", str(output), "--start", "30"]) == 0
    assert output.read_bytes().startswith(b"<?xml")
    figure = stages_figure(demo_record(), 30.0, DEFAULT_MODEL)
    told = [text.get_text() for text in figure.axes[5].texts]
    parts = [int(part) for text in told[:-1] for part in re.findall(r"(\d+) ms", text)]
    assert sum(parts) == pytest.approx(int(re.findall(r"after (\d+) ms", told[-1])[0]), abs=3)


def test_both_panels_of_normalize_stand_around_the_same_middle() -> None:
    windows = stage_plots._windows(demo_record(), 300.0, 420.0, DEFAULT_MODEL)
    assert {"N", "V"} <= set(windows.labels)
    centred = windows.recorded - windows.recorded.mean(axis=1, keepdims=True)
    likeness = [np.corrcoef(one, other)[0, 1] for one, other in zip(centred, windows.normalized, strict=True)]
    assert np.median(likeness) > 0.98
    peaks = np.abs(centred).argmax(axis=1) - np.abs(windows.normalized).argmax(axis=1)
    assert np.quantile(np.abs(peaks), 0.95) <= 1  # samples of 4 ms; a class would be mixed of two groups otherwise


def test_twelve_leads_are_a_sheet_of_three_by_four(tmp_path: Path) -> None:
    t = np.arange(0, 5, 0.004)
    leads = [f"L{k}" for k in range(12)]
    columns = np.stack([np.sin(2 * np.pi * (k + 1) * t) for k in range(12)], axis=1)
    file = tmp_path / "twelve.csv"
    np.savetxt(file, columns, delimiter=",", header=",".join(leads), comments="", fmt="%.3f")
    record = find_record(str(file), fs=250.0, unit="mV")
    figure = stage_plots.denoise_figure(record, 0.0, 2.5)
    assert [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()] == [
        leads[k] for k in (0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11)
    ]


def test_the_monitor_is_drawn_as_it_stood_at_the_moment(tmp_path: Path) -> None:
    output = tmp_path / "monitor.svg"
    assert run(["plot", "demo", "--what", "monitor", "--output", str(output), "--start", "42", "--size", "90x26"]) == 0
    drawn = output.read_text().replace("&#160;", " ")
    assert drawn.startswith("<svg")
    assert "0:00:42 of 0:10:00" in drawn
    assert "ecg-stream replay demo" in drawn


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--output", "picture.gif"], "end --output in .svg, .png, .pdf"),
        (["--what", "monitor", "--output", "picture.txt"], "end --output in .svg, .png, .pdf"),
        (["--what", "monitor", "--output", "picture.svg", "--size", "huge"], "no size 'huge'"),
        (["--what", "monitor", "--output", "picture.svg", "--size", "00x00"], "from 20x10 on"),
        (["--output", "/proc/nowhere/picture.svg"], "cannot write /proc/nowhere/picture.svg"),
        (["--what", "monitor", "--output", "picture.svg", "--model", ""], "no model ''"),
        (
            ["--output", "picture.svg", "--start", "700"],
            "valid is 0 <= start < end <= 600: set it with --start and --end",
        ),
        (["--output", "picture.svg", "--lead", "aVR"], "no lead 'aVR'"),
        (["--output", "picture.svg", "--model", "context"], "--model does not go with --what denoise"),
        (["--what", "beats", "--output", "picture.svg", "--size", "80x24"], "--size does not go with --what beats"),
        (["--what", "normalize", "--output", "picture.svg", "--lead", "V5"], "it is for denoise, monitor"),
        (["--what", "monitor", "--output", "picture.svg", "--end", "9"], "--end does not go with --what monitor"),
        (["--what", "beats", "--output", "picture.svg", "--end", "0.1"], "no beat from 0 to 0.1 s"),
    ],
)
def test_a_wrong_request_gets_one_line_and_2(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plot", "demo", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["plot", "demo", "--output", str(tmp_path / "picture.png")]) == 2
    assert "'ecg-stream[train]'" in capsys.readouterr().err
