"""How each architecture of record models is trained."""

from __future__ import annotations

from dataclasses import dataclass

from .record_augmentation import NOTHING, Augmentation


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
