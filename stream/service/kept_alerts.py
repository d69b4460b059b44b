"""Alerts that wait for a webhook, kept over a restart: a journal of their own in the state folder."""

from __future__ import annotations

import threading
from pathlib import Path

from ...errors import SnapshotError
from .journal import Journal

LONGEST_BYTES = 1 << 20
"""So long a segment may grow before what still waits is written anew, and the rest forgotten."""


class KeptAlerts:
    """A journal of alerts that wait: an entry ``out`` for each, and ``dropped`` when it need not be kept any more.

    An alert survives the end of the process from `add` on. If the machine dies, the last second may be missing.

    Parameters
    ----------
    folder
        Of the journal; made if it is not there.

    Raises
    ------
    SnapshotError
        If it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(0o700, exist_ok=True)
        except OSError as error:
            raise SnapshotError(f"cannot write {folder}: {error.strerror}", about="state") from None
        self._journal = Journal(folder)
        self._lock = threading.Lock()  # one adds, another lets go
        self._waiting: dict[int, tuple[int, bytes]] = {}  # key: number of the entry, line
        self._key = 0

    def read(self) -> list[tuple[int, bytes]]:
        """See `Webhook`'s `Keeps`."""
        waiting: dict[int, bytes] = {}
        for entry in self._journal.read():
            if entry.kind == "out" and entry.content not in waiting.values():  # written anew when the process died
                waiting[entry.number] = entry.content
            elif entry.kind == "dropped":
                waiting.pop(entry.refers, None)
        for number, line in waiting.items():
            self._key += 1
            self._waiting[self._key] = number, line
        self._write_anew()
        return [(key, line) for key, (_, line) in self._waiting.items()]

    def add(self, line: bytes) -> int:
        """See `Keeps`."""
        with self._lock:
            self._key += 1
            self._waiting[self._key] = self._journal.append("out", content=line), line
            self._journal.keep()
            self._shorten()
            return self._key

    def done(self, key: int) -> None:
        """See `Keeps`."""
        with self._lock:
            number, _ = self._waiting.pop(key)
            self._journal.append("dropped", refers=number)
            self._journal.keep()
            self._shorten()

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._journal.close()

    def _shorten(self) -> None:
        if self._journal.n_bytes > LONGEST_BYTES:
            self._write_anew()

    def _write_anew(self) -> None:
        """Begin a segment with what waits, and forget those before."""
        self._journal.begin_segment()
        first = self._journal.number + 1
        for key, (_, line) in self._waiting.items():
            self._waiting[key] = self._journal.append("out", content=line), line
        self._journal.forget(first)
