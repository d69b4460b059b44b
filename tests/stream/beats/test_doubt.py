"""V of doubtful beats: none alone, some in a run; the laws, in any cut into chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecg_stream.stream.beats.doubt import VentricularDoubt
from ecg_stream.stream.core.messages import CLASSES
from ecg_stream.testing import LAWS, Subject

N, S, V, F, Q = np.eye(len(CLASSES))
TRUSTED, IN_RUN = 0.9, 0.6


class Stage:
    """The doubt as a stage of arrays."""

    delay = 0

    def __init__(self) -> None:
        self.doubt = VentricularDoubt(IN_RUN)

    def push(self, probabilities: np.ndarray, quality: np.ndarray) -> np.ndarray:
        return self.doubt(
            np.clip(probabilities, 0.0, 1.0), np.clip(quality, 0.0, 1.0)[:, 0], np.full(len(quality), TRUSTED)
        )

    def flush(self) -> np.ndarray:
        return np.empty((0, len(CLASSES)))

    def snapshot(self) -> dict[str, Any]:
        return self.doubt.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        self.doubt.restore(state)


def beats(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Beats of which most are V for some time, and few after."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(len(CLASSES), 0.3), size=n)
    many = (np.arange(n) // 20) % 2 == 0
    probabilities[many & (rng.random(n) < 0.9)] = 0.1 * (N + Q) + 0.8 * V
    return probabilities, rng.uniform(0.4, 1.0, size=(n, 1))


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(Stage, beats(300)))


@pytest.mark.parametrize("ventricular", [0.3, 0.6, 0.99])
def test_what_is_doubtful_is_not_called_v(ventricular):
    p = (1.0 - ventricular) * (0.01 * N + 0.99 * Q) + ventricular * V
    probabilities, quality = np.tile(p, (4, 1)), np.array([0.0, TRUSTED - 1e-6, TRUSTED, 1.0])
    told = VentricularDoubt(IN_RUN)(probabilities, quality, np.full(4, TRUSTED))
    assert (told[:2].argmax(axis=1) != CLASSES.index("V")).all()
    np.testing.assert_array_equal(told[2:], probabilities[2:])
    np.testing.assert_allclose(told.sum(axis=1), 1.0)
    assert (probabilities[0] == p).all()


def labels(string: str, quality: float) -> str:
    """What beats of such most probable classes are called, all of one quality."""
    rows = np.array([0.7 * np.eye(len(CLASSES))[CLASSES.index(name)] + 0.3 * Q for name in string])
    told = VentricularDoubt(IN_RUN)(rows, np.full(len(string), quality), np.full(len(string), TRUSTED))
    return "".join(CLASSES[index] for index in told.argmax(axis=1))


def test_a_run_of_v_needs_less_than_a_v_alone():
    middling = (TRUSTED + IN_RUN) / 2.0
    assert labels("NNVNNVVVVVVVNVVN", middling) == "NNQNNQQQQVVVNVVN"
    assert labels("VNVNVNVNVN", middling) == "QNQNQNQNQN"
    assert labels("VVVVVVVV", IN_RUN - 0.01) == "QQQQQQQQ"
    assert labels("VNVVVNV", TRUSTED) == "VNVVVNV"
