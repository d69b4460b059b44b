"""ECG waveforms of DICOM, which pydicom reads (extra ``[files]``)."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import MissingExtraError, RecordError
from ..record import Record
from .asked import Asked
from .file_record import damaged
from .table import Table, table_record

_LEAD = re.compile(r"\s*lead\s+(\S+?)(?:\s*\(.*\))?\s*", re.IGNORECASE)


def open_dicom(path: Path, asked: Asked) -> Record:
    """Open the longest waveform of a DICOM file; shorter ones, such as mean beats, are named and left out.

    Raises
    ------
    RecordError
        If it is none, is damaged, or holds no waveform.
    MissingExtraError
        If pydicom is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise MissingExtraError(f"reading {path.name}", "files") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that are not as the standard has them, and are not used
            content = pydicom.dcmread(path)
            groups = list(content.get("WaveformSequence", ()))
            if not groups:
                raise RecordError(f"{path.name} holds no waveform, as an image does")
            lengths = [float(group.NumberOfWaveformSamples) / float(group.SamplingFrequency) for group in groups]
            chosen = max(range(len(groups)), key=lengths.__getitem__)
            group = groups[chosen]
            values = np.asarray(content.waveform_array(chosen), np.float64)
            channels = list(group.ChannelDefinitionSequence)
            names = tuple(_name(channel) for channel in channels)
            units = tuple(_unit(channel) for channel in channels)
            fs = float(group.SamplingFrequency)
            padding = group.get("WaveformPaddingValue")
            if padding is not None:
                raw = next(each for k, each in enumerate(pydicom.waveforms.generate_multiplex(content)) if k == chosen)
                values[raw == int.from_bytes(padding, "little", signed=True)] = np.nan
    except RecordError:
        raise
    except Exception as error:  # pydicom lets errors of many kinds out on a damaged file
        raise damaged(path, "DICOM", error) from error
    others = [f"{length:g} s" for k, length in enumerate(lengths) if k != chosen]
    notes = (f"{path.name}: the waveform of {lengths[chosen]:g} s is played; left out: {', '.join(others[:10])}",)
    return table_record(path, Table(names, units, values, fs), asked, notes if others else ())


def _name(channel: Any) -> str:
    """Name a lead: by its label, else by its source, which is called ``Lead II`` or ``Lead I (Einthoven)``."""
    label = str(channel.get("ChannelLabel", "") or "").strip()
    source = channel.get("ChannelSourceSequence")
    named = label or (str(source[0].get("CodeMeaning", "")) if source else "")
    found = _LEAD.fullmatch(named)
    return found[1] if found else named.strip()


def _unit(channel: Any) -> str:
    units = channel.get("ChannelSensitivityUnitsSequence")
    return str(units[0].get("CodeValue", "")) if units else ""
