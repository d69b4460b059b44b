"""What a stream came to, kept as it runs, in memory that does not grow with its length."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

import numpy as np

from ..core.messages import CLASSES, PRIORITIES, Alert, Beat, Chunk, Event, Output, Rhythm
from ..core.stage import State

LOWEST_MS = 1e-3
HIGHEST_MS = 1e5
BIN_RATIO = 1.02  # neighbouring bins differ by 2 %: a percentile is off by 2 % at most
_BINS_PER_UNIT_OF_LOG = 1 / math.log(BIN_RATIO)


class DurationHistogram:
    """Percentiles of durations, over bins that widen with the value (2 % wide, 1 µs to 100 s).

    A percentile is the mean of the values in its bin, and off by 2 % at most. It is exact where a bin holds one value
    only, as for delays of up to 50 sampling intervals, which are multiples of one. Takes 11 KB, however many values
    are added.
    """

    __slots__ = ("_counts", "_sums", "count", "max")

    def __init__(self) -> None:
        bins = _bin(HIGHEST_MS) + 1
        self._counts = array("I", bytes(4 * bins))
        self._sums = array("d", bytes(8 * bins))
        self.count = 0
        self.max = 0.0

    def add(self, milliseconds: float) -> None:
        """Take one duration, ms."""
        index = _bin(milliseconds)
        self._counts[index] += 1
        self._sums[index] += milliseconds
        self.count += 1
        self.max = max(self.max, milliseconds)

    def percentile(self, percent: float) -> float | None:
        """Smallest duration, ms, that `percent` of all do not exceed; None before the first."""
        if not self.count:
            return None
        rank = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                return self._sums[index] / count
        raise AssertionError("the bins hold fewer values than were counted")

    def snapshot(self) -> State:
        """Copy the state out: the bins that hold something."""
        counts = np.frombuffer(self._counts, dtype=np.uint32)
        bins = np.flatnonzero(counts)
        sums = np.frombuffer(self._sums)[bins]
        return {"bins": bins.astype(np.int32), "counts": counts[bins], "sums": sums, "max": self.max}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self.__init__()  # type: ignore[misc]  # all bins empty
        bins, counts, sums = (np.asarray(state[name]).tolist() for name in ("bins", "counts", "sums"))
        for i, count, total in zip(bins, counts, sums, strict=True):
            self._counts[i], self._sums[i] = count, total
        self.count = sum(counts)
        self.max = state["max"]


def _bin(milliseconds: float) -> int:
    clipped = min(max(milliseconds, LOWEST_MS), HIGHEST_MS)
    return int(math.log(clipped / LOWEST_MS) * _BINS_PER_UNIT_OF_LOG)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """A median, a high percentile (the 95th or 99th) and the largest, ms; None where there was nothing."""

    p50: float | None
    high: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a stream came to.

    Attributes
    ----------
    samples
        Samples that came in, on each lead.
    counts
        Number of beats of each class, all of `CLASSES`.
    events
        Number of events of each kind that occurred.
    rhythms
        How often each rhythm that occurred began.
    alerts
        How often an alert of each priority that occurred began.
    delay_ms
        Stream time from R peak to decision: p50, p95, max.
    compute_ms
        Wall time in the pipeline for each chunk: p50, p99, max.
    lag_ms
        How late each chunk reached the pipeline after it was due: p50, p95, max; 0 where nothing paces the source.
    seconds
        Wall time from the first chunk to now.
    realtime_factor
        Stream time over wall time; None before time has passed.
    """

    samples: int
    counts: dict[str, int]
    events: dict[str, int]
    rhythms: dict[str, int]
    alerts: dict[str, int]
    delay_ms: Percentiles
    compute_ms: Percentiles
    lag_ms: Percentiles
    seconds: float
    realtime_factor: float | None

    @property
    def beats(self) -> int:
        """Number of beats of all classes."""
        return sum(self.counts.values())


@dataclass(slots=True)
class RunningSummary:
    """A `Summary` in the making."""

    samples: int = 0
    stream_seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    events: dict[str, int] = field(default_factory=dict)
    rhythms: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    delay_ms: DurationHistogram = field(default_factory=DurationHistogram)
    compute_ms: DurationHistogram = field(default_factory=DurationHistogram)
    lag_ms: DurationHistogram = field(default_factory=DurationHistogram)

    def add_chunk(self, chunk: Chunk, compute_ms: float, lag_ms: float) -> None:
        """Count a chunk that went through the pipeline."""
        self.samples += len(chunk.samples)
        self.stream_seconds += len(chunk.samples) / chunk.fs
        self.compute_ms.add(compute_ms)
        self.lag_ms.add(lag_ms)

    def add_outputs(self, outputs: list[Output]) -> None:
        """Count what the pipeline gave."""
        for output in outputs:
            if isinstance(output, Beat):
                self.counts[output.label] += 1
                self.delay_ms.add(output.delay_ms)
            elif isinstance(output, Rhythm):
                if output.state == "begin":
                    self.rhythms[output.name] = self.rhythms.get(output.name, 0) + 1
            elif isinstance(output, Alert):
                if output.state == "begin":
                    self.alerts[output.priority] = self.alerts.get(output.priority, 0) + 1
            elif isinstance(output, Event):
                self.events[output.kind] = self.events.get(output.kind, 0) + 1

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "samples": self.samples,
            "stream_seconds": self.stream_seconds,
            "counts": dict(self.counts),
            "events": dict(self.events),
            "rhythms": dict(self.rhythms),
            "alerts": dict(self.alerts),
            "delay_ms": self.delay_ms.snapshot(),
            "compute_ms": self.compute_ms.snapshot(),
            "lag_ms": self.lag_ms.snapshot(),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self.samples = state["samples"]
        self.stream_seconds = state["stream_seconds"]
        self.counts = dict(state["counts"])
        self.events = dict(state["events"])
        self.rhythms = dict(state.get("rhythms", {}))  # earlier versions counted none
        self.alerts = dict(state.get("alerts", {}))
        self.delay_ms.restore(state["delay_ms"])
        self.compute_ms.restore(state["compute_ms"])
        self.lag_ms.restore(state["lag_ms"])

    def result(self, seconds: float) -> Summary:
        """Give the summary after `seconds` of wall time."""
        return Summary(
            samples=self.samples,
            counts=dict(self.counts),
            events=dict(sorted(self.events.items())),
            rhythms=dict(sorted(self.rhythms.items())),
            alerts={priority: self.alerts[priority] for priority in PRIORITIES if priority in self.alerts},
            delay_ms=_percentiles(self.delay_ms, 95),
            compute_ms=_percentiles(self.compute_ms, 99),
            lag_ms=_percentiles(self.lag_ms, 95),
            seconds=seconds,
            realtime_factor=self.stream_seconds / seconds if seconds > 0 else None,
        )


def _percentiles(histogram: DurationHistogram, high: float) -> Percentiles:
    return Percentiles(histogram.percentile(50), histogram.percentile(high), histogram.max if histogram.count else None)
