"""Two sets of beats compared beat by beat, as ANSI/AAMI EC57 has it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..errors import RecordError, RequestError
from ..offline.ec57 import COLUMNS, LEARNING_PERIOD_S, ROWS, RecordScore, compare
from ..offline.ec57_statistics import Rates, statistics
from ..replay.annotations import Annotations, marks, read_annotations
from ..replay.labels import LabelMap
from .recording import Recording, open_record
from .result import Result

Marks: TypeAlias = (
    Result | Recording | str | os.PathLike[str] | tuple[str, str] | tuple[ArrayLike, Sequence[str]] | Annotations
)
"""What can be compared; see `score`."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """How well test beats agree with a reference.

    Attributes
    ----------
    name
        Name of the record.
    qrs, v, s
        QRS complexes, ventricular and supraventricular ectopic beats: `sensitivity` and `positive_predictivity` in
        percent, `false_positives_per_hour`; None where there is nothing to divide by.
    rr_error_ms
        Root mean square of the differences of RR intervals.
    hours
        Length of what was compared.
    counts
        Beats by class in the reference, a capital, and in the test, a small letter. ``counts["Vn"]`` are the V that
        were called N. A beat ``o`` was not detected, one ``O`` is none, ``x`` and ``X`` stand where one was shut down.
    """

    name: str
    qrs: Rates
    v: Rates
    s: Rates
    rr_error_ms: float | None
    hours: float
    counts: Mapping[str, int]

    def __repr__(self) -> str:
        kinds = {"QRS": self.qrs, "V": self.v, "S": self.s}
        rates = ", ".join(
            f"{kind} {_percent(found.sensitivity)} / {_percent(found.positive_predictivity)}"
            for kind, found in kinds.items()
        )
        return f"<Score {self.name}: Se / +P in percent: {rates}>"


def score(
    reference: Marks,
    test: Marks,
    *,
    fs: float | None = None,
    start: float = LEARNING_PERIOD_S,
    end: float | None = None,
    label_map: LabelMap = "aami",
) -> Score:
    """Compare test beats with a reference, beat by beat, as ``ecg-stream score`` does.

    Parameters
    ----------
    reference, test
        Each a `Result`, a `Recording` with its reference, or the path of an annotation file (``out/e0103.ecs``). Or the
        name of a record, whose ``atr`` is the reference and whose ``ecs`` the test; or a record's name and an
        annotator, ``("e0103", "atr")``. Or samples and WFDB symbols, ``(samples, symbols)``.
    fs
        Sampling rate in Hz, where neither side has one of its own.
    start, end
        What is compared, in seconds; unless given, from where the standard's learning period ends to where the shorter
        of the two does.
    label_map
        ``aami`` or ``bxb``: whether the escape beats ``e j n`` are N or S.

    Raises
    ------
    RequestError
        If a side is none of these or is not there, their sampling rates differ, or nothing is left to compare.
    """
    sides = _side(reference, "reference", "atr"), _side(test, "test", "ecs")
    rates = {side.fs for side in sides if side.fs is not None} | ({float(fs)} if fs is not None else set())
    if len(rates) != 1:
        raise RequestError(
            f"got sampling rates of {' and '.join(f'{rate:g}' for rate in sorted(rates))} Hz: beats are compared at one"
            if rates
            else "got beats without a sampling rate: give it in hertz, fs=250"
        )
    rate = rates.pop()
    begin = max(start, *(side.start_s for side in sides))
    stop = min(math.inf if end is None else end, *(side.end_s for side in sides))
    if begin >= stop:
        raise RequestError(
            f"nothing is left to compare from {begin:g} to {stop:g} s: give a smaller start (unless given it is "
            f"{LEARNING_PERIOD_S:g} s, the standard's learning period)"
        )
    name = next((side.name for side in sides if side.name), "beats")
    return _score(
        compare(
            sides[0].read(rate),
            sides[1].read(rate),
            rate,
            start_s=begin,
            end_s=None if math.isinf(stop) else stop,
            label_map=label_map,
            record=name,
        )
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two: how its marks are read, and what it knows of itself."""

    read: Callable[[float], Annotations]
    name: str = ""
    fs: float | None = None
    start_s: float = 0.0
    end_s: float = math.inf


def _side(given: Marks, what: str, annotator: str) -> _Side:
    if isinstance(given, Result):
        found = _ordered([beat.sample for beat in given.beats], [beat.label for beat in given.beats])
        return _Side(lambda _: found, given.name, given.fs, given.start / given.fs, given.stop / given.fs)
    if isinstance(given, Recording):
        known = given.reference
        if known is None:
            raise RequestError(f"{given!r} has no reference annotations to compare with: give samples and symbols")
        return _Side(lambda _: known, given.name, given.fs, 0.0, given.seconds)
    if isinstance(given, Annotations):
        return _Side(lambda _: given)
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser()
        if path.suffix not in ("", ".hea", ".dat") and path.is_file():
            return _file(path)
        return _record(os.fspath(given), annotator)
    if isinstance(given, tuple | list) and len(given) == 2:
        first, second = given
        if isinstance(first, str) and isinstance(second, str):
            return _record(first, second)
        if isinstance(second, Sequence | np.ndarray):
            return _arrays(first, second, what)
    raise RequestError(
        f"got {type(given).__name__} as the {what}: valid are a Result, a Recording, a record's name, the path of an "
        "annotation file, (record, annotator) and (samples, symbols)"
    )


def _record(name: str, annotator: str) -> _Side:
    record = open_record(name)
    found = record.annotations(annotator)
    if found is None:
        raise RecordError(f"record {record.name} has no annotations '{annotator}': give (record, annotator)")
    return _Side(lambda _: found, record.name, record.fs, 0.0, record.seconds)


def _file(path: Path) -> _Side:
    """Take an annotation file; where the header of its record lies beside it, that tells rate and length."""
    annotator = path.suffix[1:]
    if path.with_suffix(".hea").is_file():
        return _record(str(path.with_suffix("")), annotator)

    def read(fs: float) -> Annotations:
        found = read_annotations(path.with_suffix(""), fs, annotator)
        if found is None:
            raise RequestError(f"{path} is no longer there")
        return found

    return _Side(read, path.stem)


def _arrays(samples: ArrayLike, symbols: Sequence[str], what: str) -> _Side:
    at, names = np.asarray(samples), [str(symbol) for symbol in symbols]
    if at.ndim != 1 or len(at) != len(names) or (len(at) and at.dtype.kind not in "iu"):
        raise RequestError(
            f"got samples of shape {at.shape} and type {at.dtype} with {len(names)} symbols as the {what}: "
            "valid are as many whole numbers as symbols"
        )
    found = _ordered(at, names)
    return _Side(lambda _: found)


def _ordered(samples: ArrayLike, symbols: Sequence[str]) -> Annotations:
    at = np.array(samples, dtype=np.int64)
    order = np.argsort(at, kind="stable").tolist()
    return marks(at[order], [symbols[i] for i in order])


def _score(found: RecordScore) -> Score:
    rates = statistics(found)
    return Score(
        name=found.record,
        qrs=rates.qrs,
        v=rates.v,
        s=rates.s,
        rr_error_ms=rates.rr_error_ms,
        hours=found.hours,
        counts={
            row + column: int(found.counts[i, j])
            for i, row in enumerate(ROWS)
            for j, column in enumerate(COLUMNS)
            if not (row in "OX" and column in "ox")
        },
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
