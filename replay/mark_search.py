"""Find an annotation by what a person would write for it: ``(VT``, ``V:3``."""

from __future__ import annotations

from collections import Counter

from ..errors import RequestError
from .annotations import Annotations
from .labels import AAMI_CLASS


def find_mark(marks: Annotations | None, asked: str) -> int:
    """Give the sample of an annotation.

    Parameters
    ----------
    marks
        All of the record; None where it has none.
    asked
        A rhythm (``(VT``, or ``VT``), a WFDB symbol (``A``, ``[``) or, where the record does not have that symbol, an
        AAMI class (``S``). ``:3`` after it asks for the third; without it, the first is given.

    Raises
    ------
    RequestError
        If the record has no such annotation; it says which there are.
    """
    if marks is None:
        raise RequestError(f"no '{asked}' to go to: the record has no reference annotations", about="annotation")
    what, colon, number = asked.rpartition(":")
    if not (colon and what and number.isdecimal()):
        what, number = asked, "1"
    found = _samples(marks, what)
    if not 0 < int(number) <= len(found):
        there = f"{len(found)} of '{what}'" if found else f"no '{what}'"
        raise RequestError(
            f"cannot go to '{asked}': {there} in the record: valid are {_valid(marks)}, with ':2' for the second",
            about="annotation",
        )
    return found[int(number) - 1]


def _samples(marks: Annotations, what: str) -> list[int]:
    rhythm = "(" + what.removeprefix("(").casefold()
    changes = [at for at, name in marks.rhythms() if name.casefold() == rhythm]
    if changes:
        return changes
    named = list(zip(marks.samples.tolist(), marks.symbols, strict=True))
    return [at for at, symbol in named if symbol == what] or [
        at for at, symbol in named if AAMI_CLASS.get(symbol) == what
    ]


def _valid(marks: Annotations) -> str:
    rhythms = Counter(name for _, name in marks.rhythms())
    return ", ".join(f"{name} ({count})" for name, count in [*rhythms.most_common(), *marks.counts().most_common()])
