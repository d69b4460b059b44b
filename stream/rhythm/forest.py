"""Boosted trees as small arrays: what judges a window or a stretch of beats, a microsecond or two each."""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError
from ...models.bundle import Card, load_bundle
from ..core.compiled import Floats, Floats32, Integers, Records, compiled, record_type

NODE = record_type([("value", np.float64), ("left", np.int32), ("right", np.int32), ("feature", np.int32)])
"""A node as the loop walks over it: what is asked of one stands side by side in memory. See `Forest`."""


class Forest(NamedTuple):
    """Trees whose leaves add up to log odds.

    Attributes
    ----------
    feature
        ``(n_nodes,)`` column that a node asks for; -1 of a leaf.
    value
        ``(n_nodes,)`` threshold of a node, whose left branch is taken up to it; of a leaf what it adds.
    left, right
        ``(n_nodes,)`` where the branches stand; 0 of a leaf.
    roots
        ``(n_trees,)`` first node of each tree.
    """

    feature: Integers
    value: Floats
    left: Integers
    right: Integers
    roots: Integers

    def laid_out(self) -> tuple[Records, Integers]:
        """Give nodes ``(n_nodes,)``, records of `NODE`, and roots, as `log_odds` takes them."""
        nodes = np.zeros(len(self.feature), dtype=NODE)
        for name in NODE.names or ():
            nodes[name] = getattr(self, name)
        return nodes, self.roots

    def odds(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the log odds of rows ``(n, n_columns)``, ``(n,)``."""
        walk = self.laid_out()
        return np.array([log_odds(row, *walk) for row in rows])

    def highest(self) -> float:
        """Give the log odds that no row comes above, with room for the rounding of sums."""
        best: list[float] = self.value.tolist()
        for node, feature in reversed(list(enumerate(self.feature.tolist()))):
            if feature >= 0:  # its branches stand behind it
                best[node] = max(best[self.left[node]], best[self.right[node]])
        return math.fsum(best[root] for root in self.roots) + 1e-6


class RhythmModel(NamedTuple):
    """A forest with its card: the thresholds, in log odds, stand there.

    Attributes
    ----------
    forest, card
        Of the bundle.
    walk, highest
        `Forest.laid_out` and `Forest.highest` of it.
    """

    forest: Forest
    card: Card
    walk: tuple[Records, Integers]
    highest: float

    @classmethod
    def of(cls, forest: Forest, card: Card) -> RhythmModel:
        """Lay the forest out."""
        return cls(forest, card, forest.laid_out(), forest.highest())


@compiled
def log_odds(x: Floats32, nodes: Records, roots: Integers) -> float:
    """Add up the leaves that one row ``(n_columns,)`` comes to, see `Forest.laid_out`."""
    total = 0.0
    for root in roots:
        node = root
        while nodes[node].feature >= 0:
            node = nodes[node].left if x[nodes[node].feature] <= nodes[node].value else nodes[node].right
        total += nodes[node].value
    return total


def load_forest(name_or_path: str | os.PathLike[str], preprocessing: str, columns: tuple[str, ...]) -> RhythmModel:
    """Load a bundle of the task ``rhythm``.

    Parameters
    ----------
    name_or_path
        Shipped name, or a folder.
    preprocessing, columns
        What this version gives it: identifier, and names of the columns.

    Raises
    ------
    BundleError
        If it is missing, corrupt, or made for other columns.
    """
    bundle = load_bundle(name_or_path, "rhythm", preprocessing)
    with bundle.arrays() as arrays:
        integers = {name: arrays[name].astype(np.int64) for name in ("feature", "left", "right", "roots")}
        forest = Forest(value=arrays["value"].astype(np.float64), **integers)
    if bundle.card.features != columns:
        raise BundleError(f"bundle {bundle.folder} takes other columns than this version gives: train it again")
    if not _sound(forest, len(columns)):
        raise BundleError(f"bundle {bundle.folder} holds no trees of {len(columns)} columns: fetch or train it again")
    return RhythmModel.of(forest, bundle.card)


def _sound(forest: Forest, n_columns: int) -> bool:
    """Whether each tree ends, and asks only for columns that are there: branches stand behind their node."""
    feature, value, left, right, roots = forest
    n = len(feature)
    if not n or not len(roots) or any(array.ndim != 1 for array in forest):
        return False
    if not all(len(array) == n for array in (value, left, right)) or not np.isfinite(value).all():
        return False
    here, inner = np.arange(n), feature >= 0
    branches = (left > here) & (left < n) & (right > here) & (right < n)
    return bool((feature < n_columns).all() and branches[inner].all() and (roots >= 0).all() and (roots < n).all())
