"""Beat-by-beat comparison as ANSI/AAMI EC57 and IEC 60601-2-47 ask for, and as PhysioNet's `bxb` does it.

Counts, per-record statistics and the gross and average lines agree with ``bxb -L`` and ``sumstats`` of WFDB
10.7.0 to the beat.

Source: ANSI/AAMI EC57, section 4.3; G. B. Moody, `bxb(1)` and `sumstats(1)`, WFDB Applications Guide.

Differences from `bxb`:

- the AAMI label map counts escape beats ``e j n`` as N, as the standard has them; the map ``bxb`` as S;
- all episodes of fibrillation and shut-down are remembered, not the last two, and one that is not ended
  lasts to the end of the file;
- flutter waves ``!`` are never beats (in `bxb` they are, unclassified ones, where they stand outside ``[ ]``);
- false positives per hour are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..replay.annotations import Annotations
from ..replay.labels import LABEL_MAPS, LabelMap
from .ec57_pairing import BeatFile, Step, inside, read_beats, walk

ROWS = "NSVFQOX"
"""Rows of the table, reference classes. O: no beat there. X: the reference was shut down."""

COLUMNS = "nsvfqox"
"""Columns of the table, test classes. o: not detected. x: the test was shut down."""

LEARNING_PERIOD_S = 300.0
"""EC57: the first five minutes of a record do not count."""

MATCH_WINDOW_S = 0.150
"""EC57: two marks at most this far apart can be one beat."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one beat.

    Attributes
    ----------
    row, column
        Its class in the reference and in the test file, of `ROWS` and `COLUMNS`.
    reference, test
        Its position in each annotation file; -1 where it is not.
    """

    row: str
    column: str
    reference: int
    test: int


@dataclass(frozen=True, slots=True, eq=False)
class RecordScore:
    """The comparison of one record, or the sum of several.

    Attributes
    ----------
    record
        Name of the record.
    counts
        ``(7, 7)``: how many beats, by `ROWS` and `COLUMNS`.
    hours
        Length of what was compared.
    rr_errors, rr_squares_ms2
        How many RR intervals were compared, and the sum of their squared differences.
    shutdown_s
        How long the test annotator was shut down, over the whole record.
    outcomes
        Every beat that was counted, in the order of time; empty for a sum.
    """

    record: str
    counts: NDArray[np.int64]
    hours: float
    rr_errors: int
    rr_squares_ms2: float
    shutdown_s: float
    outcomes: tuple[Outcome, ...] = ()


def compare(
    reference: Annotations,
    test: Annotations,
    fs: float,
    *,
    start_s: float = LEARNING_PERIOD_S,
    end_s: float | None = None,
    window_s: float = MATCH_WINDOW_S,
    label_map: LabelMap = "aami",
    record: str = "",
) -> RecordScore:
    """Compare a test annotation file with the reference, beat by beat.

    Test beats in fibrillation of the reference are not counted. Extra test beats in its shut-down are X,
    reference beats missed in shut-down of the test are x; the standard has both count as errors.

    Parameters
    ----------
    reference, test
        Annotations in the order of time, at the same sampling rate.
    fs
        Sampling rate of both, Hz.
    start_s
        Where the comparison begins; unless given, where the standard's learning period ends.
    end_s
        Where it ends, normally the length of the record; None for the last annotation of either file.
    window_s
        Match window, s.
    label_map
        ``aami`` or ``bxb``: whether the escape beats ``e j n`` are N or S.
    record
        Name that goes into the score.

    Raises
    ------
    RequestError
        If the interval or the window is negative, or there is no such label map.
    """
    if label_map not in LABEL_MAPS:
        raise RequestError(f"no label map '{label_map}': valid are {', '.join(LABEL_MAPS)}")
    if start_s < 0 or window_s < 0 or (end_s is not None and end_s < start_s):
        raise RequestError(
            f"cannot compare from {start_s:g} s to {end_s} s with a window of {window_s:g} s: "
            "start and window are at least 0, and the end is not before the start"
        )
    window, start = _samples(window_s, fs), _samples(start_s, fs)
    end = max(_last(reference), _last(test), start) if end_s is None else _samples(end_s, fs)
    ref = read_beats(reference, LABEL_MAPS[label_map], window)
    tst = read_beats(test, LABEL_MAPS[label_map], window)
    steps = walk(ref.samples, tst.samples, window, start, end)

    outcomes = tuple(_outcomes(ref, tst, steps))
    counts = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    for outcome in outcomes:
        counts[ROWS.index(outcome.row), COLUMNS.index(outcome.column)] += 1
    rr_errors = _rr_errors(ref, tst, steps) * (1000.0 / fs)
    shutdown = np.minimum(tst.shutdown, end)
    return RecordScore(
        record=record,
        counts=counts,
        hours=(end - start) / fs / 3600.0,
        rr_errors=len(rr_errors),
        rr_squares_ms2=float(np.sum(rr_errors**2)),
        shutdown_s=float(np.sum(shutdown[:, 1] - shutdown[:, 0])) / fs,
        outcomes=outcomes,
    )


def _samples(seconds: float, fs: float) -> int:
    return int(seconds * fs + 0.5)  # half a sample up, as the WFDB library rounds times


def _last(annotations: Annotations) -> int:
    return int(annotations.samples[-1]) if len(annotations.samples) else 0


def _outcomes(ref: BeatFile, tst: BeatFile, steps: Sequence[Step]) -> Iterator[Outcome]:
    nobody_can_tell = inside(tst.samples, ref.fibrillation)
    reference_down = inside(tst.samples, ref.shutdown)
    test_down = inside(ref.samples, tst.shutdown)
    for verdict, i, j in steps:
        if verdict == "matched":
            yield Outcome(ref.labels[i], tst.labels[j].lower(), int(ref.index[i]), int(tst.index[j]))
        elif verdict == "missed":
            yield Outcome(ref.labels[i], "x" if test_down[i] else "o", int(ref.index[i]), -1)
        elif not nobody_can_tell[j]:
            yield Outcome("X" if reference_down[j] else "O", tst.labels[j].lower(), -1, int(tst.index[j]))


def _rr_errors(ref: BeatFile, tst: BeatFile, steps: Sequence[Step]) -> NDArray[np.int64]:
    """Difference of the RR intervals at each step of the walk, in samples.

    As `bxb` does, a step counts whether it matched or not: a missed beat is an error of a whole interval.
    """
    i = np.array([i for _, i, _ in steps], dtype=np.int64)
    j = np.array([j for _, _, j in steps], dtype=np.int64)
    rr_ref, rr_test = np.append(ref.rr, 0)[i], np.append(tst.rr, 0)[j]
    known = (rr_ref > 0) & (rr_test > 0)
    return np.asarray(rr_ref[known] - rr_test[known])
