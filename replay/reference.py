"""The reference beats of a record, as the live monitor compares with them."""

from __future__ import annotations

from ..stream.screen.agreement import Reference
from .labels import AAMI_CLASS
from .recording import Recording


def reference_beats(record: Recording) -> Reference | None:
    """Give the beats of the reference annotations and their AAMI classes; None where a record has none.

    Raises
    ------
    RecordError
        If they are there and cannot be read.
    """
    marks = record.annotations("atr")
    if marks is None:
        return None
    beats = marks.beats()
    return Reference(beats.samples, tuple(AAMI_CLASS[symbol] for symbol in beats.symbols), tuple(marks.rhythms()))
