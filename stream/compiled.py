"""Loops that NumPy cannot express, compiled to machine code on first use and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

Integer: TypeAlias = int | np.int64
"""What a compiled part takes for a number: a literal goes as ``np.int64``, or the part is compiled for it alone."""

_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: F) -> F:
    """Compile with numba, keeping IEEE order of operations so that results do not depend on chunking.

    The machine code is cached beside the source or in the user's cache folder; where neither can be
    written it is compiled anew in each process.
    """
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


def can_cache(function: Callable[..., Any]) -> bool:
    """Whether there is a folder for the machine code of a `compiled` function."""
    return cast(Any, function).stats.cache_path is not None


def is_cached(function: Callable[..., Any]) -> bool:
    """Whether machine code of a `compiled` function lies on disk, be it of this version or of an earlier one."""
    folder = cast(Any, function).stats.cache_path
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
    return folder is not None and any(Path(folder).glob(f"{name}-*.nbi"))
