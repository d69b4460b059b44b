"""Networks that classify one beat; Keras, for training only.

``dense``, ``lstm`` and ``simplernn`` see the plain window of 50 samples and nothing else: they are the baselines.
``context`` sees the beat against the patient's own rhythm and kinds of beats. Each takes the raw columns of
`ecg_stream.stream.beats.features` that `FEATURES` names and gives the probability of each AAMI class; the
standardization is part of the network, so that the bundle needs no other file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from .keras_library import import_keras

BASELINES = ("dense", "lstm", "simplernn")
ARCHITECTURES = (*BASELINES, "context")

OTHER, EARLY = "other", "early"
"""Branches of ``context``: the odds of N, V, F and Q, and those of S."""

LIMIT = 6.0
"""Standardized features are cut off here: an artefact must not drive the network where it was never trained."""

RHYTHM = (
    "dominant_corr", "best_corr", "best_is_dominant", "best_rr", "best_premature", "best_following_rr", "best_share",
    "before_corr1", "before_residual1", "before_corr2", "before_residual2", "previous_is_dominant",
    "previous_premature", "previous_corr", "previous_same", "width1_to_dominant", "n_kinds", "dominant_share",
    "roughness1", "certainty", "certainty8", "usual_before_corr1", "usual_before_corr2", "usual_before_size1",
    "usual_before_size2",
)  # fmt: skip
"""Columns that tell a supraventricular beat, beside the RR columns: it looks normal and comes early."""


def build_beat_network(
    arch: str,
    names: Sequence[str],
    mean: NDArray[np.float32],
    deviation: NDArray[np.float32],
    *,
    dropout: float = 0.2,
    noise: float = 0.05,
) -> Any:
    """Build an untrained network.

    Parameters
    ----------
    arch
        One of `ARCHITECTURES`.
    names
        Column names of the input, in order.
    mean, deviation
        ``(len(names),)``, of the training features.
    dropout, noise
        Share of units dropped and deviation of the noise added to standardized features in training (``context``).

    Returns
    -------
    keras.Model
        From ``(batch, len(names))`` to ``(batch, 5)``, probabilities.

    Raises
    ------
    RequestError
        If there is no such architecture.
    MissingExtraError
        If TensorFlow is not installed.
    """
    if arch not in ARCHITECTURES:
        raise RequestError(f"no architecture '{arch}' for beats: valid are {', '.join(ARCHITECTURES)}")
    keras = import_keras()
    x = keras.Input((len(names),), name="features")
    if arch in BASELINES:
        return keras.Model(x, keras.layers.Dense(5, activation="softmax")(_baseline(keras, arch, x)), name=arch)
    standardized = keras.ops.clip((x - mean) / deviation, -LIMIT, LIMIT)
    early = early_columns(names)

    def branch(name: str, columns: NDArray[np.int64] | None, hidden: Sequence[int], outputs: int) -> Any:
        h = standardized if columns is None else keras.ops.take(standardized, columns, axis=1)
        h = keras.layers.GaussianNoise(noise)(h)
        for number, units in enumerate(hidden):
            h = keras.layers.Dense(units, name=f"{name}_{number}")(h)
            h = keras.layers.BatchNormalization(name=f"{name}_{number}_norm")(h)
            h = keras.layers.Activation("relu")(h)
            h = keras.layers.Dropout(dropout)(h)
        return keras.layers.Dense(outputs, name=f"{name}_{len(hidden)}")(h)

    if len(early) == 0:  # morphology alone, for comparison
        return keras.Model(x, keras.layers.Softmax()(branch("all", None, (64, 32), 5)), name=arch)
    # S is told from N by rhythm alone: shown the wave as well, a network learns the patients instead.
    other = branch(OTHER, None, (64, 32), 4)
    supraventricular = branch(EARLY, early, (128, 64), 1)
    logits = keras.layers.Concatenate()([other[:, :1], supraventricular, other[:, 1:]])
    return keras.Model(x, keras.layers.Softmax()(logits), name=arch)


RR_PREFIXES = (
    "rr_", "previous_to_", "before_previous_to_", "pair_to_", "shortest8_", "previous_score", "irregular", "run_",
    "alternation",
)  # fmt: skip
"""How the names of the RR columns begin."""


def early_columns(names: Sequence[str]) -> NDArray[np.int64]:
    """Find the columns that tell a supraventricular beat: of the rhythm, and of likeness to the normal beat."""
    return np.array([i for i, name in enumerate(names) if name in RHYTHM or name.startswith(RR_PREFIXES)], np.int64)


def _baseline(keras: Any, arch: str, x: Any) -> Any:
    """Give the body of one of the plain networks."""
    if arch == "dense":
        h = x
        for units in (64, 32, 16):
            h = keras.layers.Dense(units, activation="relu")(h)
        return h
    h = keras.layers.Reshape((-1, 1))(x)
    layer = keras.layers.LSTM if arch == "lstm" else keras.layers.SimpleRNN
    h = layer(32)(h)
    return keras.layers.Dense(16, activation="relu")(h)
