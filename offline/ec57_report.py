"""The figures of comparisons as rows of text and as JSON: one content for the terminal, Markdown and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .ec57 import COLUMNS, ROWS, RecordScore
from .ec57_statistics import Rates, Statistics, average, gross, statistics, total

HEADINGS = ("Record", "QRS Se", "QRS +P", "V Se", "V +P", "S Se", "S +P", "QRS FP/h", "V FP/h", "S FP/h", "RR err")
"""Headings of `statistics_rows`: sensitivity and positive predictivity in percent, false positives per hour, and the
root mean square RR error in ms."""


def statistics_rows(scores: Sequence[RecordScore]) -> list[tuple[str, ...]]:
    """One row of `HEADINGS` for each record, then gross and average."""
    named = [(score.record, statistics(score)) for score in scores]
    named += [("gross", gross(scores)), ("average", average(scores))]
    return [_row(name, found) for name, found in named]


def table_rows(score: RecordScore) -> list[tuple[str, ...]]:
    """Give the full table: a row for each reference class, a column for each test class; impossible cells are empty."""
    return [
        (row, *("" if row in "OX" and column in "ox" else str(score.counts[i, j]) for j, column in enumerate(COLUMNS)))
        for i, row in enumerate(ROWS)
    ]


def as_json(scores: Sequence[RecordScore]) -> dict[str, Any]:
    """Give counts and statistics of each record, gross and average, ready for JSON.

    Rates are in percent; what is not defined is null.
    """
    return {
        "records": [{"record": score.record, **_json(statistics(score), score)} for score in scores],
        "gross": _json(gross(scores), total(scores)),
        "average": _json(average(scores)),
    }


def _json(found: Statistics, score: RecordScore | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "qrs": _rates_json(found.qrs),
        "v": {**_rates_json(found.v), "false_positive_rate": _rounded(found.v_false_positive_rate)},
        "s": _rates_json(found.s),
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


def _rates_json(rates: Rates) -> dict[str, float | None]:
    return {
        "sensitivity": _rounded(rates.sensitivity),
        "positive_predictivity": _rounded(rates.positive_predictivity),
        "false_positives_per_hour": _rounded(rates.false_positives_per_hour),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _row(name: str, found: Statistics) -> tuple[str, ...]:
    kinds = (found.qrs, found.v, found.s)
    percent = [rate for kind in kinds for rate in (kind.sensitivity, kind.positive_predictivity)]
    by_hour = [kind.false_positives_per_hour for kind in kinds]
    return (
        name,
        *(_text(rate, 2) for rate in percent),
        *(_text(rate, 1) for rate in by_hour),
        _text(found.rr_error_ms, 1),
    )


def _text(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
