"""The command `ecg-stream`: the list of its commands, its exit codes, and how errors reach the user.

Exit codes: 0 done; 2 the request is wrong, which one line explains; 1 anything else; 130 after Ctrl-C.
A command's module is imported when the command is invoked, not to list it, so that `ecg-stream --help` is quick.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import RequestError
from ..words import plain
from .advice import advised
from .examples import add_examples
from .terminal import settle

COMMANDS = {
    "replay": "Play a record through the live classifier.",
    "live": "Classify the beats of a live source: LSL, a Polar H10 strap, a serial port, UDP, standard input.",
    "subscribe": "Classify every patient that publishes on an MQTT broker, live.",
    "fleet": "Classify the patients of an MQTT broker on many machines, with Ray.",
    "publish": "Publish a record on MQTT as a device would.",
    "check-wave": "Say what is wrong with a wave message, JSON or MessagePack.",
    "info": "Show a record's header, leads, length and annotation counts.",
    "download": "Fetch records, or a whole database, from PhysioNet into the data folder.",
    "models": "List the model bundles at hand and their cards.",
    "plot": "Draw what the live stages make of a record.",
    "predict": "Call each ten-second strip of a record normal (NORM) or inferior infarction (IMI).",
    "train": "Train a model and write it as a bundle.",
    "evaluate": "Measure a model, and write a report.",
    "rhythms": "List the rhythms that are reported, what each is, its limits, and which are alerts.",
    "rr": "Give the RR or NN intervals of a record, as Kubios and NeuroKit2 read them.",
    "score": "Compare annotations with the reference, by beat or episode, as ANSI/AAMI EC57 has it.",
    "warm-up": "Compile now what the first start would compile, for images.",
    "bench": "Measure latency, throughput and patients per core on this machine.",
}
"""Command: its line in the help. ``cli/NAME.py`` holds a function NAME (`_` for `-`), or a `typer.Typer`, ``app``."""


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and line, and imports the one that is invoked."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command as ever, and put the real one in the place of its line."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, placeholder if name is None else load(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; end quietly where the reader of its output has gone, as behind ``| head``."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            with suppress(OSError):  # what is still buffered goes nowhere, instead of failing again at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=LazyGroup,
    help="A live ECG beat classifier: records, files or MQTT in, AAMI-classified beats out.",
    epilog="Begin with `ecg-stream replay demo`. The help of each command ends with examples.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: half the time, and it can be searched and piped
    pretty_exceptions_enable=False,
)


def load(name: str) -> Any:
    """Import the command `name` and give it as the command-line parser takes it."""
    module = importlib.import_module(f".{name.replace('-', '_')}", __package__)
    command = getattr(module, "app", None)
    if command is None:
        command = typer.Typer(add_completion=False, rich_markup_mode=None)
        command.command(name)(getattr(module, name.replace("-", "_")))
    found = typer.main.get_command(command)
    add_examples(name, found)
    return found


def _placeholder() -> None: ...  # stands for a command in the list; `LazyGroup` never lets it run


for _name, _line in COMMANDS.items():
    app.command(_name, short_help=_line)(_placeholder)  # a short help is never cut off


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"ecg-stream {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback does it all
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="ECG_STREAM_DEBUG", help="Show the traceback of unexpected errors.")
    ] = False,
) -> None:
    context.obj["debug"] = debug


def run(arguments: Sequence[str]) -> int:
    """Run the command line `arguments`; give the exit code."""
    settings: dict[str, Any] = {"debug": False}
    command = typer.main.get_command(app)
    try:
        status = command.main(list(arguments), prog_name="ecg-stream", standalone_mode=False, obj=settings)
        with suppress(ValueError):  # closed
            sys.stdout.flush()  # what fails now would fail at exit, with another exit code
        return status if isinstance(status, int) else 0
    except typer.TyperException as error:
        return _usage_error(error)
    except RequestError as error:
        if settings["debug"]:
            traceback.print_exc()
        print(f"ecg-stream: {plain(advised(error))}", file=sys.stderr)
        return 2
    except typer.Abort:  # Ctrl-C where nothing is played yet
        return 130
    except Exception as error:
        if isinstance(error, OSError) and (lost := _lost_output(error)) is not None:
            return lost
        if settings["debug"]:
            traceback.print_exc()
        else:
            what = f"{type(error).__name__}: {error}".strip(": ").splitlines()[0]
            print(f"ecg-stream: unexpected {plain(what)} (--debug shows where)", file=sys.stderr)
        return 1


def _lost_output(error: OSError) -> int | None:
    """Tell in one line that standard output cannot be written, as on a full disk, and give the exit code for that.

    None if `error` is something else: one of a file that we opened has its name, or has become a `RequestError`.
    """
    lost = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO) and error.filename is None
    if not lost and error.errno != errno.EPIPE:
        return None
    with suppress(OSError, ValueError):  # what is still buffered goes nowhere, instead of failing again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not lost:
        return 1  # its reader has gone
    print(f"ecg-stream: cannot write the output: {error.strerror}: make room, or send it elsewhere", file=sys.stderr)
    return 2


def _usage_error(error: typer.TyperException) -> int:
    """Tell a wrong command line in one line; with no argument at all, the message is the help text."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ecg-stream"
    message = error.format_message()
    if message.lstrip().startswith("Usage:"):
        print(message)
    else:
        print(f"{path}: {plain(message.rstrip('.'))}: see `{path} --help`", file=sys.stderr)
    return error.exit_code


def main() -> None:
    """Entry point of `ecg-stream`."""
    if sys.stdout is None:  # closed by the caller, as by `>&-`: what would have been shown is not wanted
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for as long as the process lives
    settle()
    sys.exit(run(sys.argv[1:]))
