"""Trees taken out of an ONNX graph add up as the runtime adds them, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from ecg_stream.models.bundle import SHIPPED
from ecg_stream.models.onnx_trees import Taken, take_out_trees
from ecg_stream.stream.beats.tree_sums import tree_sums

WHOLE = (SHIPPED / "context" / "model.onnx").read_bytes()
N_COLUMNS = 82


def session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def taken() -> Taken:
    found = take_out_trees(WHOLE, N_COLUMNS)
    assert found is not None
    return found


def rows(taken: Taken) -> NDArray[np.float32]:
    """Far and near values, values that are a threshold, and rows that are all the same."""
    x = np.random.default_rng(3).normal(0.0, 2.0, (48, N_COLUMNS)).astype(np.float32)
    for column in range(N_COLUMNS):
        own = taken.trees.threshold[taken.trees.first[column] : taken.trees.first[column + 1]]
        x[16:32, column] = np.resize(own, 16) if len(own) else 0.0
    x[32:] = x[32]
    return x


def summed(taken: Taken, x: NDArray[np.float32]) -> NDArray[np.float32]:
    sums = np.empty((len(x), taken.trees.n_sums), dtype=np.float32)
    tree_sums(x, *taken.trees, sums)
    return sums


def test_the_loop_is_the_plain_way(taken: Taken) -> None:
    x = rows(taken)
    assert np.array_equal(summed(taken, x), taken.trees.sums(x))
    x[:, 5] = np.nan
    assert np.array_equal(summed(taken, x), taken.trees.sums(x))


def test_graph_and_trees_apart_give_what_the_whole_gives(taken: Taken) -> None:
    x = rows(taken)
    (whole,) = session(WHOLE).run(None, {"features": x})
    (apart,) = session(taken.model).run(None, {"features": x, taken.name: summed(taken, x)})
    assert np.array_equal(whole, apart)
    assert len(np.unique(whole[:16, 2])) == 16  # rows differ


def with_trees(change: Any) -> bytes:
    model = onnx.load_from_string(WHOLE)
    (node,) = (each for each in model.graph.node if each.op_type == "TreeEnsembleRegressor")
    change(model.graph, node, {each.name: each for each in node.attribute})
    return bytes(model.SerializeToString())


def other_mode(_graph: Any, _node: Any, attributes: Any) -> None:
    attributes["nodes_modes"].strings[0] = b"BRANCH_LT"


def more_to_say(_graph: Any, node: Any, _attributes: Any) -> None:
    node.attribute.append(onnx.helper.make_attribute("post_transform", "LOGISTIC"))


def branches_the_other_way(_graph: Any, _node: Any, attributes: Any) -> None:
    yes, no = attributes["nodes_truenodeids"].ints, attributes["nodes_falsenodeids"].ints
    yes[0], no[0] = no[0], yes[0]


def two_of_them(graph: Any, node: Any, _attributes: Any) -> None:
    again = onnx.NodeProto()
    again.CopyFrom(node)
    again.output[0] = "again"
    graph.node.append(again)


def trees_of_something_else(_graph: Any, node: Any, _attributes: Any) -> None:
    node.input[0] = "other"


@pytest.mark.parametrize(
    "change", [other_mode, more_to_say, branches_the_other_way, two_of_them, trees_of_something_else]
)
def test_a_graph_that_is_made_otherwise_is_left_whole(change: Any) -> None:
    assert take_out_trees(with_trees(change), N_COLUMNS) is None


def test_so_is_one_with_a_column_that_is_not_there() -> None:
    assert take_out_trees(WHOLE, 40) is None


@pytest.mark.parametrize("length", [100, 5_000, 200_000, len(WHOLE) - 1])
def test_so_is_one_that_ends_in_the_middle(length: int) -> None:
    assert take_out_trees(WHOLE[:length], N_COLUMNS) is None


def test_a_graph_without_trees_has_none() -> None:
    assert take_out_trees((SHIPPED / "dense" / "model.onnx").read_bytes(), 50) is None
