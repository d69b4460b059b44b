"""Beats and events as they are decided, for a program that runs asyncio."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import AsyncExitStack
from typing import Literal

from numpy.typing import ArrayLike

from ..errors import RequestError
from ..replay.player import Player
from ..stream.core.messages import Chunk, Output
from ..stream.first_start import interpret_meanwhile
from ..stream.networks import DEFAULT_DETECTOR, DEFAULT_MODEL, ModelSource
from ..stream.pipeline import Pipeline
from .advice import naming_parameters
from .recording import Recording, as_record

CHUNK_MS = 100.0
"""Of a record that is played: what a device would send at once."""


@naming_parameters()
def stream(
    source: str | os.PathLike[str] | Recording | AsyncIterable[Chunk] | AsyncIterable[ArrayLike],
    fs: float | None = None,
    *,
    leads: str | Sequence[str] | None = None,
    unit: str = "mV",
    speed: float | Literal["max"] = 1.0,
    model: ModelSource = DEFAULT_MODEL,
    detector: str | os.PathLike[str] = DEFAULT_DETECTOR,
    record_model: str | os.PathLike[str] | None = None,
) -> AsyncGenerator[Output, None]:
    """Classify a stream as it comes; give each beat and event when it is decided.

    ::

        async for output in ecg_stream.stream(device):
            print(output)

    Parameters
    ----------
    source
        An async iterable of `Chunk`, or of arrays ``(n_samples, n_leads)`` in which nothing is missing; or a record, by
        name or from `read_record`, which is played.
    fs
        Sampling rate of arrays, Hz.
    leads
        Of arrays, the name of each column; of a record, the leads to look at. None is all.
    unit
        Of arrays: V, mV, uV or nV.
    speed
        Of a record: multiple of real time; ``max`` is as fast as it goes.
    model, detector, record_model
        Shipped name or folder of a bundle; `record_model` classifies the last ten seconds as well, every two. `model`
        may be a classifier of your own, see `Pipeline`.

    Yields
    ------
    Beat, Event, Rhythm or Alert
        When the source ends, what was held back comes, too.

    Raises
    ------
    RequestError
        If a record, a lead or a model is not there, or the source is none. The call raises it, not the first output.
    StreamError
        If the source gives what is neither a chunk nor samples.
    """
    if isinstance(source, str | os.PathLike | Recording):
        record = as_record(source, fs, leads, unit, None)
        if isinstance(speed, str) and speed != "max":
            raise RequestError(f"got a speed of {speed!r}: valid are numbers above 0, and max")
        player = Player(record.chunks(CHUNK_MS), None if speed == "max" else speed)
        return _outputs(player, Pipeline(model, detector=detector, record_model=record_model))
    if not hasattr(source, "__aiter__"):
        raise RequestError(
            f"got a {type(source).__name__} to stream from: valid is an async iterable of chunks or arrays, or a "
            "record; for samples that are at hand there is classify(), for a loop of one's own Pipeline"
        )
    pipeline = Pipeline(model, fs=fs, leads=leads, unit=unit, detector=detector, record_model=record_model)
    return _outputs(source, pipeline)


async def _outputs(
    source: AsyncIterable[Chunk] | AsyncIterable[ArrayLike], pipeline: Pipeline
) -> AsyncGenerator[Output, None]:
    interpret_meanwhile()
    async with AsyncExitStack() as stack:
        if isinstance(source, AsyncGenerator):  # who stops listening stops the source as well
            stack.push_async_callback(source.aclose)
        async for samples in source:
            for output in pipeline.push(samples):
                yield output
        for output in pipeline.flush():
            yield output
