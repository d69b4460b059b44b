"""The memory of kinds: the laws, and that what a kind was taken for weighs on its next beats and on no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecg_stream.stream.beats.kind_memory import KindMemory
from ecg_stream.stream.beats.state import JOINED
from ecg_stream.stream.core.messages import CLASSES
from ecg_stream.testing import LAWS, Subject

N, S, V, F, Q = np.eye(len(CLASSES))
ONE, OTHER = 3, 7


def joined(kind: np.ndarray, merged: np.ndarray, is_new: np.ndarray) -> np.ndarray:
    rows = np.empty(len(kind), dtype=JOINED)
    rows["kind"], rows["merged"], rows["is_new"] = kind, merged, is_new
    return rows


class Stage:
    """The memory as a stage of arrays."""

    delay = 0

    def __init__(self) -> None:
        self.memory = KindMemory(0.6)

    def push(self, kinds: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        # One law puts any numbers in place of the stream's future; kinds are numbers of those there are.
        kind, merged, is_new = np.clip(kinds, [0, -1, 0], [11, 11, 1]).T
        return self.memory(joined(kind, merged, is_new), np.clip(probabilities, 0.0, 1.0) + 1e-9)

    def flush(self) -> np.ndarray:
        return np.empty((0, len(CLASSES)))

    def snapshot(self) -> dict[str, Any]:
        return self.memory.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        self.memory.restore(state)


def beats(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Kinds that come, grow, merge and are begun anew, and probabilities."""
    rng = np.random.default_rng(seed)
    kinds = np.stack([rng.integers(12, size=n), np.full(n, -1), rng.random(n) < 0.05], axis=1).astype(np.int64)
    kinds[:12] = np.stack([np.arange(12), np.full(12, -1), np.ones(12)], axis=1)
    merging = np.flatnonzero(rng.random(n) < 0.05)
    kinds[merging, 1] = (kinds[merging, 0] + rng.integers(1, 12, len(merging))) % 12
    return kinds, rng.dirichlet(np.full(len(CLASSES), 0.3), size=n)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(Stage, beats(400)))


def of_kind(kind: int, n: int, new: bool = False) -> np.ndarray:
    return joined(np.full(n, kind), np.full(n, -1), np.arange(n) < new)


def mostly(class_: np.ndarray, n: int = 1) -> np.ndarray:
    return np.tile(0.9 * class_ + 0.02, (n, 1))


UNSURE = np.array([[0.45, 0.02, 0.5, 0.01, 0.02]])


def test_an_unsure_beat_goes_with_its_kind_and_not_with_another():
    memory = KindMemory(0.6)
    memory(of_kind(ONE, 30, new=True), mostly(V, 30))
    memory(of_kind(OTHER, 30, new=True), mostly(N, 30))
    as_one = memory(of_kind(ONE, 1), UNSURE)[0]
    as_other = memory(of_kind(OTHER, 1), UNSURE)[0]
    assert as_one[2] > 0.7
    assert as_other[0] > 0.7
    np.testing.assert_allclose(memory(of_kind(1, 1, new=True), UNSURE), UNSURE)


def test_early_and_late_beats_of_a_kind_are_left_to_the_network():
    memory = KindMemory(0.6)
    memory(of_kind(ONE, 100, new=True), mostly(N, 100))
    early = memory(of_kind(ONE, 1), mostly(S))[0]
    assert early[1] / early[0] == pytest.approx(0.92 / 0.02)


def test_a_kind_begun_anew_has_no_past():
    memory = KindMemory(0.6)
    memory(of_kind(ONE, 30, new=True), mostly(V, 30))
    np.testing.assert_allclose(memory(of_kind(ONE, 1, new=True), UNSURE), UNSURE)


def test_kinds_that_become_one_share_their_past():
    merging, known = KindMemory(0.6), KindMemory(0.6)
    merging(of_kind(ONE, 20, new=True), mostly(V, 20))
    merging(of_kind(OTHER, 20, new=True), mostly(V, 20))
    last = of_kind(ONE, 1)
    last["merged"] = OTHER
    merging(last, mostly(V))
    known(of_kind(ONE, 41, new=True), mostly(V, 41))
    np.testing.assert_allclose(merging(of_kind(ONE, 1), UNSURE), known(of_kind(ONE, 1), UNSURE))
    np.testing.assert_allclose(merging(of_kind(OTHER, 1), UNSURE), UNSURE)


def test_one_beat_has_little_say():
    memory = KindMemory(0.6)
    memory(of_kind(ONE, 1, new=True), mostly(V))
    after_one = memory(of_kind(ONE, 1), UNSURE)[0, 2]
    assert UNSURE[0, 2] < after_one < 0.6


def test_without_a_share_nothing_is_weighed():
    kinds, probabilities = beats(100)
    np.testing.assert_array_equal(KindMemory(0.0)(joined(*kinds.T), probabilities), probabilities)


@given(
    arrays.arrays(np.float64, (40, 5), elements=st.floats(0.0, 1.0)).filter(lambda p: (p.sum(axis=1) > 0).all()),
    st.floats(0.0, 0.95),
)
def test_rows_add_up_to_one_whatever_comes(raw, share):
    kinds, _ = beats(40, 1)
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    weighed = KindMemory(share)(joined(*kinds.T), probabilities)
    assert (weighed >= 0.0).all()
    np.testing.assert_allclose(weighed.sum(axis=1), 1.0, atol=1e-9)
