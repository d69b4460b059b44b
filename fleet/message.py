"""A message as a shard hears it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes
    ----------
    topic, payload, retained
        As it came.
    number
        Counts what a shard hears; the message is acknowledged by it.
    received
        Monotonic time, s.
    digest
        Tells it from others, see `digest_of`.
    """

    topic: str
    payload: bytes
    retained: bool
    number: int
    received: float
    digest: bytes


def digest_of(topic: str, payload: bytes) -> bytes:
    """Give eight bytes by which a message is known when the broker sends it again."""
    return blake2b(payload, digest_size=8, key=topic.encode()[-64:]).digest()
