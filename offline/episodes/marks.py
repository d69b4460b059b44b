"""The episodes that one annotation file marks.

Source: G. B. Moody, `epicmp(1)`, WFDB Applications Guide, which says how each kind begins and ends. What it leaves
open was settled by the reports of `epicmp` 10.7.0: the same rhythm marked again goes on, and an ST episode of a
single lead ends with the first end of that lead, even where a second one of it has begun meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...replay.annotations import Annotations
from ...replay.labels import AAMI_CLASS
from ..ec57_pairing import read_beats

VF_RHYTHMS = frozenset({"(VF", "(VFL", "(VFIB"})
"""Rhythm marks of ventricular fibrillation and flutter; `vfdb` and `cudb` have them in the place of ``[ ]``."""

ST_MARK = re.compile(r"(?P<what>\(|A|)ST(?P<lead>\d)")
"""Note of an ST mark: ``(ST1-`` begins, ``AST1-200`` is the extremum, ``ST1-)`` ends; the digit is the lead."""


def _nothing() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Episodes of one kind.

    Attributes
    ----------
    spans
        ``(n, 2)`` int64: first sample of each, and the first after it; in the order of time, none overlaps the next.
    extrema
        ``(m,)`` int64: where ST deviates most, if that is marked.
    """

    spans: NDArray[np.int64]
    extrema: NDArray[np.int64] = field(default_factory=_nothing)

    def __len__(self) -> int:
        return len(self.spans)

    def within(self, start: int, end: int) -> Episodes:
        """Cut off what lies before sample `start`, and from sample `end` on."""
        spans = np.clip(self.spans, start, end)
        return Episodes(spans[spans[:, 1] > spans[:, 0]], self.extrema)

    def samples(self) -> int:
        """Count the samples of all of them."""
        return int(np.sum(self.spans[:, 1] - self.spans[:, 0]))


def united(spans: Iterable[tuple[int, int]]) -> Episodes:
    """Make episodes of spans in any order: what overlaps or touches is one, what is empty is none."""
    whole: list[tuple[int, int]] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if whole and begin <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((begin, end))
    return Episodes(np.array(whole, dtype=np.int64).reshape(-1, 2))


def rhythm(annotations: Annotations, names: Collection[str], end: int) -> Episodes:
    """Episodes of a rhythm: from a mark ``+`` with one of `names` to the next mark ``+`` with another.

    Parameters
    ----------
    annotations
        Annotations in the order of time.
    names
        Rhythms, as WFDB writes them: ``(AFIB``.
    end
        Length of the record, samples: an episode that is not ended lasts until then.
    """
    marks = [
        (sample, note.strip() in names)
        for sample, symbol, note in zip(
            annotations.samples.tolist(), annotations.symbols, annotations.notes, strict=True
        )
        if symbol == "+"
    ]
    following = pairwise([*marks, (end, False)])
    return united((begin, stop) for (begin, wanted), (stop, _) in following if wanted)


def rhythm_names(annotations: Annotations) -> set[str]:
    """Name the rhythms that a file marks."""
    notes = (note.strip() for symbol, note in zip(annotations.symbols, annotations.notes, strict=True) if symbol == "+")
    return {note for note in notes if note.startswith("(")}


def fibrillation(annotations: Annotations, end: int, *, rhythms: bool = False) -> Episodes:
    """Ventricular fibrillation and flutter: from ``[`` to ``]``.

    Parameters
    ----------
    annotations
        Annotations in the order of time.
    end
        Length of the record, samples: an episode that is not ended lasts until then.
    rhythms
        Whether the rhythm marks of `VF_RHYTHMS` count as well. `epicmp` ignores them.
    """
    spans: list[tuple[int, int]] = []
    began: int | None = None
    for sample, symbol in zip(annotations.samples.tolist(), annotations.symbols, strict=True):
        if symbol == "[" and began is None:
            began = sample
        elif symbol == "]" and began is not None:
            spans.append((began, sample))
            began = None
    if began is not None:
        spans.append((began, end))
    if rhythms:
        spans += [(begin, stop) for begin, stop in rhythm(annotations, VF_RHYTHMS, end).spans.tolist()]
    return united(spans)


def st_change(annotations: Annotations, end: int, lead: int | None = None) -> Episodes:
    """Ischemic ST episodes, from ``(ST..`` to ``ST..``, and their extrema ``AST..``.

    Parameters
    ----------
    annotations
        Annotations in the order of time.
    end
        Length of the record, samples: an episode that is not ended lasts until then.
    lead
        The digit that the marks of one lead have (edb counts from 1). None for all leads: an episode lasts from where
        the first of them begins to where all have ended.
    """
    spans: list[tuple[int, int]] = []
    extrema: list[int] = []
    began, leads = 0, 0
    for sample, symbol, note in zip(annotations.samples.tolist(), annotations.symbols, annotations.notes, strict=True):
        found = ST_MARK.match(note) if symbol == "s" else None
        if found is None or (lead is not None and int(found["lead"]) != lead):
            continue
        if found["what"] == "A":
            extrema.append(sample)
        elif found["what"] == "(":
            began = sample if leads == 0 else began
            leads = leads + 1 if lead is None else 1
        elif leads > 0:
            leads -= 1
            if leads == 0:
                spans.append((began, sample))
    if leads > 0:
        spans.append((began, end))
    return Episodes(united(spans).spans, np.array(extrema, dtype=np.int64))


def pauses(annotations: Annotations, limit: int) -> Episodes:
    """Intervals between beats of more than `limit` samples, where neither fibrillation nor shut-down lies between."""
    beats = read_beats(annotations, AAMI_CLASS, window=0)
    long = beats.rr > limit
    return Episodes(np.stack([beats.samples[long] - beats.rr[long], beats.samples[long]], axis=1))
