"""Training of the networks that classify ten seconds as NORM or inferior infarction.

A model is the mean of one or several members. Each member leaves out one fold of patients, which picks its best epoch
and calibrates it; the thresholds come from all folds left out, so nothing is chosen on a record that was learnt
from. The test fold takes no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..models.record_networks import average, build_record_network, import_keras
from .ptbxl import RecordSet
from .record_augmentation import NOTHING, Augmentation, epoch_batches
from .record_balance import Balance, balanced
from .record_evaluation import find_thresholds

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
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch: int = 64
    label_smoothing: float = 0.0
    augmentation: Augmentation = NOTHING
    weight_average: float = 0.0
    patience: int = 10


RECIPES = {
    "cnn": Recipe(),
    "crnn": Recipe(),
    "seresnet": Recipe(3e-3, 0.02, label_smoothing=0.05, augmentation=Augmentation(), weight_average=0.993),
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
    validation_auc
        Of all records left out, each scored by the member that left it out.
    n_records, n_validation
        Records of the training folds, and of those that a member left out.
    """

    network: keras.Model
    thresholds: dict[str, float]
    history: tuple[EpochFigures, ...]
    validation_auc: float
    n_records: int
    n_validation: int


def train_record_model(
    records: RecordSet,
    *,
    arch: str,
    epochs: int,
    seed: int,
    balance: Balance,
    validation_folds: Sequence[int] = (8,),
    teacher: NDArray[np.float64] | None = None,
    on_epoch: Callable[[EpochFigures], object] | None = None,
) -> Trained:
    """Train one member for each validation fold.

    Parameters
    ----------
    records
        With folds 1 to 8 among them.
    arch
        One of `ecg_stream.models.record_networks.ARCHITECTURES`.
    epochs, seed
        Most epochs of a member, and where chance starts; TensorFlow on several threads is still not
        reproducible to the last bit.
    balance
        How the training records are balanced.
    validation_folds
        What each member leaves out.
    teacher
        ``(len(records.index),)`` probability of IMI from a model that sees more, to learn from beside the labels
        (Hinton et al. 2015, arXiv:1503.02531).
    on_epoch
        Told of every epoch.

    Raises
    ------
    RequestError
        If the architecture is unknown, a fold is not one of the training folds, or a fold lacks a class.
    MissingExtraError
        If TensorFlow is not installed.
    """
    strange = sorted(set(validation_folds) - set(TRAINING_FOLDS))
    if strange or not validation_folds or epochs < 1:
        raise RequestError(
            f"got validation folds {list(validation_folds)} and {epochs} epochs: valid are one or more of folds 1 to 8 "
            "and at least one epoch"
        )
    keras = import_keras()
    members: list[Any] = []
    history: list[EpochFigures] = []
    left_out: list[tuple[NDArray[np.bool_], NDArray[np.float64]]] = []
    for number, fold in enumerate(validation_folds):
        keras.utils.set_random_seed(seed + number)
        network = build_record_network(arch, fs=records.rate, n_leads=len(records.leads))
        chosen = np.isin(records.index.fold, [f for f in TRAINING_FOLDS if f != fold])
        signals, positive, _ = records.folds(*(f for f in TRAINING_FOLDS if f != fold))
        targets = soft_targets(positive, RECIPES[arch].label_smoothing, teacher if teacher is None else teacher[chosen])
        validation, truth, _ = records.folds(fold)
        history += _fit(
            network,
            balanced(signals, targets, positive, balance, seed + number),
            (validation, truth),
            RECIPES[arch],
            fs=records.rate,
            epochs=epochs,
            member=number,
            rng=np.random.default_rng([seed, number]),
            on_epoch=on_epoch or _nothing,
        )
        member = build_record_network(arch, fs=records.rate, n_leads=len(records.leads))  # without the optimizer
        member.set_weights(network.get_weights())
        _calibrate(member, probability_of(member, validation), truth)
        members.append(member)
        left_out.append((truth, probability_of(member, validation)))
    truth = np.concatenate([t for t, _ in left_out])
    probability = np.concatenate([p for _, p in left_out])
    return Trained(
        average(members, n_leads=len(records.leads)),
        find_thresholds(truth, probability),
        tuple(history),
        _auc(truth, probability),
        int(np.isin(records.index.fold, TRAINING_FOLDS).sum()),
        len(truth),
    )


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
            for x, y, w in epoch_batches(*training, fs=fs, size=recipe.batch, augmentation=recipe.augmentation, rng=rng)
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
