"""The figures of comparisons as rows of text and as JSON: one content for the terminal, Markdown and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from .ec57 import COLUMNS, ROWS, RecordScore
from .ec57_statistics import Rates, Statistics, average, gross, statistics, total

HEADINGS = ("Record", "QRS Se", "QRS +P", "V Se", "V +P", "S Se", "S +P", "QRS FP/h", "V FP/h", "S FP/h", "RR err")
"""Headings of `statistics_rows`: sensitivity and positive predictivity in percent, false positives per hour, and the
root mean square RR error in ms."""


HEADINGS_24H = tuple(heading.replace("FP/h", "FP/24h") for heading in HEADINGS)
"""The same with false positives per 24 hours."""

Interval: TypeAlias = tuple[Statistics, Statistics]
"""Lower and upper ends, from `gross_interval`."""


def statistics_rows(
    scores: Sequence[RecordScore], *, per_24h: bool = False, interval: Interval | None = None
) -> list[tuple[str, ...]]:
    """One row of `HEADINGS`, or of `HEADINGS_24H`, for each record, then gross, its interval if given, and average."""
    named = [(score.record, statistics(score)) for score in scores]
    named.append(("gross", gross(scores)))
    if interval is not None:
        low, high = interval
        named += [("95 % from", low), ("95 % to", high)]
    named.append(("average", average(scores)))
    return [_row(name, found, 24.0 if per_24h else 1.0) for name, found in named]


def table_rows(score: RecordScore) -> list[tuple[str, ...]]:
    """Give the full table: a row for each reference class, a column for each test class; impossible cells are empty."""
    return [
        (row, *("" if row in "OX" and column in "ox" else str(score.counts[i, j]) for j, column in enumerate(COLUMNS)))
        for i, row in enumerate(ROWS)
    ]


def as_json(
    scores: Sequence[RecordScore], *, per_24h: bool = False, interval: Interval | None = None
) -> dict[str, Any]:
    """Give counts and statistics of each record, gross, its interval if given, and average, ready for JSON.

    Rates are in percent; what is not defined is null. With `per_24h`, false positives per 24 hours are there as well.
    """
    answer = {
        "records": [{"record": score.record, **_json(statistics(score), score, per_24h)} for score in scores],
        "gross": _json(gross(scores), total(scores), per_24h),
        "average": _json(average(scores), None, per_24h),
    }
    if interval is not None:
        answer["interval"] = {
            end: _json(found, None, per_24h) for end, found in zip(("from", "to"), interval, strict=True)
        }
    return answer


def _json(found: Statistics, score: RecordScore | None, per_24h: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "qrs": _rates_json(found.qrs, per_24h),
        "v": {**_rates_json(found.v, per_24h), "false_positive_rate": _rounded(found.v_false_positive_rate)},
        "s": _rates_json(found.s, per_24h),
        "rr_error_ms": _rounded(found.rr_error_ms),
    }
    if score is not None:
        answer["hours"] = _rounded(score.hours)
        answer["shutdown_s"] = _rounded(score.shutdown_s)
        answer["counts"] = {
            row + column: int(score.counts[i, j])
            for i, row in enumerate(ROWS)
            for j, column in enumerate(COLUMNS)
            if not (row in "OX" and column in "ox")
        }
    return answer


def _rates_json(rates: Rates, per_24h: bool) -> dict[str, float | None]:
    by_hour = rates.false_positives_per_hour
    answer = {
        "sensitivity": _rounded(rates.sensitivity),
        "positive_predictivity": _rounded(rates.positive_predictivity),
        "false_positives_per_hour": _rounded(by_hour),
    }
    if per_24h:
        answer["false_positives_per_24h"] = _rounded(None if by_hour is None else 24.0 * by_hour)
    return answer


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _row(name: str, found: Statistics, hours: float) -> tuple[str, ...]:
    kinds = (found.qrs, found.v, found.s)
    percent = [rate for kind in kinds for rate in (kind.sensitivity, kind.positive_predictivity)]
    by_hour = [kind.false_positives_per_hour for kind in kinds]
    false = [None if rate is None else hours * rate for rate in by_hour]
    return (
        name,
        *(_text(rate, 2) for rate in percent),
        *(_text(rate, 1) for rate in false),
        _text(found.rr_error_ms, 1),
    )


def _text(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
