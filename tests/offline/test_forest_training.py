"""Trees grown by LightGBM are the same trees as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.offline.forest_training import Growth, as_forest, grow, write_forest_bundle
from ecg_stream.stream.rhythm.forest import load_forest

lightgbm = pytest.importorskip("lightgbm")

GROWTH = Growth(n_trees=30, leaves=6, smallest_leaf=5, column_share=1.0)


def rows(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(2).normal(0.0, 1.0, (n, 3)).astype(np.float32)
    return x, x[:, 0] + 0.5 * x[:, 1] > 0.2


def test_the_arrays_say_what_lightgbm_says():
    x, y = rows()
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, y * 1.0), 40)
    forest = as_forest(booster.dump_model())
    odds = forest.odds(x)
    np.testing.assert_allclose(odds, booster.predict(x, raw_score=True), rtol=1e-9)


def test_what_was_grown_tells_the_classes_apart_and_survives_the_disk(tmp_path):
    x, y = rows()
    forest = grow(x, y, np.ones(len(y)), GROWTH, seed=0)
    about = {"thresholds": {"begin": 0.5}, "training": {}, "metrics": {}, "data_licence": "none", "window": {}}
    write_forest_bundle(
        tmp_path / "toy", forest, classes=("no", "yes"), columns=("a", "b", "c"), preprocessing="toy/1", **about
    )
    model = load_forest(tmp_path / "toy", "toy/1", ("a", "b", "c"))
    odds = model.forest.odds(x)
    assert np.mean((odds > 0.0) == y) > 0.95
    assert odds.tolist() == forest.odds(x).tolist()
    assert model.card.thresholds == {"begin": 0.5}


def test_a_column_counts_in_its_direction_alone():
    x, y = rows()
    down = Growth(n_trees=30, leaves=6, smallest_leaf=5, column_share=1.0, monotone=(-1, 0, 0))
    forest = grow(x, y, np.ones(len(y)), down, seed=0)
    line = forest.odds(np.array([[value, 0.0, 0.0] for value in np.linspace(-3.0, 3.0, 50)], dtype=np.float32))
    assert (np.diff(line) <= 0.0).all()


def test_both_classes_weigh_the_same_whatever_their_weights():
    x, y = rows()
    odds = []
    for share in (1.0, 100.0):
        forest = grow(x, y, np.where(y, share, 1.0), GROWTH, seed=0)
        odds.append(forest.odds(x))
    np.testing.assert_allclose(odds[0], odds[1], atol=1e-6)
