"""Which shard a patient belongs to: rendezvous hashing.

Every shard draws a number for the patient, and the highest has him. So a shard that is added takes only patients whose
highest number is its own, from everyone alike, and one that is removed gives only its own, to everyone alike.

Source: D. G. Thaler and C. V. Ravishankar, Using name-based mappings to increase hit rates, IEEE/ACM Transactions on
Networking 6(1), 1998, https://doi.org/10.1109/90.663936.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b


def shard_names(count: int) -> tuple[str, ...]:
    """Name the shards of a fleet of `count`."""
    return tuple(f"shard-{number}" for number in range(count))


def shard_of(patient: str, shards: Sequence[str]) -> str:
    """Give the shard of a patient; the same everywhere and always, for the same set of `shards`."""
    return max(shards, key=lambda shard: (_draw(patient, shard), shard))


def _draw(patient: str, shard: str) -> int:
    return int.from_bytes(blake2b(f"{shard} {patient}".encode(), digest_size=8).digest())
