"""Agreement with reference annotations so far, for a stream that is still running.

Beats are settled once the stream has gone `SETTLED_S` past them, so that a beat found late by search-back still
counts; memory holds only what is not settled. The score for publication is `ecg-stream score`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.messages import CLASSES, Beat

WINDOW_S = 0.15
"""EC57: a beat and its reference are at most 150 ms apart."""

SETTLED_S = 5.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Reference annotations of a record.

    Attributes
    ----------
    samples
        ``(n,)`` R peaks, ascending.
    labels
        AAMI class of each.
    rhythms
        Changes of rhythm, ascending: sample, and name as WFDB writes it, such as ``(AFIB``.
    """

    samples: NDArray[np.int64]
    labels: tuple[str, ...]
    rhythms: tuple[tuple[int, str], ...] = ()


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
            at = self._next
            reference = int(samples[at]) if at < len(samples) else None
            beat = self._beats[0].sample if self._beats else None
            if min(limit if reference is None else reference, limit if beat is None else beat) >= limit:
                return
            after = int(samples[at + 1]) if at + 1 < len(samples) else None
            beat_after = self._beats[1].sample if len(self._beats) > 1 else None
            has_reference, has_beat = _first_of((reference, after), (beat, beat_after), window)
            called = CLASSES.index(self._beats.popleft().label) if has_beat else -1
            stated = CLASSES.index(labels[at]) if has_reference else -1
            self._next += has_reference
            if not has_reference:
                self._counts.extra[called] += 1
            elif not has_beat:
                self._counts.missed[stated] += 1
            else:
                self._counts.matched[stated, called] += 1

    def counts(self) -> AgreementCounts:
        """Give what was settled so far."""
        return AgreementCounts(self._counts.matched.copy(), self._counts.missed.copy(), self._counts.extra.copy())


def pairs(reference: Sequence[int], beats: Sequence[int], window: int) -> Iterator[tuple[int | None, int | None]]:
    """Pair beats with their reference: the place of each in its list, None where the other has none.

    Parameters
    ----------
    reference, beats
        Samples, ascending.
    window
        How far apart the two of a pair may be, samples.
    """
    at, k = 0, 0
    while at < len(reference) or k < len(beats):
        one, two = tuple(reference[at : at + 2]), tuple(beats[k : k + 2])
        has_reference, has_beat = _first_of(
            (one[0] if one else None, one[1] if len(one) > 1 else None),
            (two[0] if two else None, two[1] if len(two) > 1 else None),
            window,
        )
        yield at if has_reference else None, k if has_beat else None
        at, k = at + has_reference, k + has_beat


def _first_of(
    reference: tuple[int | None, int | None], beat: tuple[int | None, int | None], window: int
) -> tuple[bool, bool]:
    """Tell what comes first of two lists, by the next two samples of each: a reference, a beat, or a pair of both."""
    (stated, stated_after), (found, found_after) = reference, beat
    if stated is None or found is None:
        return stated is not None, found is not None
    apart = abs(found - stated)
    if found < stated - window or (found_after is not None and abs(found_after - stated) < apart <= window):
        return False, True
    if stated < found - window or (stated_after is not None and abs(found - stated_after) < apart <= window):
        return True, False
    return True, True
