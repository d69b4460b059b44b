"""Whether a record's values can be those of an ECG in millivolts, or look like another unit's."""

from __future__ import annotations

import numpy as np

from .record import Record
from .source import MemorySource

LOOKED_AT_S = 30.0

LARGE_MV, SMALL_MV = 30.0, 0.01
"""Peak-to-peak in a second between which an ECG lies, mV; as a rule it is 0.1 to 10."""


def scale_hint(record: Record) -> str | None:
    """Say what the first half minute of a record looks like, if it cannot be an ECG in millivolts.

    Looked at is the median over seconds of the height of the wave, so that a spike or a flat stretch says nothing.
    A record that is made, such as the demo, is not looked at.
    """
    given = record.path is not None or isinstance(record.source, MemorySource)
    if not given or record.absent:
        return None
    second = max(1, round(record.fs))
    seconds = min(int(LOOKED_AT_S), record.n_samples // second)
    if not seconds:
        return None
    samples = record.signal(0, seconds * second).reshape(seconds, second, -1)
    for column, lead in enumerate(record.leads):
        part = samples[:, :, column]
        part = part[np.isfinite(part).all(axis=1)]
        heights = np.ptp(part, axis=1)
        height = float(np.median(heights)) if len(heights) else 0.0
        if height and not SMALL_MV <= height <= LARGE_MV:
            like = "microvolts, or steps of a converter," if height > LARGE_MV else "volts"
            spans = f"{height:,.0f}" if height >= 100 else f"{height:.3g}"
            return f"record {record.name}: lead {lead} spans {spans} mV in a second, as {like} called mV would"
    return None
