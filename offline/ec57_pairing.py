"""Which test beat answers which reference beat: the pairing of ANSI/AAMI EC57, section 4.3.2.

A beat-by-beat comparison walks both annotation files at once. What comes first is either paired with the
next beat of the other file or left over: a reference beat left over was missed, a test beat left over is
extra. Episodes in which nothing can be judged (ventricular fibrillation, shut-down) are read here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..replay.annotations import Annotations

Samples: TypeAlias = NDArray[np.int64]

FAR = 1 << 62
"""A sample after every record's end."""

UNREADABLE = 0x30
"""Bits of the subtype of a noise mark ``~``: set where neither signal can be read."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatFile:
    """The beats of one annotation file, and where it says that nothing can be judged.

    Attributes
    ----------
    samples, labels
        Sample and class of each beat.
    index
        Position of each beat in the annotation file it came from.
    rr
        Interval from the previous beat in samples; 0 for the first beat and where an episode began
        between the two.
    fibrillation, shutdown
        ``(n, 2)``: first and last sample of each episode; `FAR` where it is not ended.
    """

    samples: Samples
    labels: tuple[str, ...]
    index: Samples
    rr: Samples
    fibrillation: Samples
    shutdown: Samples


def read_beats(annotations: Annotations, classes: Mapping[str, str], window: int) -> BeatFile:
    """Sort an annotation file into beats and episodes.

    Fibrillation lasts from ``[`` to ``]``, and what is marked inside it is not a beat. Shut-down begins
    with a noise mark in which both signals are unreadable, and ends with a noise mark in which one is not.
    If something else follows, the mark stands alone for an interval that begins `window` samples after the
    last beat or fibrillation and ends `window` samples before what follows.

    Parameters
    ----------
    annotations
        Annotations in the order of time.
    classes
        Class of each beat symbol; a symbol that is not in it is not a beat.
    window
        The match window, samples.
    """
    beats: list[tuple[int, str, int]] = []
    rr: list[int] = []
    fibrillation: list[tuple[int, int]] = []
    shutdown: list[tuple[int, int]] = []
    fibrillation_began: int | None = None
    shutdown_began: int | None = None

    marks = zip(annotations.samples.tolist(), annotations.symbols, annotations.subtypes.tolist(), strict=True)
    for index, (sample, symbol, subtype) in enumerate(marks):
        if fibrillation_began is not None:
            if symbol == "]":
                fibrillation.append((fibrillation_began, sample))
                fibrillation_began = None
            continue
        unreadable = symbol == "~" and subtype & UNREADABLE == UNREADABLE
        if shutdown_began is not None:
            if symbol == "~" and not unreadable:
                shutdown.append((shutdown_began, sample))
            else:
                last_known = max(beats[-1][0] if beats else 0, fibrillation[-1][1] if fibrillation else 0)
                ended = sample - window
                shutdown.append((min(last_known + window, ended), ended))
            shutdown_began = None
        if symbol in classes:
            previous = beats[-1][0] if beats else None
            interrupted = any(episodes[-1][0] >= (previous or 0) for episodes in (fibrillation, shutdown) if episodes)
            rr.append(0 if previous is None or interrupted else sample - previous)
            beats.append((sample, classes[symbol], index))
        elif symbol == "[":
            fibrillation_began = sample
        elif unreadable:
            shutdown_began = sample
    if fibrillation_began is not None:
        fibrillation.append((fibrillation_began, FAR))
    if shutdown_began is not None:
        shutdown.append((shutdown_began, FAR))

    return BeatFile(
        samples=np.array([sample for sample, _, _ in beats], dtype=np.int64),
        labels=tuple(label for _, label, _ in beats),
        index=np.array([index for _, _, index in beats], dtype=np.int64),
        rr=np.array(rr, dtype=np.int64),
        fibrillation=np.array(fibrillation, dtype=np.int64).reshape(-1, 2),
        shutdown=np.array(shutdown, dtype=np.int64).reshape(-1, 2),
    )


def inside(samples: Samples, episodes: Samples) -> NDArray[np.bool_]:
    """Whether each sample lies in any of the ``(n, 2)`` episodes, their ends included."""
    hits = (episodes[:, 0, None] <= samples) & (samples <= episodes[:, 1, None])
    return np.asarray(hits.any(axis=0))


Verdict: TypeAlias = Literal["matched", "missed", "extra"]

Step: TypeAlias = tuple[Verdict, int, int]
"""One step of the walk: the verdict, and the beat at which it stood in the reference and in the test file.

``matched``: the two are one beat. ``missed``: nobody answered the reference beat. ``extra``: nobody asked
for the test beat. A file that has come to its end stands at its length.
"""


def walk(reference: Samples, test: Samples, window: int, start: int, end: int) -> list[Step]:
    """Pair reference beats with test beats.

    Two beats at most `window` apart are one, unless the beat that follows the earlier of them in its own
    file is as near to the later one; then the earlier is left over. That rival does not count if it is
    nearer to the beat after. The rule is that of `bxb` since WFDB 10.3.0; where beats are further apart
    than two windows it simply pairs the nearest.

    At the end of the learning period a beat can lie on one side of `start` and its partner on the other.
    A test beat just before `start` that is the nearest to the first reference beat answers it; a test beat
    just after, whose partner must have been before, is left out of the count.

    Parameters
    ----------
    reference, test
        Sample of each beat, ascending.
    window
        Furthest apart that two marks of one beat may be, samples.
    start
        First sample that counts.
    end
        Last sample that counts. A beat after it counts only as the partner of one before it.

    Returns
    -------
    list of Step
        In the order of time.
    """
    # Two far-off beats at the end stand for "no next beat" and "none after that".
    ref, tst = [*reference.tolist(), FAR, FAR], [*test.tolist(), FAR, FAR]
    i, j = int(np.searchsorted(reference, start)), int(np.searchsorted(test, start))
    if start > 0:
        if j > 0 and ref[i] - tst[j - 1] <= window and ref[i] - tst[j - 1] < abs(ref[i] - tst[j]):
            j -= 1
        elif tst[j] - start <= window and abs(ref[i] - tst[j + 1]) < abs(ref[i] - tst[j]):
            j += 1
    steps: list[Step] = []
    while min(ref[i], tst[j]) <= end:
        gap = abs(ref[i] - tst[j])
        rival = abs(ref[i] - tst[j + 1]) if tst[j] < ref[i] else abs(ref[i + 1] - tst[j])
        if gap <= window and (gap < rival or abs(ref[i + 1] - tst[j + 1]) < rival):
            steps.append(("matched", i, j))
            i, j = i + 1, j + 1
        elif tst[j] < ref[i]:
            steps.append(("extra", i, j))
            j += 1
        else:
            steps.append(("missed", i, j))
            i += 1
    return steps
