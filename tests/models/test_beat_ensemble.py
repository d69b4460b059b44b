"""Networks and trees joined: each has its say in its own odds and in no others, and one graph serves both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("lightgbm")

from ecg_stream.models.beat_ensemble import TREES_SHARE, BeatEnsemble, beside_trees
from ecg_stream.models.beat_trees import TreeSums, boosted
from ecg_stream.models.keras_library import import_keras


@pytest.fixture(scope="module")
def network() -> Any:
    """Five columns in, their softmax out."""
    keras = import_keras()
    x = keras.Input((5,), name="features")
    return keras.Model(x, keras.layers.Softmax()(x))


def rows(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    p = np.exp(x)
    return x, p / p.sum(axis=1, keepdims=True)


def odds(p: np.ndarray) -> np.ndarray:
    """Log odds of V and F against N and S, and of S against N, ``(n, 2)``."""
    return np.stack([np.log(p[:, 2:4].sum(axis=1) / p[:, :2].sum(axis=1)), np.log(p[:, 1] / p[:, 0])], axis=1)


def test_trees_that_say_what_the_network_says_change_nothing(network):
    x, p = rows()
    joined = beside_trees(network).predict([x, odds(p).astype(np.float32)], verbose=0)
    np.testing.assert_allclose(joined, p, atol=2e-3)


@pytest.mark.parametrize("output", [0, 1])
def test_what_trees_say_moves_their_own_odds_by_their_share(network, output):
    x, p = rows()
    said = odds(p)
    said[:, output] += 2.0
    joined = beside_trees(network).predict([x, said.astype(np.float32)], verbose=0)
    moved = odds(joined) - odds(p)
    np.testing.assert_allclose(moved[:, output], 2.0 * TREES_SHARE[output], atol=0.02)
    np.testing.assert_allclose(moved[:, 1 - output], 0.0, atol=0.02)
    np.testing.assert_allclose(np.log(joined[:, 2] / joined[:, 3]), np.log(p[:, 2] / p[:, 3]), atol=0.05)


def test_one_graph_serves_both(network, tmp_path: Path):
    import onnxruntime

    x, p = rows()
    dump = boosted(x, p[:, 2] > 0.2, np.ones(len(x)), n_trees=5, seed=0)
    trees = TreeSums(5, 2)
    trees.add(dump, np.arange(5), 0, 1.0)
    ensemble = BeatEnsemble(beside_trees(network), trees)
    ensemble.export(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert [value.name for value in session.get_inputs()] == ["features"]
    np.testing.assert_allclose(session.run(None, {"features": x})[0], ensemble.predict(x), atol=1e-5)
