"""What the service must not forget, on disk before it is acknowledged: its journal, and the snapshots beside it.

::

    DIR/service.json            client id and subscription
    DIR/patients/ID.state       a patient's session, from time to time and at the end
    DIR/journal/NUMBER.log      what came in and went out since

Each message is appended to the journal before the broker gets its acknowledgement, and each output after it was
handed to the sinks. A restarted service takes up the snapshots, takes the messages that came after them through
the pipelines again, and keeps back the outputs that the journal knows: the pipeline being deterministic, these are
the same to the byte. So nothing is lost or told twice if the process dies, by whatever signal. (If the whole
machine does, the last second may be missing: it is then told as a gap.)
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import msgspec

from ...errors import SnapshotError
from ..core.snapshots import from_bytes, to_bytes, write_atomically
from ..core.stage import State
from .topics import is_patient_id

Kind: TypeAlias = Literal["wave", "end", "out", "confirmed"]

_FRAME = struct.Struct("<II")  # length and CRC-32 of what follows


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One line of the journal.

    Attributes
    ----------
    number
        Counts all entries of this state folder.
    kind
        ``wave``: a message came. ``end``: the session was ended by silence. ``out``: an output was handed out.
        ``confirmed``: the broker has the outputs up to that of an entry.
    patient
        Whose; empty for ``confirmed``.
    content
        The payload, or the output as it was written.
    refers
        Number of another entry: for an output, that of the message which led to it; for ``confirmed``, that of the last
        confirmed output.
    """

    number: int
    kind: Kind
    patient: str = ""
    content: bytes = b""
    refers: int = 0


class ServiceCard(msgspec.Struct, frozen=True):
    """What stands in ``service.json``: under which client id, and to what, the service is subscribed."""

    client_id: str
    topic: str


@dataclass(slots=True)
class _Segment:
    path: Path
    last_number: int


class StateFolder:
    """The folder that `--state` names, held by one process at a time.

    Parameters
    ----------
    folder
        Made if it is not there.

    Raises
    ------
    SnapshotError
        If it cannot be written, or another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            (folder / "patients").mkdir(parents=True, exist_ok=True)
            (folder / "journal").mkdir(exist_ok=True)
            self._lock = (folder / "lock").open("wb")
            _lock(self._lock)
        except BlockingIOError:
            self._lock.close()
            raise SnapshotError(f"{folder} is in use by another ecg-stream", about="state") from None
        except OSError as error:
            raise SnapshotError(f"cannot use {folder}: {error.strerror}", about="state") from None
        self.journal = Journal(folder / "journal")

    def close(self) -> None:
        """Let the folder go."""
        self.journal.close()
        self._lock.close()

    def card(self) -> ServiceCard | None:
        """Give what was last written to ``service.json``; None if there is nothing."""
        try:
            return msgspec.json.decode((self._folder / "service.json").read_bytes(), type=ServiceCard)
        except (OSError, msgspec.DecodeError):
            return None

    def write_card(self, card: ServiceCard) -> None:
        """Write ``service.json``."""
        write_atomically(self._folder / "service.json", msgspec.json.encode(card))

    def patients(self) -> Iterator[tuple[str, State | SnapshotError]]:
        """Give each patient's saved state, or why it cannot be taken up."""
        for path in sorted((self._folder / "patients").glob("*.state")):
            if is_patient_id(path.stem):
                try:
                    yield path.stem, from_bytes(path.read_bytes())
                except SnapshotError as error:
                    yield path.stem, error
                except OSError as error:
                    yield path.stem, SnapshotError(f"cannot read {path}: {error.strerror}")

    def encode(self, state: State) -> bytes:
        """Encode one patient's state."""
        return to_bytes(state)

    def write_patient(self, patient: str, blob: bytes | None) -> None:
        """Save a patient's encoded state; None removes it. May be called from any thread."""
        path = self._folder / "patients" / f"{patient}.state"
        if blob is None:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, blob)


class Journal:
    """Numbered entries in segments; a new segment begins with each round of snapshots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: list[_Segment] = []
        self._file: FileIO | None = None
        self.number = 0
        """Number of the last entry."""

    def read(self) -> Iterator[Entry]:
        """Give all entries that are on disk, in order; to be called once, before anything is appended.

        An entry that was being written when the process died ends its segment.
        """
        for path in sorted(self._folder.glob("[0-9]*.log")):
            self.number = max(self.number, int(path.stem) - 1)  # an empty segment, too, says where numbers stood
            for entry in _entries(path.read_bytes()):
                self.number = max(self.number, entry.number)
                yield entry
            self._segments.append(_Segment(path, self.number))

    def append(self, kind: Kind, patient: str = "", content: bytes = b"", refers: int = 0) -> int:
        """Append an entry; when this returns, it survives the end of the process. Gives its number.

        Raises
        ------
        SnapshotError
            If it cannot be written.
        """
        if self._file is None:
            self.begin_segment()
        assert self._file is not None
        entry = msgspec.msgpack.encode(Entry(self.number + 1, kind, patient, content, refers))
        frame = _FRAME.pack(len(entry), zlib.crc32(entry)) + entry
        try:
            written = self._file.write(frame)
        except OSError as error:
            raise SnapshotError(f"cannot write {self._segments[-1].path}: {error.strerror}", about="state") from error
        if written != len(frame):
            raise SnapshotError(f"cannot write {self._segments[-1].path}: the disk is full", about="state")
        self.number += 1
        self._segments[-1].last_number = self.number
        return self.number

    def begin_segment(self) -> None:
        """Let further entries go to a new segment."""
        if self._file is not None:
            self._file.close()
        path = self._folder / f"{self.number + 1:016d}.log"
        try:
            self._file = FileIO(path, "w")
        except OSError as error:
            raise SnapshotError(f"cannot write {path}: {error.strerror}", about="state") from error
        self._segments = [
            segment for segment in self._segments if segment.path != path
        ]  # an empty one, left by a crash
        self._segments.append(_Segment(path, self.number))

    def forget(self, before: int) -> None:
        """Remove the segments whose entries all have numbers under `before`, except the one in use."""
        while len(self._segments) > 1 and self._segments[0].last_number < before:
            self._segments.pop(0).path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Bring what was appended to the disk itself; for any thread."""
        file = self._file
        if file is not None:
            with contextlib.suppress(ValueError):  # closed meanwhile, for the next segment
                os.fsync(file.fileno())

    def close(self) -> None:
        """Close the segment in use."""
        if self._file is not None:
            self._file.close()


def _lock(file: BinaryIO) -> None:
    if sys.platform != "win32":  # where files cannot be locked this way, two services on one folder go unnoticed
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _entries(content: bytes) -> Iterator[Entry]:
    position = 0
    while position + _FRAME.size <= len(content):
        length, checksum = _FRAME.unpack_from(content, position)
        raw = content[position + _FRAME.size : position + _FRAME.size + length]
        if len(raw) != length or zlib.crc32(raw) != checksum:
            return
        try:
            yield _decode(raw)
        except msgspec.DecodeError:
            return
        position += _FRAME.size + length


_decode = msgspec.msgpack.Decoder(Entry).decode
