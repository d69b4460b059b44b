"""A small stand-in for the pipeline: deterministic, fast, and sensitive to every sample it is given."""

from __future__ import annotations

from ecg_stream.stream.core.messages import Beat, Chunk, Event, Output
from ecg_stream.stream.core.stage import State

EVERY = 50  # samples


class FakePipeline:
    """A beat every 50th sample whose RR interval is the sum of all samples so far; a gap where samples are missing."""

    def __init__(self) -> None:
        self.next: int | None = None
        self.total = 0.0

    def push(self, chunk: Chunk) -> list[Output]:
        outputs: list[Output] = []
        if self.next is not None and chunk.start != self.next:
            outputs.append(Event(self.next, self.next / chunk.fs, "gap", None, f"{chunk.start - self.next} missing"))
        for index, sample in enumerate(chunk.samples[:, 0].tolist(), chunk.start):
            self.total += 0.0 if sample != sample else sample
            if index % EVERY == 0:
                outputs.append(Beat(index, index / chunk.fs, "N", (1.0, 0.0, 0.0, 0.0, 0.0), round(self.total, 3), 4.0))
        self.next = chunk.start + len(chunk.samples)
        return outputs

    def flush(self) -> list[Output]:
        if self.next is None:
            return []
        return [Beat(self.next, 0.0, "V", (0.0, 0.0, 1.0, 0.0, 0.0), None, 0.0)]

    def snapshot(self) -> State:
        return {"next": self.next, "total": self.total}

    def restore(self, state: State) -> None:
        self.next, self.total = state["next"], state["total"]


class FailingPipeline(FakePipeline):
    """Fails on a sample of 9 mV."""

    def push(self, chunk: Chunk) -> list[Output]:
        if (chunk.samples == 9).any():
            raise ZeroDivisionError("a bug that one patient's samples bring out")
        return super().push(chunk)
