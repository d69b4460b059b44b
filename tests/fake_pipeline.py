"""A small stand-in for the pipeline: deterministic, fast, and sensitive to every sample it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ecg_stream.stream.core.messages import Beat, Chunk, Event, Output
from ecg_stream.stream.core.stage import State
from ecg_stream.stream.service.open_turn import Labels, Work

EVERY = 50  # samples

T = TypeVar("T")


class FakeLabelled:
    """What takes the places of `Described` and of `Labelled` here: outputs, whose beats have their labels already."""

    def __init__(self, outputs: list[Output]) -> None:
        self.outputs = outputs


def fake_label(described: Sequence[Any]) -> list[Any]:
    """Stands for `batch.label`."""
    return list(described)


def done(work: Work[T]) -> T:
    """Take a work to its end, without any other beside it."""
    try:
        described: Any = next(work)
        while True:
            described = work.send(Labels(described, 0.0))
    except StopIteration as end:
        result: T = end.value
        return result


class FakePipeline:
    """A beat every 50th sample whose RR interval is the sum of all samples so far; a gap where samples are missing."""

    def __init__(self) -> None:
        self.next: int | None = None
        self.total = 0.0

    def describe(self, chunk: Chunk) -> Any:
        outputs: list[Output] = []
        if self.next is not None and chunk.start != self.next:
            outputs.append(Event(self.next, self.next / chunk.fs, "gap", None, f"{chunk.start - self.next} missing"))
        for index, sample in enumerate(chunk.samples[:, 0].tolist(), chunk.start):
            self.total += 0.0 if sample != sample else sample
            if index % EVERY == 0:
                outputs.append(Beat(index, index / chunk.fs, "N", (1.0, 0.0, 0.0, 0.0, 0.0), round(self.total, 3), 4.0))
        self.next = chunk.start + len(chunk.samples)
        return FakeLabelled(outputs)

    def finish(self) -> Any:
        if self.next is None:
            return FakeLabelled([])
        return FakeLabelled([Beat(self.next, 0.0, "V", (0.0, 0.0, 1.0, 0.0, 0.0), None, 0.0)])

    def remember(self, labelled: Any) -> list[Output]:
        outputs: list[Output] = labelled.outputs
        return outputs

    def snapshot(self) -> State:
        return {"next": self.next, "total": self.total}

    def restore(self, state: State) -> None:
        self.next, self.total = state["next"], state["total"]


class FailingPipeline(FakePipeline):
    """Fails on a sample of 9 mV."""

    def describe(self, chunk: Chunk) -> Any:
        if (chunk.samples == 9).any():
            raise ZeroDivisionError("a bug that one patient's samples bring out")
        return super().describe(chunk)
