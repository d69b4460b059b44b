"""What a command plays, whether it is a record at hand or comes while it is played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..stream.core.messages import Chunk
from .annotations import Annotations

AT_ONCE = 60_000
"""Samples of all leads that are taken at once at full speed: calls then cost little, and memory is little."""


def full_speed_chunk_ms(fs: float, n_leads: int) -> float:
    """Give the length of chunks at full speed, from 10 s to a minute; any gives the same beats.

    A minute of two leads at 250 Hz costs two thirds of six chunks of ten seconds: each stage finds its own code and
    tables in the processor's cache for longer.
    """
    return min(max(1000.0 * AT_ONCE / (fs * n_leads), 10_000.0), 60_000.0)


class Recording(Protocol):
    """Leads of one sampling rate. A `Record` is one whose length is known and that can be read anywhere, by `signal`.

    Attributes
    ----------
    name
        Name of the record.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead; no two are the same.
    n_samples
        Samples on each lead; None where that is not known before it ends.
    notes
        What a person should know of how it is read, a line each.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  told above
    @property
    def fs(self) -> float: ...  # noqa: D102
    @property
    def leads(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def n_samples(self) -> int | None: ...  # noqa: D102
    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102

    def chunks(self, chunk_ms: float, start_s: float = 0.0, end_s: float | None = None) -> Iterator[Chunk]:
        """Cut it into chunks; one that comes gives them as they come, whatever `chunk_ms` is."""
        ...

    def annotations(self, extension: str = "atr") -> Annotations | None:
        """Give the marks of one annotator; None if it left none."""
        ...
