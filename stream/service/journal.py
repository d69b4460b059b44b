"""What came in and went out, on disk before it is acknowledged: numbered entries in segments.

Each message is in the journal before the broker gets its acknowledgement, and each output after it was handed to the
sinks, in room that was made for it before: a full disk is noticed while nothing is told. Entries are appended one by
one and written together, by `keep`. A damaged entry costs itself, and is noted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from ...errors import SnapshotError

Kind: TypeAlias = Literal["wave", "end", "out", "confirmed", "dropped", "pressed"]

RESERVE_BYTES = 1 << 18
"""So much room is made on the disk at a time."""
ENTRY_OVERHEAD_BYTES = 128
"""What an entry takes at most, beside its content."""

STUCK = b"stuck"

_FRAME = struct.Struct("<II")  # length and CRC-32 of what follows
_FIRST = b"\x95"  # of an entry: an array of five
_SEGMENT = re.compile(r"[0-9]{16}\.log")


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One line of the journal.

    Attributes
    ----------
    number
        Counts all entries of this state folder.
    kind
        ``wave``: a message came. ``end``: the session was ended by silence. ``out``: an output was handed out.
        ``confirmed``: the broker has the outputs up to that of an entry. ``dropped``: a message was not taken, as too
        many waited. ``pressed``: with a message a hole was given up, as room was scarce.
    patient
        Whose; empty for ``confirmed``.
    content
        The payload, or the output as it was written; of an ``end``, `STUCK` where the device's count is not believed.
    refers
        Number of another entry: for an output, that of the message which led to it; for ``confirmed``, that of the last
        confirmed output; for ``dropped`` and ``pressed``, that of the message. Of a ``wave``: when it came, in
        milliseconds since 1970; 0 in a journal of version 0.1.
    """

    number: int
    kind: Kind
    patient: str = ""
    content: bytes = b""
    refers: int = 0


@dataclass(slots=True)
class _Segment:
    path: Path
    last_number: int


class Journal:
    """Numbered entries in segments; a new segment begins with each round of snapshots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: list[_Segment] = []
        self._file: FileIO | None = None
        self._written = self._room = 0  # bytes of the segment in use: with entries, and had from the disk
        self._appended = bytearray()  # and not written yet
        self.number = 0
        """Number of the last entry."""
        self.damage: list[str] = []
        """What was found damaged or missing, a line each."""

    @property
    def n_bytes(self) -> int:
        """Size of the segment in use."""
        return self._written + len(self._appended)

    def read(self) -> Iterator[Entry]:
        """Give all entries that are on disk, in order; to be called once, before anything is appended.

        An entry that was being written when the process died ends its segment. One that is damaged is passed over, and
        noted in `damage`.

        Raises
        ------
        SnapshotError
            If it cannot be read.
        """
        paths = sorted(path for path in self._folder.iterdir() if _SEGMENT.fullmatch(path.name) and path.is_file())
        for path in paths:
            first = int(path.stem)
            if self._segments and first > self.number + 1:
                self.damage.append(f"entries {self.number + 1} to {first - 1} are missing before {path.name}")
            self.number = max(self.number, first - 1)  # an empty segment, too, says where numbers stood
            try:
                content = path.read_bytes()
            except OSError as error:
                raise SnapshotError(f"cannot read {path}: {error.strerror}", about="state") from None
            for entry in _entries(content, path.name, self.damage):
                self.number = max(self.number, entry.number)
                yield entry
            self._segments.append(_Segment(path, self.number))

    def count_on_from(self, number: int) -> None:
        """Let further entries have numbers above this one; to be called after `read`."""
        if number > self.number:
            self.damage.append(f"it ends at entry {self.number}, the snapshots hold entry {number}")
            self.number = number

    def make_room(self, n_bytes: int) -> None:
        """Keep what was appended, and have so much room on the disk that `n_bytes` more cannot fail for want of it.

        Raises
        ------
        SnapshotError
            If there is none.
        """
        if self._file is None:
            self.begin_segment()
        self.keep()
        if self._file is None or self._written + n_bytes <= self._room or not hasattr(os, "posix_fallocate"):
            return
        more = max(RESERVE_BYTES, n_bytes)
        try:
            os.posix_fallocate(self._file.fileno(), self._written, more)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                return  # not on this file system: an entry may then fail after its output was told
            raise SnapshotError(f"cannot write {self._segments[-1].path}: {error.strerror}", about="state") from error
        self._room = self._written + more

    def append(self, kind: Kind, patient: str = "", content: bytes = b"", refers: int = 0) -> int:
        """Append an entry; when `keep` returns, it survives the end of the process. Gives its number.

        Raises
        ------
        SnapshotError
            If a segment cannot be begun.
        """
        if self._file is None:
            self.begin_segment()
        self.number += 1
        entry = _encode(Entry(self.number, kind, patient, content, refers))
        self._appended += _FRAME.pack(len(entry), zlib.crc32(entry))
        self._appended += entry
        self._segments[-1].last_number = self.number
        return self.number

    def keep(self) -> None:
        """Write what was appended.

        Raises
        ------
        SnapshotError
            If it cannot be written; of what was appended since the last call, the end is then missing.
        """
        if not self._appended:
            return
        assert self._file is not None
        appended, self._appended = self._appended, bytearray()
        try:
            written = self._file.write(appended)
        except OSError as error:
            raise SnapshotError(f"cannot write {self._segments[-1].path}: {error.strerror}", about="state") from error
        self._written += written
        if written != len(appended):
            raise SnapshotError(f"cannot write {self._segments[-1].path}: the disk is full", about="state")

    def begin_segment(self) -> None:
        """Let further entries go to a new segment."""
        self.close()
        path = self._folder / f"{self.number + 1:016d}.log"
        try:
            self._file = FileIO(path, "w", opener=for_owner)
        except OSError as error:
            raise SnapshotError(f"cannot write {path}: {error.strerror}", about="state") from error
        self._written = self._room = 0
        self._segments = [
            segment for segment in self._segments if segment.path != path
        ]  # an empty one, left by a crash
        self._segments.append(_Segment(path, self.number))

    def forget(self, before: int) -> None:
        """Keep what was appended, and remove the segments whose entries all have numbers under `before`.

        The one in use stays.
        """
        self.keep()
        while len(self._segments) > 1 and self._segments[0].last_number < before:
            self._segments.pop(0).path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Bring what was appended to the disk itself; for any thread."""
        file = self._file
        if file is not None:
            with contextlib.suppress(ValueError):  # closed meanwhile, for the next segment
                try:
                    os.fsync(file.fileno())
                except OSError as error:
                    if error.errno != errno.EBADF:  # the same, a moment later
                        raise SnapshotError(f"cannot write {file.name}: {error.strerror}", about="state") from error

    def close(self) -> None:
        """Close the segment in use."""
        if self._file is not None and not self._file.closed:
            self.keep()
            if self._room > self._written:
                with contextlib.suppress(OSError):  # what is left is read as the end
                    self._file.truncate(self._written)
            self._file.close()


def for_owner(path: str, flags: int) -> int:
    """Open a file that only its owner may read; an `opener`."""
    return os.open(path, flags, 0o600)


def _entries(content: bytes, name: str, damage: list[str]) -> Iterator[Entry]:
    """Give the entries of a segment; what is damaged is passed over, and told in `damage`."""
    position = 0
    while position + _FRAME.size <= len(content):
        end = position + _FRAME.size + _FRAME.unpack_from(content, position)[0]
        entry = _entry_at(content, position)
        if entry is not None:
            yield entry
            position = end
        elif not content[position:].strip(b"\0"):
            return  # room that was made and not used
        elif (begins := _next_entry(content, position, end)) is not None:
            damage.append(f"{name}: {begins - position} bytes from byte {position} on are damaged")
            position = begins
        else:
            if end <= len(content):  # else it was being written when the process died
                damage.append(f"{name}: the last entry is damaged")
            return


def _entry_at(content: bytes, position: int) -> Entry | None:
    """Give the entry whose frame begins at `position`; None if there is none, whole and undamaged."""
    begin = position + _FRAME.size
    if begin > len(content):
        return None
    length, checksum = _FRAME.unpack_from(content, position)
    if not length or begin + length > len(content):
        return None
    raw = memoryview(content)[begin : begin + length]
    if zlib.crc32(raw) != checksum:
        return None
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        return None


def _next_entry(content: bytes, position: int, end: int) -> int | None:
    """Give where the next whole entry after the damaged one at `position` begins; `end` is where that claims to end."""
    if _entry_at(content, end) is not None:
        return end
    first = position + _FRAME.size
    while (first := content.find(_FIRST, first + 1)) >= 0:
        if _entry_at(content, first - _FRAME.size) is not None:
            return first - _FRAME.size
    return None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode
