"""The first start on a machine: the machine code of the loops is made, by processes beside this one.

Numba compiles one function at a time in a process, so two cores take two processes. Until their files are there the
loops are interpreted, which is slower by far and gives the same. Later starts find the files. What comes with machine
code in the package has no first start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from .beats.kind_memory import KindMemory
from .beats.state import JOINED
from .beats.tree_sums import compile_tree_sums
from .beats.windows import BeatWindows, Found
from .core.compiled import Loop, loops
from .core.machine_code import SHIPPED, X86, file_name, target, writable_folder
from .core.messages import CLASSES, Signal
from .qrs.detector import Detections, QrsDetector, load_network
from .rhythm.activity import compile_activity
from .rhythm.atrial import compile_atrial
from .rhythm.fibrillation_window import compile_fibrillation
from .signal.denoise import WaveletDenoiser
from .signal.grid import Grid
from .signal.guard import SignalGuard
from .signal.highpass import HighPass
from .signal.spikes import SpikeRemover

FS = 250.0
YIELDING = 10
"""Niceness of what makes machine code while beats are interpreted: these come first."""


def compile_loops() -> None:
    """Make the machine code of all loops, if there is none, and wait for it. The results are the same without this."""
    for each in _begin(0):
        each.wait()


def interpret_meanwhile() -> bool:
    """Begin to make machine code, if there is none, and let the loops run without it until then.

    Tells whether there is none. The processes that make it go on when this one ends, for half a minute at most.
    """
    makers = _begin(YIELDING)
    if makers:
        Loop.patience = lambda: any(each.poll() is None for each in makers)
    return bool(makers)


def ship() -> None:
    """Make the machine code of all loops into the package, as a wheel has it.

    Raises
    ------
    RuntimeError
        If some of it could not be made.
    """
    makers = [maker(SHIPPED, share) for share in SHARES]
    failed = [each.wait() for each in makers]
    if any(failed) or not all(
        (SHIPPED / file_name(loop.name, loop.digest, target() or "")).is_file() for loop in loops
    ):
        raise RuntimeError(f"not all machine code could be made into {SHIPPED}")
    for lock in SHIPPED.glob(".making-*"):
        lock.unlink()


def is_ready() -> bool:
    """Whether all loops have machine code, or never get any, as with JIT off."""
    return all(loop.is_ready for loop in loops)


def _all_in(folder: Path, size: int = 0) -> bool:
    files = [folder / file_name(loop.name, loop.digest, target() or "") for loop in loops]
    return all(file.is_file() and file.stat().st_size >= size for file in files)


def _begin(niceness: int) -> list[subprocess.Popen[bytes]]:
    """Start what makes the machine code; nothing, if there is some, or if it could not be kept or run."""
    if is_ready() or (folder := writable_folder()) is None:
        return []
    shares = [[*PARTS]] if (os.cpu_count() or 1) < 2 else SHARES
    return [maker(folder, share, niceness) for share in shares]


def maker(folder: Path, parts: Sequence[str], niceness: int = 0) -> subprocess.Popen[bytes]:
    """Start a process that makes the machine code of some parts of the pipeline."""
    made_for = target() or ""
    code = f"from {__name__} import make; make(*__import__('sys').argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), made_for, str(niceness), *parts],
        # Not for this very processor: what is made here is what a wheel has.
        env={**os.environ, "NUMBA_CPU_NAME": made_for if made_for == X86 else "generic", "NUMBA_CPU_FEATURES": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def make(folder: str, made_for: str, niceness: str, *parts: str) -> None:
    """Make the machine code of some parts of the pipeline, for processors that ``NUMBA_CPU_NAME`` names."""
    from .core.machine_code_writer import write

    os.nice(int(niceness))
    Path(folder).mkdir(parents=True, exist_ok=True)
    with _alone(Path(folder) / f".making-{'-'.join(parts)}"):
        if _all_in(Path(folder)):  # another process has made it meanwhile
            return
        Loop.making = Path(folder)
        written: set[str] = set()
        for part in parts:
            PARTS[part]()
            for loop in loops:
                if loop.name not in written and loop.was_called:
                    written.add(loop.name)
                    with suppress(ValueError):
                        write(loop, Path(folder), made_for)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process makes the same; a lock goes with the process that holds it."""
    import fcntl

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _front() -> None:
    nothing = SignalGuard(FS, ("",)).push(np.empty((0, 1)))
    signal = Signal(HighPass(FS, 1).push(nothing.samples), nothing.good)
    SpikeRemover(FS, 1, 0).push(signal)
    WaveletDenoiser(FS, 1).push(signal)
    Grid(FS, 1).push(signal)


def _detector() -> None:
    QrsDetector(load_network(), 1).push(Signal(np.empty((0, 1)), np.empty((0, 1), dtype=np.bool_)))


def _windows() -> None:
    none = np.empty(0, dtype=np.int64)
    found = Detections(none, none, np.empty(0), np.empty((0, 1)), np.empty(0, dtype=np.bool_))
    BeatWindows(FS, 1, 0).push(Found(np.empty((0, 1)), found, none))
    KindMemory(0.5)(np.empty(0, dtype=JOINED), np.empty((0, len(CLASSES))))


PARTS: dict[str, Callable[[], None]] = {
    "front": _front,
    "detector": _detector,
    "windows": _windows,
    "trees": compile_tree_sums,
    "activity": compile_activity,
    "fibrillation": compile_fibrillation,
    "atrial": compile_atrial,
}
"""What runs some of the loops on nothing, by name; together they run all."""
SHARES = (("detector", "front", "trees", "activity"), ("windows", "fibrillation", "atrial"))
"""The parts in two halves that take about as long."""
