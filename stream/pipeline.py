"""The pipeline: chunks in, classified beats and events out."""

from __future__ import annotations

from .messages import Chunk, Output
from .stage import State


class Pipeline:
    """All stages of one patient's stream.

    Sampling rate and leads are taken from the first chunk. `Chunk.start` decides about order: samples seen
    before are dropped (``overlap``), missing ones are a ``gap``; a changed rate or leads flush what was
    held back and start afresh.
    """

    def __init__(self, model: str = "dense") -> None:
        raise NotImplementedError

    def push(self, chunk: Chunk) -> list[Output]:
        """Take the next chunk; give beats and events in the order in which they were decided."""
        raise NotImplementedError

    def flush(self) -> list[Output]:
        """End the stream; give what was held back."""
        raise NotImplementedError

    def snapshot(self) -> State:
        """Copy the state out."""
        raise NotImplementedError

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        raise NotImplementedError
