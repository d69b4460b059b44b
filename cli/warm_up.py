"""Load what is loaded on first use, before time counts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..replay.recording import Recording
    from ..stream.pipeline import Pipeline

WARM_UP_MS = 5_000.0


def warm_up(pipeline: Pipeline, record: Recording, start_s: float = 0.0, end_s: float | None = None) -> None:
    """Run the first seconds of a record, or of a part of it, through a pipeline that is not used afterwards.

    Compiled code and the network's session are loaded by then, so that the first chunk that counts is not late.
    """
    import numpy as np

    from ..stream.core.messages import Chunk
    from ..stream.first_start import compile_loops

    tell_uncached()
    compile_loops()
    if record.n_samples is None:  # it comes, and what has come is not to be used up
        silence = np.zeros((round(record.fs * WARM_UP_MS / 1000), len(record.leads)))
        pipeline.push(Chunk(0, record.fs, record.leads, silence))
    else:
        pipeline.push(next(record.chunks(WARM_UP_MS, start_s, end_s)))
    pipeline.flush()


def tell_uncached() -> None:
    """Say on standard error, in one line, that compiled code cannot be kept, if that is so."""
    from ..stream.core.compiled import can_cache
    from ..stream.qrs.kernel import detect

    if hasattr(detect, "stats") and not can_cache(detect):  # with JIT off there is nothing to be kept
        print(
            "ecg-stream: no folder for compiled code can be written, so that every start compiles for up to a minute: "
            "set NUMBA_CACHE_DIR to one that can",
            file=sys.stderr,
        )
