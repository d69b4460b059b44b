"""Sensitivity and positive predictivity from the tables of a comparison: per record, gross and average.

Source: ANSI/AAMI EC57, section 4.3; `sumstats(1)` of the WFDB Applications Guide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .bootstrap import intervals
from .ec57 import COLUMNS, ROWS, RecordScore


@dataclass(frozen=True, slots=True)
class Rates:
    """How well one kind of beat was found; None where there is nothing to divide by.

    Attributes
    ----------
    sensitivity, positive_predictivity
        Percent.
    false_positives_per_hour
        Beats of this kind that the test annotator made up, by the hour.
    """

    sensitivity: float | None
    positive_predictivity: float | None
    false_positives_per_hour: float | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What EC57 asks to be reported.

    Attributes
    ----------
    qrs, v, s
        QRS complexes, ventricular and supraventricular ectopic beats.
    v_false_positive_rate
        Percent of the beats that are not V which were called V.
    rr_error_ms
        Root mean square of the differences of RR intervals.
    """

    qrs: Rates
    v: Rates
    s: Rates
    v_false_positive_rate: float | None
    rr_error_ms: float | None


def statistics(score: RecordScore) -> Statistics:
    """Statistics of one record, as ``bxb -L`` gives them."""
    return _statistics(score, fusion_called_s=True)


def gross(scores: Sequence[RecordScore]) -> Statistics:
    """Statistics of all beats of all records together, as `sumstats` gives them.

    `sumstats` does not count fusion beats that were called S as false S beats; ``bxb -L``, and so
    `statistics`, does.
    """
    return _statistics(total(scores), fusion_called_s=False)


def average(scores: Sequence[RecordScore]) -> Statistics:
    """Mean over records of each statistic, leaving out the records where it is not defined, as `sumstats` does."""
    each = [_statistics(score, fusion_called_s=False) for score in scores]
    return Statistics(
        qrs=_average_rates([one.qrs for one in each]),
        v=_average_rates([one.v for one in each]),
        s=_average_rates([one.s for one in each]),
        v_false_positive_rate=_mean([one.v_false_positive_rate for one in each]),
        rr_error_ms=_mean([one.rr_error_ms for one in each]),
    )


def gross_interval(scores: Sequence[RecordScore], draws: int, seed: int = 0) -> tuple[Statistics, Statistics]:
    """Lower and upper ends of the 95 % intervals of `gross`, by a bootstrap over records.

    Raises
    ------
    RequestError
        If there are fewer than two records.
    """
    low, high = zip(*intervals(scores, lambda drawn: _figures(gross(drawn)), draws, seed), strict=True)
    return _of_figures(low), _of_figures(high)


def total(scores: Sequence[RecordScore], name: str = "sum") -> RecordScore:
    """Sum of the tables, hours, RR errors and shut-down of several records."""
    return RecordScore(
        record=name,
        counts=sum((score.counts for score in scores), np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)),
        hours=math.fsum(score.hours for score in scores),
        rr_errors=sum(score.rr_errors for score in scores),
        rr_squares_ms2=math.fsum(score.rr_squares_ms2 for score in scores),
        shutdown_s=math.fsum(score.shutdown_s for score in scores),
    )


def _statistics(score: RecordScore, *, fusion_called_s: bool) -> Statistics:
    counts = score.counts
    v_true = _cells(counts, "V", "v")
    # A fusion or unclassifiable beat called V is no error, nor is an unclassifiable one called S.
    v_false = _cells(counts, "NSOX", "v")
    s_true = _cells(counts, "S", "s")
    s_false = _cells(counts, "NVFOX" if fusion_called_s else "NVOX", "s")
    not_v = _cells(counts, "NSFQOX", "nsfq")
    return Statistics(
        qrs=_rates(
            _cells(counts, "NSVFQ", "nsvfq"), _cells(counts, "NSVFQ", "ox"), _cells(counts, "OX", "nsvfq"), score.hours
        ),
        v=_rates(v_true, _cells(counts, "V", "nsfqox"), v_false, score.hours),
        s=_rates(s_true, _cells(counts, "S", "nvfqox"), s_false, score.hours),
        v_false_positive_rate=_percent(v_false, v_false + not_v),
        rr_error_ms=math.sqrt(score.rr_squares_ms2 / score.rr_errors) if score.rr_errors else None,
    )


def _figures(found: Statistics) -> tuple[float | None, ...]:
    by_kind = (astuple(kind) for kind in (found.qrs, found.v, found.s))
    return (*chain.from_iterable(by_kind), found.v_false_positive_rate, found.rr_error_ms)


def _of_figures(figures: Sequence[float | None]) -> Statistics:
    qrs, v, s = (Rates(*figures[first : first + 3]) for first in (0, 3, 6))
    return Statistics(qrs, v, s, *figures[9:])


def _cells(counts: NDArray[np.int64], rows: str, columns: str) -> int:
    return int(counts[np.ix_([ROWS.index(row) for row in rows], [COLUMNS.index(column) for column in columns])].sum())


def _rates(true: int, missed: int, false: int, hours: float) -> Rates:
    return Rates(
        sensitivity=_percent(true, true + missed),
        positive_predictivity=_percent(true, true + false),
        false_positives_per_hour=false / hours if hours > 0 else None,
    )


def _percent(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def _average_rates(each: Sequence[Rates]) -> Rates:
    return Rates(
        sensitivity=_mean([one.sensitivity for one in each]),
        positive_predictivity=_mean([one.positive_predictivity for one in each]),
        false_positives_per_hour=_mean([one.false_positives_per_hour for one in each]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
