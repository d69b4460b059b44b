"""The other process of the law `laws.snapshot_crosses_processes`.

It talks MessagePack over its standard streams, so that no pickle can hide a shared object.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from .values import canonical, joined, unpacked


def address(function: Callable[..., Any]) -> list[str]:
    """Say where another process finds a function or class: module, file, name.

    Raises
    ------
    AssertionError
        If it does not stand at the top of a module in a file.
    """
    name = getattr(function, "__qualname__", "")
    try:
        file = inspect.getfile(function)
    except (TypeError, OSError):
        file = ""
    if not name.isidentifier() or not Path(file).is_file():
        raise AssertionError(
            f"another process cannot find {function!r}: "
            "give a function or class that stands at the top of a module in a file"
        )
    return [function.__module__, file, name]


def _at(place: list[str]) -> Callable[..., Any]:
    module_name, file, name = place
    if module_name.partition(".")[0] == (__package__ or "").partition(".")[0]:
        module = importlib.import_module(module_name)
    else:
        stem = Path(file).stem
        spec = importlib.util.spec_from_file_location(stem, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is no Python module")
        module = sys.modules[stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, name)
    return found


def main() -> None:
    """Restore a stage, feed it with the rest of its stream, and write what came out."""
    request = unpacked(sys.stdin.buffer.read())
    make, feed = _at(request["make"]), _at(request["feed"])
    stage = make()
    stage.restore(request["state"])
    output = feed(stage, request["start"], *request["parts"])
    sys.stdout.buffer.write(msgspec.msgpack.encode(canonical(joined([output, stage.flush()]))))


if __name__ == "__main__":
    main()
