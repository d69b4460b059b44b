"""Loops that NumPy cannot express, as machine code: what comes with the package, or was made on this machine before.

Where there is none numba compiles them, in this process, on first use. See `machine_code` for what lies on disk.

With ``NUMBA_DISABLE_JIT=1`` in the environment they run as the Python that they are written in, some hundred times
slower: for a debugger, and to measure what the tests cover.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, cached_property, update_wrapper
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import machine_code

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

OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}
"""IEEE order of operations is kept, so that results depend neither on the chunking nor on the processor."""
LOOK_S = 0.2
"""So often a loop that is interpreted meanwhile looks whether its machine code is there."""

_disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

loops: list[Loop] = []
"""All that were defined, in the order of their definition."""


def compiled(function: F) -> F:
    """Make a loop of a function of arrays, records, numbers and named tuples of them.

    Its machine code has a fingerprint of the sources in its name: of the file of the function, and of all files that
    its parts, their constants and the types of its records come from.
    """
    if _disabled:
        return _interpreted(function)
    loop = Loop(function)
    loops.append(loop)
    return cast(F, loop)


def compiled_part(function: F) -> F:
    """Compile as `compiled` does, for use inside compiled loops alone: it becomes part of their machine code.

    From Python it runs as the Python that it is written in.
    """
    return function if _disabled else cast(F, Part(function))


def record_type(fields: Sequence[Field]) -> np.dtype[Any]:
    """Type of records whose fields are attributes (``r.last``), in compiled loops and in Python.

    To numba, to a snapshot and in comparison it is the same as ``numpy.dtype(fields)``, whose records have no
    attributes in Python.
    """
    return np.dtype((np.record, list(fields)))


class Part:
    """A function that numba knows when it meets its name in a loop, and not before: importing numba takes long."""

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.function = function

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Interpret."""
        return self.function(*args, **named)

    @cached_property
    def dispatcher(self) -> Any:
        """What numba compiles."""
        import numba

        # No entry from Python: a tenth of the time that compiling takes.
        return numba.njit(**OPTIONS, no_cpython_wrapper=True)(self.function)

    @property
    def _numba_type_(self) -> Any:
        """How numba asks for the type of a name in the code that it compiles."""
        return self.dispatcher._numba_type_


class Loop:
    """A compiled loop: a function that finds its machine code when it is first called."""

    patience: Callable[[], bool] | None = None
    """While this gives True, machine code is being made elsewhere: loops without it are interpreted meanwhile."""
    making: Path | None = None
    """The folder that this process makes machine code in: what is not there is compiled by numba."""

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = f"{function.__module__.partition('.')[2] or function.__module__}.{function.__name__}"
        self.digest = _fingerprint(function.__module__)
        self._slow = _interpreted(function)
        self._look_at = 0.0
        self._lock = threading.Lock()
        self._machine: machine_code.MachineCode | None = None
        self._entry: Callable[..., Any] = self._first

    def __call__(self, *args: Any) -> Any:
        """Run the loop; arguments are given by position."""
        result = self._entry(*args)
        return self._other(args) if result is NotImplemented else result

    @cached_property
    def dispatcher(self) -> Any:
        """What numba compiles where there is no machine code for these arguments, and keeps where it can."""
        import numba

        if Loop.making is not None:
            return numba.njit(**OPTIONS)(self.function)
        # Numba looks at the file of the function alone: the fingerprint says the same of its parts.
        self.function.__qualname__ = f"{self.function.__qualname__}_{self.digest}"
        try:
            return numba.njit(cache=True, **OPTIONS)(self.function)
        except RuntimeError:  # numba found no folder for its cache
            return numba.njit(**OPTIONS)(self.function)

    @property
    def _numba_type_(self) -> Any:
        """As of a part: one loop may be part of another."""
        return self.dispatcher._numba_type_

    @property
    def was_called(self) -> bool:
        """Whether numba has compiled it here."""
        return "dispatcher" in self.__dict__ and bool(self.dispatcher.overloads)

    @property
    def is_ready(self) -> bool:
        """Whether its machine code is in memory, or lies on disk."""
        waits = self._entry in (self._first, self._meanwhile)
        return not waits or machine_code.find(self.name, self.digest) is not None

    def _first(self, *args: Any) -> Any:
        with self._lock:
            if not (self._entry != self._first or self._take_up()):
                self._entry = self._meanwhile if Loop.patience is not None else self.dispatcher
        return self._entry(*args)

    def _take_up(self) -> bool:
        """Load the machine code, if there is any."""
        folders = machine_code.folders() if Loop.making is None else [Loop.making]
        found = machine_code.load(self.name, self.digest, folders)
        if found is not None:
            self._machine, self._entry = found, found.call
        return found is not None

    def _meanwhile(self, *args: Any) -> Any:
        """Interpret, until the machine code that is being made is there."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_S
            patient = Loop.patience is not None and Loop.patience()
            with self._lock:
                if not (self._take_up() or patient):
                    self._entry = self.dispatcher
            if self._entry != self._meanwhile:
                return self._entry(*args)
        before = [(array, array.copy()) for array in machine_code.arrays(args) if array.flags.writeable]
        try:
            return self._slow(*args)
        except ArithmeticError:  # a number of Python does not get infinite, where one of NumPy or of machine code does
            for array, copy in before:
                array[...] = copy
            return self.dispatcher(*args)

    def _other(self, args: tuple[Any, ...]) -> Any:
        """Run the loop on arguments that its machine code declined.

        Their types are other objects than those before, or other types: these numba compiles.
        """
        if self._machine is not None and self._machine.meet(args):
            result = self._machine.call(*args)
            if result is not NotImplemented:
                return result
        return self.dispatcher(*args)


def _interpreted(function: F) -> F:
    """As in machine code, what divides by zero is infinite, and nothing is said of it."""
    return np.errstate(all="ignore")(function)


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
    found = sys.modules[module]
    try:
        return Path(found.__file__ or "").read_bytes()
    except (OSError, AttributeError):  # in an archive
        loader: Any = found.__loader__
        return (loader.get_source(module) or "").encode() if hasattr(loader, "get_source") else b""
