"""Keys: what a terminal sends, and a terminal that is given back whatever happens."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecg_stream.stream.screen.keys import Keyboard, decode


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("n", ["n"]),
        ("nN 3", ["n", "N", " ", "3"]),
        ("\x1b[C\x1b[D", ["right", "left"]),
        ("\x1bOC\x1bOD", ["right", "left"]),
        ("\x1b[1;2C\x1b[1;2D", [".", ","]),
        ("\x1b", ["escape"]),
        ("\x1bn", ["escape", "n"]),
        ("\x1b[15~q", ["q"]),  # F5
        ("\x1b[A+", ["+"]),
        ("µ", ["µ"]),
        ("", []),
    ],
)
def test_keys_are_what_was_pressed(typed: str, keys: list[str]) -> None:
    assert list(decode(typed)) == keys


def test_without_a_terminal_there_is_no_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123  as a service's standard input
        monkeypatch.setattr(sys, "stdin", nothing)
        assert Keyboard.at_hand() is None
    assert Keyboard.at_hand() is None  # closed
    monkeypatch.setattr(sys, "stdin", None)
    assert Keyboard.at_hand() is None


class Terminal:
    """`ecg-stream` on a terminal that it controls, as in a window of one's own."""

    def __init__(self, *arguments: str) -> None:
        self.leader, self.follower = pty.openpty()
        termios.tcsetwinsize(self.follower, (24, 80))
        self.before = termios.tcgetattr(self.follower)
        program = (
            "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
            "from ecg_stream.cli.app import main; sys.argv = ['ecg-stream', *sys.argv[1:]]; main()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=self.follower,
            stdout=self.follower,
            stderr=self.follower,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        )
        self.shown = ""

    def until(self, text: str, limit_s: float = 300.0) -> None:
        """Read what it shows until `text` is there."""
        end = time.monotonic() + limit_s
        while text not in self.shown:
            assert time.monotonic() < end, self.shown[-2000:]
            if select.select([self.leader], [], [], 1.0)[0]:
                try:
                    self.shown += os.read(self.leader, 65536).decode("utf-8", "replace")
                except OSError:  # the other end has closed
                    raise AssertionError(f"ended without {text!r}: {self.shown[-2000:]}") from None

    def taken(self, limit_s: float = 60.0) -> None:
        """Wait until keys come one by one, and are not shown."""
        end = time.monotonic() + limit_s
        while termios.tcgetattr(self.follower)[3] & (termios.ICANON | termios.ECHO):
            assert time.monotonic() < end
            time.sleep(0.01)

    def press(self, keys: str, answer: str) -> None:
        """Press keys, and wait for what they bring to the screen."""
        self.shown = ""
        os.write(self.leader, keys.encode())
        self.until(answer)

    def ended(self) -> int:
        """Wait for the end; give the exit code. The terminal is as it was before."""
        self.until("how late a chunk was taken up")
        assert "\x1b[?1049l" in self.shown, "the screen is given back"
        code = self.process.wait(300)
        assert termios.tcgetattr(self.follower) == self.before
        return code

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self.leader)
        os.close(self.follower)


@pytest.fixture
def replayed() -> Iterator[Terminal]:
    terminal = Terminal("replay", "demo")
    yield terminal
    terminal.close()


def test_the_keys_of_the_monitor_on_a_real_terminal(tmp_path: Path, monkeypatch, request) -> None:
    monkeypatch.chdir(tmp_path)
    terminal: Terminal = request.getfixturevalue("replayed")
    terminal.until("? explains")
    terminal.taken()
    terminal.press(" ", "paused")
    terminal.press("?", "What the marks say")
    terminal.press("x", "? explains")
    terminal.press("n", "▲")  # a record is played until the beat comes
    terminal.press("\x1b[D", "s back")
    terminal.press("2", "+1 lead")
    terminal.press("s", "saved demo-")
    assert [file.suffix for file in tmp_path.iterdir()] == [".svg"]
    os.write(terminal.leader, b"q")
    assert terminal.ended() == 0


def test_the_terminal_is_given_back_after_a_signal(replayed: Terminal) -> None:
    replayed.until("? explains")
    replayed.process.send_signal(signal.SIGTERM)
    assert replayed.ended() == 128 + signal.SIGTERM
