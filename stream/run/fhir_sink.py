"""A sink that makes observations of HL7 FHIR, see `fhir`, of each minute of each stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ..core.messages import Beat, Chunk
from .engine import Step
from .fhir import summary_observation, waveform_observation
from .origin import Origin
from .sinks import ContextSink
from .summary import Summary

WINDOW_S = 60.0
WAVEFORM_S = 10.0
DECIDED_S = 5.0  # search-back adds beats up to 3.6 s after their R peak


@dataclass(slots=True)
class _Minute:
    """A patient's minute in the making, with beats of the next one, and the signal of the last seconds."""

    start: int
    fs: float
    leads: tuple[str, ...]
    beats: list[Beat] = field(default_factory=list)
    parts: list[Chunk] = field(default_factory=list)

    @property
    def stop(self) -> int:
        """End of the minute of the stream in which this one began."""
        length = round(WINDOW_S * self.fs)
        return (self.start // length + 1) * length

    @property
    def end(self) -> int:
        """End of what has come."""
        return _end(self.parts[-1])

    def add(self, chunk: Chunk) -> None:
        """Take samples; forget what is too old to be shown."""
        self.parts.append(chunk)
        wanted = min(self.end - (WAVEFORM_S + DECIDED_S) * self.fs, self.stop - WAVEFORM_S * self.fs)
        while _end(self.parts[0]) < wanted:
            self.parts.pop(0)

    def next(self) -> _Minute:
        """Give the minute that follows, with what has come of it; over a gap it begins behind that."""
        parts = [part for part in self.parts if _end(part) > self.stop]
        beats = [beat for beat in self.beats if beat.sample >= self.stop]
        return _Minute(max(self.stop, parts[0].start), self.fs, self.leads, beats, parts)


class FhirSink(ContextSink):
    """Makes two observations of each minute of each stream: its beats, and the last ten seconds of its signal.

    Minutes are counted from sample 0. What is made again after a restart has the same id, which is made of patient,
    stream and first sample.

    Parameters
    ----------
    publish
        Called with the patient and a resource as JSON.
    """

    def __init__(self, publish: Callable[[str, bytes], None]) -> None:
        self._publish = publish
        self._minutes: dict[str, _Minute] = {}
        self._origins: dict[str, Origin | None] = {}

    async def write(self, step: Step) -> None:
        """Take samples and beats of a step; publish a minute once its beats are decided."""
        chunk, minute = step.chunk, self._minutes.get(step.record)
        if chunk is not None and len(chunk.samples):
            if minute is not None and (chunk.fs, chunk.leads) != (minute.fs, minute.leads):
                self._tell(step.record, minute, minute.end)
                minute = None
            self._origins[step.record] = step.origin
            if minute is None:
                minute = self._minutes[step.record] = _Minute(chunk.start, chunk.fs, chunk.leads)
            minute.add(chunk)
        if minute is None:
            return
        minute.beats += [output for output in step.outputs if isinstance(output, Beat)]
        while minute.end >= minute.stop + DECIDED_S * minute.fs:
            self._tell(step.record, minute, minute.stop)
            minute = self._minutes[step.record] = minute.next()

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Publish what there is of the last minute."""
        minute = self._minutes.pop(record, None)
        if minute is not None and minute.end > minute.start:
            self._tell(record, minute, minute.end)
        self._origins.pop(record, None)

    def _tell(self, record: str, minute: _Minute, stop: int) -> None:
        origin = self._origins[record]
        beats = [beat for beat in minute.beats if minute.start <= beat.sample < stop]
        resources = [summary_observation(record, minute.start, stop, minute.fs, beats, origin)]
        if (strip := _strip(minute, stop)) is not None:
            resources.append(waveform_observation(record, strip, origin))
        for resource in resources:
            self._publish(record, msgspec.json.encode(resource))


def _strip(minute: _Minute, stop: int) -> Chunk | None:
    """Give the last seconds before a sample, from the last gap on; None if there are none."""
    strip: Chunk | None = None
    first = stop - round(WAVEFORM_S * minute.fs)
    for part in minute.parts:
        begin, end = max(part.start, first), min(_end(part), stop)
        if begin >= end:
            continue
        samples = part.samples[begin - part.start : end - part.start]
        if strip is not None and _end(strip) == begin:
            samples, begin = np.concatenate([strip.samples, samples]), strip.start
        strip = Chunk(begin, minute.fs, minute.leads, samples)
    return strip


def _end(chunk: Chunk) -> int:
    return chunk.start + len(chunk.samples)
