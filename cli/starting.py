"""What stands between a command and its first beat: the loops' machine code, and what is loaded on first use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..replay.recording import Recording
    from ..stream.pipeline import Pipeline

WARM_UP_MS = 5_000.0


def warm_up(
    pipeline: Pipeline, record: Recording, start_s: float = 0.0, end_s: float | None = None, *, wait: bool = False
) -> bool:
    """Run the first seconds of a record, or of a part of it, through a pipeline that is not used afterwards.

    What is loaded on first use is loaded by then, so that the first chunk that counts is not late. At the first start
    on a machine there is nothing to load: machine code is made beside, and the loops are interpreted until then, unless
    they are to `wait` for it. Tells whether they are interpreted.
    """
    import numpy as np

    from ..stream.core.messages import Chunk

    if wait:
        compile_loops()
    elif interpret_meanwhile():
        return True
    if record.n_samples is None:  # it comes, and what has come is not to be used up
        silence = np.zeros((round(record.fs * WARM_UP_MS / 1000), len(record.leads)))
        pipeline.push(Chunk(0, record.fs, record.leads, silence))
    else:
        pipeline.push(next(record.chunks(WARM_UP_MS, start_s, end_s)))
    pipeline.flush()
    clear()
    return False


def compile_loops() -> None:
    """Make the machine code of the loops, if there is none, and say so on standard error."""
    from ..stream import first_start

    tell_uncached()
    if not first_start.is_ready():
        _tell("the first start on this machine compiles for up to half a minute")
        first_start.compile_loops()


def interpret_meanwhile() -> bool:
    """Begin to make machine code, if there is none, and say so on standard error; tell whether there is none."""
    from ..stream import first_start

    tell_uncached()
    if meanwhile := first_start.interpret_meanwhile():
        _tell("the first start on this machine: it compiles in the background, and runs slower for half a minute")
    return meanwhile


def tell_starting() -> None:
    """Say on a terminal that something is coming; what is shown next stands in its place."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("ecg-stream: starting ...", end="\r", file=sys.stderr, flush=True)


def tell_uncached() -> None:
    """Say on standard error, in one line, that compiled code cannot be kept, if that is so."""
    from ..stream import first_start
    from ..stream.core.machine_code import writable_folder

    if not first_start.is_ready() and writable_folder() is None:
        _tell(
            "no folder for compiled code can be written, so that every start compiles for up to a minute: "
            "set NUMBA_CACHE_DIR to one that can"
        )


def _tell(line: str) -> None:
    clear()
    print(f"ecg-stream: {line}", file=sys.stderr, flush=True)


def clear() -> None:
    """Take away what `tell_starting` has said."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("\x1b[K", end="", file=sys.stderr, flush=True)
