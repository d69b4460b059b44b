"""The sums of boosted trees, as the runtime makes them, to the last bit: see `models.onnx_trees`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import Floats32, Integers, compiled


@compiled
def tree_sums(
    x: Floats32,
    first: Integers,
    threshold: Floats32,
    tree: NDArray[np.int16],
    mask: NDArray[np.uint16],
    leaves: Floats32,
    target: NDArray[np.int16],
    sums: Floats32,
) -> None:
    """Write the sums of rows ``(n, n_columns)`` into the first rows of `sums`; the trees are those of `Trees`.

    Nodes are asked one column after the other, not tree by tree: so what comes next does not depend on the answer, and
    the processor need not guess it.
    """
    left = np.empty(len(leaves), np.uint16)
    for row in range(len(x)):
        for t in range(len(left)):
            left[t] = np.uint16(0xFFFF)
        for column in range(len(first) - 1):
            value = x[row, column]
            for k in range(first[column], first[column + 1]):
                if value <= threshold[k]:
                    break
                left[tree[k]] &= mask[k]
        for k in range(sums.shape[1]):
            sums[row, k] = np.float32(0.0)
        for t in range(len(left)):
            bits = int(left[t])
            leaf = 0  # the lowest bit that is left, by halves
            for half in (8, 4, 2, 1):
                if bits & ((1 << half) - 1) == 0:
                    bits >>= half
                    leaf += half
            sums[row, target[t]] += leaves[t, leaf]


def compile_tree_sums() -> None:
    """Run the loop on nothing."""
    trees = np.zeros(1, dtype=np.int16)
    rows = np.zeros((0, 1), dtype=np.float32)
    tree_sums(rows, np.zeros(2, dtype=np.int64), rows[:, 0], trees, trees.view(np.uint16), rows, trees, rows)
