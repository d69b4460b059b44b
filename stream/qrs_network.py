"""The network that says how probable it is that a candidate is a QRS complex."""

from __future__ import annotations

import numpy as np

from .compiled import Floats32, compiled_part


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
def probability(
    x: Floats32,
    n: int,
    w1: Floats32,
    b1: Floats32,
    w2: Floats32,
    b2: Floats32,
    w3: Floats32,
    b3: float,
    h1: Floats32,
    h2: Floats32,
) -> float:
    """Probability that the candidate is a QRS complex: the mean logit of perceptrons with two hidden layers each."""
    width = w2.shape[1]
    members = len(b2) // width
    per_member = len(b1) // members
    for j in range(len(b1)):
        h1[j] = b1[j]
    _add_product(x[:n], w1, h1)
    for j in range(len(b1)):
        h1[j] = max(h1[j], np.float32(0.0))
    for j in range(len(b2)):
        h2[j] = b2[j]
    for member in range(members):
        inputs = slice(member * per_member, (member + 1) * per_member)
        _add_product(h1[inputs], w2[inputs], h2[member * width : (member + 1) * width])
    z = b3
    for k in range(len(b2)):
        if h2[k] > 0.0:
            z += h2[k] * w3[k]
    return float(1.0 / (1.0 + np.exp(-z)))
