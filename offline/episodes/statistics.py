"""Sensitivity and positive predictivity of episodes: of one record, gross and average.

Source: ANSI/AAMI EC57; `sumstats(1)` of the WFDB Applications Guide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from ..bootstrap import intervals
from .comparison import EpisodeScore


@dataclass(frozen=True, slots=True)
class EpisodeRates:
    """How well episodes of one kind were found; None where there is nothing to divide by.

    Attributes
    ----------
    episode_sensitivity, episode_positive_predictivity
        Percent of the episodes, each counted once.
    duration_sensitivity, duration_positive_predictivity
        Percent of their time.
    false_positives_per_24h
        False episodes.
    """

    episode_sensitivity: float | None
    episode_positive_predictivity: float | None
    duration_sensitivity: float | None
    duration_positive_predictivity: float | None
    false_positives_per_24h: float | None


def rates(score: EpisodeScore) -> EpisodeRates:
    """Rates of one record, or of the sum of several."""
    return EpisodeRates(
        episode_sensitivity=_percent(score.tps, score.tps + score.fn),
        episode_positive_predictivity=_percent(score.tpp, score.tpp + score.fp),
        duration_sensitivity=_percent(score.overlap_s, score.reference_s),
        duration_positive_predictivity=_percent(score.overlap_s, score.test_s),
        false_positives_per_24h=24.0 * score.fp / score.hours if score.hours > 0 else None,
    )


def total(scores: Sequence[EpisodeScore], name: str = "sum") -> EpisodeScore:
    """Sum of all records; its rates are the gross ones."""
    return EpisodeScore(
        record=name,
        tps=sum(score.tps for score in scores),
        fn=sum(score.fn for score in scores),
        tpp=sum(score.tpp for score in scores),
        fp=sum(score.fp for score in scores),
        reference_s=math.fsum(score.reference_s for score in scores),
        test_s=math.fsum(score.test_s for score in scores),
        overlap_s=math.fsum(score.overlap_s for score in scores),
        hours=math.fsum(score.hours for score in scores),
    )


def average(scores: Sequence[EpisodeScore]) -> EpisodeRates:
    """Mean over records of each rate, leaving out the records where it is not defined."""
    each = [rates(score) for score in scores]
    return EpisodeRates(**{rate.name: mean([getattr(one, rate.name) for one in each]) for rate in fields(EpisodeRates)})


def gross_interval(scores: Sequence[EpisodeScore], draws: int, seed: int = 0) -> tuple[EpisodeRates, EpisodeRates]:
    """Lower and upper ends of the 95 % intervals of the gross rates, by a bootstrap over records.

    Raises
    ------
    RequestError
        If there are fewer than two records.
    """
    low, high = zip(*intervals(scores, lambda drawn: astuple(rates(total(drawn))), draws, seed), strict=True)
    return EpisodeRates(*low), EpisodeRates(*high)


def mean(values: Sequence[float | None]) -> float | None:
    """Mean of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _percent(part: float, whole: float) -> float | None:
    return 100.0 * part / whole if whole else None
