"""The part of a record before the one that is asked for: it is run through silently, so that the patient is known."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..errors import RequestError
from ..stream.core.messages import Chunk
from .record import Record
from .recording import full_speed_chunk_ms

PREROLL_S = 300.0
"""Five minutes: intervals, kinds of beats and what they were taken for are then those of a patient who is known."""


def preroll(record: Record, start_s: float, preroll_s: float = PREROLL_S) -> Iterator[Chunk]:
    """Give the chunks of up to `preroll_s` seconds before `start_s`; none where nothing is before it.

    Where segments of the record are not at hand, they begin behind the last of these.

    Raises
    ------
    RequestError
        If the length is no number from 0 on.
    RecordError
        If the record cannot be read.
    """
    if math.isnan(preroll_s) or preroll_s < 0:
        raise RequestError(f"a preroll of {preroll_s:g} s cannot be run: valid are numbers from 0 on")
    start = round(start_s * record.fs)
    first = max(0, round((start_s - min(preroll_s, start_s)) * record.fs))
    first = max([first, *(stop for _, stop, _ in record.absent if stop <= start)])
    if first >= start:
        return iter(())
    return record.chunks(full_speed_chunk_ms(record.fs, len(record.leads)), first / record.fs, start / record.fs)
