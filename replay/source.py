"""Where the samples and marks of a record come from: memory, or some leads of another source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..stream.core.messages import Samples
from .annotations import Annotations


class Source(Protocol):
    """Where the samples and marks of a record come from."""

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN where there is no measurement."""
        ...

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator; None if it left none."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class MemorySource:
    """Samples and reference marks in memory."""

    samples: Samples
    reference: Annotations | None

    def read(self, start: int, stop: int) -> Samples:
        """Give ``(stop - start, n_leads)`` in millivolts, not to be written to."""
        return self.samples[start:stop]

    def annotations(self, extension: str) -> Annotations | None:
        """Give the reference marks, as ``atr``; there are no others."""
        return self.reference if extension == "atr" else None


@dataclass(frozen=True, slots=True)
class SomeLeads:
    """Some leads of another source."""

    source: Source
    columns: tuple[int, ...]

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts."""
        return self.source.read(start, stop)[:, list(self.columns)]

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator."""
        return self.source.annotations(extension)
