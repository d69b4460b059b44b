"""Grow the small trees that judge a window or a stretch of beats, measure them on patients held out, and write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError
from ..models.bundle import Card, library_versions, write_card, writing_bundle
from ..stream.rhythm.forest import Forest
from .splits import patient, patient_folds


class OfRecord(Protocol):
    """What is trained on, of one record."""

    @property
    def record(self) -> str:
        """The record as ``db/name``."""
        ...


Material = TypeVar("Material", bound=OfRecord)
Odds = TypeVar("Odds")


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown.

    Attributes
    ----------
    n_trees, leaves
        How many, and how large.
    smallest_leaf
        Rows that a leaf must hold: fewer are a few seconds of one patient.
    column_share
        Columns that a tree may use, drawn anew for each: many say nearly the same.
    monotone
        For each column 1, -1 or 0: in which direction alone it may count; empty for any.
    """

    n_trees: int
    leaves: int
    smallest_leaf: int
    column_share: float
    monotone: tuple[int, ...] = ()


def grow(
    features: NDArray[np.float32],
    positive: NDArray[np.bool_],
    weights: NDArray[np.float64],
    growth: Growth,
    seed: int,
) -> Forest:
    """Grow trees that add up to the log odds of `positive` (Friedman 2001, doi 10.1214/aos/1013203451).

    Parameters
    ----------
    features
        ``(n, n_columns)``.
    positive, weights
        ``(n,)``; the weights of both classes are brought to the same sum.
    growth
        How.
    seed
        Random seed; on one thread, so that the same seed gives the same trees.

    Raises
    ------
    MissingExtraError
        If LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    parameters: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": growth.leaves,
        "learning_rate": 0.05,
        "min_data_in_leaf": growth.smallest_leaf,
        "lambda_l2": 5.0,
        "feature_fraction": growth.column_share,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
    }
    if growth.monotone:
        parameters["monotone_constraints"] = list(growth.monotone)
    balanced = np.where(positive, weights / weights[positive].sum(), weights / weights[~positive].sum())
    data = lightgbm.Dataset(features, label=positive.astype(np.float32), weight=balanced * len(balanced) / 2.0)
    return as_forest(lightgbm.train(parameters, data, growth.n_trees).dump_model())


def cross_validate(
    material: Sequence[Material],
    train: Callable[[Sequence[Material], int], Forest],
    judge: Callable[[Forest, Material], Odds],
    folds: int,
    seed: int,
    on_fold: Callable[[str], None] = lambda _: None,
) -> dict[str, Odds]:
    """Judge each record by trees that were grown without its patient; give what `judge` gives, by record."""
    by_name = {each.record: each for each in material}
    odds: dict[str, Odds] = {}
    for number, held_out in enumerate(patient_folds(list(by_name), folds)):
        left_out = {patient(name) for name in held_out}
        forest = train([each for name, each in by_name.items() if patient(name) not in left_out], seed)
        odds |= {name: judge(forest, by_name[name]) for name in held_out}
        on_fold(f"fold {number + 1}")
    return odds


def as_forest(dump: Mapping[str, Any]) -> Forest:
    """Bring trees as LightGBM dumps them to arrays."""
    rows: list[list[float]] = []
    roots = []
    for info in dump["tree_info"]:
        roots.append(len(rows))
        _append(info["tree_structure"], rows)
    feature, value, left, right = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    integers = [column.astype(np.int64) for column in (feature, left, right)]
    return Forest(integers[0], np.ascontiguousarray(value), integers[1], integers[2], np.array(roots, dtype=np.int64))


def _append(branch: Mapping[str, Any], rows: list[list[float]]) -> int:
    """Write a branch and all above it as rows ``feature value left right``; give where it stands."""
    own = len(rows)
    if "leaf_value" in branch:
        rows.append([-1.0, float(branch["leaf_value"]), 0.0, 0.0])
        return own
    rows.append([float(branch["split_feature"]), float(branch["threshold"]), 0.0, 0.0])
    for column, side in ((2, "left_child"), (3, "right_child")):
        rows[own][column] = float(_append(branch[side], rows))
    return own


def write_forest_bundle(
    folder: Path,
    forest: Forest,
    *,
    classes: tuple[str, str],
    columns: Sequence[str],
    preprocessing: str,
    window: Mapping[str, Any],
    thresholds: Mapping[str, float],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    data_licence: str,
) -> Card:
    """Write weights and card; a bundle that is there is replaced as a whole. See `Card` for the rest.

    Raises
    ------
    BundleError
        If the place cannot be written.
    """
    with writing_bundle(folder) as part:
        np.savez_compressed(
            part / "weights.npz",
            feature=forest.feature.astype(np.int16),
            value=forest.value,
            left=forest.left.astype(np.int16),
            right=forest.right.astype(np.int16),
            roots=forest.roots.astype(np.int16),
        )
        card = Card(
            name=folder.name,
            task="rhythm",
            arch=f"{len(forest.roots)} boosted trees",
            classes=classes,
            input_name="features",
            input_shape=(None, len(columns)),
            preprocessing=preprocessing,
            window=dict(window),
            normalization="none",
            features=tuple(columns),
            thresholds=dict(thresholds),
            training=dict(training),
            metrics=dict(metrics),
            versions=dict(library_versions("numpy", "lightgbm")),
            data_licence=data_licence,
            weights="weights.npz",
        )
        return write_card(part, card)
