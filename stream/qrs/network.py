"""The network that says how probable it is that a candidate is a QRS complex."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.compiled import Floats32, compiled_part

THRESHOLD = 0.6
"""Probability from which a candidate is a beat. From 0.5 to 0.7 it trades a few beats for more false ones in noise and
on single leads (cross-validation by patient)."""

BACK_THRESHOLD = 0.04
"""Probability at which search-back takes the best candidate that was passed over: where a beat is due, little will do.
Against 0.15 it finds a fifth of the beats missed in mitdb, and one false one for six (cross-validation by patient)."""


class DetectorNetwork(NamedTuple):
    """Weights of the candidate networks, float32, side by side.

    Attributes
    ----------
    w1, b1
        First hidden layers, ``(n_features, members * units)``.
    w2, b2
        Second hidden layers: ``w2`` is ``(members * units, units)``, each member's kernel below the one before, ``b2``
        ``(members * units,)``.
    w3, b3
        What the logit, the mean of the members', is made of.
    threshold, back_threshold
        Probability from which a candidate is a beat, and is one for search-back.
    """

    w1: Floats32
    b1: Floats32
    w2: Floats32
    b2: Floats32
    w3: Floats32
    b3: float
    threshold: float = THRESHOLD
    back_threshold: float = BACK_THRESHOLD


@compiled_part
def _add_product(x: Floats32, w: Floats32, y: Floats32) -> None:
    """Add ``x @ w`` to `y`, four rows at a time: row by row, much of the time goes into the sums' way to and fro."""
    n = len(x) // 4 * 4
    for k in range(0, n, 4):
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
        for j in range(len(y)):
            y[j] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j])
    for k in range(n, len(x)):
        for j in range(len(y)):
            y[j] += x[k] * w[k, j]


@compiled_part
def probability(x: Floats32, network: DetectorNetwork, h1: Floats32, h2: Floats32) -> float:
    """Probability that the candidate is a QRS complex: the mean logit of perceptrons with two hidden layers each."""
    b1, w2, b2 = network.b1, network.w2, network.b2
    width = w2.shape[1]
    members = len(b2) // width
    per_member = len(b1) // members
    for j in range(len(b1)):
        h1[j] = b1[j]
    _add_product(x, network.w1, h1)
    for j in range(len(b1)):
        h1[j] = max(h1[j], np.float32(0.0))
    for j in range(len(b2)):
        h2[j] = b2[j]
    for member in range(members):
        inputs = slice(member * per_member, (member + 1) * per_member)
        _add_product(h1[inputs], w2[inputs], h2[member * width : (member + 1) * width])
    z = np.float64(network.b3)
    for k in range(len(b2)):
        if h2[k] > 0.0:
            z += h2[k] * network.w3[k]
    return float(1.0 / (1.0 + np.exp(-z)))
