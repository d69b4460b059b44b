"""What the probabilities of a beat network are multiplied by: chosen by patient, on patients it has not learnt from.

A choice by gross counts follows the two or three patients who have most of the beats, and does not carry to others. So
each patient with beats of a class has one say, and one more for the version with noise; how far the choice would have
moved with other patients, a bootstrap over them tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES
from .beat_dataset import BeatSet, with_memory
from .by_patient import DRAWS, FEWEST, SEED

N, S, V, F, Q = range(len(CLASSES))

OFFERED = {
    S: (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4),
    V: (0.12, 0.18, 0.25, 0.35, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0),
    Q: (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0),
}
"""What may be chosen, in the order in which it is; F is left at `FUSION`, as its beats are too few to choose by."""

FUSION = 0.6

ROUNDS = 2
"""Each class is chosen so many times, the others standing."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Factors of the classes, and what they give on the patients that they were chosen on.

    Attributes
    ----------
    multipliers
        ``(5,)`` by `CLASSES`.
    figures
        Mean over patients of the F1 of S and of V, percent, on the records as they are and with noise, each with the
        ends of its 95 % interval by a bootstrap over patients, and the interval in which the multiplier of V falls.
    """

    multipliers: NDArray[np.float64]
    figures: dict[str, float]


def multiplied(probabilities: NDArray[np.float64], multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give probabilities ``(n, 5)`` times the multipliers, each row adding up to one again."""
    weighed = probabilities * multipliers
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))


def choose_operating_point(
    beats: BeatSet, probabilities: NDArray[np.float64], kind_memory: float, given: Sequence[float] | None = None
) -> OperatingPoint:
    """Choose the multipliers with the best sum of the mean F1 of S and that of V over patients and conditions.

    Parameters
    ----------
    beats
        Whole streams. What is neither `unaltered` nor `noisy`, or has beats of a donor in it, has no say.
    probabilities
        ``(n, 5)``, calibrated, from networks that have not learnt from these patients.
    kind_memory
        How much earlier beats of a kind are to count.
    given
        ``(5,)`` multipliers that are not to be chosen.
    """
    heard = np.flatnonzero(beats.unaltered | (beats.noisy & (beats.donors < 0)))
    beats, probabilities = beats.select(heard), probabilities[heard]

    def units(multipliers: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
        weighed = with_memory(beats, multiplied(probabilities, multipliers), kind_memory)
        return unit_f1(beats, weighed.argmax(axis=1))

    chosen = np.array(given if given is not None else [1.0, 1.0, 1.0, FUSION, 1.0])
    tried: dict[float, NDArray[np.float64]] = {}
    for _ in range(ROUNDS if given is None else 0):
        for k, offered in OFFERED.items():
            by_factor = {}
            for factor in offered:
                multipliers = chosen.copy()
                multipliers[k] = factor
                by_factor[factor] = units(multipliers)
            chosen[k] = max(offered, key=lambda factor: _score(by_factor[factor]))
            if k == V:
                tried = {factor: found[V] for factor, found in by_factor.items()}
    return OperatingPoint(chosen, _figures(units(chosen), tried))


def unit_f1(beats: BeatSet, found: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
    """Give the F1 of S and of V, percent, for each patient as recorded and with noise, ``(2 * n_patients,)``.

    NaN where there are fewer than `by_patient.FEWEST` beats of the class. As EC57 has it, a fusion beat called V is
    not a false V.
    """
    unit = 2 * beats.patients + beats.noisy
    n_units = 2 * (int(beats.patients.max(initial=0)) + 1)
    rates = {}
    for k in (S, V):
        own, told = beats.classes == k, found == k
        true = np.bincount(unit[own & told], minlength=n_units)
        missed = np.bincount(unit[own & ~told], minlength=n_units)
        false = np.bincount(unit[~own & told & ~((beats.classes == F) & (k == V))], minlength=n_units)
        f1 = 200.0 * true / np.maximum(2 * true + missed + false, 1)
        rates[k] = np.where(true + missed >= FEWEST, f1, np.nan)
    return rates


def _score(rates: dict[int, NDArray[np.float64]]) -> float:
    return sum(float(np.nanmean(f1)) for f1 in rates.values() if not np.isnan(f1).all())


def _figures(rates: dict[int, NDArray[np.float64]], tried: dict[float, NDArray[np.float64]]) -> dict[str, float]:
    """Name the figures, as they stand in the card."""
    figures: dict[str, float] = {}
    rng = np.random.default_rng(SEED)
    for k in (S, V):
        for noisy, condition in enumerate(("", "_noisy")):
            f1 = rates[k][noisy::2]
            f1 = f1[~np.isnan(f1)]
            if len(f1):
                drawn = f1[rng.integers(0, len(f1), (DRAWS, len(f1)))].mean(axis=1)
                name = f"{CLASSES[k]}_mean_f1{condition}"
                figures[name] = round(float(f1.mean()), 2)
                figures[f"{name}_low"], figures[f"{name}_high"] = np.round(
                    np.percentile(drawn, [2.5, 97.5]), 2
                ).tolist()
    if tried:
        table = np.stack(list(tried.values()))
        table = table[:, ~np.isnan(table[0])]
        drawn_best = table[:, rng.integers(0, table.shape[1], (DRAWS, table.shape[1]))].mean(axis=2).argmax(axis=0)
        low, high = np.percentile(np.array(list(tried))[drawn_best], [2.5, 97.5])
        figures["V_multiplier_low"], figures["V_multiplier_high"] = float(low), float(high)
    return figures
