"""Snapshots as bytes and as files.

A snapshot is nested dicts and lists of arrays, numbers, strings, booleans and None (`stage.State`). As bytes it is a
header, a checksum and MessagePack, in which an array is an extension with its type (or its fields) and shape; nothing
in it is ever executed, as a pickle's content would be. A file is written beside its place, synced, and moved there, so
that a reader finds the old one or the new one, never half of one.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ... import __version__
from ...errors import SnapshotError
from .stage import State

FORMAT_VERSION = 1

_HEADER = struct.Struct("<4sHI")  # magic, version, CRC-32 of the body
_MAGIC = b"ECGS"
_ARRAY = 1  # MessagePack extension: dtype, shape, bytes in C order
_BIG_INT = 2  # beyond 64 bits, as the states of some generators are
_KINDS = "biufcUS"  # dtypes that are plain values


def to_bytes(state: State) -> bytes:
    """Encode a snapshot, and beside it the version that made it, for whoever looks into the file.

    Raises
    ------
    TypeError
        If it holds anything but what a snapshot may hold.
    """
    maker = f"ecg-stream {__version__}"
    _check(state)
    try:
        body = _encoder.encode({"maker": maker, "state": state})
    except OverflowError:  # of an integer beyond 64 bits, for which an encoder has no hook
        body = _encoder.encode({"maker": maker, "state": _with_extensions(state)})
    return _HEADER.pack(_MAGIC, FORMAT_VERSION, zlib.crc32(body)) + body


def from_bytes(blob: bytes) -> State:
    """Decode what `to_bytes` gave, of this version or another: what is in it says by its `Schema` whether it fits.

    Raises
    ------
    SnapshotError
        If it is no snapshot, is damaged, or is of another format.
    """
    try:
        magic, version, checksum = _HEADER.unpack_from(blob)
    except struct.error:
        raise SnapshotError(f"no snapshot: {len(blob)} bytes are too few") from None
    if magic != _MAGIC:
        raise SnapshotError(f"no snapshot: it begins with {magic!r}, not {_MAGIC!r}")
    if version != FORMAT_VERSION:
        raise SnapshotError(f"snapshot of format {version}: this version reads {FORMAT_VERSION}")
    body = memoryview(blob)[_HEADER.size :]
    if zlib.crc32(body) != checksum:
        raise SnapshotError("snapshot is damaged: its checksum does not match")
    try:
        whole = _decoder.decode(body)
        state = whole["state"]
    except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"snapshot cannot be read: {error}") from None
    if not isinstance(state, dict):
        raise SnapshotError("snapshot holds no state")
    return state


def replace_file(path: Path, blob: bytes, mode: int = 0o666) -> None:
    """Replace `path` with `blob` so that a crash, of the machine too, leaves the old file or the new one.

    Parameters
    ----------
    path, blob
        The file and its content; one writer at a time.
    mode
        Who may read and write it, without what the process's mask takes off.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left then but what was there.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)  # left by a kill, and perhaps for others to read
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def write_atomically(path: Path, blob: bytes) -> None:
    """Replace a file of the state as `replace_file` does; it is for its owner only.

    Raises
    ------
    SnapshotError
        If it cannot be written.
    """
    try:
        replace_file(path, blob, 0o600)
    except OSError as error:
        raise SnapshotError(f"cannot write {path}: {error.strerror}", about="state") from error


def _check(state: State) -> None:
    """Refuse what a snapshot may not hold; MessagePack would take more, and give another type back."""
    waiting: list[Any] = [state]
    while waiting:
        value = waiting.pop()
        for each in value.values() if isinstance(value, dict) else value:
            if type(each) in _USUAL:
                continue
            if isinstance(each, dict | list | tuple):
                waiting.append(each)
            elif not isinstance(each, bool | int | float | str | None):
                _extension(each)


def _with_extensions(value: Any) -> Any:
    """Put extensions in the places of arrays and big integers, and copy everything else; slowly."""
    if isinstance(value, dict):
        return {key: _with_extensions(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_extensions(each) for each in value]
    if isinstance(value, bool | float | str | None):
        return value
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return value
        return msgspec.msgpack.Ext(_BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
    return _extension(value)


def _extension(value: Any) -> Any:
    """Give what stands in the place of a value that MessagePack does not have."""
    if isinstance(value, np.ndarray):
        packed = _array_encoder.encode([_described(value.dtype), list(value.shape), value.tobytes()])
        return msgspec.msgpack.Ext(_ARRAY, packed)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(
        f"a snapshot cannot hold {type(value).__name__}: valid are arrays, numbers, strings, booleans, None"
    )


def _unpack(code: int, content: memoryview) -> Any:
    if code == _BIG_INT:
        return int.from_bytes(content, "little", signed=True)
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    description, shape, raw = _array_decoder.decode(content)
    dtype = _dtype(_frozen(description))
    if dtype.itemsize * math.prod(shape) != len(raw):
        raise ValueError(f"{len(raw)} bytes are no array of {dtype} and shape {shape}")
    return np.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)  # a copy, as states are written into


@lru_cache(maxsize=64)
def _described(dtype: np.dtype[Any]) -> str | list[Any]:
    """Describe the type of an array: as NumPy does, or the name, type and shape of each field of a record."""
    if dtype.fields:
        return [(name, _described(part.base), part.shape) for name, (part, *_) in dtype.fields.items()]
    if dtype.kind not in _KINDS:
        raise TypeError(f"a snapshot cannot hold an array of {dtype}")
    return dtype.str


@lru_cache(maxsize=64)
def _dtype(description: str | tuple[Any, ...]) -> np.dtype[Any]:
    """Undo `_described`; its lists are tuples here."""
    try:
        if isinstance(description, tuple):
            return np.dtype([(name, _dtype(part), shape) for name, part, shape in description])
        dtype = np.dtype(description)
        _described(dtype)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return dtype


def _frozen(description: Any) -> Any:
    return tuple(map(_frozen, description)) if isinstance(description, list) else description


_USUAL = frozenset((int, float, str, bool, type(None), np.ndarray))
_encoder = msgspec.msgpack.Encoder(enc_hook=_extension)
_array_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ext_hook=_unpack)
_array_decoder = msgspec.msgpack.Decoder(tuple[str | list[Any], tuple[int, ...], bytes])
