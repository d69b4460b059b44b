"""WFDB records on disk, read a block at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..stream.core.messages import Samples
from ..stream.core.units import MILLIVOLTS
from .annotations import Annotations, read_annotations
from .record import Record, Signal
from .wfdb_header import HeaderSignal, check_fs, read_header


def open_record(path: Path) -> Record:
    """Open the record whose header is ``PATH.hea``.

    Signals in V, mV, µV or nV are its leads, in millivolts; others (pressure, respiration in other units) are named in
    `Record.signals` and left out. A missing name becomes ``ECG1`` and so on, a repeated one gets a number.

    Raises
    ------
    RecordError
        If the header cannot be read, promises what cannot be, or its signal files are not what it promises.
    """
    header = read_header(path)
    leads = _leads(path, header.signals, header.frame_hz)
    names = _distinct([signal.name or f"ECG{i + 1}" for i, signal in enumerate(header.signals)])
    frame = header.signals[leads[0]].per_frame
    fs, n_samples = header.frame_hz * frame, header.n_frames * frame
    check_fs(path, fs)
    return Record(
        name=path.name,
        path=path,
        fs=fs,
        leads=tuple(names[i] for i in leads),
        n_samples=n_samples,
        signals=tuple(
            Signal(
                name=names[i],
                units=signal.units,
                gain=signal.gain,
                baseline=signal.baseline,
                adc_bits=signal.adc_bits,
                fs=header.frame_hz * signal.per_frame,
                streamed=i in leads,
            )
            for i, signal in enumerate(header.signals)
        ),
        comments=header.comments,
        source=WfdbSource(
            path=path,
            fs=fs,
            n_samples=n_samples,
            channels=tuple(leads),
            frame=frame,
            to_millivolts=tuple(MILLIVOLTS[header.signals[i].units] for i in leads),
            seekable=all(signal.fmt != "8" for signal in header.signals),
        ),
    )


def _leads(path: Path, signals: tuple[HeaderSignal, ...], frame_hz: float) -> list[int]:
    """Find the signals that are voltages, and refuse what cannot be one stream."""
    leads = [i for i, signal in enumerate(signals) if signal.units in MILLIVOLTS]
    if not leads:
        units = ", ".join(dict.fromkeys(signal.units for signal in signals))
        raise RecordError(
            f"record {path.name} has no lead in volts: its signals are in {units}; valid are {', '.join(MILLIVOLTS)}"
        )
    if len({signals[i].per_frame for i in leads}) > 1:
        rates = ", ".join(f"{signals[i].name} {signals[i].per_frame * frame_hz:g} Hz" for i in leads)
        raise RecordError(
            f"record {path.name} has leads of several sampling rates ({rates}), which cannot be played as one: "
            "bring them to one rate, as the WFDB tool xform does"
        )
    return leads


def _distinct(names: list[str]) -> list[str]:
    """Put a number behind the names that repeat."""
    repeated = {name for name, count in Counter(names).items() if count > 1}
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name}#{seen[name]}" if name in repeated else name)
    return out


@dataclass(frozen=True, slots=True)
class WfdbSource:
    """Reads the files of one record; see `record.Source`.

    Attributes
    ----------
    path
        The record, without extension.
    fs, n_samples
        Sampling rate of the leads, Hz, and samples on each.
    channels
        Which signals of the header are leads.
    frame
        Samples of each lead in one WFDB frame.
    to_millivolts
        Millivolts per physical unit, for each lead.
    seekable
        Whether a read may begin anywhere. Format 8 stores differences, so it is read from the first sample on.
    """

    path: Path
    fs: float
    n_samples: int
    channels: tuple[int, ...]
    frame: int
    to_millivolts: tuple[float, ...]
    seekable: bool

    def read(self, start: int, stop: int) -> Samples:
        """Read ``(stop - start, n_leads)`` in millivolts, NaN where there is no measurement.

        Raises
        ------
        RecordError
            If the signal files cannot be read.
        """
        import wfdb

        if start == stop:
            return np.empty((0, len(self.channels)))
        first_frame = start // self.frame if self.seekable else 0
        try:
            part = wfdb.rdrecord(
                str(self.path),
                sampfrom=first_frame,
                sampto=-(-stop // self.frame),
                channels=list(self.channels),
                smooth_frames=False,
            )
        except Exception as error:  # wfdb lets ValueError, OSError, IndexError and others out on a damaged file
            raise RecordError(
                f"record {self.path.name}: its signal files cannot be read at samples {start} to {stop} "
                f"({type(error).__name__}): fetch it again"
            ) from error
        samples = np.stack(part.e_p_signal, axis=1).astype(np.float64, copy=False)
        samples = samples[start - first_frame * self.frame : stop - first_frame * self.frame]
        return np.multiply(samples, self.to_millivolts)

    def annotations(self, extension: str) -> Annotations | None:
        """Give the marks of one annotator; None if it left none.

        Raises
        ------
        RecordError
            If they cannot be read, or are not of this record.
        """
        return read_annotations(self.path, self.fs, extension, self.n_samples)
