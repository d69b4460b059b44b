"""What a service must not forget: what came in, what was told, and now and then the state of every patient.

The core writes it down here, in this order: a message before it is acknowledged, an output after it was handed to the
sinks, a state when all that led to it was handed out. What is written down is there when `keep` has returned. Where it
goes is the ledger's affair: `FolderLedger` has a journal and snapshots in a folder; a shard of a fleet lets the broker
keep what no snapshot holds; `NoLedger` forgets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ...errors import SnapshotError
from ..core.stage import State
from ..run.turn import Turn
from .journal import Entry
from .outbox import Outgoing

SUMMARY = b"summary"  # stands in a ledger for a summary, whose wall times are never the same twice


class Told(Protocol):
    """Outputs that were handed out before a crash."""

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been handed out, and count it off."""
        ...


class ToldLine(NamedTuple):
    """Of an output that was told: its stream, sample and time, and the clock that the time comes from."""

    stream: str | None
    sample: int
    at: str | None
    clock: str | None


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
        Messages, and ends by silence, that came after the states were saved; not those that were dropped.
    pressed
        Numbers of those that were taken while room was scarce, see `Ledger.press`.
    damaged
        How many places there were of which nothing could be read.
    """

    states: Iterable[tuple[str, State | SnapshotError]]
    unconfirmed: Sequence[Outgoing] = ()
    since: Sequence[Entry] = ()
    pressed: Collection[int] = ()
    damaged: int = 0


class Ledger(Protocol):
    """Where a service writes down what it must not forget."""

    def take_in(self, patient: str, payload: bytes, number: int, arrived_ms: int, /) -> int:
        """Write a message down, before it is acknowledged.

        `number` is that which its receiver gave it; returned is the one by which the ledger knows it. `arrived_ms` is
        when it came, in milliseconds since 1970.
        """
        ...

    def take_in_end(self, patient: str, stuck: bool, /) -> int:
        """Write down that a session is ended by silence, before it is, and keep it; give the number.

        `stuck` is `Patients.stuck`.
        """
        ...

    def drop(self, number: int, /) -> None:
        """Write down that a message that was taken in is not taken any further: too many waited."""
        ...

    def press(self, number: int, /) -> None:
        """Write down that a message was taken while room was scarce, and a hole given up for it."""
        ...

    def make_room(self, contents: Sequence[bytes], /) -> None:
        """Keep what was written down, and see to it that `tell` cannot fail for want of room.

        Outputs are handed out when this has returned.
        """
        ...

    def told_first(self, patient: str, /) -> ToldLine | None:
        """Give the first of a patient's outputs that may come again: their stream and times are to be as they were."""
        ...

    def told_before(self, turn: Turn, /) -> Told | None:
        """Give what of a turn's outputs may have been handed out before a crash; None where there is nothing."""
        ...

    def tell(self, turn: Turn, content: bytes, /) -> int:
        """Write down that an output of a turn was handed out; give its number, 0 where it has none.

        `keep` is called after the last of those that were handed out together.
        """
        ...

    def confirm(self, number: int, /) -> None:
        """Write down that the broker has the outputs up to this number, and keep it."""
        ...

    def keep(self) -> None:
        """See to it that what was written down survives the end of the process."""
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

    def take_in(self, _patient: str, _payload: bytes, number: int, _arrived_ms: int) -> int:
        """See `Ledger`."""
        return number

    def take_in_end(self, _patient: str, _stuck: bool) -> int:
        """See `Ledger`."""
        return 0

    def drop(self, number: int) -> None:
        """See `Ledger`."""

    def press(self, number: int) -> None:
        """See `Ledger`."""

    def make_room(self, contents: Sequence[bytes]) -> None:
        """See `Ledger`."""

    def told_first(self, _patient: str) -> None:
        """See `Ledger`."""

    def told_before(self, _turn: Turn) -> None:
        """See `Ledger`."""

    def tell(self, _turn: Turn, _content: bytes) -> int:
        """See `Ledger`."""
        return 0

    def confirm(self, number: int) -> None:
        """See `Ledger`."""

    def keep(self) -> None:
        """See `Ledger`."""

    def begin_save(self, _patients: Sequence[str]) -> int:
        """See `Ledger`."""
        return 0

    async def save(self, patient: str, state: State | None, unconfirmed: Sequence[Outgoing]) -> None:
        """See `Ledger`."""

    async def finish_save(self, first_missing: int) -> None:
        """See `Ledger`."""
