"""The networks that judge QRS candidates, for training; in service they run inside the detector's compiled loop."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .keras_library import import_keras

HIDDEN = (64, 32)
"""Units of each member. Four of these cost less than twice what one of 128 and 64 does."""

NOISE, DROPOUT = 0.15, 0.1
"""Deviation of the noise on standardized features, share of units dropped: no feature is to be trusted alone."""

Layers: TypeAlias = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Kernel ``(inputs, outputs)`` and bias of each dense layer."""


def candidate_networks(n_features: int, n_steps: int, seed: int, members: int = 1) -> Any:
    """Build and compile perceptrons with two hidden layers and one logit each, trained side by side.

    Trained on the same candidates, from other beginnings, they agree where there was much to learn from, and hardly
    anywhere else: there each went its own way, at times to take the T waves of a patient for beats, and their mean does
    not.

    Parameters
    ----------
    n_features
        Inputs, standardized.
    n_steps
        Optimizer steps over which the learning rate falls.
    seed
        Of Keras, NumPy and Python.
    members
        How many.

    Returns
    -------
    keras.Model
        From ``(batch, n_features)`` to logits ``(batch, members)``.

    Raises
    ------
    MissingExtraError
        Without TensorFlow.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    x = keras.Input((n_features,))
    noisy = keras.layers.GaussianNoise(NOISE)(x)
    logits = []
    for member in range(members):
        h = noisy
        for number, units in enumerate(HIDDEN):
            h = keras.layers.Dense(units, activation="relu", name=_name(member, number))(h)
            h = keras.layers.Dropout(DROPOUT)(h)
        logits.append(keras.layers.Dense(1, name=_name(member, len(HIDDEN)))(h))
    network = keras.Model(x, keras.layers.Concatenate()(logits))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, n_steps, alpha=0.02)
    network.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def layers(network: Any) -> list[Layers]:
    """Give kernel and bias of each layer of each member."""
    return [
        [tuple(network.get_layer(_name(member, number)).get_weights()) for number in range(len(HIDDEN) + 1)]
        for member in range(network.output_shape[-1])
    ]


def _name(member: int, number: int) -> str:
    return f"member_{member}_{number}"
