"""What makes the machine code of `machine_code`: numba compiles, and an entry for Python goes around its function.

Numba has entries of its own, but they need numba at work, and its way to ship compiled modules (``pycc``) is to end,
needs a C compiler, and gives a module for one version of Python. This entry takes the addresses of samples
out of arrays, lets go of the lock of the interpreter, and calls.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.np.numpy_support import as_dtype

from .compiled import Loop
from .machine_code import (
    ARRAY,
    C_CONTIGUOUS,
    DATA,
    DTYPE,
    ENTRY,
    FLAGS,
    NDIM,
    OB_TYPE,
    SHAPE,
    STRIDES,
    TYPES,
    WRITEABLE,
    Header,
    described,
    file_name,
    save,
)
from .numba_memory import define_memory

BYTE, INT, LONG, DOUBLE, VOID = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType(), ir.VoidType()
POINTER = BYTE.as_pointer()
NULL = ir.Constant(POINTER, None)
_NOTHING = ctypes.c_size_t(0)


def write(loop: Loop, folder: Path, made_for: str) -> None:
    """Write the machine code of a loop that numba has compiled in this process.

    Raises
    ------
    ValueError
        If the loop was not called, was called with arguments of several kinds, or takes some that an entry does not
        know: an array of another order than C, a number of less than 64 bits. An empty file is left then, so that no
        later start tries the same: numba compiles that loop where it runs.
    """
    path = folder / file_name(loop.name, loop.digest, made_for)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    compiled = list(loop.dispatcher.overloads.values())
    if len(compiled) != 1:
        raise ValueError(f"{loop.name} was compiled for {len(compiled)} kinds of arguments: valid is one")
    entry = _Entry(compiled[0], loop.name)
    code = entry.code()
    save(path, Header(entry.types, entry.symbols), code)


class _Entry:
    """An entry: a function for Python, in LLVM's language, around one that numba has compiled."""

    def __init__(self, compiled: Any, name: str) -> None:
        self._compiled = compiled
        self._name = name
        self._context = compiled.target_context
        self.types: list[Any] = []
        self.symbols: list[str] = []

    @global_compiler_lock  # type: ignore[untyped-decorator]  # numba has no types
    def code(self) -> bytes:
        """Make the object file."""
        for name in (ARRAY, TYPES):  # numba loads what it compiles, and these are those of who will run it
            llvm.add_symbol(name, ctypes.addressof(_NOTHING))
        library = self._context.codegen().create_library(f"entry of {self._name}")
        library.enable_object_caching()
        self._module = library.create_ir_module(f"entry of {self._name}")
        self._define()
        define_memory(self._module)
        library.add_ir_module(self._module)
        library.add_linking_library(self._compiled.library)
        library.finalize()
        final = library._final_module
        outside = {each.name for each in (*final.functions, *final.global_variables) if each.is_declaration}
        self.symbols = sorted(name for name in outside - {ARRAY, TYPES} if not name.startswith("llvm."))
        return bytes(library._get_compiled_object())

    def _define(self) -> None:
        """Write the function: arguments out of their objects, the call, and its result as an object."""
        made, context = self._compiled.fndesc, self._context
        entry = ir.Function(self._module, ir.FunctionType(POINTER, [POINTER, POINTER.as_pointer(), LONG]), ENTRY)
        self._array = ir.GlobalVariable(self._module, POINTER, ARRAY)
        self._types = ir.GlobalVariable(self._module, ir.ArrayType(POINTER, _count_arrays(made.argtypes)), TYPES)
        b = self._b = ir.IRBuilder(entry.append_basic_block())
        self._declined = entry.append_basic_block()
        self._failed = entry.append_basic_block()
        with b.goto_block(self._declined):
            b.ret(self._kept(self._object("_Py_NotImplementedStruct")))
        with b.goto_block(self._failed):
            b.ret(NULL)
        _, arguments, count = entry.args
        self._decline_unless(b.icmp_signed("==", count, LONG(len(made.argtypes))))
        values = [self._value(of, b.load(b.gep(arguments, [LONG(i)]))) for i, of in enumerate(made.argtypes)]
        function = ir.Function(
            self._module, context.call_conv.get_function_type(made.restype, made.argtypes), made.llvm_func_name
        )
        thread = self._call(POINTER, "PyEval_SaveThread")
        status, result = context.call_conv.call_function(
            b, function, made.restype, made.argtypes, values, attrs=("noinline",)
        )
        self._call(VOID, "PyEval_RestoreThread", thread)
        with b.if_then(b.not_(status.is_ok), likely=False):
            message = context.insert_const_string(self._module, f"the loop {self._name} failed")
            self._call(VOID, "PyErr_SetString", b.load(self._global(POINTER, "PyExc_RuntimeError")), message)
            b.ret(NULL)
        b.ret(self._result(made.restype, result))

    def _value(self, of: Any, found: ir.Value) -> ir.Value:
        """Take the value of an argument out of its object."""
        if isinstance(of, types.Array):
            return self._samples(of, found)
        b = self._b
        if isinstance(of, types.BaseTuple):
            is_tuple = self._call(
                INT, "PyType_IsSubtype", self._at(found, OB_TYPE, POINTER), self._object("PyTuple_Type")
            )
            self._decline_unless(b.icmp_signed("!=", is_tuple, INT(0)))
            self._decline_unless(b.icmp_signed("==", self._call(LONG, "PyTuple_Size", found), LONG(len(of))))
            items = [self._call(POINTER, "PyTuple_GetItem", found, LONG(i)) for i in range(len(of))]
            values = [self._value(each, item) for each, item in zip(of, items, strict=True)]
            return self._context.make_tuple(b, of, values)
        if of == types.int64:
            value = self._call(LONG, "PyLong_AsLongLong", found)
            suspect = b.icmp_signed("==", value, LONG(-1))
        elif of == types.float64:
            value = self._call(DOUBLE, "PyFloat_AsDouble", found)
            suspect = b.fcmp_ordered("==", value, DOUBLE(-1.0))
        elif of == types.boolean:
            truth = self._call(INT, "PyObject_IsTrue", found)
            value = b.icmp_signed(">", truth, INT(0))
            suspect = b.icmp_signed("<", truth, INT(0))
        else:
            raise ValueError(f"{self._name} takes {of}, which an entry does not know")
        with b.if_then(suspect, likely=False):
            failed = b.icmp_unsigned("!=", self._call(POINTER, "PyErr_Occurred"), NULL)
            fine = b.append_basic_block()
            b.cbranch(failed, self._failed, fine)
            b.position_at_end(fine)
        return value

    def _samples(self, of: Any, found: ir.Value) -> ir.Value:
        """Look into an array; the loop gets the address of its samples, and no hold on it."""
        if of.layout != "C":
            raise ValueError(f"{self._name} takes {of}, which an entry does not know")
        b = self._b
        self._decline_unless(b.icmp_unsigned("==", self._at(found, OB_TYPE, POINTER), b.load(self._array)))
        # As numba does, nothing is asked of where samples lie: those of a row of records are not aligned.
        asked = C_CONTIGUOUS | (WRITEABLE if of.mutable else 0)
        known = b.load(b.gep(self._types, [LONG(0), LONG(len(self.types))]))
        self.types.append(described(np.dtype(as_dtype(of.dtype))))
        fits = b.icmp_unsigned("==", self._at(found, DTYPE, POINTER), known)
        fits = b.and_(fits, b.icmp_signed("==", self._at(found, NDIM, INT), INT(of.ndim)))
        fits = b.and_(fits, b.icmp_signed("==", b.and_(self._at(found, FLAGS, INT), INT(asked)), INT(asked)))
        self._decline_unless(fits)
        axes = [
            [b.load(b.gep(self._at(found, place, LONG.as_pointer()), [LONG(i)])) for i in range(of.ndim)]
            for place in (SHAPE, STRIDES)
        ]
        context = self._context
        array = context.make_array(of)(context, b)
        array.data = b.bitcast(self._at(found, DATA, POINTER), array.data.type)
        array.shape, array.strides = (cgutils.pack_array(b, axis) for axis in axes)
        array.nitems = _product(b, axes[0])
        array.itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(of.dtype)))
        array.meminfo = array.parent = NULL
        return array._getvalue()

    def _result(self, of: Any, value: ir.Value) -> ir.Value:
        """Make an object of what the function gives."""
        if of == types.none:
            return self._kept(self._object("_Py_NoneStruct"))
        if isinstance(of, types.BaseTuple):
            made = self._call(POINTER, "PyTuple_New", LONG(len(of)))
            for i, each in enumerate(of):
                item = self._result(each, self._b.extract_value(value, i))
                self._call(INT, "PyTuple_SetItem", made, LONG(i), item)
            return made
        if of == types.int64:
            return self._call(POINTER, "PyLong_FromLongLong", value)
        if of == types.float64:
            return self._call(POINTER, "PyFloat_FromDouble", value)
        if of == types.boolean:
            return self._call(POINTER, "PyBool_FromLong", self._b.zext(value, LONG))
        raise ValueError(f"{self._name} gives {of}, which an entry does not know")

    def _decline_unless(self, fits: ir.Value) -> None:
        fine = self._b.append_basic_block()
        self._b.cbranch(fits, fine, self._declined)
        self._b.position_at_end(fine)

    def _at(self, found: ir.Value, place: int, of: ir.Type) -> ir.Value:
        """Read a field of an object."""
        return self._b.load(self._b.bitcast(self._b.gep(found, [LONG(place)]), of.as_pointer()))

    def _call(self, gives: ir.Type, name: str, *values: ir.Value) -> ir.Value:
        """Call a function of Python's C interface."""
        function = cgutils.get_or_insert_function(
            self._module, ir.FunctionType(gives, [value.type for value in values]), name
        )
        return self._b.call(function, values)

    def _global(self, of: ir.Type, name: str) -> ir.Value:
        found = self._module.globals.get(name)
        return ir.GlobalVariable(self._module, of, name) if found is None else found

    def _object(self, name: str) -> ir.Value:
        return self._b.bitcast(self._global(BYTE, name), POINTER)

    def _kept(self, found: ir.Value) -> ir.Value:
        self._call(VOID, "Py_IncRef", found)
        return found


def _count_arrays(found: Sequence[Any]) -> int:
    return sum(_count_arrays(of) if isinstance(of, types.BaseTuple) else isinstance(of, types.Array) for of in found)


def _product(b: ir.IRBuilder, values: Sequence[ir.Value]) -> ir.Value:
    product = LONG(1)
    for value in values:
        product = b.mul(product, value)
    return product
