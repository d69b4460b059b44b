"""Outputs of any kind (arrays, lists, records of them): put together, compared to the last bit, sent as bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


def _field_names(value: Any) -> tuple[str, ...]:
    """Names of the fields of a dataclass or a named tuple; none of anything else."""
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return tuple(getattr(value, "_fields", ())) if isinstance(value, tuple) else ()


def joined(outputs: Sequence[Any]) -> Any:
    """Put the outputs of consecutive chunks together: arrays by rows, lists end to end, what has fields by field."""
    first = outputs[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(outputs)
    if names := _field_names(first):
        return {name: joined([getattr(output, name) for output in outputs]) for name in names}
    return [item for output in outputs for item in output]


def canonical(value: Any) -> Any:
    """Nested lists of plain values and bytes that are equal only if everything is equal, to the last bit."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, np.generic):
        return [value.dtype.str, value.tobytes()]
    if isinstance(value, float):
        return value.hex()
    if names := _field_names(value):
        return [type(value).__name__, *(canonical(getattr(value, name)) for name in names)]
    if isinstance(value, dict):
        return [[key, canonical(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def rows(value: Any) -> int:
    """Rows of the arrays of an output, which must all agree; items of a list."""
    if isinstance(value, list | tuple) and not _field_names(value):
        return len(value)
    lengths = {len(array) for array in arrays(value)}
    if len(lengths) != 1:
        raise AssertionError(f"arrays of different lengths came out: {sorted(lengths)}")
    return lengths.pop()


def named_fields(value: Any) -> dict[str, Any]:
    """Give the fields of a joined output; an array or a list is its own only field."""
    return value if isinstance(value, dict) else {"": value}


def arrays(value: Any) -> list[NDArray[Any]]:
    """All arrays of an output."""
    if isinstance(value, np.ndarray):
        return [value]
    if names := _field_names(value):
        return [array for name in names for array in arrays(getattr(value, name))]
    if isinstance(value, dict):
        return [array for item in value.values() for array in arrays(item)]
    if isinstance(value, list | tuple):
        return [array for item in value for array in arrays(item)]
    return []


def deep_copy(value: Any) -> Any:
    """Copy an output so that it shares no array with `value`."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{field.name: deep_copy(getattr(value, field.name)) for field in dataclasses.fields(value)}
        )
    if isinstance(value, list | tuple):
        copies = [deep_copy(item) for item in value]
        return value._make(copies) if isinstance(value, tuple) and hasattr(value, "_make") else type(value)(copies)
    return value


def other_future(part: NDArray[Any], seen: int, rng: np.random.Generator) -> NDArray[Any]:
    """Give the same rows up to `seen`, others after it."""
    other = part.copy()
    if part.dtype == np.bool_:
        other[seen:] = ~other[seen:]
    else:
        other[seen:] = rng.permutation(other[seen:]) * 3.0 + 1.0
    return other


def packed(value: Any) -> bytes:
    """MessagePack of a snapshot; fails on anything that a snapshot must not hold."""

    def extension(item: Any) -> msgspec.msgpack.Ext:
        if not isinstance(item, np.ndarray):
            raise TypeError(f"a snapshot holds arrays and plain values, not {type(item)}")
        kind = item.dtype.descr if item.dtype.names else item.dtype.str
        return msgspec.msgpack.Ext(1, msgspec.json.encode([kind, item.shape]) + b"\n" + item.tobytes())

    return msgspec.msgpack.encode(value, enc_hook=extension)


def unpacked(payload: bytes) -> Any:
    """Undo `packed`; the arrays are read-only."""

    def array(_code: int, content: memoryview) -> NDArray[Any]:
        head, _, raw = bytes(content).partition(b"\n")
        kind, shape = msgspec.json.decode(head)
        return np.frombuffer(raw, dtype=dtype(kind)).reshape(shape)

    def dtype(kind: Any) -> np.dtype[Any]:
        if isinstance(kind, str):
            return np.dtype(kind)
        return np.dtype([(name, dtype(part), *map(tuple, sides)) for name, part, *sides in kind])

    return msgspec.msgpack.decode(payload, ext_hook=array)
