"""The contract suite itself: a stage that keeps the laws passes, and each way of breaking one is caught."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from ecg_stream.testing import LAWS, Subject, check_stage
from ecg_stream.testing.values import packed, unpacked


class Delayed:
    """A lawful stage: the sum of the last three samples, two samples late."""

    delay = 2

    def __init__(self) -> None:
        self.last = np.zeros((2, 1))
        self.seen = 0

    def push(self, x: np.ndarray) -> np.ndarray:
        both = np.concatenate([self.last, x])
        y = both[:-2] + both[1:-1] + both[2:]
        self.last = both[-2:].copy()
        y = y[max(0, 2 - self.seen) :]
        self.seen += len(x)
        return y

    def flush(self) -> np.ndarray:
        return self.push(np.zeros((2, 1)))

    def snapshot(self) -> dict[str, Any]:
        return {"last": self.last.copy(), "seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        self.last, self.seen = state["last"].copy(), state["seen"]


class CentredByChunk(Delayed):
    def push(self, x: np.ndarray) -> np.ndarray:
        return super().push(x - x.mean() if len(x) else x)


class HoldsTooLong(Delayed):
    delay = 1


class Grows(Delayed):
    def __init__(self) -> None:
        super().__init__()
        self.all = np.zeros((0, 1))

    def push(self, x: np.ndarray) -> np.ndarray:
        self.all = np.concatenate([self.all, x])
        return super().push(x)

    def snapshot(self) -> dict[str, Any]:
        return super().snapshot() | {"all": self.all.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.all = state["all"].copy()


class WritesIntoItsInput(Delayed):
    def push(self, x: np.ndarray) -> np.ndarray:
        y = super().push(x)
        if x.flags.writeable:
            x[...] = 0
        return y


class KeepsItsInput(Delayed):
    def push(self, x: np.ndarray) -> np.ndarray:
        y = super().push(x)
        if len(x) >= 2:
            self.last = x[-2:]
        return y


class Shares(Delayed):
    shared = np.zeros((2, 1))

    def push(self, x: np.ndarray) -> np.ndarray:
        if self.seen:
            self.last = Shares.shared
        y = super().push(x)
        Shares.shared = self.last
        return y


class ForgetsToCopy(Delayed):
    def push(self, x: np.ndarray) -> np.ndarray:
        y = super().push(x)
        if len(x):
            self.kept = getattr(self, "kept", np.zeros((2, 1)))
            self.kept[:] = self.last
            self.last = self.kept
        return y

    def snapshot(self) -> dict[str, Any]:
        return {"last": self.last, "seen": self.seen}


class ForgetsPart(Delayed):
    def snapshot(self) -> dict[str, Any]:
        return {"last": np.zeros((2, 1)), "seen": self.seen}


class LosesItsTail(Delayed):
    def flush(self) -> np.ndarray:
        return np.zeros((0, 1))


def signal() -> np.ndarray:
    return np.random.default_rng(6).normal(size=(1500, 1))


def test_a_lawful_stage_passes():
    check_stage(Delayed, signal())


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (CentredByChunk, "chunks_do_not_matter"),
        (CentredByChunk, "delay_is_as_stated"),
        (HoldsTooLong, "delay_is_as_stated"),
        (Grows, "state_is_bounded"),
        (WritesIntoItsInput, "inputs_and_outputs_belong_to_the_caller"),
        (KeepsItsInput, "inputs_and_outputs_belong_to_the_caller"),
        (Shares, "instances_share_nothing"),
        (ForgetsToCopy, "snapshot_goes_on"),
        (ForgetsPart, "snapshot_goes_on"),
        (ForgetsPart, "snapshot_crosses_processes"),
        (LosesItsTail, "flush_completes"),
    ],
)
def test_a_broken_stage_is_caught(broken, law):
    (check,) = [check for check in LAWS if check.__name__ == law]
    with pytest.raises(AssertionError, match=r"\w+ \w+ \w+"):
        check(Subject(broken, (signal(),)))


class CutAtSeven(Delayed):
    """Unlawful only where a chunk ends at sample 811."""

    def push(self, x: np.ndarray) -> np.ndarray:
        y = super().push(x)
        return y + 1.0 if self.seen == 811 and len(x) > 1 else y


def test_the_cuts_that_break_a_stage_are_told_and_no_others():
    class Cuts(Subject):
        def random_cuts(self):
            return [[5, 400, 811, 1200]]

    with pytest.raises(AssertionError, match=r"^cut at \[811\], the output is another than from one chunk$"):
        LAWS[0](Cuts(CutAtSeven, (signal(),)))


def test_what_another_process_cannot_find_is_told():
    def make() -> Delayed:
        return Delayed()

    with pytest.raises(AssertionError, match=r"another process cannot find .*: give a function or class that stands"):
        check_stage(make, signal())
    with pytest.raises(AssertionError, match="another process cannot find"):
        check_stage(lambda: Delayed(), signal())


def test_the_laws_need_no_test_framework_and_nothing_else_of_the_package():
    code = "import sys, ecg_stream.testing; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pytest", "hypothesis", "numba", "ecg_stream.stream.core"} & set(loaded)


def test_snapshots_travel_as_bytes_and_hold_plain_values_only():
    state = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": {"c": [1, 2.5, None, "x", True]},
        "d": np.zeros((0, 4), dtype=bool),
    }
    again = unpacked(packed(state))
    np.testing.assert_array_equal(again["a"], state["a"])
    assert again["b"] == state["b"]
    assert again["d"].shape == (0, 4)
    with pytest.raises(TypeError, match=r"not <class 'numpy\.float64'>"):
        packed({"a": np.float64(1.0)})
    with pytest.raises(TypeError, match="not <class"):
        packed({"a": object()})
