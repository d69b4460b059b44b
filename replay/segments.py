"""A sink that records patients' streams as WFDB records, a minute at a time, with beats and rhythms as annotations.

::

    FOLDER/PATIENT/BEGUN/sSTART.hea .dat .ecs    BEGUN: UTC time; START: index of the segment's first sample

Each segment is a record of its own, which every WFDB tool reads and `ecg-stream replay` plays. It appears whole,
when its beats are decided, so that a crash loses less than the last minute. A gap in the stream ends a segment.
Rhythms are marked in each segment that they go on in; one that is told only after a segment is there, in the next.
Its header has date and time of the first sample, in UTC.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..errors import RequestError
from ..stream.core.messages import Beat, Chunk, Rhythm, Samples
from ..stream.core.rhythm_names import RhythmName
from ..stream.core.snapshots import replace_file
from ..stream.rhythm.table import WFDB
from ..stream.run.engine import Step
from ..stream.run.origin import Origin
from ..stream.run.sinks import ContextSink
from ..stream.run.summary import Summary
from ..stream.service.codec import quantize
from .annotations import replace_annotations
from .old_segments import remove_old
from .rhythm_marks import EXTENSION, RhythmEpisodes, with_rhythms

log = logging.getLogger("ecg_stream.mqtt")

SEGMENT_S = 50.0
MOST_OF_A_PATIENT, MOST_AN_HOUR = 60, 6000  # recordings that begin: names of streams make no folders without end
DECIDED_S = 5.0  # search-back adds beats up to 3.6 s after their R peak


@dataclass(slots=True)
class _Segment:
    """Samples of one segment, and its beats and rhythms so far."""

    start: int
    fs: float
    leads: tuple[str, ...]
    began: str | None = None  # of the first sample, ISO 8601
    parts: list[Samples] = field(default_factory=list)
    stop: int = 0
    beats: list[tuple[int, str]] = field(default_factory=list)
    rhythms: RhythmEpisodes = field(default_factory=RhythmEpisodes)

    def goes_on_with(self, chunk: Chunk) -> bool:
        return (chunk.start, chunk.fs, chunk.leads) == (self.stop, self.fs, self.leads)


@dataclass(slots=True)
class _Recording:
    """One patient's recording: the segment that grows, and those that wait for their last beats."""

    folder: Path
    growing: _Segment | None = None
    waiting: list[_Segment] = field(default_factory=list)
    ongoing: dict[RhythmName, int] = field(default_factory=dict)  # where it began

    def take(self, chunk: Chunk, origin: Origin | None) -> None:
        if self.growing is not None and not self.growing.goes_on_with(chunk):
            self.cut()
        rest = chunk.samples
        start = chunk.start
        while len(rest):
            if self.growing is None:
                began = None if origin is None else origin.at(start)
                rhythms = RhythmEpisodes(begun=dict(self.ongoing))
                self.growing = _Segment(start, chunk.fs, chunk.leads, began, stop=start, rhythms=rhythms)
            room = self.growing.start + round(SEGMENT_S * chunk.fs) - start
            part, rest = rest[:room], rest[room:]
            self.growing.parts.append(part)
            start += len(part)
            self.growing.stop = start
            if len(part) == room:
                self.cut()

    def cut(self) -> None:
        if self.growing is not None:
            self.waiting.append(self.growing)
            self.growing = None

    def note(self, beat: Beat) -> None:
        for segment in self.unwritten():
            if segment.start <= beat.sample < segment.stop:
                segment.beats.append((beat.sample - segment.start, beat.label))
                return

    def note_rhythm(self, rhythm: Rhythm) -> None:
        if rhythm.state == "end":
            self.ongoing.pop(rhythm.name, None)
        elif rhythm.name in WFDB:
            self.ongoing[rhythm.name] = rhythm.sample
        for segment in self.unwritten():
            segment.rhythms.add(rhythm)

    def unwritten(self) -> list[_Segment]:
        return self.waiting if self.growing is None else [*self.waiting, self.growing]

    def decided(self, now: int) -> list[_Segment]:
        """Take out the segments to which no beat can be added any more, the stream being at sample `now`."""
        ready = [each for each in self.waiting if now >= each.stop + DECIDED_S * each.fs or now < each.start]
        self.waiting = [each for each in self.waiting if each not in ready]
        return ready


class SegmentRecorder(ContextSink):
    """Records every stream it is given.

    Parameters
    ----------
    folder
        Where to; made if it is not there.
    keep_days
        Remove what is older, at the start and once an hour; None keeps everything.

    Raises
    ------
    RequestError
        If it cannot be written, at once or later.
    """

    def __init__(self, folder: Path, keep_days: float | None = None) -> None:
        self._folder = folder
        self._keep_days = keep_days
        self._removing: asyncio.Task[None] | None = None
        self._recordings: dict[str, _Recording | None] = {}  # None: a stream that is not recorded
        self._begun: deque[tuple[float, str]] = deque()  # when, and of which patient, in the last hour
        self._refused: set[str] = set()
        _make(folder)

    async def __aenter__(self) -> Self:
        """Begin to remove what is old, if that is wanted."""
        if self._keep_days is not None:
            self._removing = asyncio.create_task(self._remove_old(86_400 * self._keep_days), name="old recordings")
        return self

    async def _remove_old(self, kept_s: float) -> None:
        while True:
            current = {recording.folder for recording in self._recordings.values() if recording is not None}
            removed = await asyncio.to_thread(remove_old, self._folder, time.time() - kept_s, current)
            if removed:
                log.info("removed %d segments of recordings that were older than %g days", removed, kept_s / 86_400)
            await asyncio.sleep(3600)

    async def write(self, step: Step) -> None:
        """Keep samples, beats and rhythms of a step, and write what is complete."""
        recording = self._recordings.get(step.record)
        if recording is None:
            recording = self._recordings[step.record] = self._begin(step.record)
        if recording is None:
            return
        if step.chunk is not None:
            recording.take(step.chunk, step.origin)
        for output in step.outputs:
            if isinstance(output, Beat):
                recording.note(output)
            elif isinstance(output, Rhythm):
                recording.note_rhythm(output)
        if step.chunk is not None and recording.waiting:
            now = step.chunk.start + len(step.chunk.samples)
            await asyncio.to_thread(_write_all, recording.folder, recording.decided(now))

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Write the rest of a stream that has ended."""
        recording = self._recordings.pop(record, None)
        if recording is not None:
            recording.cut()
            await asyncio.to_thread(_write_all, recording.folder, recording.waiting)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Write the rest of all streams."""
        if self._removing is not None:
            self._removing.cancel()
            await asyncio.wait({self._removing})
        for recording in self._recordings.values():
            if recording is not None:
                recording.cut()
                _write_all(recording.folder, recording.waiting)

    def _begin(self, patient: str) -> _Recording | None:
        """Begin a recording, in a folder of its own; None if there were too many in the last hour."""
        now = time.monotonic()
        while self._begun and now - self._begun[0][0] > 3600:
            self._begun.popleft()
        if len(self._begun) >= MOST_AN_HOUR or sum(who == patient for _, who in self._begun) >= MOST_OF_A_PATIENT:
            if patient not in self._refused:
                self._refused.add(patient)
                log.warning("patient '%s': streams begin so often that not all are recorded", patient)
            return None
        self._refused.discard(patient)
        self._begun.append((now, patient))
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for number in count(1):
            folder = self._folder / patient / (stamp if number == 1 else f"{stamp}-{number}")
            if not folder.exists():
                _make(folder)
                return _Recording(folder)
        raise AssertionError("count ends")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"~probe-{secrets.token_hex(8)}"  # no patient's name has a tilde
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RequestError(f"cannot record to {folder}: {error.strerror}", about="recording") from error


def _write_all(folder: Path, segments: list[_Segment]) -> None:
    try:
        for segment in segments:
            _write(folder, segment)
    except OSError as error:
        raise RequestError(f"cannot record to {folder}: {error.strerror}", about="recording") from error


def _write(folder: Path, segment: _Segment) -> None:
    """Write one segment in WFDB format 16; the header last, as it makes a record of the files."""
    name = f"s{segment.start:010d}"
    gain, digital = quantize(np.concatenate(segment.parts))
    replace_file(folder / f"{name}.dat", digital.tobytes())
    samples, labels = [beat[0] for beat in segment.beats], [beat[1] for beat in segment.beats]
    rhythms = [
        replace(mark, sample=mark.sample - segment.start) for mark in segment.rhythms.marks(segment.start, segment.stop)
    ]
    replace_annotations(folder / f"{name}.{EXTENSION}", segment.fs, *with_rhythms(samples, labels, rhythms))
    signals = [
        f"{name}.dat 16 {gain:g}(0)/mV 16 0 {column[0]} {_checksum(column)} 0 {lead}"
        for lead, column in zip(segment.leads, digital.T, strict=True)
    ]
    head = f"{name} {len(segment.leads)} {segment.fs:.10g} {len(digital)}{_date_and_time(segment.began)}"
    replace_file(folder / f"{name}.hea", "\n".join([head, *signals, ""]).encode())


def _date_and_time(began: str | None) -> str:
    """Write them as header(5) has them; the time is UTC."""
    if began is None:
        return ""
    moment = datetime.fromisoformat(began)
    return f" {moment:%H:%M:%S}.{moment.microsecond // 1000:03} {moment:%d/%m/%Y}"


def _checksum(column: np.ndarray[tuple[int], np.dtype[np.int16]]) -> int:
    """WFDB's checksum of a signal: its sum, as a 16-bit integer."""
    return (int(column.astype(np.int64).sum()) + 0x8000) % 0x10000 - 0x8000
