"""Turns under way: each stops where beats wait for their labels, so that one call of the classifier serves all.

A patient's work is a generator. It gives what was described, and is sent the labels. Mostly that is once a message; but
one that fills a hole lets several chunks through, and one that ends a stream flushes it. `close_turns` takes the works
of many patients on side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from ..batch import Described, Labelled
from ..core.messages import Beat
from ..run.engine import Step
from ..run.turn import Ended, Turn

T = TypeVar("T")


class Labels(NamedTuple):
    """What a work is sent for what it described.

    Attributes
    ----------
    labelled
        What the classifier made of it.
    compute_ms
        Its part of the time of the call: the time is shared out by beats, so a chunk that decided none has no part.
    """

    labelled: Labelled
    compute_ms: float


Work: TypeAlias = Generator[Described, Labels, T]
"""Gives what was described, one after the other, is sent the `Labels` of each, and returns what it came to."""

Label: TypeAlias = Callable[[Sequence[Described]], Sequence[Labelled]]
"""`batch.label` of some models: labels what any number of streams have described, at most one of each."""


class OpenTurn:
    """A patient's turn under way.

    Parameters
    ----------
    patient, received, number
        See `Turn`.
    work
        What is to be done; begun at once.

    Raises
    ------
    PayloadError
        If the message does not fit.
    """

    def __init__(self, patient: str, received: float, number: int, work: Work[list[Step | Ended]]) -> None:
        self._begun = Turn(patient, [], received, number)
        self._work = work
        self.described: Described | None = None
        """What waits for its labels; None when the turn is closed."""
        self.closed: Turn | None = None
        """What the turn has led to."""
        self._advance(lambda: next(work))

    def go_on(self, labels: Labels | Exception) -> None:
        """Take labels for `described`, or why there are none, and go on with the work."""
        if isinstance(labels, Exception):
            self._advance(lambda: self._work.throw(labels))
        else:
            self._advance(lambda: self._work.send(labels))

    def _advance(self, resume: Callable[[], Described]) -> None:
        try:
            self.described = resume()
        except StopIteration as end:
            self.described = None
            self.closed = Turn(self._begun.patient, end.value, self._begun.received, self._begun.number)


def close_turns(turns: Sequence[OpenTurn], label: Label) -> list[Turn]:
    """Take turns of different patients to their ends, in as few calls of the classifier as can be.

    An error in the labelling of one patient's beats is that patient's alone.
    """
    while waiting := [(turn, turn.described) for turn in turns if turn.described is not None]:
        began = time.perf_counter()
        labelled = _labelled([described for _, described in waiting], label)
        beats = [0 if isinstance(each, Exception) else _beats(each) for each in labelled]
        ms_a_beat = 1000 * (time.perf_counter() - began) / max(1, sum(beats))
        for (turn, _), each, n_beats in zip(waiting, labelled, beats, strict=True):
            turn.go_on(each if isinstance(each, Exception) else Labels(each, n_beats * ms_a_beat))
    return [turn.closed for turn in turns if turn.closed is not None]


def _labelled(described: list[Described], label: Label) -> list[Labelled | Exception]:
    try:
        return list(label(described))
    except Exception as error:
        if len(described) == 1:
            return [error]
        return [each for alone in described for each in _labelled([alone], label)]


def _beats(labelled: Labelled) -> int:
    return sum(isinstance(output, Beat) for output in labelled.outputs)
