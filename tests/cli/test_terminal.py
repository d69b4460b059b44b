"""Terminals on which the monitor cannot be drawn: lines, and never a traceback."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence

import pytest

REPLAY = ("replay", "demo", "--speed", "max", "--end", "20")
SUBSCRIBE = ("subscribe", "--demo", "--exit-when-idle", "2")


def on_a_terminal(arguments: Sequence[str], environment: dict[str, str], columns: int = 80) -> tuple[int, str]:
    """Run a command on a terminal of its own, for half a minute at most; give the exit code and what it showed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "PYTHONUTF8")}
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-m", "ecg_stream", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**inherited, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment},
    ) as process:
        os.close(follower)
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other end has closed
                break
            shown += piece
            if arguments[0] == "subscribe" and shown.count(b"RR ") > 3:  # its demonstration does not end by itself
                process.terminate()
        process.wait(30)
    os.close(leader)
    return process.returncode, shown.decode("latin-1")


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": "dumb"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"TERM": "dumb", "COLUMNS": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
    ],
)
def test_replay_gives_lines_where_it_cannot_draw(environment: dict[str, str]) -> None:
    code, shown = on_a_terminal(REPLAY, environment)
    assert code == 0
    assert "Traceback" not in shown
    assert "unexpected" not in shown
    assert shown.count("RR ") > 10
    assert "\x1b[?1049h" not in shown


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}])
def test_subscribe_gives_lines_where_it_cannot_draw(environment: dict[str, str]) -> None:
    _, shown = on_a_terminal(SUBSCRIBE, environment)
    assert "Traceback" not in shown
    assert shown.count("RR ") > 3
    assert "\x1b[?1049h" not in shown


@pytest.mark.parametrize(("environment", "columns"), [({"COLUMNS": "0", "LINES": "0"}, 80), ({"COLUMNS": ""}, 0)])
def test_a_width_of_nothing_is_no_width(environment: dict[str, str], columns: int) -> None:
    code, shown = on_a_terminal(REPLAY, environment, columns)
    assert code == 0
    assert "\x1b[?1049h" in shown  # the monitor, at a width that it chooses
    code, shown = on_a_terminal(("info", "demo"), environment, columns)
    assert code == 0
    assert "MLII" in shown


def test_a_name_that_the_terminal_cannot_write_is_no_error() -> None:
    code, shown = on_a_terminal(("info", "nöwhere"), {"PYTHONIOENCODING": "ascii"})
    assert code == 2
    assert "no record 'n?where'" in shown
