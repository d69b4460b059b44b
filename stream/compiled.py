"""Loops that NumPy cannot express, compiled to machine code on first use and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile with numba, keeping IEEE order of operations so that results do not depend on chunking.

    The machine code is cached beside the source or in the user's cache folder; where neither can be
    written it is compiled anew in each process.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(F, numba.njit(**options)(function))
