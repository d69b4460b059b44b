"""Who is at a shard.

A patient is *owned*: the stream runs here; or *arriving*: the messages are kept, unread, until it is known whether the
patient comes; or *leaving*: the stream was put down here, and its last state waits for another shard to have saved it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from itertools import chain

from .holding import Holding
from .message import Message


class Roster:
    """The patients of a shard, and the messages that are kept for those whose stream does not run."""

    def __init__(self) -> None:
        self.owned: set[str] = set()
        self.arriving: dict[str, list[Message]] = {}
        self.leaving: dict[str, bytes] = {}
        self.heirs: dict[str, str] = {}  # of those who are leaving, the shard that has prepared for each
        self.paused: dict[str, list[Message]] = {}  # of those who are being put down, what comes meanwhile
        self.version = time.time_ns()
        """Changes whenever who is here does, also from one incarnation to the next."""

    @property
    def empty(self) -> bool:
        """Whether nobody is here whose state would be lost."""
        return not (self.owned or self.leaving)

    def holding(self) -> Holding:
        """Say who is here."""
        return Holding(frozenset(self.owned), frozenset(self.arriving), frozenset(self.leaving), dict(self.heirs))

    def first_kept(self) -> int | None:
        """Give the number of the first message that is kept unread; None if none is."""
        kept = chain(self.arriving.values(), self.paused.values())
        return min((messages[0].number for messages in kept if messages), default=None)

    def restore(self, owned: Iterable[str], leaving: Mapping[str, bytes], heirs: Mapping[str, str]) -> None:
        """Know again who was here."""
        self.owned, self.leaving, self.heirs = set(owned), dict(leaving), dict(heirs)
        self.version += 1

    def expect(self, patients: Iterable[str]) -> None:
        """Keep the messages of patients who may come."""
        for patient in patients:
            self.arriving.setdefault(patient, [])
        self.version += 1

    def own(self, patient: str) -> list[Message]:
        """Take a patient on; give what was kept."""
        self.owned.add(patient)
        self.version += 1
        return self.arriving.pop(patient, [])

    def leave(self, patient: str, state: bytes, heir: str) -> None:
        """Let an owned patient leave for another shard."""
        self.owned.discard(patient)
        self.leaving[patient], self.heirs[patient] = state, heir
        self.version += 1

    def discharge(self, patient: str) -> None:
        """Let go of an owned patient for good."""
        self.owned.discard(patient)
        self.version += 1

    def forget(self, patients: Iterable[str]) -> None:
        """Forget patients who have left, or who were expected and do not come."""
        for patient in patients:
            self.leaving.pop(patient, None)
            self.heirs.pop(patient, None)
            self.arriving.pop(patient, None)
        self.version += 1
