"""Several networks ``context`` as one: their layers side by side in one product of matrices each.

Called one after another, five small networks cost a hundred steps of the runtime, whose overhead is most of the
time that a beat takes. Stacked, they cost ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .beat_networks import EARLY, LIMIT, OTHER, early_columns
from .keras_library import import_keras

DEPTH = 3
"""Layers of each branch."""


@dataclass(frozen=True, slots=True)
class Member:
    """A trained network, with the mean and deviation ``(n_features,)`` that it standardizes its features by."""

    network: Any
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


def mean_of(members: Sequence[Member], names: Sequence[str]) -> Any:
    """Join trained members into one Keras model that gives their mean probability.

    Parameters
    ----------
    members
        One or more of the same architecture. One is given back as it is; but for ``context`` with both of its branches,
        several are called one after another.
    names
        Columns of the input.
    """
    if len(members) == 1:
        return members[0].network
    keras = import_keras()
    ops = keras.ops
    x = keras.Input((len(names),), name="features")
    if not any(layer.name == f"{EARLY}_0" for layer in members[0].network.layers):
        for number, member in enumerate(members, 1):
            member.network.name = f"member_{number}"  # names in a network are unique
        return keras.Model(x, keras.layers.Average()([member.network(x) for member in members]), name="mean")
    mean, deviation = (np.stack([getattr(m, name) for m in members])[:, np.newaxis] for name in ("mean", "deviation"))
    h = ops.clip((ops.expand_dims(x, 0) - mean) / deviation, -LIMIT, LIMIT)
    both = [_side_by_side(member.network, early_columns(names), len(names)) for member in members]
    for depth in range(DEPTH):
        weights, bias = (np.stack([layers[depth][part] for layers in both]) for part in range(2))
        h = ops.matmul(h, weights) + bias[:, np.newaxis]
        h = ops.relu(h) if depth < DEPTH - 1 else ops.softmax(h, axis=-1)
    return keras.Model(x, ops.mean(h, axis=0), name="mean")


def _side_by_side(
    network: Any, early: NDArray[np.int64], n_features: int
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Give the layers of both branches as one layer each: weights and bias, zeros between the branches."""
    joined = []
    for depth in range(DEPTH):
        (w, b), (v, c) = (_folded(network, f"{branch}_{depth}", last=depth == DEPTH - 1) for branch in (OTHER, EARLY))
        if depth == 0:  # one branch sees all columns, the other some
            wide = np.zeros((n_features, v.shape[1]), dtype=np.float32)
            wide[early] = v
            joined.append((np.concatenate([w, wide], axis=1), np.concatenate([b, c])))
            continue
        block = np.zeros((len(w) + len(v), w.shape[1] + v.shape[1]), dtype=np.float32)
        block[: len(w), : w.shape[1]] = w
        block[len(w) :, w.shape[1] :] = v
        bias = np.concatenate([b, c])
        if depth == DEPTH - 1:  # N V F Q, S: in the order of the classes
            block, bias = block[:, [0, 4, 1, 2, 3]], bias[[0, 4, 1, 2, 3]]
        joined.append((block, bias))
    return joined


def _folded(network: Any, name: str, *, last: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and bias of a layer, its batch normalization folded in."""
    weights, bias = network.get_layer(name).get_weights()
    if last:
        return weights, bias
    norm = network.get_layer(f"{name}_norm")
    gamma, beta, mean, variance = norm.get_weights()
    gain = gamma / np.sqrt(variance + norm.epsilon)
    return weights * gain, (bias - mean) * gain + beta
