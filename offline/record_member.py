"""One member of a record model: trained, its best epoch kept, rounded and calibrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.keras_library import import_keras
from ..models.mean_beat import GRID_HZ
from ..models.onnx_export import round_weights
from ..models.record_networks import build_record_network
from .record_augmentation import epoch_batches
from .record_recipes import RECIPES, Recipe

if TYPE_CHECKING:
    import keras

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


def train_member(
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
    """Train and calibrate one member.

    Parameters
    ----------
    arch
        One of `record_recipes.RECIPES`.
    training
        What it sees of each record, ``(n, samples, leads)`` or with as many leads across; probabilities to learn,
        ``(n, 2)``; weights, ``(n,)``.
    validation
        The same of the records that choose its best epoch and calibrate it, and which of them are IMI.
    fs
        Sampling rate of the records, Hz.
    epochs
        Most epochs.
    member, seed
        Number of the member in its model, and its random seed.
    on_epoch
        Told of every epoch.

    Returns
    -------
    network, history
        Calibrated, its weights such as half precision holds; every epoch.
    """
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
        auc = area(validation[1], probability)
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


def area(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, probability))


def _cross_entropy(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(positive, np.clip(probability, 1e-6, 1.0 - 1e-6)))
