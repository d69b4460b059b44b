"""How far a gross figure would move with other records: the bootstrap over records.

As many records as there are, are drawn with replacement, over and over, and the figure is worked out for each draw. A
record is drawn whole, as beats of one patient are alike; records of one patient count as several here.

Source: B. Efron, "Bootstrap methods: another look at the jackknife", 1979, https://doi.org/10.1214/aos/1176344552;
for EC57 figures F. Jager et al., Computers in Cardiology 1991, https://doi.org/10.1109/CIC.1991.169121.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from ..errors import RequestError

Score = TypeVar("Score")

Interval: TypeAlias = tuple[float | None, float | None]
"""Lower and upper end; None where the figure is never defined."""

PERCENT = 95.0
"""How often a draw falls into the interval."""


def intervals(
    scores: Sequence[Score], figures: Callable[[Sequence[Score]], Sequence[float | None]], draws: int, seed: int = 0
) -> list[Interval]:
    """Give the 95 % interval of each figure.

    Parameters
    ----------
    scores
        One a record.
    figures
        Gives the figures of a choice of records, in which one can be there more than once; None for one that is not
        defined. Draws in which it is not are left out.
    draws
        How often to draw; 1000 is usual.
    seed
        Random seed: the same gives the same.

    Raises
    ------
    RequestError
        If there are fewer than two records, or no draws.
    """
    if len(scores) < 2 or draws < 1:
        raise RequestError(
            f"a bootstrap over records needs two of them and one draw, and got {len(scores)} and {draws}"
        )
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(scores), (draws, len(scores))).tolist()
    drawn = zip(*(figures([scores[i] for i in draw]) for draw in chosen), strict=True)
    return [_interval([value for value in values if value is not None]) for values in drawn]


def _interval(values: Sequence[float]) -> Interval:
    if not values:
        return None, None
    tail = (100.0 - PERCENT) / 2.0
    low, high = np.percentile(values, (tail, 100.0 - tail)).tolist()
    return low, high
