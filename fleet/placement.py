"""Which shard a patient belongs to: rendezvous hashing.

Each shard and patient together give a number, and the patient belongs to the shard with the highest. So a shard that is
added takes only patients for whom its number is the highest, from all shards alike. One that is removed gives away only
its own patients, to all shards alike.

Sources: D. G. Thaler and C. V. Ravishankar, Using name-based mappings to increase hit rates, IEEE/ACM Transactions on
Networking 6(1), 1998, https://doi.org/10.1109/90.663936; the mixing of the two names is that of SplitMix64, G. L.
Steele, D. Lea and C. H. Flood, OOPSLA 2014, https://doi.org/10.1145/2660193.2660195.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def shard_names(count: int) -> tuple[str, ...]:
    """Name the shards of a fleet of `count`."""
    return tuple(f"shard-{number}" for number in range(count))


def shard_of(patient: str, shards: Sequence[str]) -> str:
    """Give the shard of a patient; the same everywhere and always, for the same set of `shards`."""
    names, seeds = _seeds(tuple(shards))
    x = seeds ^ np.uint64(_number(patient))
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return names[int(np.argmax(x ^ (x >> np.uint64(31))))]


@lru_cache(maxsize=16)
def _seeds(shards: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.uint64]]:
    names = tuple(sorted(shards))
    return names, np.array([_number(name) for name in names], dtype=np.uint64)


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
