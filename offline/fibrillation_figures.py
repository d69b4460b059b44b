"""How well ventricular fibrillation is told: by windows of five seconds, by episodes, by false alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stream.rhythm.fibrillation import OFFSET_S, ONSET_S, Hysteresis
from .episodes.comparison import EpisodeScore, compare_episodes
from .episodes.marks import Episodes, united
from .fibrillation_windows import WITH_FIBRILLATION, Windows
from .splits import patient

BLOCK = 5
"""Every fifth window, one a second: they stand side by side, as the literature scores them."""

FEWEST = 3
"""Windows of a kind that a patient must have to say something of it."""


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """Windows side by side of one patient, or of all.

    Attributes
    ----------
    found, missed
        Of fibrillation.
    right, false
        Of the rest, windows marked as ventricular tachycardia or noise left out.
    tachycardia, tachycardia_told
        Marked as ventricular tachycardia, and how many of these are told as fibrillation.
    noise, noise_told
        The same of noise and asystole.
    """

    found: int = 0
    missed: int = 0
    right: int = 0
    false: int = 0
    tachycardia: int = 0
    tachycardia_told: int = 0
    noise: int = 0
    noise_told: int = 0

    def __add__(self, other: WindowCounts) -> WindowCounts:
        """Add up."""
        return WindowCounts(*(getattr(self, name) + getattr(other, name) for name in WindowCounts.__slots__))


@dataclass(frozen=True, slots=True)
class FibrillationFigures:
    """All of it, of the records of some databases.

    Attributes
    ----------
    windows
        By patient, see `WindowCounts`; of `vfdb` and `cudb`, and of any record with fibrillation.
    episodes
        By record that has fibrillation: marked episodes against told ones.
    latency_s
        Of each marked episode of 10 s and more that was told: how long after its onset.
    missed
        How many of them were not told.
    false_alerts
        By database, of records without fibrillation: how often it was told, and in how many hours.
    """

    windows: dict[str, WindowCounts]
    episodes: list[EpisodeScore]
    latency_s: list[float]
    missed: int
    false_alerts: dict[str, tuple[int, float]]

    def as_json(self) -> dict[str, object]:
        """Give the figures that a card and `--json` have."""
        total = sum(self.windows.values(), WindowCounts())
        by_patient = self.windows.values()
        sensitivity = [100.0 * w.found / n for w in by_patient if (n := w.found + w.missed) >= FEWEST]
        specificity = [100.0 * w.right / n for w in by_patient if (n := w.right + w.false) >= FEWEST]
        late = np.array(self.latency_s) if self.latency_s else np.full(1, np.nan)
        reference, overlap, test = (
            sum(getattr(score, name) for score in self.episodes) for name in ("reference_s", "overlap_s", "test_s")
        )
        return {
            "windows": {name: getattr(total, name) for name in WindowCounts.__slots__},
            "sensitivity_gross": _percent(total.found, total.found + total.missed),
            "specificity_gross": _percent(total.right, total.right + total.false),
            "sensitivity_mean_of_patients": _mean(sensitivity),
            "specificity_mean_of_patients": _mean(specificity),
            "patients": [len(sensitivity), len(specificity)],
            "duration_sensitivity": _percent(overlap, reference),
            "duration_positive_predictivity": _percent(overlap, test),
            "onset_to_told_s": {
                "p50": round(float(np.percentile(late, 50)), 1),
                "p95": round(float(np.percentile(late, 95)), 1),
                "max": round(float(late.max()), 1),
            },
            "episodes_of_10_s": len(self.latency_s) + self.missed,
            "episodes_missed": self.missed,
            "false_alerts": {
                name: {"alerts": n, "hours": round(hours, 1)} for name, (n, hours) in self.false_alerts.items()
            },
        }


def figures(
    windows: Sequence[Windows], odds: Mapping[str, Sequence[float | None]], thresholds: Mapping[str, float]
) -> FibrillationFigures:
    """Compare what would be told with what is marked.

    Parameters
    ----------
    windows
        Of records.
    odds
        Of each window of each record.
    thresholds
        See `stream.rhythm.fibrillation.Hysteresis`.
    """
    counts: dict[str, WindowCounts] = defaultdict(WindowCounts)
    alerts: dict[str, tuple[int, float]] = {}
    scores, latency, missed = [], [], 0
    for each in windows:
        database = each.record.partition("/")[0]
        told, begins = _told(each, odds[each.record], thresholds)
        if database in WITH_FIBRILLATION or len(each.episodes):
            counts[patient(each.record)] += _counted(each, odds[each.record], thresholds["begin"])
            scores.append(_compared(each, told))
            late, lost = _latency(each, begins)
            latency += late
            missed += lost
        else:
            n, hours = alerts.get(database, (0, 0.0))
            alerts[database] = (n + len(begins), hours + each.hours)
    return FibrillationFigures(dict(counts), scores, latency, missed, alerts)


def _told(
    each: Windows, odds: Sequence[float | None], thresholds: Mapping[str, float]
) -> tuple[Episodes, list[tuple[int, int]]]:
    """Give the episodes as told, and of each when it was told and when it ended."""
    state = Hysteresis(thresholds["begin"], thresholds["end"])
    begins: list[tuple[int, int]] = []
    for end, value in zip(each.end.tolist(), odds, strict=True):
        if state(value):
            if state.ongoing:
                begins.append((end, int(each.end[-1])))
            else:
                begins[-1] = (begins[-1][0], end)
    onset, offset = round(ONSET_S * each.fs), round(OFFSET_S * each.fs)
    return united((begin - onset, max(begin, end - offset)) for begin, end in begins), begins


def _counted(each: Windows, odds: Sequence[float | None], threshold: float) -> WindowCounts:
    """Count windows side by side, each judged by itself."""
    over = np.array([value is not None and value > threshold for value in odds], dtype=np.bool_)
    seconds = np.round(each.end / each.fs - 0.02).astype(np.int64)  # a window is whole 16 ms after its last sample
    side_by_side = seconds % BLOCK == 0
    noise, tachycardia = each.noise > 0.1, each.tachycardia > 0.1
    clear = side_by_side & ~noise & ~tachycardia
    marked = each.fibrillation >= 0.5

    def count(which: NDArray[np.bool_]) -> int:
        return int(np.count_nonzero(which))

    return WindowCounts(
        found=count(clear & marked & over),
        missed=count(clear & marked & ~over),
        right=count(clear & ~marked & ~over),
        false=count(clear & ~marked & over),
        tachycardia=count(side_by_side & (each.tachycardia >= 0.9)),
        tachycardia_told=count(side_by_side & (each.tachycardia >= 0.9) & over),
        noise=count(side_by_side & (each.noise >= 0.9)),
        noise_told=count(side_by_side & (each.noise >= 0.9) & over),
    )


def _compared(each: Windows, told: Episodes) -> EpisodeScore:
    return compare_episodes(each.episodes, told, each.fs, 0, int(each.end[-1]), record=each.record)


def _latency(each: Windows, begins: Sequence[tuple[int, int]]) -> tuple[list[float], int]:
    """Give how long after the onset each marked episode of 10 s and more was told, s, and how many were not."""
    late, missed = [], 0
    for begin, end in each.episodes.spans.tolist():
        if end - begin < 10.0 * each.fs or begin >= each.end[-1]:
            continue
        told = [when for when, until in begins if when < end and until > begin]
        if told:
            late.append(max(0.0, (told[0] - begin) / each.fs))
        else:
            missed += 1
    return late, missed


def _percent(part: float, whole: float) -> float | None:
    return round(100.0 * part / whole, 2) if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 2) if values else None
