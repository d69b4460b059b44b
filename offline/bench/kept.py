"""Figures of a bench, kept in a file and compared with later ones: medians over rounds, and their spread."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from ...errors import RequestError
from ...stream.core.snapshots import replace_file

APART = 0.05
"""Medians that differ by less are the same, however narrow the spread: the machine is never quite the same."""
LABELS = ("record", "fs", "leads", "model")
"""What is measured. Only figures of the same are compared."""
LESS_IS_MORE = ("_ms", "_kb", "_s", "last_hour_to_first", "state_kb_per_patient")
"""Ends of the names, or of what they stand in, of figures that are better when they are lower."""
SETTINGS = ("patients", "tick_ms", "hours", "messages")

Verdict = Literal["slower", "faster", "same"]


class Kept(msgspec.Struct, frozen=True):
    """Figures of some rounds, by dotted name, and what and where they were taken."""

    what: dict[str, str | float]
    machine: str
    figures: dict[str, list[float]]


class Spread(NamedTuple):
    """Median, lowest and highest of the rounds."""

    median: float
    low: float
    high: float


class Change(NamedTuple):
    """One figure, then and now."""

    name: str
    then: Spread
    now: Spread
    verdict: Verdict


def kept(rounds: Sequence[Mapping[str, Any]]) -> Kept:
    """Put rounds of the same bench together."""
    figures: dict[str, list[float]] = {}
    for each in rounds:
        for name, value in _numbers(each, ""):
            figures.setdefault(name, []).append(value)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return Kept({name: rounds[0][name] for name in LABELS}, machine, figures)


def save(path: Path, found: Kept) -> None:
    """Write figures to a file.

    Raises
    ------
    RequestError
        If it cannot be written.
    """
    with _told(path):
        replace_file(path, msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def check_place(path: Path) -> None:
    """See before minutes of measuring whether `save` can write a file there.

    Raises
    ------
    RequestError
        If it cannot.
    """
    if path.is_dir():
        raise RequestError(f"cannot write {path}: it is a folder: name a file")
    with _told(path), TemporaryFile(dir=path.parent):
        pass


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError(f"cannot write {path}: {error.strerror}: name a file that can be written") from None


def read(path: Path) -> Kept:
    """Read figures from a file.

    Raises
    ------
    RequestError
        If there are none: it is missing, or not what `save` writes.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except OSError as error:
        raise RequestError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{path} holds no figures of a bench ({error}): valid is what `bench --save` writes"
        raise RequestError(message) from None


def compared(then: Kept, now: Kept) -> list[Change]:
    """Compare the figures that both have. One is slower or faster when no round of one is among those of the other.

    Raises
    ------
    RequestError
        If something else was measured.
    """
    for name, value in now.what.items():
        if then.what.get(name) != value:
            raise RequestError(
                f"the figures to compare with are of {name} {then.what.get(name)}, these of {value}: measure the same"
            )
    both = [name for name in now.figures if name in then.figures]
    return [_change(name, _spread(then.figures[name]), _spread(now.figures[name])) for name in both]


def _change(name: str, then: Spread, now: Spread) -> Change:
    verdict: Verdict = "same"
    if (now.low > then.high or now.high < then.low) and abs(now.median - then.median) > APART * abs(then.median):
        more = now.median > then.median
        verdict = "slower" if more == _less_is_more(name) else "faster"
    return Change(name, then, now, verdict)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(float(np.median(values)), min(values), max(values))


def _less_is_more(name: str) -> bool:
    parts = name.split(".")
    if parts[-1].endswith("per_s"):
        return False
    return any(part.endswith(LESS_IS_MORE) for part in parts)


def _numbers(found: Mapping[str, Any], inside: str) -> Iterator[tuple[str, float]]:
    """Give the measured numbers by dotted name: what is set by hand, and what others take, is none of them."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{inside}{name}.")
        elif isinstance(value, int | float) and name not in (*LABELS, *SETTINGS) and not _of_a_peer(inside, name):
            yield f"{inside}{name}", float(value)


def _of_a_peer(inside: str, name: str) -> bool:
    return inside.startswith("peers.") and inside != "peers.ecg-stream." and name != "ratio"
