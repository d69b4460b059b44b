"""Arrays of HDF5 files, which those of MATLAB 7.3 are; h5py reads them (extra ``[files]``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtraError, RecordError
from .file_record import damaged

MOST_BYTES = 4 << 30


def hdf5_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays at the top of a file and in groups of it, by name; texts as arrays of text.

    MATLAB keeps its arrays on their side, and they are turned.

    Raises
    ------
    RecordError
        If it is none, is damaged, or its arrays do not fit into memory.
    MissingExtraError
        If h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError(f"reading {path.name}", "files") from None
    found: dict[str, NDArray[Any]] = {}
    n_bytes = 0

    def take(name: str, item: Any) -> None:
        nonlocal n_bytes
        if not isinstance(item, h5py.Dataset) or name.startswith("#") or item.shape is None:
            return
        n_bytes += item.size * item.dtype.itemsize
        if n_bytes > MOST_BYTES:
            raise RecordError(f"{path.name} holds more than {MOST_BYTES >> 30} GB")
        kind = item.attrs.get("MATLAB_class", b"")
        if kind == b"char":
            found[name] = np.array(["".join(chr(each) for each in np.ravel(item[()], order="F"))])
        elif item.dtype.kind in "iuf":
            found[name] = item[()].T if kind else item[()]
        elif h5py.check_string_dtype(item.dtype) is not None:
            found[name] = np.atleast_1d(np.asarray(item.asstr()[()], dtype=str))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(take)
            for name, value in file.attrs.items():
                if isinstance(value, (int, float, np.number)):
                    found.setdefault(name, np.array(float(value)))
                elif isinstance(value, str):
                    found.setdefault(name, np.array([value]))
    except RecordError:
        raise
    except Exception as error:  # h5py lets OSError, KeyError, RuntimeError and others out on a damaged file
        raise damaged(path, "HDF5", error) from error
    return {name.rpartition("/")[2] if name.rpartition("/")[2] not in found else name: x for name, x in found.items()}
