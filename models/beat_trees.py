"""Boosted trees beside the networks that classify a beat: grown by LightGBM, served inside the same ONNX graph.

Trees and networks err on other beats, so that their mean errs on fewer. The trees come as one node, ONNX's
``TreeEnsembleRegressor``, so that a bundle is still one graph and serving needs neither of the libraries that train.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

LEAVES, LEARNING_RATE = 16, 0.2
SMALLEST_LEAF = 100
"""Beats, or a hundredth of all: what fewer have in common is their patient."""
FEATURE_SHARE = 0.3
"""Columns that a tree may use, drawn anew for each: many say nearly the same."""

AI_ONNX_ML = 3
"""Version of the operators for trees."""


def boosted(
    features: NDArray[np.float32],
    positive: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    n_trees: int,
    seed: int,
) -> Mapping[str, Any]:
    """Grow trees that add up to the log odds of `positive` (Friedman 2001, doi 10.1214/aos/1013203451).

    Parameters
    ----------
    features
        ``(n, n_columns)``.
    positive, weights
        ``(n,)``.
    n_trees
        How many.
    seed
        Random seed; on one thread, so that the same seed gives the same trees.

    Returns
    -------
    Mapping
        The trees as LightGBM dumps them.

    Raises
    ------
    MissingExtraError
        If LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    parameters = {
        "objective": "binary",
        "num_leaves": LEAVES,
        "learning_rate": LEARNING_RATE,
        "min_data_in_leaf": max(1, min(SMALLEST_LEAF, len(features) // 100)),
        "lambda_l2": 1.0,
        "feature_fraction": FEATURE_SHARE,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
    }
    data = lightgbm.Dataset(features, label=positive.astype(np.float32), weight=weights)
    dump: Mapping[str, Any] = lightgbm.train(parameters, data, n_trees).dump_model()
    return dump


class TreeSums:
    """Sums of trees over the columns of a beat, one for each output.

    Parameters
    ----------
    n_features
        Columns of the input.
    n_outputs
        Sums.
    """

    def __init__(self, n_features: int, n_outputs: int) -> None:
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.n_trees = 0
        self._nodes: dict[str, list[Any]] = {name: [] for name in _NODES}
        self._leaves: dict[str, list[Any]] = {name: [] for name in _LEAVES}
        self._session: Any = None

    def add(self, dump: Mapping[str, Any], columns: NDArray[np.int64], output: int, share: float) -> None:
        """Add grown trees, times `share`, to an output; `columns` are those that they were grown on."""
        self._session = None
        for info in dump["tree_info"]:
            self._grow(info["tree_structure"], columns, output, share, [0])
            self.n_trees += 1

    def node(self, source: str, result: str) -> Any:
        """Give the ONNX node from ``(n, n_features)`` to ``(n, n_outputs)``."""
        from onnx import helper

        attributes: dict[str, Any] = {"n_targets": self.n_outputs, **self._nodes, **self._leaves}
        return helper.make_node("TreeEnsembleRegressor", [source], [result], domain="ai.onnx.ml", **attributes)

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the sums, ``(n, n_outputs)``, by the runtime that will serve them."""
        if self._session is None:
            self._session = self._runtime()
        (sums,) = self._session.run(None, {"features": features})
        return np.asarray(sums)

    def graft(self, path: Path, result: str) -> None:
        """Put the node into an ONNX file, in place of its input `result`, fed from its input ``features``."""
        import onnx

        model = onnx.load(path)
        graph = model.graph
        kept = [value for value in graph.input if value.name != result]
        nodes = [self.node("features", result), *graph.node]
        del graph.input[:], graph.node[:]
        graph.input.extend(kept)
        graph.node.extend(nodes)
        model.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", AI_ONNX_ML))
        onnx.checker.check_model(model)
        onnx.save(model, path)

    def _grow(
        self, branch: Mapping[str, Any], columns: NDArray[np.int64], output: int, share: float, number: list[int]
    ) -> int:
        """Write a branch and all above it; `number` is that of its first node, and is moved on. Gives that number."""
        own = number[0]
        number[0] += 1
        leaf = "leaf_value" in branch
        place = len(self._nodes["nodes_nodeids"])
        row = {
            "nodes_treeids": self.n_trees,
            "nodes_nodeids": own,
            "nodes_featureids": 0 if leaf else int(columns[branch["split_feature"]]),
            "nodes_values": 0.0 if leaf else _below(float(branch["threshold"])),
            "nodes_modes": "LEAF" if leaf else "BRANCH_LEQ",
            "nodes_truenodeids": 0,
            "nodes_falsenodeids": 0,
        }
        for name, value in row.items():
            self._nodes[name].append(value)
        if leaf:
            ending = (self.n_trees, own, output, share * float(branch["leaf_value"]))
            for name, value in zip(_LEAVES, ending, strict=True):
                self._leaves[name].append(value)
        else:
            for name, side in (("nodes_truenodeids", "left_child"), ("nodes_falsenodeids", "right_child")):
                self._nodes[name][place] = self._grow(branch[side], columns, output, share, number)
        return own

    def _runtime(self) -> Any:
        import onnxruntime
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            [self.node("features", "sums")],
            "trees",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, self.n_features])],
            [helper.make_tensor_value_info("sums", TensorProto.FLOAT, [None, self.n_outputs])],
        )
        versions = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", AI_ONNX_ML)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=8)
        return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


_NODES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes", "nodes_truenodeids",
    "nodes_falsenodeids",
)  # fmt: skip
_LEAVES = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def _below(threshold: float) -> float:
    """Give the highest single-precision number that is not above `threshold`: the same side for every feature."""
    single = np.float32(threshold)
    return float(single if float(single) <= threshold else np.nextafter(single, np.float32(-np.inf)))
