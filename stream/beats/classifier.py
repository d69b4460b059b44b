"""The beat classifier: a model bundle, run by ONNX Runtime, one call for all beats of a chunk."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...errors import BundleError, StreamError
from ...models.bundle import Card, load_bundle
from ...models.inference import checked, inference_session
from ...models.onnx_trees import take_out_trees
from ..core.messages import CLASSES
from .features import NAMES, PREPROCESSING, columns
from .tree_sums import tree_sums

BLOCK = 16
"""Rows are filled up to a multiple of this: vector instructions round the odd rows at the end of a batch otherwise
than the rest, and a beat's probabilities must not depend on which others came in its chunk."""


class Classifier(Protocol):
    """What gives the classes of beats. `BeatClassifier` is one; `PlainClassifier` makes one of a function."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def identity(self) -> bytes:
        """What tells it from others that would say something else; it goes into the fingerprint of snapshots."""
        ...

    @property
    def kind_memory(self) -> float:
        """How much the past of a kind of beats counts, see `KindMemory`; 0: not at all."""
        ...

    def __call__(self, features: NDArray[np.float32], /) -> NDArray[np.float64]:
        """Give the probabilities of ``(n, len(features.NAMES))`` rows, ``(n, 5)``, each row adding up to one."""
        ...


class PlainClassifier:
    """A classifier made of a function on features; no kind of beats is remembered.

    Parameters
    ----------
    function
        Takes ``(n, len(features.NAMES))`` float32, gives ``(n, 5)`` probabilities by `CLASSES`. A row's probabilities
        must not depend on which other rows there are.
    name
        Tells it from others, in snapshots.
    """

    kind_memory = 0.0

    def __init__(self, function: Callable[[NDArray[np.float32]], Any], name: str = "") -> None:
        self._function = function
        self.name = name or f"{function.__module__}.{getattr(function, '__qualname__', function)}"
        self.identity = self.name.encode()

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Ask the function.

        Raises
        ------
        StreamError
            If what it gives is not of shape ``(n, 5)``, or not probabilities.
        """
        given = np.asarray(self._function(features), dtype=np.float64)
        if given.shape != (len(features), len(CLASSES)):
            raise StreamError(f"the classifier gave shape {given.shape}: valid is ({len(features)}, {len(CLASSES)})")
        if not ((given >= 0.0).all() and np.allclose(given.sum(axis=1), 1.0, atol=1e-3)):
            raise StreamError("the classifier gave what are no probabilities: each row has to add up to one")
        return given


class BeatClassifier:
    """Probabilities of beats from their feature rows; a beat's label is its most probable class.

    Stateless: one instance may serve any number of streams.

    Parameters
    ----------
    name_or_path
        Shipped name or folder of a beat bundle.

    Raises
    ------
    BundleError
        If the bundle is missing, corrupt, for another task, asks for features that this version has not, has
        multipliers that are not above 0, or gives what are no probabilities.
    """

    def __init__(self, name_or_path: str | os.PathLike[str]) -> None:
        bundle = load_bundle(name_or_path, "beat", PREPROCESSING)
        self.card: Card = bundle.card
        self.name = self.card.name
        self.identity = msgspec.json.encode(self.card)
        self.kind_memory = self.card.kind_memory
        if tuple(self.card.classes) != CLASSES:
            raise BundleError(f"bundle {bundle.folder} has classes {self.card.classes}, not {CLASSES}: train it again")
        self._columns = columns(self.card.features)
        self._taken = take_out_trees(bundle.content(), len(self._columns))
        if self._taken is None:
            self._session = inference_session(bundle, BLOCK)
        else:
            model, name, trees = self._taken
            self._session = inference_session(bundle, BLOCK, model, {name: trees.sums})
        inputs = [each for each in self._session.get_inputs() if self._taken is None or each.name != self._taken.name]
        self._input = inputs[0].name
        self._shape = tuple(-1 if not isinstance(size, int) else size for size in inputs[0].shape)
        if len(inputs) != 1 or int(np.prod(self._shape[1:])) != len(self._columns):
            raise BundleError(
                f"bundle {bundle.folder}: the network takes {self._shape[1:]}, "
                f"the card names {len(self._columns)} features"
            )
        self._multipliers = np.array([self.card.thresholds.get(name, 1.0) for name in CLASSES])
        if not (self._multipliers > 0.0).all():
            raise BundleError(
                f"bundle {bundle.folder} has multipliers {self.card.thresholds}: valid are numbers above 0"
            )

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the probabilities of ``(n, len(features.NAMES))`` rows, ``(n, 5)``, each row adding up to one.

        The network's, times the multipliers in the card: the operating point is in the probabilities, so that the
        label of a beat is always its most probable class.

        Raises
        ------
        BundleError
            If what the network gives is none.
        """
        n = len(features)
        if n == 0:
            return np.empty((0, len(CLASSES)))
        if features.shape[1] != len(NAMES):
            raise ValueError(f"got {features.shape[1]} features, expected {len(NAMES)}")
        x = np.zeros((-(-n // BLOCK) * BLOCK, len(self._columns)), dtype=np.float32)
        x[:n] = features[:, self._columns]
        given = {self._input: x.reshape(-1, *self._shape[1:])}
        if self._taken is not None:
            given[self._taken.name] = sums = np.zeros((len(x), self._taken.trees.n_sums), dtype=np.float32)
            tree_sums(x[:n], *self._taken.trees, sums)
        (output,) = self._session.run(None, given)
        weighed = checked(output, len(x), len(CLASSES), self.name)[:n] * self._multipliers
        return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))
