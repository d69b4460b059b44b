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
from ..models.mean_beat import GRID_HZ
from ..models.record_networks import average, build_record_network, import_keras, record_front, round_weights
from .ptbxl_signals import RecordSet
from .record_augmentation import NOTHING, Augmentation, epoch_batches
from .record_balance import Balance, balanced
from .record_evaluation import decide, find_thresholds

if TYPE_CHECKING:
    import keras

TRAINING_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
"""Folds that a model may see; 9 and 10 are for testing, as the authors of PTB-XL ask."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an architecture is trained.

    Attributes
    ----------
    learning_rate, weight_decay
        Of AdamW; the rate rises over two epochs and falls along a cosine.
    batch
        Records in a step.
    label_smoothing
        Probability given to the other class.
    augmentation
        What is done to each batch.
    weight_average
        Share of the past, per step, in the running mean of the weights that is evaluated and kept; 0 keeps the
        last weights.
    patience
        Epochs without a better validation figure before training stops.
    epochs
        Most epochs, if no number is given.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch: int = 64
    label_smoothing: float = 0.0
    augmentation: Augmentation = NOTHING
    weight_average: float = 0.0
    patience: int = 10
    epochs: int = 40


RECIPES = {
    "cnn": Recipe(),
    "crnn": Recipe(),
    "seresnet": Recipe(3e-3, 0.02, label_smoothing=0.05, augmentation=Augmentation(), weight_average=0.993, epochs=12),
    "slimcnn": Recipe(
        2e-3, 0.02, label_smoothing=0.05, augmentation=Augmentation(turn_deg=20.0), weight_average=0.993, epochs=16
    ),
    "meanbeat": Recipe(
        3e-3,
        0.02,
        label_smoothing=0.05,
        augmentation=Augmentation(crop=1.0, noise_mv=0.01, stretch=0.03, shift_s=0.007),
        weight_average=0.993,
        epochs=20,
    ),
}
"""By architecture: the two published networks are trained plainly, as they were."""

TEACHER_SHARE = 0.7
"""Weight of the teacher's probabilities against the labels."""


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """One line of the history."""

    member: int
    epoch: int
    loss: float
    validation_loss: float
    validation_auc: float
    kept: bool


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
        Where chance starts; TensorFlow on several threads is still not reproducible to the last bit.
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
            member, figures = _member(
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
        _auc(truth, scores),
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


def _member(
    arch: str,
    training: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    validation: tuple[NDArray[np.float32], NDArray[np.bool_]],
    *,
    fs: int,
    epochs: int,
    member: int,
    seed: int,
    on_epoch: Callable[[EpochFigures], object],
) -> tuple[keras.Model, list[EpochFigures]]:
    """Train and calibrate one member."""
    import_keras().utils.set_random_seed(seed + member)
    n_leads = validation[0].shape[2]
    network = build_record_network(arch, fs=fs, n_leads=n_leads)
    history = _fit(
        network,
        training,
        validation,
        RECIPES[arch],
        fs=fs if network.input_shape[1] is None else GRID_HZ,
        epochs=epochs,
        member=member,
        rng=np.random.default_rng([seed, member]),
        on_epoch=on_epoch,
    )
    bare = build_record_network(arch, fs=fs, n_leads=n_leads)  # without the optimizer
    bare.set_weights(network.get_weights())
    round_weights(bare)
    _calibrate(bare, probability_of(bare, validation[0]), validation[1])
    return bare, history


def soft_targets(
    positive: NDArray[np.bool_], smoothing: float, teacher: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """Probabilities to learn: the labels, smoothed, and mixed with a teacher's where there is one."""
    target = np.where(positive, 1.0 - smoothing / 2.0, smoothing / 2.0)
    if teacher is not None:
        target = TEACHER_SHARE * teacher + (1.0 - TEACHER_SHARE) * target
    return np.stack([1.0 - target, target], axis=1).astype(np.float32)


def probability_of(network: keras.Model, signals: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability of IMI, ``(n,)``."""
    parts = [np.asarray(network(signals[i : i + 256], training=False))[:, 1] for i in range(0, len(signals), 256)]
    return np.concatenate(parts).astype(np.float64)


def _fit(
    network: keras.Model,
    training: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    validation: tuple[NDArray[np.float32], NDArray[np.bool_]],
    recipe: Recipe,
    *,
    fs: float,
    epochs: int,
    member: int,
    rng: np.random.Generator,
    on_epoch: Callable[[EpochFigures], object],
) -> list[EpochFigures]:
    """Train in place and leave the weights of the best epoch."""
    keras = import_keras()
    steps = max(1, len(training[0]) // recipe.batch)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 30.0,
        decay_steps=max(1, steps * epochs - 2 * steps),
        warmup_target=recipe.learning_rate,
        warmup_steps=2 * steps,
    )
    averaging = recipe.weight_average > 0.0
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        global_clipnorm=1.0,
        use_ema=averaging,
        ema_momentum=recipe.weight_average if averaging else 0.99,
    )
    # XLA takes longer to compile these networks for a CPU than it saves, and runs the steps slower
    network.compile(optimizer, loss="categorical_crossentropy", jit_compile=False)
    history: list[EpochFigures] = []
    best: list[Any] = []
    best_auc, best_epoch = -1.0, 0
    for epoch in range(epochs):
        losses = [
            network.train_on_batch(x, y, sample_weight=w)
            for x, y, w in epoch_batches(
                *training,
                fs=fs,
                size=recipe.batch,
                augmentation=recipe.augmentation,
                rng=rng,
                across=training[0].shape[2] > validation[0].shape[2],
            )
        ]
        current = network.get_weights()
        if averaging:
            optimizer.finalize_variable_values(network.trainable_variables)
        probability = probability_of(network, validation[0])
        auc = _auc(validation[1], probability)
        kept = auc > best_auc
        if kept:
            best, best_auc, best_epoch = network.get_weights(), auc, epoch
        network.set_weights(current)
        figures = EpochFigures(
            member, epoch, float(np.mean(losses)), _cross_entropy(validation[1], probability), auc, kept
        )
        history.append(figures)
        on_epoch(figures)
        if epoch - best_epoch >= recipe.patience:
            break
    network.set_weights(best)
    return history


def _calibrate(network: keras.Model, probability: NDArray[np.float64], positive: NDArray[np.bool_]) -> None:
    """Put Platt's scaling (Platt 1999), fitted on validation records, into the last layer.

    Balanced classes, soft targets and label smoothing all bend the probabilities; afterwards one is what it says. Their
    order stays: the slope is kept positive.
    """
    from sklearn.linear_model import LogisticRegression

    p = np.clip(probability, 1e-6, 1.0 - 1e-6)
    fit = LogisticRegression(C=1e3).fit(np.log(p / (1.0 - p))[:, None], positive)
    slope, offset = max(float(fit.coef_[0, 0]), 0.05), float(fit.intercept_[0])
    last = network.get_layer("probability")
    kernel, bias = last.get_weights()
    last.set_weights([slope * kernel, slope * bias + np.array([0.0, offset])])


def _nothing(figures: EpochFigures) -> None:
    """Tell nobody."""


def _auc(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, probability))


def _cross_entropy(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(positive, np.clip(probability, 1e-6, 1.0 - 1e-6)))
