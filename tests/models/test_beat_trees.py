"""Boosted trees: what the graph gives is what LightGBM gives, they learn, and they weigh with the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

lightgbm = pytest.importorskip("lightgbm")

from ecg_stream.models.beat_trees import TreeSums, boosted  # noqa: E402


def data(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    x[:, 2] = np.round(x[:, 2])  # few values, each many times
    return x, (x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * rng.normal(size=n)) > 0.0


@pytest.fixture(scope="module")
def grown() -> Any:
    x, positive = data()
    return boosted(x, positive, np.ones(len(x)), n_trees=30, seed=1)


def walk(branch: Any, row: np.ndarray) -> float:
    """Go down one tree as its dump says."""
    while "leaf_value" not in branch:
        side = "left_child" if float(row[branch["split_feature"]]) <= branch["threshold"] else "right_child"
        branch = branch[side]
    return float(branch["leaf_value"])


def test_the_graph_gives_what_the_trees_give_also_on_their_very_thresholds(grown):
    x, _ = data(200)
    edges = [float(info["tree_structure"]["threshold"]) for info in grown["tree_info"]]
    columns = [int(info["tree_structure"]["split_feature"]) for info in grown["tree_info"]]
    for row, (edge, column) in enumerate(zip(edges, columns, strict=True)):
        x[3 * row : 3 * row + 3, column] = np.nextafter(np.float32(edge), np.float32([-9, edge, 9]))
    sums = TreeSums(6, 1)
    sums.add(grown, np.arange(6), 0, 1.0)
    expected = [sum(walk(info["tree_structure"], row) for info in grown["tree_info"]) for row in x]
    np.testing.assert_allclose(sums(x)[:, 0], expected, atol=1e-5)


def test_they_tell_what_no_line_through_the_columns_tells(grown):
    x, positive = data()
    fresh, truth = x[2000:], positive[2000:]
    sums = TreeSums(6, 1)
    sums.add(grown, np.arange(6), 0, 1.0)
    assert ((sums(fresh)[:, 0] > 0.0) == truth).mean() > 0.9


def test_the_same_seed_gives_the_same_trees(grown):
    x, positive = data()
    again = boosted(x, positive, np.ones(len(x)), n_trees=30, seed=1)
    other = boosted(x, positive, np.ones(len(x)), n_trees=30, seed=2)
    assert again["tree_info"] == grown["tree_info"]
    assert other["tree_info"] != grown["tree_info"]


def test_each_output_sums_its_own_trees_on_its_own_columns(grown):
    x, _ = data(100)
    plain, both = TreeSums(6, 1), TreeSums(8, 2)
    plain.add(grown, np.arange(6), 0, 1.0)
    wide = np.zeros((100, 8), dtype=np.float32)
    wide[:, [7, 1, 5, 2, 0, 3]] = x
    both.add(grown, np.array([7, 1, 5, 2, 0, 3]), 1, 0.5)
    both.add(grown, np.array([7, 1, 5, 2, 0, 3]), 1, 0.5)
    np.testing.assert_allclose(both(wide)[:, 1], plain(x)[:, 0], atol=1e-5)
    np.testing.assert_array_equal(both(wide)[:, 0], 0.0)
