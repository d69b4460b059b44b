"""What a shard saves, and which of its incarnations may.

Each start of a shard is an epoch of its own, with a file of its own. An incarnation that was taken for dead and is
not, as behind a cut network, goes on writing to a file that nobody reads any more.
"""

from __future__ import annotations

import zlib
from contextlib import suppress

import msgspec

from ..errors import SnapshotError
from .state_store import StateStore

FORMAT_VERSION = 1  # of what stands around the sessions: fields that are added, with a default, need no new number


class ShardState(msgspec.Struct, frozen=True):
    """A snapshot of a shard.

    Attributes
    ----------
    patients
        Each patient's session, as `snapshots.to_bytes` writes it; of one who has sent nothing yet, nothing.
    leaving
        The last state of those who are on their way to another shard.
    heirs
        Which shard that is.
    pending
        Outputs, with their topic, that the broker may not have.
    told
        Outputs that it has and that may come out again, see `Echoes`.
    taken
        Digests of messages that are held by this state, and were not yet acknowledged when it was saved.
    """

    patients: dict[str, bytes] = {}
    leaving: dict[str, bytes] = {}
    heirs: dict[str, str] = {}
    pending: list[tuple[str, bytes]] = []
    told: dict[str, list[bytes]] = {}
    taken: list[bytes] = []
    version: int = FORMAT_VERSION


def encode_state(state: ShardState) -> bytes:
    """Encode a state, with a checksum."""
    body = msgspec.msgpack.encode(state)
    return zlib.crc32(body).to_bytes(4, "little") + body


def decode_state(blob: bytes) -> ShardState:
    """Decode what `encode_state` gave.

    Raises
    ------
    SnapshotError
        If it is damaged or of another version.
    """
    body = blob[4:]
    if int.from_bytes(blob[:4], "little") != zlib.crc32(body):
        raise SnapshotError("a shard's snapshot is damaged: its checksum does not match")
    try:
        state = msgspec.msgpack.decode(body, type=ShardState)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"a shard's snapshot cannot be read: {error}") from None
    if state.version != FORMAT_VERSION:
        raise SnapshotError(f"a shard's snapshot has format {state.version}: this version reads {FORMAT_VERSION}")
    return state


class ShardFile:
    """The saved state of one incarnation of a shard.

    Parameters
    ----------
    store
        Where it is.
    shard
        Its name.
    """

    def __init__(self, store: StateStore, shard: str) -> None:
        self._store = store
        self._shard = shard
        self.epoch = self._newest() + 1
        store.write(f"{shard}/epoch", str(self.epoch).encode())

    def superseded(self) -> bool:
        """Tell whether another incarnation was started after this one."""
        return self._newest() > self.epoch

    def load(self) -> ShardState:
        """Give what the incarnations before this one have saved last."""
        for name in reversed(self._states()):
            if int(name.removesuffix(".state")) <= self.epoch:
                blob = self._store.read(f"{self._shard}/{name}")
                if blob is not None:
                    return decode_state(blob)
        return ShardState()

    def save(self, blob: bytes) -> None:
        """Save an encoded state; those of earlier incarnations are removed once it is there."""
        own = f"{self.epoch:010}.state"
        self._store.write(f"{self._shard}/{own}", blob)
        for name in self._states():
            if name < own:
                self._store.remove(f"{self._shard}/{name}")

    def remove(self) -> None:
        """Remove all that was saved: the shard is no more. Its epoch stays, should it come back."""
        for name in self._states():
            self._store.remove(f"{self._shard}/{name}")

    def _newest(self) -> int:
        blob = self._store.read(f"{self._shard}/epoch")
        with suppress(ValueError):
            return int(blob or b"0")
        return 0

    def _states(self) -> list[str]:
        return [name for name in self._store.names(self._shard) if name.endswith(".state") and name[:10].isdigit()]
