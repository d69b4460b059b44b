"""Whether a record's values can be those of an ECG in millivolts, or look like another unit's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..stream.core.messages import Chunk, Samples
from .record import Record
from .source import MemorySource

LOOKED_AT_S = 30.0
LIVE_S = 10.0

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
    return _hint(record.name, record.leads, record.signal(0, seconds * second), second) if seconds else None


class ScaleWatch:
    """Looks at the first seconds of a stream as they pass by; see `scale_hint`.

    Parameters
    ----------
    name
        What the stream is called.
    tell
        Called with the hint, at most once: when `LIVE_S` seconds have come, or at the end of a shorter stream.
    """

    def __init__(self, name: str, tell: Callable[[str], object]) -> None:
        self._name = name
        self._tell = tell
        self._wanted = True

    def over(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Give the chunks on as they come."""
        seen: list[Chunk] = []
        for chunk in chunks:
            yield chunk
            if self._wanted:
                seen.append(chunk)
                if sum(len(each.samples) for each in seen) >= LIVE_S * chunk.fs:
                    self._look(seen)
        if self._wanted and seen:
            self._look(seen)

    def _look(self, seen: list[Chunk]) -> None:
        samples = np.concatenate([each.samples for each in seen])
        if hint := _hint(self._name, seen[0].leads, samples, max(1, round(seen[0].fs))):
            self._tell(hint)
        seen.clear()
        self._wanted = False


def _hint(name: str, leads: Sequence[str], samples: Samples, second: int) -> str | None:
    """Say what the first lead looks like whose seconds are too high or too low; None if all look like an ECG."""
    whole = samples[: len(samples) // second * second].reshape(-1, second, samples.shape[1])
    for column, lead in enumerate(leads):
        part = whole[:, :, column]
        part = part[np.isfinite(part).all(axis=1)]
        heights = np.ptp(part, axis=1)
        height = float(np.median(heights)) if len(heights) else 0.0
        if height and not SMALL_MV <= height <= LARGE_MV:
            like = "microvolts, or steps of a converter," if height > LARGE_MV else "volts"
            spans = f"{height:,.0f}" if height >= 100 else f"{height:.3g}"
            return f"record {name}: lead {lead} spans {spans} mV in a second, as {like} called mV would"
    return None
