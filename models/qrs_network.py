"""The network that judges QRS candidates, for training; in service it runs inside the detector's compiled loop."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .record_networks import import_keras

HIDDEN = (128, 64)

NOISE, DROPOUT = 0.15, 0.1
"""Deviation of the noise on standardized features, share of units dropped: no feature is to be trusted alone."""

Layers: TypeAlias = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Kernel ``(inputs, outputs)`` and bias of each dense layer."""


def candidate_network(n_features: int, n_steps: int, seed: int) -> Any:
    """Build and compile a perceptron with two hidden layers and one logit.

    Parameters
    ----------
    n_features
        Inputs, standardized.
    n_steps
        Optimizer steps over which the learning rate falls.
    seed
        Of Keras, NumPy and Python.

    Raises
    ------
    MissingExtraError
        Without TensorFlow.
    """
    keras = import_keras()
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.GaussianNoise(NOISE),
            *(
                layer
                for units in HIDDEN
                for layer in (keras.layers.Dense(units, activation="relu"), keras.layers.Dropout(DROPOUT))
            ),
            keras.layers.Dense(1),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(2e-3, n_steps, alpha=0.02)
    network.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def layers(network: Any) -> Layers:
    """Give kernel and bias of each layer."""
    weights = network.get_weights()
    return list(zip(weights[::2], weights[1::2], strict=True))
