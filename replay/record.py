"""A record: leads of one sampling rate, read a block at a time and cut into chunks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..stream.core.messages import Chunk, Samples
from .annotations import Annotations
from .lead_choice import find_lead
from .source import SomeLeads, Source

BLOCK_VALUES = 1 << 18
"""Samples of all leads together that are held at a time: 2 MB, about nine minutes of two leads at 250 Hz."""


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
        Whether it is one of the record's `leads`.
    left_out
        Why it is not, such as ``not a voltage``; empty if it is.
    """

    name: str
    units: str
    gain: float
    baseline: int
    adc_bits: int | None
    fs: float
    streamed: bool = True
    left_out: str = ""


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
    began
        Date and time of the first sample, or the part of it that the header has and that can be read; None if none.
    frame_hz
        Frames of its files a second, which annotation files count unless they state another resolution; None is `fs`.
    notes
        What a person should know of how it is read, a line each: signals left out, a file cut short.
    stretches
        Of a record whose leads come and go: end, in samples, and columns of `leads` that are there, of each stretch.
    absent
        First sample, end, and name of each segment that is not at hand.
    """

    name: str
    path: Path | None
    fs: float
    leads: tuple[str, ...]
    n_samples: int
    signals: tuple[Signal, ...]
    comments: tuple[str, ...]
    source: Source = field(repr=False)
    began: str | None = None
    frame_hz: float | None = None
    notes: tuple[str, ...] = ()
    stretches: tuple[tuple[int, tuple[int, ...]], ...] = field(default=(), repr=False)
    absent: tuple[tuple[int, int, str], ...] = field(default=(), repr=False)

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
            Part of the record, in seconds from its start; `end_s` None, or behind its end, is its end. `Chunk.start`
            stays counted from the start of the record, as annotations are.
        leads
            Leads by name or by index from 0, in the order wanted; None is all. Where leads come and go, a chunk has
            those that are there; where none of them is there, the ones before, as NaN.

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
        asked_s, end_s = end_s, self.seconds if end_s is None else min(end_s, self.seconds)
        if not 0 <= start_s < end_s or (asked_s is not None and math.isnan(asked_s)):
            raise RecordError(
                f"record {self.name} cannot be played from {start_s:g} to {end_s if asked_s is None else asked_s:g} s: "
                f"valid is 0 <= start < end <= {self.seconds:g}",
                about="part of the record",
            )
        first, last = round(start_s * self.fs), min(round(end_s * self.fs), self.n_samples)
        if first >= last:
            raise RecordError(
                f"record {self.name} has no sample from {start_s:g} to {end_s:g} s: ask for a longer part"
            )
        for begin, stop, name in self.absent:
            if begin < last and first < stop:
                raise RecordError(
                    f"record {self.name}: its segment {name}, {begin / self.fs:g} to {stop / self.fs:g} s, is not at "
                    "hand: fetch it, or play a part without it",
                    about="part of the record",
                )
        return first, last

    def lead_indices(self, leads: Sequence[str]) -> list[int]:
        """Find the columns of leads given by name, in any case, or by index from 0; a lead named twice counts once.

        Raises
        ------
        RecordError
            If none or one that is not there is named.
        """
        if not leads:
            raise RecordError(f"no lead of record {self.name} is named: valid are {', '.join(self.leads[:20])}")
        every = range(len(self.leads))
        return list(dict.fromkeys(find_lead(self.name, lead, self.leads, every) for lead in leads))

    def choose(self, leads: Sequence[str]) -> Record:
        """Leave only some leads, by name or index from 0, in the order given.

        Raises
        ------
        RecordError
            If none or one that is not there is named.
        """
        columns = self.lead_indices(leads)
        places = {column: k for k, column in enumerate(columns)}
        return replace(
            self,
            leads=tuple(self.leads[column] for column in columns),
            source=SomeLeads(self.source, tuple(columns)),
            stretches=tuple(
                (stop, tuple(sorted(places[column] for column in there if column in places)))
                for stop, there in self.stretches
            ),
        )

    def _cut(self, first: int, last: int, samples_per_chunk: float, columns: list[int]) -> Iterator[Chunk]:
        block_start = block_stop = start = first
        block = np.empty((0, len(columns)))
        stretches = iter(self._stretches_of(columns))
        stretch_stop, there = next(stretches)
        for k in itertools.count(1):
            # Every end is computed from the first sample, so that rounding cannot add up.
            stop = min(first + math.floor(k * samples_per_chunk), last)
            if stop > block_stop:
                block_start = start
                block_stop = min(last, max(stop, start + BLOCK_VALUES // len(self.leads)))
                block = self.source.read(block_start, block_stop)[:, columns]
            while start < stop:
                while stretch_stop <= start:
                    stretch_stop, there = next(stretches)
                end = min(stretch_stop, stop)
                part = block[start - block_start : end - block_start]
                if len(there) < len(columns):
                    part = part[:, there]
                yield Chunk(start, self.fs, tuple(self.leads[columns[k]] for k in there), part)
                start = end
            if stop == last:
                return

    def _stretches_of(self, columns: list[int]) -> list[tuple[int, list[int]]]:
        """Give end and leads, by their place in `columns`, of each stretch with the same ones, to the record's end.

        Where none of them is there, those of the stretch before go on, or at the start those of the one after.
        """
        every = list(range(len(columns)))
        out: list[tuple[int, list[int]]] = []
        for stop, there in self.stretches:
            present = set(there)
            some = [k for k, column in enumerate(columns) if column in present]
            if not some or (out and out[-1][1] == some):
                some = out.pop()[1] if out else some
            elif len(out) == 1 and not out[0][1]:
                out.clear()
            out.append((stop, some))
        if not out or not out[0][1]:
            out = [(self.n_samples, every)]
        return [*out[:-1], (self.n_samples, out[-1][1])]
