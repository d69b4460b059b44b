"""What a service takes on, and what a patient's turn leads to."""

from __future__ import annotations

from dataclasses import dataclass

from .engine import Step
from .summary import Summary


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a service takes on.

    Attributes
    ----------
    patients
        How many at once.
    queue_bytes, total_bytes
        Waiting messages of one patient, and of all.
    held_bytes
        Chunks of all that wait behind holes; beyond, each may have 64 kB.
    silence_s
        A session that got nothing new for so long is ended.
    """

    patients: int = 1000
    queue_bytes: int = 32 << 20
    total_bytes: int = 512 << 20
    held_bytes: int = 64 << 20
    silence_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A session came to its end."""

    patient: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Turn:
    """What one message, or the end of a session, led to.

    Attributes
    ----------
    patient
        Whose turn it was.
    outcomes
        Steps and ended sessions, in order.
    received
        When the message came, on the caller's clock.
    number
        The message's number in the journal.
    """

    patient: str
    outcomes: list[Step | Ended]
    received: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """How many messages of a patient wait, and how many were dropped because too many did."""

    waiting: int = 0
    dropped: int = 0
