"""A record: leads of one sampling rate, read a block at a time and cut into chunks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import RecordError
from ..stream.core.messages import Chunk, Samples
from .annotations import Annotations

BLOCK_VALUES = 1 << 18
"""Samples of all leads together that are held at a time: 2 MB, about nine minutes of two leads at 250 Hz."""


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
class Signal:
    """What the header says of one signal.

    Attributes
    ----------
    name
        Name of the lead.
    units
        Physical unit, as the header has it.
    gain
        ADC units per physical unit.
    baseline
        ADC value of 0 physical units.
    adc_bits
        ADC resolution in bits; None if the header does not say.
    fs
        Sampling rate, Hz.
    streamed
        Whether it is one of the record's `leads`; a signal that is no voltage is not.
    """

    name: str
    units: str
    gain: float
    baseline: int
    adc_bits: int | None
    fs: float
    streamed: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """An ECG record at hand.

    Attributes
    ----------
    name
        Name of the record, such as ``e0103``.
    path
        Path of its files without extension; None if it is not on disk.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead; no two are the same.
    n_samples
        Samples on each lead.
    signals
        What the header says of each signal, streamed or not.
    comments
        Comment lines of the header.
    source
        Where samples and marks come from.
    """

    name: str
    path: Path | None
    fs: float
    leads: tuple[str, ...]
    n_samples: int
    signals: tuple[Signal, ...]
    comments: tuple[str, ...]
    source: Source = field(repr=False)

    @property
    def seconds(self) -> float:
        """Length of the record in seconds."""
        return self.n_samples / self.fs

    def annotations(self, extension: str = "atr") -> Annotations | None:
        """Give the marks of one annotator, such as the reference ``atr``; None if it left none.

        Raises
        ------
        RecordError
            If they are there and cannot be read, or do not belong to this record.
        """
        return self.source.annotations(extension)

    def signal(self, start: int = 0, stop: int | None = None) -> Samples:
        """Read samples `start` to `stop` of all leads: ``(n, n_leads)`` in millivolts, NaN where nothing was measured.

        Raises
        ------
        RecordError
            If the range is not in the record, or its files cannot be read.
        """
        stop = self.n_samples if stop is None else stop
        if not 0 <= start <= stop <= self.n_samples:
            raise RecordError(f"record {self.name} has no samples {start} to {stop}: valid are 0 to {self.n_samples}")
        return self.source.read(start, stop)

    def chunks(
        self, chunk_ms: float, start_s: float = 0.0, end_s: float | None = None, leads: Sequence[str] | None = None
    ) -> Iterator[Chunk]:
        """Cut the record into chunks, reading a block at a time.

        Parameters
        ----------
        chunk_ms
            Length of a chunk. Where it is no whole number of samples, lengths alternate so that chunk k still ends
            at ``k * chunk_ms``; where it is less than one sample, a chunk is one sample.
        start_s, end_s
            Part of the record, in seconds from its start; `end_s` None is its end. `Chunk.start` stays counted
            from the start of the record, as annotations are.
        leads
            Leads by name or by index from 0, in the order wanted; None is all.

        Raises
        ------
        RecordError
            If there is nothing in the range, a lead is not there, or the files cannot be read. What can be told
            beforehand is raised by this call, not by the first chunk.
        """
        if not (math.isfinite(chunk_ms) and chunk_ms > 0):
            raise RecordError(f"a chunk of {chunk_ms:g} ms cannot be cut: valid is a number above 0", about="chunk")
        first, last = self.sample_range(start_s, end_s)
        columns = list(range(len(self.leads))) if leads is None else self.lead_indices(leads)
        return self._cut(first, last, min(max(chunk_ms * self.fs / 1000, 1.0), float(self.n_samples)), columns)

    def sample_range(self, start_s: float = 0.0, end_s: float | None = None) -> tuple[int, int]:
        """Give the first sample and the end of a part of the record given in seconds.

        Raises
        ------
        RecordError
            If the part is empty or not in the record.
        """
        end_s = self.seconds if end_s is None else end_s
        if not 0 <= start_s < end_s:  # false for NaN too
            raise RecordError(
                f"record {self.name} cannot be played from {start_s:g} to {end_s:g} s: "
                f"valid is 0 <= start < end <= {self.seconds:g}",
                about="part of the record",
            )
        if end_s > self.seconds + 0.5 / self.fs:
            raise RecordError(
                f"record {self.name} ends at {self.seconds:g} s, before the end asked for, {end_s:g} s: "
                f"valid is 0 <= start < end <= {self.seconds:g}",
                about="part of the record",
            )
        first, last = round(start_s * self.fs), min(round(end_s * self.fs), self.n_samples)
        if first >= last:
            raise RecordError(
                f"record {self.name} has no sample from {start_s:g} to {end_s:g} s: ask for a longer part"
            )
        return first, last

    def lead_indices(self, leads: Sequence[str]) -> list[int]:
        """Find the columns of leads given by name, in any case, or by index from 0; a lead named twice counts once.

        Raises
        ------
        RecordError
            If none or one that is not there is named.
        """
        found = [self._lead_index(lead) for lead in leads]
        if not found:
            raise RecordError(f"no lead of record {self.name} is named: valid are {self._valid_leads()}")
        return list(dict.fromkeys(found))

    def _lead_index(self, lead: str) -> int:
        if lead in self.leads:
            return self.leads.index(lead)
        folded = [name.casefold() for name in self.leads]
        if folded.count(lead.casefold()) == 1:
            return folded.index(lead.casefold())
        if lead.isdecimal() and int(lead) < len(self.leads):
            return int(lead)
        raise RecordError(f"record {self.name} has no lead '{lead}': valid are {self._valid_leads()}")

    def _valid_leads(self) -> str:
        last = len(self.leads) - 1
        return f"{', '.join(self.leads)}, or {f'0 to {last}' if last else '0'}"

    def _cut(self, first: int, last: int, samples_per_chunk: float, columns: list[int]) -> Iterator[Chunk]:
        leads = tuple(self.leads[column] for column in columns)
        block_start = block_stop = start = first
        block = np.empty((0, len(columns)))
        for k in itertools.count(1):
            # Every end is computed from the first sample, so that rounding cannot add up.
            stop = min(first + math.floor(k * samples_per_chunk), last)
            if stop > block_stop:
                block_start = start
                block_stop = min(last, max(stop, start + BLOCK_VALUES // len(self.leads)))
                block = self.source.read(block_start, block_stop)[:, columns]
            yield Chunk(start, self.fs, leads, block[start - block_start : stop - block_start])
            if stop == last:
                return
            start = stop
