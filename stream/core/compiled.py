"""Loops that NumPy cannot express, compiled to machine code on first use and cached on disk.

With ``NUMBA_DISABLE_JIT=1`` in the environment they run as the Python that they are written in, some hundred times
slower: for a debugger, and to measure what the tests cover.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import DTypeLike, NDArray

F = TypeVar("F", bound=Callable[..., Any])

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Records: TypeAlias = NDArray[Any]
"""An array of records, of a type that the function names."""
Scalars: TypeAlias = Any
"""One record of such an array. In a loop it does not keep the array in memory: take it from one still in use."""

Integer: TypeAlias = int | np.int64
"""What a compiled part takes for a number: a literal goes as ``np.int64``, or the part is compiled for it alone."""

Field: TypeAlias = tuple[str, DTypeLike] | tuple[str, DTypeLike, tuple[int, ...]]
"""Name and type of a field of a record, and its shape if it is an array."""

_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Compile with numba, keeping IEEE order of operations so that results do not depend on chunking.

    The machine code is cached beside the source or in the user's cache folder; where neither can be
    written it is compiled anew in each process. Numba compiles anew when the file of the function has changed, and
    does not look at the files that its parts, their constants and the types of its records come from: so a fingerprint
    of them all is in the name under which the code is cached. What another version has cached stays where it is.
    """
    if numba.config.DISABLE_JIT:
        return np.errstate(all="ignore")(function)  # as in machine code, what divides by zero is infinite
    function.__qualname__ = f"{function.__qualname__}_{_fingerprint(function.__module__)}"
    try:
        return cast(F, numba.njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(F, numba.njit(**_OPTIONS)(function))


def compiled_part(function: F) -> F:
    """Compile as `compiled` does, for use inside compiled loops alone.

    It becomes part of their machine code and of their cache, and gets no entry from Python: a tenth of the time that
    a first start takes.
    """
    options = {**_OPTIONS, "no_cpython_wrapper": True}
    return cast(F, numba.njit(**options)(function))


def record_type(fields: Sequence[Field]) -> np.dtype[Any]:
    """Type of records whose fields are attributes (``r.last``), in compiled loops and in Python.

    To numba, to a snapshot and in comparison it is the same as ``numpy.dtype(fields)``, whose records have no
    attributes in Python.
    """
    return np.dtype((np.record, list(fields)))


def _fingerprint(module: str) -> str:
    """Digest of the sources of a module and of all of the same root package that it imports, by ``from X import Y``.

    A loop is made of parts from several rooms, so the walk does not end at the package that a module stands in.
    """
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(_imported(module, set())):
        digest.update(_source(name))
    return digest.hexdigest()


def _imported(module: str, known: set[str]) -> set[str]:
    """Add a module, and those of its root package that it imports, to those that are `known`."""
    known.add(module)
    package = sys.modules[module].__package__ or ""
    for found in re.findall(rb"^from (\S+) import", _source(module), re.MULTILINE):
        name = importlib.util.resolve_name(found.decode(), package) if found.startswith(b".") else found.decode()
        other = sys.modules.get(name)
        if other is not None and _root(other.__package__) == _root(package) and name not in known:
            _imported(name, known)
    return known


def _root(package: str | None) -> str:
    return (package or "").partition(".")[0]


@cache
def _source(module: str) -> bytes:
    try:
        return Path(sys.modules[module].__file__ or "").read_bytes()
    except (OSError, AttributeError):  # in an archive: it comes and goes as a whole
        return b""


def can_cache(function: Callable[..., Any]) -> bool:
    """Whether there is a folder for the machine code of a `compiled` function; there is none with JIT off."""
    return _cache_folder(function) is not None


def is_cached(function: Callable[..., Any]) -> bool:
    """Whether machine code of a `compiled` function, of these sources, lies on disk."""
    folder = _cache_folder(function)
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
    return folder is not None and any(folder.glob(f"{name}-*.nbi"))


def _cache_folder(function: Callable[..., Any]) -> Path | None:
    stats = getattr(function, "stats", None)  # with JIT off it is a plain function
    return None if stats is None or stats.cache_path is None else Path(stats.cache_path)
