"""Agreement with reference annotations so far, for a stream that is still running.

Beats are settled once the stream has gone `SETTLED_S` past them, so that a beat found late by search-back still
counts; memory holds only what is not settled. The score for publication is `ecg-stream score`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.messages import CLASSES, Beat

WINDOW_S = 0.15
"""EC57: a beat and its reference are at most 150 ms apart."""

SETTLED_S = 5.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Reference annotations of a record: `samples` ``(n,)`` ascending, and the AAMI class of each."""

    samples: NDArray[np.int64]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgreementCounts:
    """What was settled so far.

    Attributes
    ----------
    matched
        ``matched[reference class, class]`` counts, in the order of `CLASSES`.
    missed
        Reference beats that have none, by class.
    extra
        Beats that have no reference, by class.
    """

    matched: NDArray[np.int64]
    missed: NDArray[np.int64]
    extra: NDArray[np.int64]

    def detection(self) -> tuple[float | None, float | None]:
        """Sensitivity and positive predictivity of the beats, whatever their class; None if there was none."""
        found = int(self.matched.sum())
        return _share(found, found + int(self.missed.sum())), _share(found, found + int(self.extra.sum()))

    def of_class(self, label: str) -> tuple[float | None, float | None]:
        """Sensitivity and positive predictivity of one class, misses and false beats included."""
        k = CLASSES.index(label)
        right = int(self.matched[k, k])
        reference = int(self.matched[k].sum() + self.missed[k])
        called = int(self.matched[:, k].sum() + self.extra[k])
        return _share(right, reference), _share(right, called)

    def same_class(self) -> float | None:
        """Share of the matched beats whose class is the reference's."""
        return _share(int(np.trace(self.matched)), int(self.matched.sum()))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


class RunningAgreement:
    """Matches beats with their reference as the stream goes on."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._next = -1
        self._beats: deque[Beat] = deque()
        k = len(CLASSES)
        self._counts = AgreementCounts(np.zeros((k, k), np.int64), np.zeros(k, np.int64), np.zeros(k, np.int64))

    def begin(self, sample: int) -> None:
        """Leave out the reference beats before `sample`, where the stream begins; later calls do nothing."""
        if self._next < 0:
            self._next = int(np.searchsorted(self._reference.samples, sample))

    def add(self, beat: Beat) -> None:
        """Take a beat; search-back may give it after a later one."""
        self._beats.append(beat)
        if len(self._beats) > 1 and self._beats[-2].sample > beat.sample:
            self._beats = deque(sorted(self._beats, key=lambda each: each.sample))

    def settle(self, now: int, fs: float, *, ended: bool = False) -> None:
        """Count what lies far enough before sample `now`, or everything up to there if the stream has ended."""
        window = int(WINDOW_S * fs)
        limit = now if ended else now - round(SETTLED_S * fs)
        samples, labels = self._reference.samples, self._reference.labels
        while True:
            reference = int(samples[self._next]) if self._next < len(samples) else None
            beat = self._beats[0] if self._beats else None
            if min(reference if reference is not None else limit, beat.sample if beat else limit) >= limit:
                return
            if reference is None or (beat and self._is_extra(beat.sample, reference, window)):
                assert beat is not None
                self._counts.extra[CLASSES.index(beat.label)] += 1
                self._beats.popleft()
            elif beat is None or self._is_missed(beat.sample, reference, window):
                self._counts.missed[CLASSES.index(labels[self._next])] += 1
                self._next += 1
            else:
                self._counts.matched[CLASSES.index(labels[self._next]), CLASSES.index(beat.label)] += 1
                self._beats.popleft()
                self._next += 1

    def counts(self) -> AgreementCounts:
        """Give what was settled so far."""
        return AgreementCounts(self._counts.matched.copy(), self._counts.missed.copy(), self._counts.extra.copy())

    def _is_extra(self, sample: int, reference: int, window: int) -> bool:
        """Tell whether a beat lies before its reference's window, or the next beat is nearer."""
        if sample < reference - window:
            return True
        following = self._beats[1].sample if len(self._beats) > 1 else None
        return following is not None and abs(following - reference) < abs(sample - reference) <= window

    def _is_missed(self, sample: int, reference: int, window: int) -> bool:
        """Tell whether a reference lies before the beat's window, or the next reference is nearer."""
        if reference < sample - window:
            return True
        samples = self._reference.samples
        following = int(samples[self._next + 1]) if self._next + 1 < len(samples) else None
        return following is not None and abs(sample - following) < abs(sample - reference) <= window
