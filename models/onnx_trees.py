"""Boosted trees inside an ONNX graph, taken out so that they can be walked faster than the runtime does.

A graph that `beat_trees` made has one node of trees (``TreeEnsembleRegressor``) on its input, and the rest takes their
sums. Taken out, the sums become a second input of the graph. The file stays what it is, one graph that any runtime
runs; who reads it here needs neither the package ``onnx`` nor a copy. A graph that is made otherwise is left whole.

Source of the bit masks: C. Lucchese and others, "QuickScorer: a fast algorithm to rank documents with additive
ensembles of regression trees", SIGIR 2015, doi:10.1145/2766462.2767733. Each tree has a bit for each of its leaves,
from left to right; a node whose test fails takes off those to its left; the lowest bit that is left then is the leaf
that the row comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .protocol_buffer import Message, NotReadableError, field, fields, listed, number

LEAVES = 16
"""Leaves of a tree, at most: bits of a mask."""

_OPERATOR = b"TreeEnsembleRegressor"
_GRAPH = 7  # field of a model
_NODE, _INPUT = 1, 11  # fields of a graph
_NODE_INPUT, _NODE_OUTPUT, _OP_TYPE, _ATTRIBUTE = 1, 2, 4, 5  # fields of a node
_NAME, _INTEGER, _TYPE = 1, 3, 20  # fields of an attribute; what is none of them is its list
_LEAF, _BRANCH = b"\x4a\x04LEAF", b"\x4a\x0aBRANCH_LEQ"  # modes of a node, as a list of strings has them
_ATTRIBUTES = {
    "n_targets", "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes",
    "nodes_truenodeids", "nodes_falsenodeids", "target_treeids", "target_nodeids", "target_ids", "target_weights",
}  # fmt: skip


class Trees(NamedTuple):
    """Trees as masks, see above.

    Attributes
    ----------
    first
        ``(n_columns + 1,)`` int64: nodes ``first[k]`` to ``first[k + 1]`` ask for column k, by rising threshold.
    threshold
        ``(n_nodes,)`` float32: a node's test is that the column is not above this.
    tree, mask
        ``(n_nodes,)`` int16 and uint16: tree of the node, and the leaves that stay where its test fails.
    leaves
        ``(n_trees, LEAVES)`` float32: what each leaf adds.
    target
        ``(n_trees,)`` int16: to which of the sums.
    """

    first: NDArray[np.int64]
    threshold: NDArray[np.float32]
    tree: NDArray[np.int16]
    mask: NDArray[np.uint16]
    leaves: NDArray[np.float32]
    target: NDArray[np.int16]

    @property
    def n_sums(self) -> int:
        """How many sums there are."""
        return int(self.target.max()) + 1

    def sums(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the sums of rows ``(n, n_columns)``, ``(n, n_sums)``, the plain way; `tree_sums` does it fast."""
        column = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        sums = np.zeros((len(x), self.n_sums), dtype=np.float32)
        for row, values in enumerate(x[:, column]):
            fails = ~(values <= self.threshold)
            left = np.full(len(self.leaves), 0xFFFF, dtype=np.uint16)
            np.bitwise_and.at(left, self.tree[fails], self.mask[fails])
            leaf = np.argmax(left[:, np.newaxis] >> np.arange(LEAVES) & 1, axis=1)
            added = self.leaves[np.arange(len(left)), leaf]
            for target in range(self.n_sums):  # one after the other, as the runtime adds
                sums[row, target] = np.cumsum(added[self.target == target], dtype=np.float32)[-1]
        return sums


class Taken(NamedTuple):
    """A graph without its trees.

    Attributes
    ----------
    model
        ONNX.
    name
        Its input that takes the sums of the trees, ``(n, n_sums)``.
    trees
        Those taken out.
    """

    model: bytes
    name: str
    trees: Trees


def take_out_trees(model: bytes, n_columns: int) -> Taken | None:
    """Take the trees out of an ONNX model whose input has `n_columns`; None where it has none, or is made otherwise."""
    if _OPERATOR not in model:
        return None
    try:
        return _taken_out(memoryview(model), n_columns)
    except (NotReadableError, ValueError, IndexError, KeyError, TypeError):
        return None


def _taken_out(model: Message, n_columns: int) -> Taken:
    around: list[Message] = []
    graph: list[Message] = []
    inputs: list[str] = []
    nodes: list[Message] = []
    for kind, whole, content in fields(model):
        if kind != _GRAPH:
            around.append(whole)
            continue
        for part, inside, value in fields(content):
            if part == _NODE and any(n == _OP_TYPE and v == _OPERATOR for n, _, v in fields(value)):
                nodes.append(value)
                continue
            if part == _INPUT:
                inputs += [str(v, "utf-8") for n, _, v in fields(value) if n == 1]
            graph.append(inside)
    (node,) = nodes
    sources = [str(value, "utf-8") for kind, _, value in fields(node) if kind == _NODE_INPUT]
    (name,) = (str(value, "utf-8") for kind, _, value in fields(node) if kind == _NODE_OUTPUT)
    attributes = dict(_attribute(value) for kind, _, value in fields(node) if kind == _ATTRIBUTE)
    if sources != inputs or set(attributes) != _ATTRIBUTES:
        raise NotReadableError
    trees = _as_masks(attributes, n_columns)
    if attributes["n_targets"] != trees.n_sums:
        raise NotReadableError
    shape = field(1, field(2, b"rows")) + field(1, b"\x08" + number(trees.n_sums))
    sums = field(1, name.encode()) + field(2, field(1, b"\x08\x01" + field(2, shape)))  # float32
    return Taken(b"".join([*around, field(_GRAPH, b"".join([*graph, field(_INPUT, sums)]))]), name, trees)


def _attribute(message: Message) -> tuple[str, Any]:
    """Give name and value of an attribute: a number, an array, or strings as they stand there."""
    name, at = "", 0
    value: Any = None
    for kind, whole, content in fields(message):
        if kind == _NAME:
            name = str(content, "utf-8")
        elif kind == _INTEGER:
            value = int.from_bytes(content, "little")  # below 128
        elif kind != _TYPE:  # all of the list at once, as it may be long
            end = len(message) - 3 if bytes(message[-3:-1]) == b"\xa0\x01" else len(message)
            return name, listed(bytes(message[at:end]))
        at += len(whole)
    return name, value


def _as_masks(attributes: Mapping[str, Any], n_columns: int) -> Trees:
    """Lay the trees out; nodes must be numbered as they are walked, the left branch first."""
    tree, node, column, values, yes, no = (
        attributes[f"nodes_{name}"]
        for name in ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids")
    )
    owner, leaf, weights, targets = (attributes[f"target_{name}"] for name in ("treeids", "nodeids", "weights", "ids"))
    begins = np.flatnonzero(np.diff(tree, prepend=-1))
    n_trees, n = len(begins), len(tree)
    begin = begins[tree]
    place = begins[owner] + leaf
    is_leaf = np.zeros(n, dtype=np.bool_)
    is_leaf[place] = True
    inner = ~is_leaf
    before = np.concatenate([[0], np.cumsum(is_leaf)])  # leaves before each node
    rank = before[:-1] - before[begin]
    leaves, target = np.zeros((n_trees, LEAVES), dtype=np.float32), np.zeros(n_trees, dtype=np.int16)
    leaves[owner, rank[place]] = weights
    target[owner] = targets
    fits = (
        np.array_equal(tree[begins], np.arange(n_trees)) and np.array_equal(node, np.arange(n) - begin),
        attributes["nodes_modes"] == b"".join(_LEAF if each else _BRANCH for each in is_leaf.tolist()),
        np.array_equal(yes[inner], node[inner] + 1) and (no[inner] > yes[inner]).all(),
        len(place) == is_leaf.sum() and np.array_equal(target[owner], targets),
        len(column) == len(values) == n and (column[inner] < n_columns).all() and n_trees <= np.iinfo(np.int16).max,
    )
    if not all(fits):
        raise NotReadableError
    low, high = rank[inner], before[(begin + no)[inner]] - before[begin[inner]]  # leaves of the left branch
    mask = np.invert((np.left_shift(1, high) - np.left_shift(1, low)).astype(np.uint16))
    order = np.lexsort((values[inner], column[inner]))
    first = np.searchsorted(column[inner][order], np.arange(n_columns + 1))
    return Trees(first, values[inner][order], tree[inner][order].astype(np.int16), mask[order], leaves, target)
