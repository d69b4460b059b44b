"""Machine code of the compiled loops on disk: where it lies, what a file holds, how it gets into this process.

A file holds one loop for one kind of processor: a header, then an object file, as `machine_code_writer` makes it. It
depends neither on the version of Python nor on numba, which is not imported to run it. It is looked for in the
package first, where a wheel has it, then in the folders that are written to at a first start.

An entry looks into the arrays that it gets, as NumPy lays them out. Whether this NumPy does so is tried once, on an
array. An entry declines what it is not made for: a wrong number of arguments, a view with gaps, another type.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import platform
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
"""Counts up when files of before cannot be run, or are not what `machine_code_writer` makes today."""
MAGIC = b"ecg-stream loop\n"
SHIPPED = Path(__file__).resolve().parent.parent / "machine_code"
"""What came with the package."""

ENTRY, TYPES, ARRAY = "ecg_stream_entry", "ecg_stream_types", "ecg_stream_array"
"""Symbols of an object file: the function; for each array argument the address of its type; that of NumPy's array."""
# What an entry reads of an array, at these places: the type of the object, where the samples lie, how many axes.
OB_TYPE, DATA, NDIM, SHAPE, STRIDES, DTYPE, FLAGS = 8, 16, 24, 32, 40, 56, 64
C_CONTIGUOUS, WRITEABLE = 0x1, 0x400

_FASTCALL = 0x80  # METH_FASTCALL of CPython

X86 = "x86-64-v2"
"""The kind of x86 processor that code is made for, as the x86-64 psABI names it. Wider vectors gain nothing: they were
measured. One kind means the same code, and so the same times, on all of them."""
X86_FEATURES = ("cx16", "popcnt", "sse3", "ssse3", "sse4.1", "sse4.2")


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the object file, as a line of JSON."""

    types: list[Any]
    """Of each array argument, in order, those in named tuples as well: its type, see `described`."""
    symbols: list[str]
    """What the code calls of the C library and of Python."""


class MachineCode:
    """One loop in memory.

    Attributes
    ----------
    call
        The function, of arguments by position. It gives ``NotImplemented`` for those that it declines.
    """

    def __init__(self, call: Callable[..., Any], types: Any, header: Header, kept: Any) -> None:
        self.call = call
        self._types = types
        self._header = header
        self._kept = kept
        self._met: list[np.dtype[Any]] = []

    def meet(self, args: tuple[Any, ...]) -> bool:
        """Take up the types of array arguments that it has not met as objects, if they are those that it is made for.

        NumPy may have several objects that mean one type; comparing their addresses is quick.
        """
        found = list(arrays(args))
        types = self._header.types
        if len(found) != len(types) or any(described(a.dtype) != t for a, t in zip(found, types, strict=True)):
            return False
        for i, array in enumerate(found):
            if self._types[i] != id(array.dtype):
                self._met.append(array.dtype)  # an address is that of one type as long as this lives
                self._types[i] = id(array.dtype)
        return True


def arrays(args: Sequence[Any]) -> Iterator[NDArray[Any]]:
    """Give the arrays among arguments, those in named tuples as well."""
    for each in args:
        if isinstance(each, np.ndarray):
            yield each
        elif isinstance(each, tuple):
            yield from arrays(each)


def described(dtype: np.dtype[Any]) -> Any:
    """Describe the type of an array as plain values: of a record the fields, their places and its size."""
    if dtype.subdtype is not None:
        return [described(dtype.base), list(dtype.shape)]
    if dtype.fields is None:
        return dtype.str
    return [[[name, described(of), at] for name, (of, at, *_) in dtype.fields.items()], dtype.itemsize]


def find(name: str, digest: str, where: Sequence[Path] | None = None) -> Path | None:
    """Find the file of a loop for this processor; None where there is none, or this Python cannot run it."""
    if not (digest and can_run()):
        return None
    for folder in folders() if where is None else where:
        path = folder / file_name(name, digest, target() or "")
        if path.is_file() and _is_trusted(path):
            return path
    return None


def load(name: str, digest: str, where: Sequence[Path] | None = None) -> MachineCode | None:
    """Load the machine code of a loop; None where there is none that can be run here."""
    path = find(name, digest, where)
    if path is None:
        return None
    try:
        magic, _, rest = path.read_bytes().partition(b"\n")
        line, _, code = rest.partition(b"\n")
        header = Header(**json.loads(line))
    except (OSError, ValueError, TypeError):
        return None
    if magic + b"\n" != MAGIC or not all(hasattr(_process(), symbol) for symbol in header.symbols):
        return None
    try:
        return _linked(name, code, header)
    except RuntimeError:  # no such code for this processor, or it calls what is not there
        return None


def save(path: Path, header: Header, code: bytes) -> None:
    """Write a file as a whole: another process sees all of it, or nothing."""
    line = json.dumps({"types": header.types, "symbols": header.symbols}).encode()
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(MAGIC + line + b"\n" + code)
    part.chmod(0o644)
    part.replace(path)


def file_name(name: str, digest: str, made_for: str) -> str:
    """Name of the file of a loop for one kind of processor."""
    return f"{name}-{digest}.{FORMAT}.{sys.platform}-{made_for}.o"


def folders() -> list[Path]:
    """Where machine code may lie, in the order of looking."""
    return [SHIPPED, *_own_folders()]


def writable_folder() -> Path | None:
    """Give the folder for machine code that is made here; None where nothing can be written, or it could not be run."""
    if not can_run():
        return None
    for folder in _own_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            trial = folder / f".trial.{os.getpid()}"
            trial.write_bytes(b"")
            trial.unlink()
        except OSError:
            continue
        return folder
    return None


def _own_folders() -> list[Path]:
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [Path(named) / "ecg-stream"]
    from platformdirs import user_cache_path

    return [Path(__file__).resolve().parent / "__pycache__", user_cache_path("ecg-stream-loops", appauthor=False)]


def _is_trusted(path: Path) -> bool:
    """Whether nobody else could have put code there: not all may write, and it is ours, root's or the package's."""
    if os.name != "posix":
        return True
    owners = {0, os.geteuid(), Path(__file__).stat().st_uid}
    for each in (path, path.parent):
        found = each.stat()
        if found.st_uid not in owners or found.st_mode & stat.S_IWOTH:
            return False
    return True


@cache
def target() -> str | None:
    """Name the kind of processor whose machine code runs here; None for one that there is none for."""
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64"):
        return machine
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    return X86 if all(features.get(each, False) for each in X86_FEATURES) else None


@cache
def can_run() -> bool:
    """Whether machine code from disk can run here: this Python lays out an array as an entry expects it."""
    if (
        target() is None
        or os.name != "posix"
        or sys.implementation.name != "cpython"
        or ctypes.sizeof(ctypes.c_void_p) != 8
    ):
        return False
    array = np.arange(6.0).reshape(2, 3)

    def pointer(place: int) -> int:
        return ctypes.c_size_t.from_address(place).value

    at = id(array)
    if pointer(at + OB_TYPE) != id(np.ndarray):  # a Python without its lock has it elsewhere
        return False
    seen = (
        pointer(at + DATA),
        ctypes.c_int.from_address(at + NDIM).value,
        pointer(at + DTYPE),
        ctypes.c_int.from_address(at + FLAGS).value & (C_CONTIGUOUS | WRITEABLE),
    )
    if seen != (array.ctypes.data, 2, id(array.dtype), C_CONTIGUOUS | WRITEABLE):
        return False
    axes = [(ctypes.c_ssize_t * 2).from_address(pointer(at + place)) for place in (SHAPE, STRIDES)]
    return [tuple(axis) for axis in axes] == [array.shape, array.strides]


@cache
def _process() -> ctypes.CDLL:
    return ctypes.CDLL(None)


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("call", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_numbers = itertools.count()  # a name of a library is given once


@cache
def _linker() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    linker = llvm.create_lljit_compiler()
    linker._owned = False  # it is never taken down: at the end of the process that would be done in any order
    return linker


def _linked(name: str, code: bytes, header: Header) -> MachineCode:
    """Put an object file into memory and make a function of Python of its entry."""
    import llvmlite.binding as llvm

    array = ctypes.c_size_t(id(np.ndarray))
    types = (ctypes.c_size_t * max(1, len(header.types)))()
    builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
    builder.import_symbol(ARRAY, ctypes.addressof(array)).import_symbol(TYPES, ctypes.addressof(types))
    library = builder.export_symbol(ENTRY).link(_linker(), f"{name} {next(_numbers)}")
    library.detach()
    method = _MethodDef(name.rpartition(".")[2].encode(), library[ENTRY], _FASTCALL, None)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
    call = make(ctypes.addressof(method), None, None)
    return MachineCode(call, types, header, (library, method, array))
