"""Just enough of protocol buffers to take a part out of a message, without the package that the message is made by.

The encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Message: TypeAlias = memoryview

_FLOATS, _INTEGERS, _STRINGS = 0x3D, 0x40, 0x4A
"""What each element of a list begins with in an attribute of ONNX: fields 7, 8 and 9, not packed."""
_LONGEST = 4  # bytes of an integer in a list


class NotReadableError(Exception):
    """It is none of the messages that are read here."""


def fields(message: Message) -> Iterator[tuple[int, Message, Message]]:
    """Give number, all bytes, and content of each field of a message.

    Raises
    ------
    NotReadableError
        If it ends in the middle of one, or has one of a kind that is no longer used.
    """
    at = 0
    while at < len(message):
        begin = at
        key, at = _varint(message, at)
        content = at
        if key & 7 == 0:
            _, at = _varint(message, at)
        elif key & 7 == 2:
            size, content = _varint(message, at)
            at = content + size
        elif key & 7 in (1, 5):
            at += 8 if key & 7 == 1 else 4
        else:
            raise NotReadableError
        if at > len(message):
            raise NotReadableError
        yield key >> 3, message[begin:at], message[content:at]


def listed(content: bytes) -> NDArray[np.float32] | NDArray[np.int64] | bytes:
    """Read the elements of a list at once: numbers as an array, strings as they stand there.

    Raises
    ------
    NotReadableError
        If they are of another kind, or of several.
    """
    raw = np.frombuffer(content, dtype=np.uint8)
    kind = content[0]
    if kind == _STRINGS:
        return content
    if kind == _FLOATS and len(raw) % 5 == 0:
        rows = raw.reshape(-1, 5)
        if (rows[:, 0] == kind).all():
            return np.ascontiguousarray(rows[:, 1:]).view("<f4")[:, 0].astype(np.float32)
    if kind != _INTEGERS:
        raise NotReadableError
    ends = np.flatnonzero(raw < 0x80)  # of each key, and of each number
    keys, last = ends[::2], ends[1::2]
    if len(keys) != len(last) or (raw[keys] != kind).any() or (last - keys > _LONGEST).any():
        raise NotReadableError
    values = np.zeros(len(keys), dtype=np.int64)
    for byte in range(_LONGEST):
        there = keys + 1 + byte <= last
        values[there] |= (raw[keys[there] + 1 + byte].astype(np.int64) & 0x7F) << (7 * byte)
    return values


def field(name: int, content: bytes) -> bytes:
    """Write a field with bytes in it."""
    return number(name << 3 | 2) + number(len(content)) + content


def number(value: int) -> bytes:
    """Write an integer from 0 on."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(message: Message, at: int) -> tuple[int, int]:
    """Read an integer; give where it ends, too."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise NotReadableError
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
