"""The stream of a record: a name that is the same wherever the record is played, and its date and time."""

from __future__ import annotations

import zlib
from datetime import datetime

from ..stream.run.origin import Anchor, Origin, milliseconds
from .record import Record
from .recording import Recording


def record_origin(recording: Recording) -> Origin | None:
    """Give the stream of a record; None of one that comes as it is played, which begins when it does.

    Its name is made of what the beats depend on: the record's length, rate, leads and date. So two records of one name
    have different streams, and the same record has the same ids wherever it is played, from whatever second on.
    """
    if recording.n_samples is None:
        return None
    began = recording.began if isinstance(recording, Record) else None
    what = f"{recording.n_samples} {recording.fs:.10g} {' '.join(recording.leads)} {began}"
    stream = f"record-{zlib.crc32(what.encode()):08x}"
    moment = _moment(began)
    anchors = () if moment is None else (Anchor(0, recording.fs, milliseconds(moment), "record"),)
    return Origin(stream, anchors)


def _moment(began: str | None) -> datetime | None:
    """Read date and time as a header has them; None where either is missing."""
    if began is None or " " not in began:
        return None
    try:
        return datetime.fromisoformat(began)
    except ValueError:  # a year alone, before the time of day
        return None
