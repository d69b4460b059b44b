"""A recording in memory, and the records by name that it is read from."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import RecordError, RequestError
from ..replay.annotations import Annotations
from ..replay.catalog import find_record
from ..replay.record import Record, Signal
from ..replay.source import MemorySource
from ..stream.core.intake import as_leads, as_rate, as_samples
from ..stream.core.messages import Samples
from ..stream.intake import default_leads
from .advice import naming_parameters, warn_of


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Leads of one sampling rate, in memory, with the reference annotations where there are any.

    Attributes
    ----------
    name
        Name of the record.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    samples
        ``(n_samples, n_leads)`` in millivolts; NaN where nothing was measured.
    reference
        Its reference annotations; their samples are rows of `samples`. None where there are none.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    samples: Samples
    reference: Annotations | None = None

    @property
    def seconds(self) -> float:
        """Length of `samples` in seconds."""
        return len(self.samples) / self.fs

    def __repr__(self) -> str:
        marks = "no reference" if self.reference is None else f"{len(self.reference.beats())} reference beats"
        leads = f"{len(self.leads)} lead{'' if len(self.leads) == 1 else 's'} ({', '.join(self.leads)})"
        return f"<Recording {self.name}: {leads}, {self.seconds:g} s at {self.fs:g} Hz, {marks}>"


@naming_parameters()
def read_record(
    name: str | os.PathLike[str],
    *,
    leads: str | Sequence[str] | None = None,
    start: float = 0.0,
    end: float | None = None,
    annotator: str = "atr",
    fs: float | None = None,
    unit: str | None = None,
    columns: str | Sequence[str] | None = None,
) -> Recording:
    """Read a record into memory. A part of it is a recording of its own: samples and marks count from its start.

    Parameters
    ----------
    name
        ``demo``, ``demo-rhythms``, a path, ``db/name``, or a bare name (``e0103``), which is looked up in the data
        folder and else fetched from PhysioNet into it. Or a file of another format (``.csv .txt .tsv .npy .npz .mat .h5
        .hdf5 .parquet .edf .bdf .dcm``).
    leads
        Leads by name or by index from 0 (``"0"``), in the order wanted; None is all.
    start, end
        Part of the record, in seconds from its start; `end` None is its end.
    annotator
        Extension of the reference annotations.
    fs, unit
        Sampling rate (Hz) of a file that does not say it, and what its values are in: V, mV, uV, nV, or ``200/mV``.
    columns
        Columns of such a file to read as leads, by name or by number from 1 (``"2"``). None takes those that are ECG
        leads by their names, or whose names tell nothing.

    Raises
    ------
    RecordError
        If there is no such record, lead or part, or it cannot be read.
    DownloadError
        If it must be fetched and cannot be.
    MissingExtraError
        If a file needs a library that is not installed.
    """
    wanted = None if columns is None else as_leads(columns)
    record = open_record(name, None if leads is None else as_leads(leads), fs, unit, wanted)
    warn_of(record)
    first, stop = record.sample_range(start, end)
    reference = record.annotations(annotator)
    return Recording(
        name=record.name,
        fs=record.fs,
        leads=record.leads,
        samples=np.array(record.signal(first, stop)),
        reference=None if reference is None else reference.between(first, stop),
    )


def open_record(
    name: str | os.PathLike[str],
    leads: Sequence[str] | None = None,
    fs: float | None = None,
    unit: str | None = None,
    columns: Sequence[str] | None = None,
) -> Record:
    """Find a record by name or path, with its ECG leads or those named.

    Raises
    ------
    RecordError, DownloadError
        As `replay.catalog.find_record` does.
    """
    return find_record(os.fspath(name), leads=leads, fs=fs, unit=unit, columns=columns)


def as_record(
    source: str | os.PathLike[str] | Recording | Record | ArrayLike,
    fs: float | None,
    leads: str | Sequence[str] | None,
    unit: str,
    name: str | None,
) -> Record:
    """Give a record by name, a recording or an array as the record that it is or would be, with the leads wanted.

    Raises
    ------
    RequestError
        If a sampling rate is missing, or given with what has one of its own.
    StreamError
        If an array is none of samples.
    """
    wanted = None if leads is None else as_leads(leads)
    if isinstance(source, str | os.PathLike):
        if name is not None:
            raise RequestError(f"got a name with {source!r}, which has its own: it goes with an array")
        record = open_record(source, wanted, fs, None if unit == "mV" else unit)  # millivolts are what is taken unasked
        warn_of(record)
        return record
    if isinstance(source, Recording | Record):
        if fs is not None or unit != "mV" or name is not None:
            raise RequestError(f"got fs, unit or name with {source!r}, which has its own: they go with an array")
        if isinstance(source, Record):
            return source if wanted is None else source.choose(wanted)
        record = _in_memory(source.name, source.fs, source.leads, source.samples, source.reference)
        return record if wanted is None else record.choose(wanted)
    if fs is None:
        raise RequestError("got samples without a sampling rate: give it in hertz, fs=250")
    x = as_samples(source, None if leads is None else len(as_leads(leads)), unit)
    if len(x) == 0:
        raise RecordError("got an array without samples: valid is (n_samples, n_leads), or (n_samples,) of one lead")
    if name is not None and not re.fullmatch(r"[\w.-]*\w[\w.-]*", name):
        raise RequestError(f"got the name {name!r}: valid are letters, digits, '.', '_' and '-', as files have")
    names = default_leads(x.shape[1]) if leads is None else as_leads(leads)
    record = _in_memory("array" if name is None else name, as_rate(fs), names, x, None)
    warn_of(record)
    return record


def _in_memory(name: str, fs: float, leads: tuple[str, ...], samples: Samples, reference: Annotations | None) -> Record:
    signals = tuple(Signal(lead, "mV", 1.0, 0, None, fs) for lead in leads)
    return Record(name, None, fs, leads, len(samples), signals, (), MemorySource(samples, reference))
