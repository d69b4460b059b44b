import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_stream import __version__
from ecg_stream.cli import app
from ecg_stream.cli.examples import EXAMPLES
from ecg_stream.errors import RecordError

HEAVY = ("numpy", "scipy", "rich", "numba", "wfdb", "onnxruntime", "tensorflow", "matplotlib", "pandas", "sklearn")


def test_help_lists_every_command_as_its_own_help_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--help"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    for name, line in app.COMMANDS.items():
        assert f"{name} {line}" in listed
        assert app.load(name).help.startswith(line.rstrip("."))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys; from ecg_stream.cli.app import run; run({arguments!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {name.split(".")[0] for name in loaded.split()} & set(HEAVY)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_has_help_that_loads_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from ecg_stream.cli.app import run; code = run([{name!r}, '--help']); print(code, *sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    status, *loaded = shown.splitlines()[-1].split()
    assert status == "0"
    assert "Usage: ecg-stream" in shown
    assert not {module.split(".")[0] for module in loaded} & {"tensorflow", "matplotlib", "sklearn", "onnxruntime"}


LINES = [line for lines in EXAMPLES.values() for line in lines]


@pytest.mark.parametrize("line", LINES)
def test_an_example_of_a_help_text_is_understood(line: str) -> None:
    words = shlex.split(line)
    command = app.load(words[1])
    context = command.make_context(words[1], words[2:])
    if hasattr(command, "resolve_command"):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        inner.make_context(name, rest, parent=context)


def test_examples_of_the_demo_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = ("info", "models", "rhythms", "rr", "replay", "score")  # those of plot are slow, and tested with it
    lines = [line for line in LINES if line.split()[1] in commands and ("demo" in line or len(line.split()) == 2)]
    assert len(lines) > 6
    for line in lines:
        if line != "ecg-stream replay demo":  # in real time
            assert app.run(shlex.split(line)[1:]) == 0, line


def test_every_command_has_an_example_at_the_end_of_its_help() -> None:
    for name in app.COMMANDS:
        command = app.load(name)
        inside = getattr(command, "commands", {"": command})
        for inner, each in inside.items():
            assert f"ecg-stream {name}" in (each.epilog or ""), (name, inner)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--version"]) == 0
    assert capsys.readouterr().out == f"ecg-stream {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "ecg-stream: No such command 'nonsense': see `ecg-stream --help`\n"),
        (["replya"], "ecg-stream: No such command 'replya'. Did you mean 'replay'?: see `ecg-stream --help`\n"),
        (["--loud"], "ecg-stream: No such option: --loud: see `ecg-stream --help`\n"),
        (["replay"], "ecg-stream replay: Missing argument 'RECORD': see `ecg-stream replay --help`\n"),
    ],
)
def test_a_wrong_command_line_gets_one_line_and_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(arguments) == 2
    assert capsys.readouterr() == ("", told)


def test_without_arguments_there_is_help_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run([]) == 2
    assert "Usage: ecg-stream" in capsys.readouterr().out


class Failing:
    """Takes the place of a command, and raises."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def load(self, name: str) -> object:
        import typer

        def command() -> None:
            raise self._error

        failing = typer.Typer(add_completion=False)
        failing.command(name)(command)
        return typer.main.get_command(failing)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (RecordError("no record 'x': name another"), 2, "ecg-stream: no record 'x': name another\n"),
        (ZeroDivisionError("by zero"), 1, "ecg-stream: unexpected ZeroDivisionError: by zero (--debug shows where)\n"),
        (ValueError(), 1, "ecg-stream: unexpected ValueError (--debug shows where)\n"),
        (ValueError("two\nlines"), 1, "ecg-stream: unexpected ValueError: two (--debug shows where)\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(32, "Broken pipe"), 1, ""),
    ],
)
def test_an_error_becomes_one_line_and_a_code(
    error: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(app, "load", Failing(error).load)
    assert app.run(["models"]) == code
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize("by", ["option", "environment"])
def test_debug_shows_where(by: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(app, "load", Failing(ZeroDivisionError("by zero")).load)
    if by == "environment":
        monkeypatch.setenv("ECG_STREAM_DEBUG", "1")
    assert app.run((["--debug"] if by == "option" else []) + ["models"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ecg-stream repl", {"replay"}),
        ("ecg-stream replay made/", {"made/one", "made/two"}),
        ("ecg-stream info on", {"one"}),
        ("ecg-stream replay demo --model con", {"context"}),
        ("ecg-stream replay [", set()),
    ],
)
def test_a_completed_word_is_found(typed: str, offered: set[str], tmp_path: Path) -> None:
    for name in ("made/one.hea", "made/two.hea", "other/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    code = "from ecg_stream.cli.app import main; import sys; sys.argv = ['ecg-stream']; main()"
    environment = {
        **os.environ,
        "_ECG_STREAM_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
        "ECG_STREAM_DATA": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert set(done.stdout.split()) == offered


def test_a_closed_standard_output_is_no_error(tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" -c "from ecg_stream.cli.app import main; main()" "$@" >&-'
    arguments = ["replay", "demo", "--end", "9", "--speed", "max", "--format", "json", "--annotations", str(tmp_path)]
    done = subprocess.run(["sh", "-c", command, "sh", *arguments], stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "demo.ecs").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
@pytest.mark.parametrize(
    "arguments", [["models"], ["replay", "demo", "--end", "9", "--speed", "max", "--format", "json"]]
)
def test_a_full_disk_behind_standard_output_is_told_in_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ecg_stream", *arguments], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert done.stderr == (
        b"ecg-stream: cannot write the output: No space left on device: make room, or send it elsewhere\n"
    )


def test_ctrl_c_while_it_starts_ends_it_without_a_word(tmp_path: Path) -> None:
    """The imports that take half a second wait here for the signal."""
    (tmp_path / "typer.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        [sys.executable, "-m", "ecg_stream", "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"importing\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 130
