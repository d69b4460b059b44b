"""Memory for the arrays and lists that a loop makes, as numba's own runtime gives it (``numba/core/runtime/nrt.h``).

What numba compiles asks these functions for memory, and counts references itself. Its runtime is part of numba, which
is not loaded where the loops run.
"""

from __future__ import annotations

from llvmlite import ir

BYTE, INT, LONG, VOID = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.VoidType()
POINTER = BYTE.as_pointer()
NULL = ir.Constant(POINTER, None)
# Fields of what stands before the memory, in bytes: count of references, function that ends it, and what that is told
# with the address and size of the memory.
COUNT, END, TOLD, MEMORY, SIZE, ALLOCATOR, HEAD = 0, 8, 16, 24, 32, 40, 48


def define_memory(module: ir.Module) -> None:
    """Define what numba's compiled functions call, for this module alone."""
    malloc = ir.Function(module, ir.FunctionType(POINTER, [LONG]), "malloc")
    free = ir.Function(module, ir.FunctionType(VOID, [POINTER]), "free")

    b, (size,) = _function(module, "NRT_Allocate", POINTER, LONG)
    b.ret(b.call(malloc, [size]))

    b, (memory,) = _function(module, "NRT_Free", VOID, POINTER)
    b.call(free, [memory])
    b.ret_void()

    b, (size, align) = _function(module, "NRT_MemInfo_alloc_aligned", POINTER, LONG, INT)
    _ret_one_piece(b, malloc, size, b.zext(align, LONG))

    b, (size,) = _function(module, "NRT_MemInfo_alloc", POINTER, LONG)
    _ret_one_piece(b, malloc, size, LONG(16))

    ending = ir.FunctionType(VOID, [POINTER, LONG, POINTER])
    b, (info,) = _function(module, "NRT_MemInfo_call_dtor", VOID, POINTER)
    end = _load(b, info, END, POINTER)
    with b.if_then(b.icmp_unsigned("!=", end, NULL)):
        told = [_load(b, info, MEMORY, POINTER), _load(b, info, SIZE, LONG), _load(b, info, TOLD, POINTER)]
        b.call(b.bitcast(end, ending.as_pointer()), told)
    b.call(free, [info])
    b.ret_void()

    b, (memory, _, told) = _function(module, "ecg_stream_end_list", VOID, POINTER, LONG, POINTER)
    end_list = b.function
    with b.if_then(b.icmp_unsigned("!=", told, NULL)):
        b.call(b.bitcast(told, ir.FunctionType(VOID, [POINTER]).as_pointer()), [memory])
    b.call(free, [memory])
    b.ret_void()

    b, (size, told) = _function(module, "NRT_MemInfo_new_varsize_dtor", POINTER, LONG, POINTER)
    info = b.call(malloc, [LONG(HEAD)])
    _ret_null_if_null(b, info)
    memory = b.call(malloc, [size])
    with b.if_then(b.icmp_unsigned("==", memory, NULL), likely=False):
        b.call(free, [info])
        b.ret(NULL)
    _fill(b, info, b.bitcast(end_list, POINTER), told, memory, size)
    b.ret(info)


def _function(module: ir.Module, name: str, gives: ir.Type, *takes: ir.Type) -> tuple[ir.IRBuilder, list[ir.Value]]:
    """Begin a function that is kept, though nothing calls it before the other library is linked."""
    function = ir.Function(module, ir.FunctionType(gives, takes), name)
    function.linkage = "weak_odr"
    function.attributes.add("noinline")
    return ir.IRBuilder(function.append_basic_block()), list(function.args)


def _ret_one_piece(b: ir.IRBuilder, malloc: ir.Function, size: ir.Value, align: ir.Value) -> None:
    """Memory right behind its head, from an address that `align` divides."""
    info = b.call(malloc, [b.add(b.add(size, align), LONG(HEAD))])
    _ret_null_if_null(b, info)
    first = b.add(b.ptrtoint(info, LONG), LONG(HEAD))
    over = b.urem(first, align)
    gap = b.select(b.icmp_unsigned("==", over, LONG(0)), LONG(0), b.sub(align, over))
    _fill(b, info, NULL, NULL, b.inttoptr(b.add(first, gap), POINTER), size)
    b.ret(info)


def _ret_null_if_null(b: ir.IRBuilder, memory: ir.Value) -> None:
    with b.if_then(b.icmp_unsigned("==", memory, NULL), likely=False):
        b.ret(NULL)


def _fill(b: ir.IRBuilder, info: ir.Value, end: ir.Value, told: ir.Value, memory: ir.Value, size: ir.Value) -> None:
    for place, value in ((COUNT, LONG(1)), (END, end), (TOLD, told), (MEMORY, memory), (SIZE, size), (ALLOCATOR, NULL)):
        b.store(value, b.bitcast(b.gep(info, [LONG(place)]), value.type.as_pointer()))


def _load(b: ir.IRBuilder, info: ir.Value, place: int, of: ir.Type) -> ir.Value:
    return b.load(b.bitcast(b.gep(info, [LONG(place)]), of.as_pointer()))
