"""Boosted trees as small arrays: what judges a window or a stretch of beats, a microsecond or two each."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from ...errors import BundleError
from ...models.bundle import Card, load_bundle
from ..core.compiled import Floats, Floats32, Integers, compiled


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


class RhythmModel(NamedTuple):
    """A forest with its card: the thresholds, in log odds, stand there."""

    forest: Forest
    card: Card


@compiled
def log_odds(x: Floats32, feature: Integers, value: Floats, left: Integers, right: Integers, roots: Integers) -> float:
    """Add up the leaves that one row ``(n_columns,)`` comes to; the arrays are those of a `Forest`."""
    total = 0.0
    for root in roots:
        node = root
        while feature[node] >= 0:
            node = left[node] if x[feature[node]] <= value[node] else right[node]
        total += value[node]
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
    return RhythmModel(forest, bundle.card)


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
