"""The contract of a stage: two verbs, a stated delay, and a state that can be taken out and put back.

The laws that every stage keeps are checked by one suite, ``tests/checks.py``:

1. any way of cutting the stream into chunks gives the identical output;
2. no output depends on a sample later than its own index plus ``delay`` samples;
3. state and cost per sample do not grow with time;
4. inputs are not changed, and instances share nothing;
5. ``restore(snapshot())`` in another process goes on exactly where it stood.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypeVar

State: TypeAlias = dict[str, Any]
"""A snapshot: nested dicts and lists of NumPy arrays, numbers, strings, booleans and None; never a pickle."""

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Stage(Protocol[In, Out]):
    """One step of the pipeline.

    An array stage takes ``(n_samples, n_leads)`` and gives ``(m, n_leads)``: sample k that comes out
    is sample k that went in, and up to ``delay`` samples are held back until `flush`.
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
