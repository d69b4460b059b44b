"""Errors of the library state facts; the command line adds the option to change."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import ecg_stream
from ecg_stream.cli.advice import ADVICE, advised
from ecg_stream.cli.app import COMMANDS, load, run
from ecg_stream.errors import BundleError, Part, SnapshotError
from ecg_stream.models.bundle import writing_bundle
from ecg_stream.stream.core.snapshots import write_atomically
from ecg_stream.stream.service.address import PASSWORD_VARIABLE

ROOT = Path(ecg_stream.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def options(command: object) -> Iterator[str]:
    """All options of a command and of those under it."""
    for parameter in getattr(command, "params", []):
        yield from parameter.opts
    for each in getattr(command, "commands", {}).values():
        yield from options(each)


def test_each_part_of_a_request_has_advice_and_each_option_is_one() -> None:
    assert ADVICE.keys() == set(get_args(Part))
    assert PASSWORD_VARIABLE in ADVICE["password"]
    known = {option for name in COMMANDS for option in options(load(name))}
    named = {option for text in ADVICE.values() for option in OPTION.findall(text)}
    assert len(named) > 5
    assert named - {"--head"} <= known  # of Ray's own command


def test_no_error_of_the_library_names_an_option() -> None:
    found = []
    for room in ("front", "offline", "fleet", "replay", "stream", "models"):
        for path in (ROOT / room).rglob("*.py"):
            raised = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise))
            texts = (part for each in raised for part in ast.walk(each) if isinstance(part, ast.Constant))
            found += [f"{path}: {part.value}" for part in texts if OPTION.search(str(part.value))]
    assert not found


def test_a_bundle_and_a_state_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundleError) as told, writing_bundle(tmp_path / "file" / "model"):
        pass
    assert advised(told.value).endswith(": name a writable folder with --output")
    with pytest.raises(SnapshotError) as told:
        write_atomically(tmp_path / "file" / "state", b"")
    assert advised(told.value).endswith(": name another place, writable and with room, with --state")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (
            ["replay", "demo", "--start", "9", "--end", "8"],
            "start < end <= 600: set it with --start and --end",
        ),
        (["replay", "demo", "--chunk-ms", "nan"], "set it with --chunk-ms"),
        (["evaluate", "beat"], "name lists with --db, or records with --records"),
    ],
)
def test_a_refusal_says_in_one_line_what_to_change(
    arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert advice in err
