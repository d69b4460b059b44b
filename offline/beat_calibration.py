"""From what beat networks say to probabilities that mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TINY = 1e-9
"""Keeps the logarithm of a probability finite."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scale and ``(5,)`` shifts of log probabilities; called on ``(n, 5)`` probabilities it gives calibrated ones."""

    scale: float
    shifts: NDArray[np.float64]

    def __call__(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        """Calibrate."""
        logits = self.scale * np.log(np.asarray(probabilities, dtype=np.float64) + TINY) + self.shifts
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        calibrated: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return calibrated


def calibrate(
    classes: NDArray[np.int64], probabilities: NDArray[np.float32], patients: NDArray[np.int64]
) -> Calibration:
    """Find the scale and shifts with the lowest mean over patients of the mean log loss.

    Temperature scaling (Guo et al. 2017, arXiv:1706.04599) with a shift for each class, since training leaves out
    most N beats and weighs the classes.
    """
    from scipy.optimize import minimize

    rows = np.arange(len(classes))
    _, number, beats = np.unique(patients, return_inverse=True, return_counts=True)
    weights = 1.0 / (beats[number] * len(beats))

    def loss(parameters: NDArray[np.float64]) -> float:
        calibration = Calibration(float(parameters[0]), np.array([0.0, *parameters[1:]]))
        return float(-(weights * np.log(calibration(probabilities)[rows, classes] + TINY)).sum())

    # F and Q are too few in clean signals to be moved by them.
    bounds = [(0.2, 5.0), (-6.0, 6.0), (-6.0, 6.0), (0.0, 0.0), (0.0, 0.0)]
    found = minimize(loss, np.array([1.0, 0.0, 0.0, 0.0, 0.0]), method="L-BFGS-B", bounds=bounds)
    return Calibration(float(found.x[0]), np.array([0.0, *found.x[1:]]))


def calibrated_network(keras: Any, network: Any, calibration: Calibration) -> Any:
    """Put the calibration into the network."""
    inputs = [keras.Input(x.shape[1:], name=x.name) for x in network.inputs]
    x = inputs if len(inputs) > 1 else inputs[0]
    logits = calibration.scale * keras.ops.log(network(x) + TINY) + calibration.shifts.astype(np.float32)
    return keras.Model(x, keras.layers.Softmax()(logits))
