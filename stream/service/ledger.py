"""What a service must not forget: what came in, what was told, and now and then the state of every patient.

The core writes it down here, in this order: a message before it is acknowledged, an output after it was handed to the
sinks, a state when all that led to it was handed out. Where it goes is the ledger's affair: `FolderLedger` keeps a
journal and snapshots in a folder; a shard of a fleet lets the broker keep what no snapshot holds; `NoLedger` forgets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...errors import SnapshotError
from ..core.stage import State
from ..run.turn import Turn
from .journal import Entry, StateFolder
from .outbox import Outgoing
from .topics import Topics

SUMMARY = b"summary"  # stands in a ledger for a summary, whose wall times are never the same twice


class Told(Protocol):
    """Outputs that were handed out before a crash."""

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been handed out, and count it off."""
        ...


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a ledger knows after a restart.

    Attributes
    ----------
    states
        Patients and their saved states, or why one cannot be taken up.
    unconfirmed
        Outputs that the broker may not have.
    since
        Messages, and ends by silence, that came after the states were saved.
    """

    states: Iterable[tuple[str, State | SnapshotError]]
    unconfirmed: Sequence[Outgoing] = ()
    since: Sequence[Entry] = ()


class Ledger(Protocol):
    """Where a service writes down what it must not forget."""

    def take_in(self, patient: str, payload: bytes, number: int, /) -> int:
        """Write a message down, before it is acknowledged.

        `number` is that which its receiver gave it; returned is the one by which the ledger knows it.
        """
        ...

    def take_in_end(self, patient: str, /) -> int:
        """Write down that a session is ended by silence, before it is; give the number."""
        ...

    def told_before(self, turn: Turn, /) -> Told | None:
        """Give what of a turn's outputs may have been handed out before a crash; None where there is nothing."""
        ...

    def tell(self, turn: Turn, content: bytes, /) -> int:
        """Write down that an output of a turn was handed out; give its number, 0 where it has none."""
        ...

    def confirm(self, number: int, /) -> None:
        """Write down that the broker has the outputs up to this number."""
        ...

    def begin_save(self, patients: Sequence[str], /) -> int:
        """Begin to save these patients, and nobody beside them.

        Gives the number of the first message that the save may lack whatever state is copied from now on.
        """
        ...

    async def save(self, patient: str, state: State | None, unconfirmed: Sequence[Outgoing], /) -> None:
        """Save a patient.

        Parameters
        ----------
        patient
            One of those named before.
        state
            A copy that is the ledger's own; None if it is as it was when it was saved last.
        unconfirmed
            The patient's outputs that the broker had not confirmed in the moment in which the state was copied.
        """
        ...

    async def finish_save(self, first_missing: int, /) -> None:
        """Forget, or acknowledge, all before the message with this number: it is in the states or done with."""
        ...


class NoLedger:
    """Forgets everything."""

    def take_in(self, _patient: str, _payload: bytes, number: int) -> int:
        """See `Ledger`."""
        return number

    def take_in_end(self, _patient: str) -> int:
        """See `Ledger`."""
        return 0

    def told_before(self, _turn: Turn) -> None:
        """See `Ledger`."""

    def tell(self, _turn: Turn, _content: bytes) -> int:
        """See `Ledger`."""
        return 0

    def confirm(self, number: int) -> None:
        """See `Ledger`."""

    def begin_save(self, _patients: Sequence[str]) -> int:
        """See `Ledger`."""
        return 0

    async def save(self, patient: str, state: State | None, unconfirmed: Sequence[Outgoing]) -> None:
        """See `Ledger`."""

    async def finish_save(self, first_missing: int) -> None:
        """See `Ledger`."""


class FolderLedger:
    """A journal in a folder, and the snapshots beside it.

    Parameters
    ----------
    folder
        Where.
    """

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._journal = folder.journal
        self._told = JournalTold()
        self._last_told = 0  # what has a larger number came after the restart
        self._on_disk: set[str] = set()
        self._to_save: Collection[str] = ()

    def recover(self, topics: Topics | None) -> Recovered:
        """Read what there is; to be called once, before anything else.

        Parameters
        ----------
        topics
            Where outputs are published; None publishes none.
        """
        states = list(self._folder.patients())
        self._on_disk = {patient for patient, _ in states}
        since: list[Entry] = []
        unconfirmed: list[Entry] = []
        for entry in self._journal.read():
            if entry.kind == "out":
                self._told.add(entry)
                if entry.content != SUMMARY:
                    unconfirmed.append(entry)
            elif entry.kind == "confirmed":
                unconfirmed = [each for each in unconfirmed if each.number > entry.refers]
            else:
                since.append(entry)
        self._last_told = self._journal.number
        waiting = [] if topics is None else [_outgoing(topics, entry) for entry in unconfirmed]
        return Recovered(states, waiting, since)

    def take_in(self, patient: str, payload: bytes, _number: int) -> int:
        """See `Ledger`."""
        return self._journal.append("wave", patient, payload)

    def take_in_end(self, patient: str) -> int:
        """See `Ledger`."""
        return self._journal.append("end", patient)

    def told_before(self, turn: Turn) -> Told | None:
        """See `Ledger`."""
        return self._told if turn.number <= self._last_told else None

    def tell(self, turn: Turn, content: bytes) -> int:
        """See `Ledger`."""
        return self._journal.append("out", turn.patient, content, refers=turn.number)

    def confirm(self, number: int) -> None:
        """See `Ledger`."""
        self._journal.append("confirmed", refers=number)

    def begin_save(self, patients: Sequence[str]) -> int:
        """See `Ledger`."""
        self._to_save = patients
        self._journal.begin_segment()
        return self._journal.number + 1

    async def save(self, patient: str, state: State | None, _unconfirmed: Sequence[Outgoing]) -> None:
        """See `Ledger`."""
        if state is not None:
            await asyncio.to_thread(self._folder.write_patient, patient, self._folder.encode(state))
            self._on_disk.add(patient)

    async def finish_save(self, first_missing: int) -> None:
        """See `Ledger`."""
        for patient in self._on_disk.difference(self._to_save):
            self._folder.write_patient(patient, None)
        self._on_disk.intersection_update(self._to_save)
        self._journal.forget(first_missing)


class JournalTold:
    """What the journal knows to be handed out: by patient, number of the message they came of, and content."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[str, int, bytes]] = Counter()

    def add(self, entry: Entry) -> None:
        """Take an ``out`` entry."""
        self._lines[entry.patient, entry.refers, entry.content] += 1

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been handed out, and count it off."""
        if self._lines[turn.patient, turn.number, content] <= 0:
            return False
        self._lines[turn.patient, turn.number, content] -= 1
        return True


def _outgoing(topics: Topics, entry: Entry) -> Outgoing:
    kind = "beats" if entry.content.startswith(b'{"type":"beat"') else "events"
    return Outgoing(topics.of_patient(entry.patient, kind), entry.content, entry.number)
