"""The contract of a stage: two verbs, a stated delay, and a state that can be taken out and put back.

The laws that every stage keeps are checked by `ecg_stream.testing`:

1. any way of cutting the stream into chunks gives the identical output;
2. no output depends on a sample later than its own index plus ``delay`` samples;
3. state and cost per sample do not grow with time;
4. inputs are not changed, and instances share nothing;
5. ``restore(snapshot())`` in another process goes on exactly where it stood.

The snapshot of a stage of ours has a `Schema`, so that a later version can take it up. A test holds the layouts
against their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import SchemaError, StreamError
from .messages import DecidedEvent, Signal

State: TypeAlias = dict[str, Any]
"""A snapshot: nested dicts and lists of NumPy arrays, numbers, strings, booleans and None; never a pickle."""

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Stage(Protocol[In, Out]):
    """One step of the pipeline.

    An array stage takes ``(n_samples, n_leads)`` and gives ``(m, n_leads)``: sample k that comes out
    is sample k that went in, and up to ``delay`` samples are held back until `flush`. A stage that gives detections,
    beats or events says of each at which sample it was decided; its delay counts from there, and is none.
    """

    @property
    def delay(self) -> int:
        """How many samples after its own index an output may depend on."""
        ...

    def push(self, x: In, /) -> Out:
        """Take the next chunk; give what it completes."""
        ...

    def flush(self) -> Out:
        """End the stream; give what was held back."""
        ...

    def snapshot(self) -> State:
        """Copy the state out."""
        ...

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        ...


@dataclass(frozen=True, slots=True)
class Schema:
    """Layout of the snapshot of a stage, and how earlier ones are brought to it.

    Attributes
    ----------
    number
        Rises when the layout changes; 1 is that of version 0.1, whose states carry no number.
    upgrades
        For each earlier number that can be taken up, what makes a state of the next number of it.
    """

    number: int
    upgrades: Mapping[int, Callable[[State], State]] = field(default_factory=dict)

    def label(self, state: State) -> State:
        """Give a snapshot with the number of its layout."""
        return {"schema": self.number, **state}

    def upgrade(self, state: State) -> State:
        """Bring a snapshot of this or an earlier version to this layout.

        Raises
        ------
        SchemaError
            If the layout is a later one, or one that no step leads on from.
        """
        found = int(state.get("schema", 1))
        for number in range(found, self.number):
            if number not in self.upgrades:
                raise SchemaError(f"its saved state has layout {found}, this version takes up {self.number}")
            state = self.upgrades[number](state)
        if found > self.number:
            raise SchemaError(f"its saved state has layout {found}, this version takes up none after {self.number}")
        return state


class SavedStage(Stage[In, Out], Protocol):
    """A stage whose snapshots outlive the version that took them."""

    @property
    def schema(self) -> Schema:
        """Layout of its snapshots."""
        ...


SideStage: TypeAlias = Stage[Signal, list[DecidedEvent]]
"""A stage beside the cascade: it hears the high-passed signal, and gives events, each with the sample at which it was
decided, both counted from the start of the stream."""

MakeSideStage: TypeAlias = Callable[[float, tuple[str, ...], int], SideStage | None]
"""Makes such a stage, for a sampling rate, the leads, and the index of the first sample; None: not for this stream."""


def own_samples(x: NDArray[np.float64], n_leads: int) -> NDArray[np.float64]:
    """Copy the samples that a stage was given, so that compiled loops may work in place.

    Parameters
    ----------
    x
        ``(n, n_leads)``, any layout, read-only or not.
    n_leads
        What the stage was made for.

    Raises
    ------
    StreamError
        If the shape is another one.
    """
    y = np.array(x, dtype=np.float64, order="C")
    if y.ndim != 2 or y.shape[1] != n_leads:
        raise StreamError(f"got samples of shape {y.shape}: this stage takes (n_samples, {n_leads})")
    return y


def restored(state: State, key: str, like: NDArray[Any]) -> NDArray[Any]:
    """Copy one array out of a snapshot, in the kind and shape that the stage holds.

    Parameters
    ----------
    state
        A snapshot.
    key
        Which of its arrays.
    like
        The array that the stage holds now.

    Raises
    ------
    StreamError
        If the snapshot has no such array, or one of another shape or with other fields: it was taken from a stage of
        another kind, version, sampling rate or number of leads.
    """
    if key not in state:
        raise StreamError(f"snapshot has no '{key}', only {sorted(state)}: restore it into the stage that it came from")
    array = np.asarray(state[key])
    if (array.dtype.names or like.dtype.names) and array.dtype != like.dtype:
        raise StreamError(
            f"snapshot has '{key}' with fields {array.dtype.names}, this stage holds {like.dtype.names}: "
            "restore it into the stage and version that it came from"
        )
    array = array.astype(like.dtype, order="C")  # a copy; of records, with the class that gives them attributes
    if array.shape != like.shape:
        raise StreamError(
            f"snapshot has '{key}' of shape {array.shape}, this stage holds {like.shape}: "
            "restore it into a stage of the same sampling rate and leads"
        )
    return array
