"""Arrays of NumPy, MATLAB and HDF5: ``.npy``, ``.npz``, ``.mat``, ``.h5``."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ...stream.core.intake import MOST_LEADS
from ..record import Record
from .asked import Asked
from .hdf5 import hdf5_arrays
from .table import Table, table_record
from .text_layout import MOST_COLUMNS

RATE_NAMES = frozenset(
    [
        "fs",
        "fsamp",
        "freq",
        "frequency",
        "rate",
        "samplerate",
        "samplingrate",
        "samplingfrequency",
        "samplefrequency",
        "sfreq",
        "sr",
        "hz",
    ]
)
SIGNAL_NAMES = ("val", "ecg", "signal", "signals", "samples", "data", "x", "p_signal")
"""What the array of samples is called, where a file has several; the first that is there."""
LEAD_NAMES = frozenset(["leads", "lead", "leadnames", "channels", "channelnames", "signame", "signames", "labels"])
UNIT_NAMES = frozenset(("unit", "units"))


def open_npy(path: Path, asked: Asked) -> Record:
    """Open an array ``(n_samples, n_leads)`` or ``(n_samples,)``, or one with named fields.

    Raises
    ------
    RecordError
        If it is none, or no sampling rate was given.
    """
    found = _loaded(path)
    if isinstance(found, dict):
        return _variables_record(path, found, asked)
    return _array_record(path, found, (), (), None, asked)


def open_npz(path: Path, asked: Asked) -> Record:
    """Open a file of several arrays: the samples, and the sampling rate, leads and unit where they are there.

    Raises
    ------
    RecordError
        If it is none, or it is not told which array is meant.
    """
    found = _loaded(path)
    if not isinstance(found, dict):
        raise RecordError(f"{path.name} holds one array, not several: call it .npy")
    return _variables_record(path, found, asked)


def open_mat(path: Path, asked: Asked) -> Record:
    """Open a MATLAB file.

    Raises
    ------
    RecordError
        If it is none, or it is not told which array is meant.
    MissingExtraError
        If it is of version 7.3, and h5py is not installed.
    """
    from scipy.io import loadmat

    try:
        found = loadmat(path, squeeze_me=False)
    except NotImplementedError:  # of version 7.3
        return open_hdf5(path, asked)
    except Exception as error:  # scipy lets ValueError, TypeError, IndexError, OSError and others out on a damaged file
        raise _unreadable(path, error) from error
    return _variables_record(path, {k: v for k, v in found.items() if not k.startswith("__")}, asked)


def open_hdf5(path: Path, asked: Asked) -> Record:
    """Open an HDF5 file, among them those of MATLAB 7.3.

    Raises
    ------
    RecordError
        If it is none, or it is not told which array is meant.
    MissingExtraError
        If h5py is not installed.
    """
    return _variables_record(path, hdf5_arrays(path), asked)


def _loaded(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Read one array, or several by name."""
    try:
        with path.open("rb") as file:  # numpy leaves one open that it opened itself and cannot read
            loaded = np.load(file, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> RecordError:
    if isinstance(error, OSError) and error.strerror:
        return RecordError(f"cannot read {path}: {error.strerror}")
    if path.is_file() and not path.stat().st_size:
        return RecordError(f"{path.name} is empty")
    return RecordError(
        f"{path.name} cannot be read as {path.suffix} ({type(error).__name__}): it is damaged or no such file"
    )


def _variables_record(path: Path, found: Mapping[str, NDArray[Any]], asked: Asked) -> Record:
    """Find the samples among named arrays, and what else is known of them."""
    small = {name.casefold().replace("_", ""): value for name, value in found.items()}
    rates = [
        value for name, value in small.items() if name in RATE_NAMES and value.size == 1 and value.dtype.kind in "iuf"
    ]
    name = _signal_name(path, found, asked)
    names = next((_words(value) for key, value in small.items() if key in LEAD_NAMES and value.dtype.kind in "UO"), ())
    units = next((_words(value) for key, value in small.items() if key in UNIT_NAMES and value.dtype.kind in "UO"), ())
    columns = tuple(column for column in asked.columns or () if column != name) or None
    fs = float(rates[0].reshape(-1)[0]) if rates else None
    return _array_record(path, found[name], names, units, fs, replace(asked, columns=columns))


def _signal_name(path: Path, found: Mapping[str, NDArray[Any]], asked: Asked) -> str:
    for column in asked.columns or ():
        if column in found:
            return column
    arrays = {
        name: x for name, x in found.items() if x.dtype.kind in "iuf" and x.ndim in (1, 2) and x.size > MOST_LEADS
    }
    for name in [*(name for name in arrays if len(arrays) == 1), *SIGNAL_NAMES]:
        for here in arrays:
            if here.casefold() == name.casefold():
                return here
    what = ", ".join(list(found)[:20])
    raise RecordError(
        f"{path.name} holds {what or 'nothing'}: it is not told which array the samples are",
        about="column" if arrays else None,
    )


def _words(value: NDArray[Any]) -> tuple[str, ...]:
    """Give the texts in an array of texts, or of cells of MATLAB."""
    out: list[str] = []
    for item in value.reshape(-1):
        text = item.reshape(-1)[0] if isinstance(item, np.ndarray) and item.size else item
        out.append(str(text).strip())
    return tuple(out)


def _array_record(
    path: Path, x: NDArray[Any], names: tuple[str, ...], units: tuple[str, ...], fs: float | None, asked: Asked
) -> Record:
    notes: tuple[str, ...] = ()
    if x.dtype.names is not None and x.ndim == 1:
        names = tuple(name for name in x.dtype.names if x[name].dtype.kind in "iuf" and x[name].ndim == 1)
        x = np.stack([x[name].astype(np.float64) for name in names], axis=1) if names else np.zeros((len(x), 0))
    if x.dtype.kind not in "iuf":
        raise RecordError(f"{path.name} holds {x.dtype}: valid are integers and floating-point numbers")
    if x.ndim == 1:
        x = x.reshape(-1, 1)
    if x.ndim != 2 or 0 in x.shape:
        raise RecordError(
            f"{path.name} holds an array of shape {x.shape}: valid is (n_samples, n_leads), or (n_samples,)"
        )
    if x.shape[0] <= MOST_LEADS < x.shape[1] // 4:  # as MATLAB users and PhysioNet's challenges keep them
        x = x.T
        notes = (f"{path.name} holds {x.shape[1]} rows of {x.shape[0]} values: each row is taken for a lead",)
    if x.shape[1] > MOST_COLUMNS:
        raise RecordError(f"{path.name} holds an array of shape {x.shape}: valid is (n_samples, n_leads)")
    n = x.shape[1]
    table = Table(
        names if len(names) == n else ("",) * n,
        units if len(units) == n else (units * n if len(units) == 1 else ("",) * n),
        x.astype(np.float64),
        fs,
    )
    return table_record(path, table, asked, notes)
