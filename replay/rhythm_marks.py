"""Rhythms as WFDB annotation files mark them: ``+`` with a note such as ``(VT``, and ``[ ]`` around fibrillation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ..stream.core.messages import Rhythm
from ..stream.core.rhythm_names import RhythmName
from ..stream.rhythm.precedence import ORDER
from ..stream.rhythm.table import WFDB
from .annotations import write_annotations

EXTENSION = "ecs"

NO_RHYTHM = "(N"
"""What is marked where none of these rhythms goes on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of a rhythm."""

    sample: int
    symbol: str
    note: str


@dataclass(slots=True)
class RhythmEpisodes:
    """The rhythms of one stream, gathered as they are told: 24 bytes each.

    Attributes
    ----------
    spans
        Name, first sample, and the sample after the last, of those that have ended.
    begun
        Name and first sample of those that go on.
    """

    spans: list[tuple[RhythmName, int, int]] = field(default_factory=list)
    begun: dict[RhythmName, int] = field(default_factory=dict)

    def add(self, rhythm: Rhythm) -> None:
        """Take a rhythm that begins or ends; those without a mark in WFDB are left out."""
        if rhythm.name not in WFDB:
            return
        if rhythm.state == "begin":
            self.begun[rhythm.name] = rhythm.sample
        elif rhythm.name in self.begun:
            self.spans.append((rhythm.name, self.begun.pop(rhythm.name), rhythm.sample))

    def marks(self, first: int, stop: int) -> list[Mark]:
        """Give the marks between two samples, in order; none where there was no rhythm.

        Of rhythms that go on together, the one is marked that comes first in `stream.rhythm.precedence.ORDER`: a file
        has one rhythm at a time.
        """
        spans = [*self.spans, *((name, begin, stop) for name, begin in self.begun.items())]
        clipped = [(name, max(begin, first), min(end, stop)) for name, begin, end in spans]
        clipped = [span for span in clipped if span[2] > span[1]]
        if not clipped:
            return []
        edges = sorted({first, stop, *(edge for _, begin, end in clipped for edge in (begin, end))})
        marks: list[Mark] = []
        going_on: set[int] = set()
        starting: dict[int, list[int]] = {}
        ending: dict[int, list[int]] = {}
        for number, (_, begin, end) in enumerate(clipped):
            starting.setdefault(begin, []).append(number)
            ending.setdefault(end, []).append(number)
        last = ""
        for begin, _ in pairwise(edges):
            going_on.difference_update(ending.get(begin, ()))
            going_on.update(starting.get(begin, ()))
            names = {clipped[number][0] for number in going_on}
            note = next((WFDB[name] for name in ORDER if name in names), NO_RHYTHM)
            if note != last:
                marks.append(Mark(begin, "+", note))
                last = note
        return sorted([*marks, *_brackets(clipped)], key=lambda mark: mark.sample)


def _brackets(spans: Iterable[tuple[RhythmName, int, int]]) -> list[Mark]:
    marks: list[Mark] = []
    for name, begin, end in spans:
        if name == "ventricular-fibrillation":
            marks += [Mark(begin, "[", ""), Mark(end, "]", "")]
    return marks


def write_with_rhythms(
    folder: Path, record_name: str, fs: float, samples: Sequence[int], labels: Sequence[str], rhythms: Sequence[Mark]
) -> Path:
    """Write ``FOLDER/RECORD.ecs`` of beats and of marks of rhythms, see `write_annotations`; at one sample these first.

    Raises
    ------
    RequestError
        If the folder cannot be written.
    """
    at, symbols, notes = with_rhythms(samples, labels, rhythms)
    return write_annotations(folder, record_name, fs, at, symbols, EXTENSION, notes)


def with_rhythms(
    samples: Sequence[int], labels: Sequence[str], rhythms: Sequence[Mark]
) -> tuple[list[int], list[str], list[str]]:
    """Put marks of rhythms before beats: samples, symbols and notes of all."""
    at = [*(mark.sample for mark in rhythms), *samples]
    symbols = [*(mark.symbol for mark in rhythms), *labels]
    notes = [*(mark.note for mark in rhythms), *("" for _ in samples)]
    return at, symbols, notes
