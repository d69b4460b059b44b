"""A person asks for an annotation: ``(VT``, ``V:3``."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ecg_stream.errors import RequestError
from ecg_stream.replay.annotations import Annotations
from ecg_stream.replay.mark_search import find_mark

MARKS = Annotations(
    samples=np.array([10, 20, 30, 40, 50, 60, 70]),
    symbols=("+", "N", "V", "+", "V", "+", "A"),
    subtypes=np.zeros(7, np.int64),
    notes=("(N", "", "", "(VT", "", "(N", ""),
)


@pytest.mark.parametrize(
    ("asked", "sample"),
    [("(VT", 40), ("VT", 40), ("(vt", 40), ("(N:2", 60), ("V", 30), ("V:2", 50), ("A", 70), ("S", 70), ("N", 10)],
)
def test_what_is_asked_for_is_found(asked: str, sample: int) -> None:
    assert find_mark(MARKS, asked) == sample


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("(AFIB", "no '(AFIB' in the record: valid are (N (2), (VT (1), + (3), V (2), N (1), A (1)"),
        ("V:3", "2 of 'V' in the record"),
        ("V:0", "2 of 'V' in the record"),
        ("", "no '' in the record"),
        (":", "no ':' in the record"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(asked: str, told: str) -> None:
    with pytest.raises(RequestError, match=re.escape(told)):
        find_mark(MARKS, asked)


def test_a_record_without_annotations_has_nothing_to_go_to() -> None:
    with pytest.raises(RequestError, match="the record has no reference annotations"):
        find_mark(None, "V")
