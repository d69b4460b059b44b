"""Trees as arrays: they add up as they were grown, and a bundle that is none is refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ecg_stream.errors import BundleError
from ecg_stream.models.bundle import SHIPPED, read_card, write_card
from ecg_stream.stream.rhythm import fibrillation, fibrillation_waves
from ecg_stream.stream.rhythm.forest import Forest, load_forest


def test_each_row_comes_to_one_leaf_of_each_tree():
    forest = Forest(
        feature=np.array([0, -1, 1, -1, -1, -1]),
        value=np.array([0.5, -1.0, 2.0, 10.0, 20.0, 0.25]),
        left=np.array([1, 0, 3, 0, 0, 0]),
        right=np.array([2, 0, 4, 0, 0, 0]),
        roots=np.array([0, 5]),
    )
    rows = {(0.5, 9.0): -0.75, (0.6, 2.0): 10.25, (0.6, 2.1): 20.25}
    assert forest.odds(np.array(list(rows), dtype=np.float32)).tolist() == list(rows.values())
    assert 20.25 <= forest.highest() < 20.26


def copy_of_the_shipped(tmp_path, **changes):
    folder = tmp_path / "copy"
    shutil.copytree(SHIPPED / fibrillation.MODEL, folder)
    with np.load(folder / "weights.npz") as arrays:
        content = dict(arrays) | changes
    np.savez(folder / "weights.npz", **content)
    write_card(folder, read_card(folder))
    return folder


def load(folder):
    return load_forest(folder, fibrillation.PREPROCESSING, fibrillation_waves.NAMES)


def test_a_folder_is_taken_as_a_name_is(tmp_path):
    assert len(load(copy_of_the_shipped(tmp_path)).forest.roots) == len(load(fibrillation.MODEL).forest.roots)


@pytest.mark.parametrize(
    "changes",
    [
        {"roots": np.array([99_999])},
        {"left": np.zeros(3, dtype=np.int16)},
        {"value": np.full(10, np.nan)},
        {"feature": np.array([77]), "value": np.zeros(1), "left": np.zeros(1), "right": np.zeros(1)},
        {"roots": np.zeros((2, 2), dtype=np.int16)},
    ],
)
def test_arrays_that_are_no_trees_are_refused(tmp_path, changes):
    with pytest.raises(BundleError, match="holds no trees of 33 columns"):
        load(copy_of_the_shipped(tmp_path, **changes))


def test_a_tree_that_never_ends_is_refused(tmp_path):
    with np.load(SHIPPED / fibrillation.MODEL / "weights.npz") as arrays:
        left = arrays["left"].copy()
    left[0] = 0
    with pytest.raises(BundleError, match="holds no trees"):
        load(copy_of_the_shipped(tmp_path, left=left))


def test_a_bundle_for_other_columns_is_refused():
    with pytest.raises(BundleError, match="takes other columns"):
        load_forest(fibrillation.MODEL, fibrillation.PREPROCESSING, ("one",))
    with pytest.raises(BundleError, match="train rhythm"):
        load_forest(fibrillation.MODEL, "another/1", ("one",))
