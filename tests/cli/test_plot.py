import sys
from pathlib import Path

import pytest

from ecg_stream.cli.app import run


@pytest.mark.parametrize("what", ["denoise", "normalize", "beats"])
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_drawn(what: str, suffix: str, tmp_path: Path) -> None:
    output = tmp_path / "new" / f"{what}{suffix}"
    assert run(["plot", "demo", "--what", what, "--output", str(output), "--start", "20", "--end", "40"]) == 0
    head = output.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if suffix == ".png" else b"<?xml" in head


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
        (["--output", "picture.gif"], "end --output in .svg or .png"),
        (["--what", "monitor", "--output", "picture.png"], "end --output in .svg"),
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
