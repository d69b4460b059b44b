"""From what beat networks say to probabilities that mean what they say, and to the class that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES

TINY = 1e-9
"""Keeps the logarithm of a probability finite."""

MULTIPLIERS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Of S and V, to choose from."""

MULTIPLIERS_Q = (0.6, 1.2, 2.5, 5.0, 10.0, 20.0)
"""Of Q."""


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


def calibrate(classes: NDArray[np.int64], probabilities: NDArray[np.float32]) -> Calibration:
    """Find the scale and shifts with the lowest log loss.

    Temperature scaling (Guo et al. 2017, arXiv:1706.04599) with a shift for each class, since training leaves out
    most N beats and weighs the classes.
    """
    from scipy.optimize import minimize

    rows = np.arange(len(classes))

    def loss(parameters: NDArray[np.float64]) -> float:
        calibration = Calibration(float(parameters[0]), np.array([0.0, *parameters[1:]]))
        return float(-np.log(calibration(probabilities)[rows, classes] + TINY).mean())

    # F and Q are too few in clean signals to be moved by them.
    bounds = [(0.2, 5.0), (-6.0, 6.0), (-6.0, 6.0), (0.0, 0.0), (0.0, 0.0)]
    found = minimize(loss, np.array([1.0, 0.0, 0.0, 0.0, 0.0]), method="L-BFGS-B", bounds=bounds)
    return Calibration(float(found.x[0]), np.array([0.0, *found.x[1:]]))


Judged: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Classes ``(n,)`` of beats, and what the network makes of them, ``(n, 5)``."""


def choose_multipliers(plain: Judged, noisy: Judged | None = None) -> NDArray[np.float64]:
    """Choose what the probabilities of S, V and Q are multiplied by, ``(5,)``.

    The best sum of the F1 of S and of V in plain signals and, where there are noisy ones, of V there: that a patient
    who moves is not told to have ventricular beats is worth as much as either.
    """
    best, chosen = -1.0, np.ones(len(CLASSES))
    for q in MULTIPLIERS_Q if noisy is not None else (0.6,):
        for s in MULTIPLIERS:
            for v in MULTIPLIERS:
                multipliers = np.array([1.0, s, v, 0.6, q])
                figures = class_figures(plain[0], plain[1] * multipliers)
                gain = figures["S_f1"] + figures["V_f1"]
                if noisy is not None:
                    gain += class_figures(noisy[0], noisy[1] * multipliers)["V_f1"]
                if gain > best:
                    best, chosen = gain, multipliers
    return chosen


def class_figures(classes: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, float]:
    """Sensitivity, positive predictivity and F1 of S and V among matched beats, percent."""
    found = scores.argmax(axis=1)
    figures = {}
    for index, name in ((1, "S"), (2, "V")):
        true = int(((classes == index) & (found == index)).sum())
        sensitivity = true / max(int((classes == index).sum()), 1)
        # As EC57: a fusion beat called V is not a false V.
        called = int(((found == index) & ~((classes == 3) & (index == 2))).sum())
        predictivity = true / max(called, 1)
        figures[f"{name}_se"] = round(100.0 * sensitivity, 2)
        figures[f"{name}_ppv"] = round(100.0 * predictivity, 2)
        figures[f"{name}_f1"] = round(200.0 * sensitivity * predictivity / max(sensitivity + predictivity, 1e-9), 2)
    return figures


def calibrated_network(keras: Any, network: Any, calibration: Calibration) -> Any:
    """Put the calibration into the network."""
    inputs = [keras.Input(x.shape[1:], name=x.name) for x in network.inputs]
    x = inputs if len(inputs) > 1 else inputs[0]
    logits = calibration.scale * keras.ops.log(network(x) + TINY) + calibration.shifts.astype(np.float32)
    return keras.Model(x, keras.layers.Softmax()(logits))
