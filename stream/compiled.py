"""Loops that NumPy cannot express, compiled to machine code on first use and cached on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])

Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Records: TypeAlias = NDArray[Any]
"""An array of records, of a type that the function names."""
Scalars: TypeAlias = Any
"""One record of such an array."""

Integer: TypeAlias = int | np.int64
"""What a compiled part takes for a number: a literal goes as ``np.int64``, or the part is compiled for it alone."""

_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Compile with numba, keeping IEEE order of operations so that results do not depend on chunking.

    The machine code is cached beside the source or in the user's cache folder; where neither can be
    written it is compiled anew in each process. Numba compiles anew when the file of the function has changed, and
    does not look at the files of its parts: so their fingerprint is in the name under which the code is cached.
    """
    function.__qualname__ = f"{function.__qualname__}_{_fingerprint(function)}"
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


def _fingerprint(function: Callable[..., Any]) -> str:
    """Digest of the instructions of a function and of its parts, and of the constants that they read."""
    digest = hashlib.blake2b(digest_size=6)
    code = function.__code__
    digest.update(code.co_code + repr(code.co_consts).encode())
    for name in code.co_names:
        value = function.__globals__.get(name)
        part = getattr(value, "py_func", None)
        if part is not None:
            digest.update(_fingerprint(part).encode())
        elif isinstance(value, int | float | tuple):
            digest.update(f"{name}={value!r}".encode())
    return digest.hexdigest()


def can_cache(function: Callable[..., Any]) -> bool:
    """Whether there is a folder for the machine code of a `compiled` function."""
    return cast(Any, function).stats.cache_path is not None


def is_cached(function: Callable[..., Any]) -> bool:
    """Whether machine code of a `compiled` function lies on disk."""
    folder = cast(Any, function).stats.cache_path
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
    return folder is not None and any(Path(folder).glob(f"{name}-*.nbi"))
