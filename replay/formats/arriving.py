"""The recording that a live source makes: which of its channels are leads, in millivolts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import RecordError
from ...stream.core.messages import Chunk
from ...stream.sources.arriving import Arriving
from ..annotations import Annotations
from ..lead_choice import Choice, choose_leads
from .file_record import signal_of


@dataclass(frozen=True, slots=True, eq=False)
class ArrivingRecording:
    """Leads of a live source; see `recording.Recording`. It can be played once."""

    source: Arriving = field(repr=False)
    leads: tuple[str, ...]
    notes: tuple[str, ...]
    _choice: Choice = field(repr=False)

    @property
    def name(self) -> str:
        """What the source is called."""
        return self.source.name

    @property
    def fs(self) -> float:
        """Sampling rate, Hz."""
        return self.source.fs

    @property
    def n_samples(self) -> None:
        """Not known before it ends."""
        return

    def annotations(self, extension: str = "atr") -> Annotations | None:  # noqa: ARG002  the protocol
        """Give none."""
        return None

    def chunks(self, chunk_ms: float, start_s: float = 0.0, end_s: float | None = None) -> Iterator[Chunk]:  # noqa: ARG002
        """Give what comes, when it comes.

        Raises
        ------
        RecordError
            If a later part is asked for.
        """
        if start_s > 0:
            raise RecordError(f"{self.name} is played as it comes, from now on", about="part of the record")
        return self._chunks(math.inf if end_s is None else round(end_s * self.fs))

    def _chunks(self, end: float) -> Iterator[Chunk]:
        columns, factors = list(self._choice.played), np.array(self._choice.factors)
        blocks = self.source.blocks()
        try:
            for block in blocks:
                n = int(min(len(block.values), end - block.start))
                if n > 0:
                    yield Chunk(block.start, self.fs, self.leads, block.values[:n, columns] * factors)
                if block.start + len(block.values) >= end:
                    return
        finally:
            blocks.close()  # which lets go of the device


def open_arriving(source: Arriving, leads: Sequence[str] | None = None, unit: str | None = None) -> ArrivingRecording:
    """Choose the leads of a live source, as those of a record are: by name, see `lead_choice.choose_leads`.

    Channels without a unit are millivolts unless `unit` says otherwise.

    Raises
    ------
    RecordError
        If none is a lead, or one that was asked for is not there.
    """
    signals = [signal_of(channel.name, channel.unit or "mV") for channel in source.channels]
    choice = choose_leads(source.name, signals, source.fs, leads, unit)
    return ArrivingRecording(
        source=source,
        leads=tuple(choice.names[i] for i in choice.played),
        notes=choice.notes,
        _choice=choice,
    )
