"""The ledger of `subscribe --state`: a journal in a folder, and the snapshots beside it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from ...errors import SnapshotError
from ..core.stage import State
from ..run.turn import Turn
from .journal import ENTRY_OVERHEAD_BYTES, STUCK, Entry
from .ledger import SUMMARY, Recovered, Told
from .outbox import Outgoing
from .state_folder import StateFolder
from .topics import Topics, output_kind

log = logging.getLogger("ecg_stream.mqtt")

WRITTEN_TOGETHER = 8  # states: each turn of another thread costs as much as writing one


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
        self._unwritten: dict[str, bytes] = {}  # states that were copied, encoded

    def recover(self, topics: Topics | None) -> Recovered:
        """Read what there is; to be called once, before anything else. What is damaged or missing, the log says.

        Parameters
        ----------
        topics
            Where outputs are published; None publishes none.

        Raises
        ------
        SnapshotError
            If the journal cannot be read.
        """
        states = list(self._folder.patients())
        self._on_disk = {patient for patient, _ in states}
        since: list[Entry] = []
        unconfirmed: list[Entry] = []
        dropped: set[int] = set()
        pressed: set[int] = set()
        for entry in self._journal.read():
            if entry.kind == "out":
                self._told.add(entry)
                if entry.content != SUMMARY:
                    unconfirmed.append(entry)
            elif entry.kind == "confirmed":
                unconfirmed = [each for each in unconfirmed if each.number > entry.refers]
            elif entry.kind == "dropped":
                dropped.add(entry.refers)
            elif entry.kind == "pressed":
                pressed.add(entry.refers)
            else:
                since.append(entry)
        self._last_told = self._journal.number
        # Else the next messages would be taken for some that a snapshot holds, should the journal be lost or cut short.
        self._journal.count_on_from(max((_applied(state) for _, state in states), default=0))
        for what in self._journal.damage:
            log.error("the journal is damaged: %s; what it held there is lost: a gap, or an output told twice", what)
        waiting = [] if topics is None else [_outgoing(topics, entry) for entry in unconfirmed]
        since = [entry for entry in since if entry.number not in dropped]
        return Recovered(states, waiting, since, pressed, len(self._journal.damage))

    def take_in(self, patient: str, payload: bytes, _number: int, arrived_ms: int) -> int:
        """See `Ledger`."""
        return self._journal.append("wave", patient, payload, refers=arrived_ms)

    def take_in_end(self, patient: str, stuck: bool) -> int:
        """See `Ledger`."""
        number = self._journal.append("end", patient, STUCK if stuck else b"")
        self._journal.keep()
        return number

    def drop(self, number: int) -> None:
        """See `Ledger`."""
        self._journal.append("dropped", refers=number)

    def press(self, number: int) -> None:
        """See `Ledger`."""
        self._journal.append("pressed", refers=number)

    def make_room(self, contents: Sequence[bytes]) -> None:
        """See `Ledger`."""
        self._journal.make_room(sum(len(content) + ENTRY_OVERHEAD_BYTES for content in contents))

    def told_first(self, _patient: str) -> None:
        """See `Ledger`: the journal has the arrival of each message, and so times are as they were."""

    def told_before(self, turn: Turn) -> Told | None:
        """See `Ledger`."""
        return self._told if turn.number <= self._last_told else None

    def tell(self, turn: Turn, content: bytes) -> int:
        """See `Ledger`."""
        return self._journal.append("out", turn.patient, content, refers=turn.number)

    def confirm(self, number: int) -> None:
        """See `Ledger`."""
        self._journal.append("confirmed", refers=number)
        self._journal.keep()

    def keep(self) -> None:
        """See `Ledger`."""
        self._journal.keep()

    def begin_save(self, patients: Sequence[str]) -> int:
        """See `Ledger`."""
        self._to_save = patients
        self._journal.begin_segment()
        return self._journal.number + 1

    async def save(self, patient: str, state: State | None, _unconfirmed: Sequence[Outgoing]) -> None:
        """See `Ledger`."""
        if state is not None:
            self._unwritten[patient] = self._folder.encode(state)
            if len(self._unwritten) >= WRITTEN_TOGETHER:
                await self._write()

    async def finish_save(self, first_missing: int) -> None:
        """See `Ledger`."""
        for patient in self._unwritten.keys() - set(self._to_save):
            del self._unwritten[patient]
        await self._write()
        for patient in self._on_disk.difference(self._to_save):
            self._folder.remove_patient(patient)
        self._on_disk.intersection_update(self._to_save)
        self._journal.forget(first_missing)

    async def _write(self) -> None:
        """Write the states that are copied; where that is broken off or fails they stay to be written."""
        writing = dict(self._unwritten)
        await _to_its_end(self._folder.write_patients, writing)
        self._on_disk.update(writing)
        for patient, blob in writing.items():
            if self._unwritten.get(patient) is blob:
                del self._unwritten[patient]


class JournalTold:
    """What the journal knows to be handed out: by patient, number of the message they came of, and content.

    A patient's turns are handed out one after the other, so all but the last that is known were told in full: a beat
    that comes of them now and did not come then, as part of the journal is lost, is not told beside those. An event is.
    """

    def __init__(self) -> None:
        self._lines: Counter[tuple[str, int, bytes]] = Counter()
        self._last: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Take an ``out`` entry."""
        self._lines[entry.patient, entry.refers, entry.content] += 1
        self._last[entry.patient] = max(entry.refers, self._last.get(entry.patient, 0))

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been handed out, and count it off."""
        if self._lines[turn.patient, turn.number, content] > 0:
            self._lines[turn.patient, turn.number, content] -= 1
            return True
        return turn.number < self._last.get(turn.patient, 0) and (content == SUMMARY or output_kind(content) == "beats")


def _outgoing(topics: Topics, entry: Entry) -> Outgoing:
    return Outgoing(topics.of_patient(entry.patient, output_kind(entry.content)), entry.content, entry.number)


def _applied(state: State | SnapshotError) -> int:
    """Give the number of the last message that a saved state holds; 0 where it does not say."""
    number = state.get("applied", 0) if isinstance(state, dict) else 0
    return number if isinstance(number, int) else 0


async def _to_its_end(write: Callable[[dict[str, bytes]], None], blobs: dict[str, bytes]) -> None:
    """Write in a thread; who is cancelled meanwhile waits until it is done: nobody is to write beside it."""
    writing = asyncio.ensure_future(asyncio.to_thread(write, blobs))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait({writing})
        raise
