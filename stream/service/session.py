"""One patient's stream: messages put in order, run through the patient's own pipeline, summed up."""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Protocol

import numpy as np

from ..batch import Described, Labelled
from ..core.messages import Chunk, Output
from ..core.stage import State
from ..run.engine import Step
from ..run.origin import Origin
from ..run.summary import RunningSummary, Summary
from .codec import Wave
from .open_turn import Work

REORDER_S = 2.0  # stream time that a late message may be behind one that overtook it
MAX_HELD = 1024  # chunks, whatever their length
MAX_HELD_BYTES = 512 << 10  # of one patient; two seconds of twelve leads at 1000 Hz are 192 kB
SCARCE_HELD_BYTES = 64 << 10  # the same, while all patients together hold too much; two leads at 250 Hz need 8 kB
CHUNK_OVERHEAD_BYTES = 512  # what a chunk that waits costs beside its samples, about


class ResumableProcessor(Protocol):
    """A `Pipeline`: it describes, is told the labels, and its state can be taken out and put back."""

    def describe(self, chunk: Chunk, /) -> Described:
        """Take the next chunk; give what it completes, without labels."""
        ...

    def finish(self) -> Described:
        """End the stream; give what was held back, without labels."""
        ...

    def remember(self, labelled: Labelled, /) -> list[Output]:
        """Take the labels of what was described last; give the outputs."""
        ...

    def snapshot(self) -> State:
        """Copy the state out."""
        ...

    def restore(self, state: State) -> list[str] | None:
        """Put a copied state back."""
        ...


class Ordering:
    """Puts chunks in the order of `Chunk.start`; what was given out is never given out again.

    Samples seen before are dropped. A chunk that comes too early is held until what is missing arrives, or until
    the stream is `reorder_s` beyond the hole: then the hole is given up. This depends on the messages
    alone, never on the clock, so that the same messages give the same chunks whenever they are taken again.
    """

    def __init__(
        self, reorder_s: float = REORDER_S, max_held: int = MAX_HELD, max_held_bytes: int = MAX_HELD_BYTES
    ) -> None:
        self._reorder_s = reorder_s
        self._max_held = max_held
        self._max_held_bytes = max_held_bytes
        self.next: int | None = None
        self._held: list[Chunk] = []
        self.duplicates = 0
        """Chunks dropped because all their samples had been seen."""
        self.pressed = False
        """Whether the last chunk gave a hole up that would have been kept if room had not been scarce."""

    @property
    def held_bytes(self) -> int:
        """What the chunks that wait cost to keep, about."""
        return sum(chunk.samples.nbytes + CHUNK_OVERHEAD_BYTES for chunk in self._held)

    @property
    def held(self) -> int:
        """Number of chunks that wait for an earlier one."""
        return len(self._held)

    def take(self, chunk: Chunk, *, scarce: bool = False) -> list[Chunk]:
        """Take a chunk; give those that are now in order, trimmed where they overlap.

        While room is `scarce`, only `SCARCE_HELD_BYTES` wait.
        """
        self.pressed = False
        if self.next is None:
            self.next = chunk.start
        if _end(chunk) <= self.next or any(h.start <= chunk.start and _end(chunk) <= _end(h) for h in self._held):
            self.duplicates += 1
            return []
        insort(self._held, chunk, key=attrgetter("start"))
        ready = self._contiguous()
        while self._held and self._hole_is_lost(scarce):
            self.next = self._held[0].start
            ready += self._contiguous()
        return ready

    def drain(self) -> list[Chunk]:
        """Give what is held, holes and all."""
        ready = []
        while self._held:
            self.next = max(self.next or 0, self._held[0].start)
            ready += self._contiguous()
        return ready

    def snapshot(self) -> State:
        """Copy the state out."""
        held = [{"start": c.start, "fs": c.fs, "leads": list(c.leads), "samples": c.samples.copy()} for c in self._held]
        return {"next": self.next, "held": held, "duplicates": self.duplicates}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self.next = state["next"]
        self.duplicates = state["duplicates"]
        self._held = [Chunk(c["start"], c["fs"], tuple(c["leads"]), c["samples"].copy()) for c in state["held"]]

    def _contiguous(self) -> list[Chunk]:
        ready: list[Chunk] = []
        while self._held and self.next is not None and self._held[0].start <= self.next:
            chunk = self._held.pop(0)
            if _end(chunk) <= self.next:
                self.duplicates += 1
                continue
            seen = self.next - chunk.start
            if seen:
                chunk = Chunk(self.next, chunk.fs, chunk.leads, chunk.samples[seen:])
            self.next = _end(chunk)
            ready.append(chunk)
        return ready

    def _hole_is_lost(self, scarce: bool) -> bool:
        newest, held_bytes = max(self._held, key=_end), self.held_bytes
        if len(self._held) > self._max_held or held_bytes > self._max_held_bytes:
            return True
        if _end(newest) - (self.next or 0) > self._reorder_s * newest.fs:
            return True
        pressed = scarce and held_bytes > SCARCE_HELD_BYTES
        self.pressed = self.pressed or pressed
        return pressed


class PatientSession:
    """A patient's ordering, pipeline and running summary, as one thing that can be saved and resumed.

    Parameters
    ----------
    patient
        Whose it is.
    pipeline
        A fresh pipeline.
    stream
        Name of the stream, from the first message.
    resume_at
        First sample not seen before, where an earlier session of the same stream has ended.
    origin
        The stream as outputs name it, and its time of day; None of a state of version 0.1, which has neither.
    """

    def __init__(
        self,
        patient: str,
        pipeline: ResumableProcessor,
        stream: str | None = None,
        resume_at: int | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.patient = patient
        self.stream = stream
        self.origin = origin
        self.ordering = Ordering()
        self.ordering.next = resume_at
        self._pipeline = pipeline
        self._running = RunningSummary()
        self._began = time.perf_counter()

    def take(self, wave: Wave, lag_ms: float = 0.0, *, scarce: bool = False) -> Work[list[Step]]:
        """Take a message, which waited `lag_ms`: a step for each chunk that is now in order. `scarce` is room."""
        if not len((chunk := wave.chunk).samples):
            return []
        if self.origin is not None and _end(chunk) > (self.ordering.next or 0):
            self.origin = self.origin.hearing(chunk.start, chunk.fs, wave.t0_ms)
        ready = _joined(self.ordering.take(chunk, scarce=scarce))
        return (yield from self._steps(ready, lag_ms))

    def end(self) -> Work[list[Step]]:
        """End the stream: what is held goes through, and the pipeline is flushed."""
        return (yield from self._steps([*_joined(self.ordering.drain()), None]))

    def summary(self) -> Summary:
        """Give the summary so far."""
        return self._running.result(time.perf_counter() - self._began)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "stream": self.stream,
            "origin": None if self.origin is None else self.origin.snapshot(),
            "ordering": self.ordering.snapshot(),
            "pipeline": self._pipeline.snapshot(),
            "summary": self._running.snapshot(),
            "seconds": time.perf_counter() - self._began,
        }

    def restore(self, state: State) -> list[str]:
        """Put a copied state back; give what could not be taken up as it was, a line each."""
        self.stream = state["stream"]
        self.origin = None if state["origin"] is None else Origin.restored(state["origin"])
        self.ordering.restore(state["ordering"])
        notes = self._pipeline.restore(state["pipeline"])
        self._running.restore(state["summary"])
        self._began = time.perf_counter() - state["seconds"]
        return notes or []

    def _steps(self, chunks: Sequence[Chunk | None], lag_ms: float = 0.0) -> Work[list[Step]]:
        """Take chunks through the pipeline, one after the other; None ends the stream."""
        steps: list[Step] = []
        for chunk in chunks:
            before = time.perf_counter()
            described = self._pipeline.finish() if chunk is None else self._pipeline.describe(chunk)
            described_ms = 1000 * (time.perf_counter() - before)
            labels = yield described
            outputs = self._pipeline.remember(labels.labelled)
            compute_ms = described_ms + labels.compute_ms
            if chunk is not None:
                self._running.add_chunk(chunk, compute_ms, lag_ms)
            self._running.add_outputs(outputs)
            steps.append(Step(self.patient, chunk, outputs, compute_ms, lag_ms, self.origin))
        return steps


def _joined(chunks: list[Chunk]) -> list[Chunk]:
    """Join what follows one another, so that many small chunks, come at once, cost one turn of the pipeline."""
    joined: list[list[Chunk]] = []
    for chunk in chunks:
        before = joined[-1][-1] if joined else None
        if before and (before.fs, before.leads, _end(before)) == (chunk.fs, chunk.leads, chunk.start):
            joined[-1].append(chunk)
        else:
            joined.append([chunk])
    return [
        run[0] if len(run) == 1 else replace(run[0], samples=np.concatenate([chunk.samples for chunk in run]))
        for run in joined
    ]


def _end(chunk: Chunk) -> int:
    return chunk.start + len(chunk.samples)
