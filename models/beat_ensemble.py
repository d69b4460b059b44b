"""The classifier of beats as it is trained and exported: networks and, beside them, boosted trees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .beat_trees import TreeSums
from .keras_library import import_keras
from .onnx_export import quiet_export

VENTRICULAR, SUPRAVENTRICULAR = range(2)
"""Outputs of the trees: log odds of V and F against N and S, and of S against N."""

TREES_SHARE = (0.5, 0.3)
"""Weight of the trees against the networks in each of these log odds. Of S the networks alone know more."""

TINY = 1e-4
"""Keeps the log odds of a probability of nothing finite."""


@dataclass(frozen=True, slots=True)
class BeatEnsemble:
    """From columns of features to the probabilities of the classes.

    Attributes
    ----------
    network
        Keras model; its inputs are the columns ``(n, n_features)`` and, if there are trees, their sums ``(n, 2)``.
    trees
        None for the plain baselines.
    """

    network: Any
    trees: TreeSums | None = None

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give probabilities, ``(n, 5)``."""
        x = features if self.trees is None else [features, self.trees(features)]
        return np.asarray(self.network.predict(x, batch_size=16384, verbose=0))

    def export(self, path: Path) -> None:
        """Write one ONNX graph from ``features`` to probabilities."""
        quiet_export(self.network, path)
        if self.trees is not None:
            self.trees.graft(path, "trees")


def beside_trees(network: Any) -> Any:
    """Give a Keras model that weighs a network's log odds with those of the trees, its second input."""
    keras = import_keras()
    ops = keras.ops
    x, trees = keras.Input(network.input_shape[1:], name="features"), keras.Input((2,), name="trees")
    n, s, v, f, q = (ops.log(p + TINY) for p in ops.unstack(network(x), 5, axis=1))
    normal = n + ops.softplus(s - n)  # the logarithm of a sum; its own operator cannot be exported
    ventricular = _weighed(v + ops.softplus(f - v) - normal, trees, VENTRICULAR)
    early = _weighed(s - n, trees, SUPRAVENTRICULAR)
    logits = [
        -ops.softplus(early),
        early - ops.softplus(early),
        ventricular - ops.softplus(f - v),
        ventricular - ops.softplus(v - f),
        q - normal,
    ]
    return keras.Model([x, trees], keras.layers.Softmax()(ops.stack(logits, axis=1)), name="beside_trees")


def _weighed(odds: Any, trees: Any, output: int) -> Any:
    share = TREES_SHARE[output]
    return (1.0 - share) * odds + share * trees[:, output]
