"""`ecg-stream warm-up`: make the machine code of the loops now, where it would be made at the first start."""

from __future__ import annotations

from ..errors import RequestError
from .starting import compile_loops, tell_starting


def warm_up() -> None:
    """Compile now what the first start would compile, for images.

    Where it came with the package there is nothing to do. It is kept beside the package, or in the user's cache folder,
    or in the folder that NUMBA_CACHE_DIR names.
    """
    tell_starting()
    from ..replay.demo import demo_record
    from ..stream import first_start
    from ..stream.core.machine_code import can_run, folders, writable_folder
    from ..stream.pipeline import Pipeline

    if not first_start.is_ready() and can_run() and writable_folder() is None:
        raise RequestError("no folder for compiled code can be written: set NUMBA_CACHE_DIR to one that can")
    compile_loops()
    pipeline = Pipeline()  # loads all that a start loads; without machine code on disk numba keeps what it compiles
    pipeline.push(next(demo_record(seconds=10).chunks(10_000)))
    pipeline.flush()
    if can_run() and not first_start.is_ready():
        raise RequestError("the loops could not be compiled: NUMBA_DISABLE_JIT=1 runs them, slowly, without")
    found = [folder for folder in folders() if any(folder.glob("*.o"))]
    print(f"ready: {found[0]}" if found else "ready")
