"""Where a fleet keeps its state: a folder that all nodes see, or an object store, by way of fsspec.

::

    STATE/fleet.json              how many shards there are to be, and which there are
    STATE/SHARD/epoch             how often the shard was started
    STATE/SHARD/EPOCH.state       its patients, as of its last snapshot

What is written stands there whole or not at all: in a folder by renaming, in an object store because a put is such.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..errors import MissingExtraError, RequestError, SnapshotError
from ..stream.core.snapshots import write_atomically


class StateStore(Protocol):
    """Small named files. Names have at most one slash. All of it is for any thread."""

    def read(self, name: str) -> bytes | None:
        """Give a file's content; None if there is none."""
        ...

    def write(self, name: str, blob: bytes) -> None:
        """Put a file, whole, in the place of what is there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, without it, sorted."""
        ...


def open_store(location: str) -> StateStore:
    """Open the store at `location`, a folder or a URL.

    Raises
    ------
    RequestError
        If the URL is of a kind that fsspec does not know, or its driver is not installed.
    MissingExtraError
        If it is a URL, and fsspec is not installed.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", location)
    if scheme is None or scheme[1] == "file":
        return FolderStore(Path(location.removeprefix("file://")))
    return ObjectStore(location)


def check_store(store: StateStore) -> None:
    """Write something, and take it away again.

    Raises
    ------
    SnapshotError
        If it cannot be written.
    """
    name = f"probe-{secrets.token_hex(8)}"
    store.write(name, b"")
    store.remove(name)


class FolderStore:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """Give a file's content; None if there is none."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SnapshotError(f"cannot read {self._folder / name}: {error.strerror}") from None

    def write(self, name: str, blob: bytes) -> None:
        """Put a file, whole, in the place of what is there."""
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnapshotError(f"cannot use {path.parent}: {error.strerror}", about="state") from None
        write_atomically(path, blob)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(OSError):
            (self._folder / name).unlink()

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, without it, sorted."""
        path = self._folder / folder
        return sorted(each.name for each in path.iterdir() if each.is_file()) if path.is_dir() else []


class ObjectStore:
    """Anything that fsspec opens: ``s3://bucket/ward``, ``gs://...``, ``abfs://...``."""

    def __init__(self, location: str) -> None:
        try:
            import fsspec
        except ImportError:
            raise MissingExtraError(f"a state at {location}", "fleet") from None
        self._location = location
        try:
            found: tuple[Any, str] = fsspec.core.url_to_fs(location, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise RequestError(
                f"{location} cannot be opened: {error}: valid are a folder and a URL that fsspec can open",
                about="state",
            ) from None
        self._files, root = found
        self._root = root.rstrip("/")

    def read(self, name: str) -> bytes | None:
        """Give a file's content; None if there is none."""
        try:
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None
        except Exception as error:  # each driver has its own
            raise SnapshotError(f"cannot read {self._location}/{name}: {error}") from error

    def write(self, name: str, blob: bytes) -> None:
        """Put a file, whole, in the place of what is there."""
        path = f"{self._root}/{name}"
        try:
            with suppress(NotImplementedError, FileExistsError):
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, blob)
        except Exception as error:  # each driver has its own
            raise SnapshotError(f"cannot write {self._location}/{name}: {error}", about="state") from error

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(Exception):  # what is left behind is looked at by nobody
            self._files.rm_file(f"{self._root}/{name}")

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, without it, sorted."""
        try:
            found = self._files.ls(f"{self._root}/{folder}", detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:  # each driver has its own
            raise SnapshotError(f"cannot list {self._location}/{folder}: {error}") from error
        return sorted(str(path).rpartition("/")[2] for path in found)
