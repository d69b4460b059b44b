"""Training of the networks that classify ten seconds as NORM or inferior infarction.

A model is the mean of one or several members. Each member leaves out a group of folds, which picks its best epoch
and calibrates it; the thresholds come from all folds left out, each record seen only by members that left it
out, so nothing is chosen on a record that was learnt from. Of the records left out, those count that a
person has validated, as all have been that the model is tested on. The test fold takes no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..models.keras_library import import_keras
from ..models.record_networks import average, record_front
from .ptbxl_signals import RecordSet
from .record_balance import Balance, balanced
from .record_evaluation import decide, find_thresholds
from .record_member import EpochFigures, area, probability_of, soft_targets, train_member
from .record_recipes import RECIPES

if TYPE_CHECKING:
    import keras

TRAINING_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
"""Folds that a model may see; 9 and 10 are for testing, as the authors of PTB-XL ask."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model.

    Attributes
    ----------
    network
        Mean of the calibrated members.
    thresholds
        From the folds left out; see `find_thresholds`.
    history
        Every epoch of every member.
    left_out
        ``(len(records.index),)`` probability of IMI, the mean of the members that left the record out; NaN where all
        learnt from it, and in the test folds.
    validation_auc, validation_balanced_accuracy
        Of the validated ones among these; the second at Youden's threshold, which was chosen on the same records.
    n_records, n_validation
        Records of the training folds, and the validated ones of those left out.
    """

    network: keras.Model
    thresholds: dict[str, float]
    history: tuple[EpochFigures, ...]
    left_out: NDArray[np.float64]
    validation_auc: float
    validation_balanced_accuracy: float
    n_records: int
    n_validation: int


def train_record_model(
    records: RecordSet,
    *,
    archs: Sequence[str],
    seed: int,
    balance: Balance,
    epochs: int | None = None,
    left_out: Sequence[Sequence[int]] = ((8,),),
    teacher: NDArray[np.float64] | None = None,
    across: NDArray[np.float32] | None = None,
    on_epoch: Callable[[EpochFigures], object] | None = None,
) -> Trained:
    """Train one member of each architecture for each group of folds that is left out.

    Parameters
    ----------
    records
        With folds 1 to 8 among them.
    archs
        One or several of `ecg_stream.models.record_networks.ARCHITECTURES`.
    seed
        Random seed; TensorFlow on several threads is still not reproducible to the last bit.
    balance
        How the training records are balanced.
    epochs
        Most epochs of a member; None leaves it to the recipe of its architecture.
    left_out
        Groups of folds, no fold in two of them; the members of a group do not learn from it.
    teacher
        ``(len(records.index),)`` probability of IMI from a model that sees more, to learn from beside the labels
        (Hinton et al. 2015, arXiv:1503.02531). Of a record that the teacher learnt from it would be the label again, so
        it is to be that of `Trained.left_out`.
    across
        ``(len(records.index), samples, leads)`` from `heart_axis.leads_across`, for the recipes that turn the heart's
        axis; without it none does.
    on_epoch
        Told of every epoch.

    Raises
    ------
    RequestError
        If an architecture is unknown, a fold is not one of the training folds or stands twice, or the validated
        records of a group are all of one class.
    RecordError
        If the training folds lack a class.
    MissingExtraError
        If TensorFlow is not installed.
    """
    _check(archs, left_out, epochs)
    import_keras()
    rate, n_leads = records.rate, len(records.leads)
    built = {arch: record_front(arch, fs=rate, n_leads=n_leads) for arch in archs}
    fronts = {arch: front for arch, front in built.items() if front is not None}
    members: list[Any] = []
    history: list[EpochFigures] = []
    probability = np.full(len(records.index), np.nan)
    for group in left_out:
        kept = [f for f in TRAINING_FOLDS if f not in group]
        signals, positive, _ = records.folds(*kept)
        soft = None if teacher is None else teacher[np.isin(records.index.fold, kept)]
        chosen = np.isin(records.index.fold, group)
        counts = _validated(records, group)
        others, truth = records.signals[chosen], records.index.positive[chosen][counts]
        of_group = []
        for arch in archs:
            number = len(members)
            recipe = RECIPES[arch]
            targets = soft_targets(positive, recipe.label_smoothing, soft)
            seen = through(fronts.get(arch), others)
            learnt = through(fronts.get(arch), signals)
            if across is not None and recipe.augmentation.turn_deg and arch not in fronts:
                learnt = np.concatenate([learnt, across[np.isin(records.index.fold, kept)]], axis=2)
            member, figures = train_member(
                arch,
                balanced(learnt, targets, positive, balance, seed + number),
                (seen[counts], truth),
                fs=rate,
                epochs=epochs or recipe.epochs,
                member=number,
                seed=seed,
                on_epoch=on_epoch or _nothing,
            )
            members.append(member)
            history += figures
            of_group.append(probability_of(member, seen))
        probability[chosen] = np.mean(of_group, axis=0)
    scored = records.index.validated & ~np.isnan(probability)
    truth, scores = records.index.positive[scored], probability[scored]
    thresholds = find_thresholds(truth, scores)
    return Trained(
        average(members, n_leads=n_leads, fronts=fronts),
        thresholds,
        tuple(history),
        probability,
        area(truth, scores),
        decide(truth, scores, thresholds["youden"]).balanced_accuracy,
        int(np.isin(records.index.fold, TRAINING_FOLDS).sum()),
        len(truth),
    )


def _check(archs: Sequence[str], left_out: Sequence[Sequence[int]], epochs: int | None) -> None:
    unknown = [arch for arch in archs if arch not in RECIPES]
    if unknown or not archs or len(set(archs)) < len(archs):
        raise RequestError(
            f"got the architectures {', '.join(archs) or 'none'}: valid are one or more of {', '.join(RECIPES)}, "
            "each once"
        )
    folds = [fold for group in left_out for fold in group]
    if not folds or not all(left_out) or set(folds) - set(TRAINING_FOLDS) or len(set(folds)) < len(folds):
        raise RequestError(
            f"got validation folds {[list(group) for group in left_out]}: valid are groups of folds 1 to 8, none of "
            "them twice"
        )
    if set(folds) == set(TRAINING_FOLDS) and len(left_out) == 1:
        raise RequestError("all of folds 1 to 8 are validation folds of one member: leave it some to learn from")
    if epochs is not None and epochs < 1:
        raise RequestError(f"got {epochs} epochs: at least one is needed")


def _validated(records: RecordSet, folds: Sequence[int]) -> NDArray[np.bool_]:
    """Which of the records of some folds a person has validated."""
    chosen = np.isin(records.index.fold, folds)
    validated = records.index.validated[chosen]
    positive = records.index.positive[chosen][validated]
    if positive.all() or not positive.any():
        raise RequestError(
            f"folds {', '.join(map(str, folds))} hold {np.count_nonzero(~positive)} NORM and "
            f"{np.count_nonzero(positive)} IMI records at hand that a person has validated: both are needed; leave out "
            "more folds, or fetch their records"
        )
    return validated


def through(front: keras.Model | None, signals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give what a member sees of whole windows: what its front makes of them, if it has one."""
    if front is None:
        return signals
    return np.concatenate([np.asarray(front(signals[i : i + 128])) for i in range(0, len(signals), 128)])


def _nothing(figures: EpochFigures) -> None:
    """Tell nobody."""
