"""Comparisons of episodes as rows of text, as `epicmp` and `sumstats` print them, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

from .comparison import EpisodeScore
from .kinds import of_epicmp
from .statistics import EpisodeRates, average, mean, rates, total

HEADINGS = ("Record", "TPs", "FN", "TPp", "FP", "ESe", "E+P", "DSe", "D+P", "Ref duration", "Test duration")
"""Headings of `rows`: reference episodes found and missed, test episodes right and false; sensitivity and positive
predictivity of episodes and of their duration, in percent."""

RATES = (
    "episode_sensitivity",
    "episode_positive_predictivity",
    "duration_sensitivity",
    "duration_positive_predictivity",
)
"""The attributes of `EpisodeRates` that a table prints, in its order."""

Interval: TypeAlias = tuple[EpisodeRates, EpisodeRates]
"""Lower and upper ends, from `gross_interval`."""

Percentages: TypeAlias = tuple[int | None, int | None, int | None, int | None]
"""ESe, E+P, DSe, D+P as a table prints them."""


def rows(
    scores: Sequence[EpisodeScore], *, as_sumstats: bool = False, interval: Interval | None = None
) -> list[tuple[str, ...]]:
    """One row of `HEADINGS` for each record, as ``epicmp -l`` prints them, then Sum, Gross and Average.

    With `as_sumstats`, gross and average are those of `sumstats`; see there. An interval, if given, follows gross.
    """
    everything = total(scores)
    gross, mean_of_records = (
        sumstats(scores) if as_sumstats else (_rounded(rates(everything)), _rounded(average(scores)))
    )
    ends = [] if interval is None else [("95 % from", interval[0]), ("95 % to", interval[1])]
    lasts = [_clock(sum(round(1000 * seconds) for seconds in durations)) for durations in _durations(scores)]
    return [
        *(
            (score.record, *_counts(score), *map(_text, _rounded(rates(score))), *map(_epicmp_clock, duration))
            for score, duration in zip(scores, zip(*_durations(scores), strict=True), strict=True)
        ),
        ("Sum", *_counts(everything), "", "", "", "", *lasts),
        _percentages("Gross", gross),
        *(_percentages(name, _rounded(end)) for name, end in ends),
        _percentages("Average", mean_of_records),
    ]


def sumstats(scores: Sequence[EpisodeScore]) -> tuple[Percentages, Percentages]:
    """Gross and average percentages as `sumstats` gives them, which sees no more than the table of `epicmp`.

    It averages percentages that are rounded already, and works out the time of agreement of a record from the longer
    of its two durations and the percentage beside it. (Its documentation does not say so; its tables agree.) `rates`
    of a `total`, and `average`, do without the rounding, and differ by one now and then.
    """
    printed = [_rounded(rates(score)) for score in scores]
    everything = total(scores)
    agreed_s = math.fsum(
        _share(dse, score.reference_s) if score.reference_s > score.test_s else _share(dpp, score.test_s)
        for score, (_, _, dse, dpp) in zip(scores, printed, strict=True)
    )
    gross = _rounded(rates(replace(everything, overlap_s=agreed_s)))
    ese, epp, dse, dpp = (_whole(mean([each[column] for each in printed])) for column in range(4))
    return gross, (ese, epp, dse, dpp)


def as_json(
    scores: Mapping[str, Sequence[EpisodeScore]], intervals: Mapping[str, Interval] | None = None
) -> dict[str, Any]:
    """Give counts, durations and rates of each kind by record, gross and average, ready for JSON.

    Rates are in percent, durations in seconds; what is not defined is null. ``gross`` and ``average`` are exact;
    ``sumstats``, for what `epicmp` compares, are the two lines as it would print them. ``interval`` is there for the
    kinds that have one.
    """
    return {kind: _kind_json(kind, each, (intervals or {}).get(kind)) for kind, each in scores.items()}


def _kind_json(kind: str, scores: Sequence[EpisodeScore], interval: Interval | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "records": {score.record: _score_json(score) for score in scores},
        "gross": _score_json(total(scores)),
        "average": _rates_json(average(scores)),
    }
    if of_epicmp(kind):
        gross, mean_of_records = (dict(zip(RATES, line, strict=True)) for line in sumstats(scores))
        answer["sumstats"] = {"gross": gross, "average": mean_of_records}
    if interval is not None:
        low, high = interval
        answer["interval"] = {"from": _rates_json(low), "to": _rates_json(high)}
    return answer


def _score_json(score: EpisodeScore) -> dict[str, Any]:
    return {
        "tps": score.tps,
        "fn": score.fn,
        "tpp": score.tpp,
        "fp": score.fp,
        "reference_s": round(score.reference_s, 3),
        "test_s": round(score.test_s, 3),
        "overlap_s": round(score.overlap_s, 3),
        "hours": round(score.hours, 4),
        **_rates_json(rates(score)),
    }


def _rates_json(found: EpisodeRates) -> dict[str, float | None]:
    return {name: None if rate is None else round(rate, 4) for name, rate in asdict(found).items()}


def _rounded(found: EpisodeRates) -> Percentages:
    ese, epp, dse, dpp = (_whole(getattr(found, rate)) for rate in RATES)
    return ese, epp, dse, dpp


def _whole(percent: float | None) -> int | None:
    return None if percent is None else round(percent)  # half to even, as C prints it


def _percentages(name: str, percentages: Percentages) -> tuple[str, ...]:
    return (name, "", "", "", "", *map(_text, percentages), "", "")


def _share(percent: int | None, duration_s: float) -> float:
    return (percent or 0) * duration_s / 100.0


def _counts(score: EpisodeScore) -> tuple[str, ...]:
    return tuple(str(count) for count in (score.tps, score.fn, score.tpp, score.fp))


def _durations(scores: Sequence[EpisodeScore]) -> tuple[list[float], list[float]]:
    return [score.reference_s for score in scores], [score.test_s for score in scores]


def _text(percent: int | None) -> str:
    return "-" if percent is None else str(percent)


def _epicmp_clock(seconds: float) -> str:
    return _clock(round(1000 * seconds)) if seconds else "0.000"


def _clock(milliseconds: int) -> str:
    """Write 305967 as 5:05.967, and an hour as 1:00:00.000."""
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 1000:02}.{rest % 1000:03}"
