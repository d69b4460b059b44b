"""How well atrial fibrillation is told: by duration and episodes as EC57 asks, and by pieces of one label each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..stream.rhythm.atrial import BACK
from .atrial_beats import PIECES, AtrialBeats
from .ec57 import LEARNING_PERIOD_S
from .episodes.comparison import EpisodeScore, compare_episodes
from .episodes.marks import Episodes, united
from .episodes.statistics import EpisodeRates, average, rates, total
from .splits import PACED

LEARNT_IN = ("mitdb",)
"""Databases whose first five minutes are not scored, as EC57 asks; excerpts of others may be as short as that."""

HALF = 0.5
"""A piece is of fibrillation if it is told for half of it, from the first beat that could be judged."""


@dataclass(slots=True)
class PieceCounts:
    """Pieces of `PIECES`, told as fibrillation or not; those that are noise are left out."""

    found: int = 0
    missed: int = 0
    false: int = 0
    right: int = 0

    def f1(self) -> float:
        """F1 of fibrillation; 0 where there is none."""
        wrong = self.missed + self.false
        return 2.0 * self.found / (2.0 * self.found + wrong) if self.found else 0.0


@dataclass(frozen=True, slots=True)
class AtrialFigures:
    """All of it.

    Attributes
    ----------
    episodes
        By database, a score for each record; the paced records of mitdb, which EC57 leaves out, by themselves.
    pieces
        Of `PIECES`.
    """

    episodes: dict[str, list[EpisodeScore]] = field(default_factory=lambda: defaultdict(list))
    pieces: PieceCounts = field(default_factory=PieceCounts)

    def as_json(self) -> dict[str, object]:
        """Give the figures that a card and `--json` have; times in s, rates in percent."""
        found: dict[str, object] = {name: _summary(scores) for name, scores in self.episodes.items()}
        pieces = self.pieces
        counts = {name: getattr(pieces, name) for name in PieceCounts.__slots__}
        return found | {PIECES: {"f1": round(100.0 * pieces.f1(), 1), **counts}}


def _summary(scores: Sequence[EpisodeScore]) -> dict[str, object]:
    whole = total(scores)
    gross, mean = rates(whole), average(scores)
    return {
        "records": len(scores),
        "hours": round(whole.hours, 1),
        "reference_s": round(whole.reference_s),
        "test_s": round(whole.test_s),
        "overlap_s": round(whole.overlap_s),
        "episodes_found": f"{whole.tps}/{whole.tps + whole.fn}",
        "episodes_right": f"{whole.tpp}/{whole.tpp + whole.fp}",
        "gross": _rounded(gross),
        "average": _rounded(mean),
        "records_with_false_episodes": [score.record for score in scores if score.fp],
    }


def _rounded(each: EpisodeRates) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 1) for name, value in asdict(each).items()}


def figures(
    material: Sequence[AtrialBeats], odds: Mapping[str, NDArray[np.float64]], thresholds: Mapping[str, float]
) -> AtrialFigures:
    """Compare what would be told with what is marked.

    Parameters
    ----------
    material
        Beats of records.
    odds
        At each beat of each record, see `atrial_training.judge`.
    thresholds
        Log odds, ``begin`` and ``end``.
    """
    found = AtrialFigures()
    for each in material:
        told = told_episodes(each, odds[each.record], thresholds)
        database = each.record.partition("/")[0]
        if database == PIECES:
            _count(found.pieces, each, told)
            continue
        name = f"{database}, paced" if each.record in PACED else database
        start_s = LEARNING_PERIOD_S if database in LEARNT_IN else 0.0
        score = compare_episodes(
            each.episodes,
            told,
            each.fs,
            round(start_s * each.fs),
            each.n_samples,
            excluded=each.excluded,
            record=each.record,
        )
        found.episodes[name].append(score)
    return found


def told_episodes(each: AtrialBeats, odds: NDArray[np.float64], thresholds: Mapping[str, float]) -> Episodes:
    """Give the episodes that the live rule would tell, by the log odds at each beat."""
    spans: list[tuple[int, int]] = []
    began: int | None = None
    for k, value in enumerate(odds.tolist()):
        back = int(each.samples[max(0, k - BACK)])
        if began is None and value > thresholds["begin"]:
            began = back
        elif began is not None and value < thresholds["end"]:
            spans.append((began, max(began, back)))
            began = None
    if began is not None:
        spans.append((began, each.n_samples))
    return united(spans)


def _count(pieces: PieceCounts, each: AtrialBeats, told: Episodes) -> None:
    if (each.neither > 0.0).any():
        return
    share = told.samples() / max(1, each.n_samples - int(each.samples[0])) if len(each.samples) else 0.0
    if len(each.episodes):
        pieces.found += share >= HALF
        pieces.missed += share < HALF
    else:
        pieces.false += share >= HALF
        pieces.right += share < HALF
