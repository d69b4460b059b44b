"""What the laws are checked on: a function that makes a stage, a stream, and how the one is fed with the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .values import joined

Stream: TypeAlias = tuple[NDArray[Any], ...]
"""Arrays whose rows are samples, cut together: the signal, and whatever else goes with each sample."""


def push_arrays(stage: Any, start: int, *parts: NDArray[Any]) -> Any:  # noqa: ARG001  stages of arrays count by themselves
    """Feed a stage that takes arrays."""
    return stage.push(*parts)


@dataclasses.dataclass(frozen=True)
class Subject:
    """What the laws are checked on.

    `make` and `feed` must stand at the top of a module in a file, because one law calls them again in another process.

    Attributes
    ----------
    make
        Makes a fresh stage, always the same.
    stream
        What it is fed with; long enough that the state is exercised (windows full, blocks turned over).
    feed
        ``feed(stage, start, *parts)`` pushes the rows that begin at `start` and gives what came out.
    decided
        For stages that give lists: the sample at which an output was decided. None where outputs do not tell.
    examples
        How many ways of cutting are drawn at random.
    """

    make: Callable[[], Any]
    stream: Stream
    feed: Callable[..., Any] = push_arrays
    decided: Callable[[Any], int] | None = None
    examples: int = 25

    @property
    def length(self) -> int:
        """Rows of the stream."""
        return len(self.stream[0])

    def rows(self, start: int, stop: int) -> Stream:
        """Rows of the stream, read-only, as a careful caller would hand them over."""
        parts = tuple(part[start:stop].copy() for part in self.stream)
        for part in parts:
            part.flags.writeable = False
        return parts

    def run(self, stage: Any, cuts: Iterable[int] = (), start: int = 0, stop: int | None = None) -> list[Any]:
        """Feed the stream from `start` to `stop`, cut at `cuts`; give what came out of each chunk."""
        edges = [start, *cuts, self.length if stop is None else stop]
        return [self.feed(stage, a, *self.rows(a, b)) for a, b in pairwise(edges)]

    def whole(self, cuts: Iterable[int] = ()) -> Any:
        """Everything that a fresh stage gives for the stream."""
        stage = self.make()
        return joined([*self.run(stage, cuts), stage.flush()])

    def random_cuts(self) -> Iterable[list[int]]:
        """Give `examples` ways of cutting, always the same: up to forty cuts, some on one sample or on neighbours."""
        rng = np.random.default_rng(4)
        for _ in range(self.examples):
            cuts = rng.integers(0, self.length + 1, int(rng.integers(0, 21)))
            near = np.clip(cuts + rng.integers(-2, 3, len(cuts)), 0, self.length)
            yield sorted([*cuts.tolist(), *near.tolist()])
