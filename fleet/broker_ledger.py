"""The ledger of a shard: snapshots in the state store, and the broker, which keeps what no snapshot holds.

A message is acknowledged when a snapshot that holds it is in the store, and not before. Until then the broker has it
in the shard's persistent session, and so it has the outputs that were told since: a shard is subscribed to its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ..errors import PayloadError, SnapshotError
from ..stream.core.snapshots import from_bytes, to_bytes
from ..stream.core.stage import State
from ..stream.run.turn import Turn
from ..stream.service.ledger import Recovered, ToldLine
from ..stream.service.outbox import Outgoing
from ..stream.service.topics import OUTPUTS, Topics
from .broker_session import BrokerSession
from .echoes import Echoes
from .message import Message
from .roster import Roster
from .shard_state import ShardFile, ShardState, encode_state


class BrokerLedger:
    """See `stream.service.ledger.Ledger`.

    Parameters
    ----------
    broker
        The session in which messages wait for their acknowledgement.
    file
        Where snapshots go.
    roster
        Who is here.
    topics
        The topics of the fleet.
    """

    def __init__(self, broker: BrokerSession, file: ShardFile, roster: Roster, topics: Topics) -> None:
        self._broker = broker
        self._file = file
        self._roster = roster
        self._topics = topics
        self._echoes = Echoes()
        self._blobs: dict[str, bytes] = {}  # each patient's state as it was saved last
        self._unconfirmed: list[tuple[str, bytes]] = []
        self._began = 0.0
        self.saved_at = time.monotonic()
        """When the last snapshot was there."""
        self.took_s = 0.0
        """How long it took."""
        self.n_bytes = 0
        """How large it was."""
        self.mark: Callable[[Outgoing], None] = lambda outgoing: None  # noqa: ARG005
        """Publishes a mark, in the order of the outputs; set by who has the outbox."""

    # After a start.

    def recover(self, state: ShardState, heard: Sequence[Message]) -> tuple[Recovered, list[Message]]:
        """Go on where the last incarnation ended.

        Parameters
        ----------
        state
            What it has saved last.
        heard
            All that the broker had for the shard.

        Returns
        -------
        Recovered
            The saved sessions, and outputs that the broker may not have.
        list[Message]
            What was heard and is not in the state.
        """
        for patient, lines in state.told.items():
            for line in lines:
                self._echoes.add(patient, line)
        held = Counter(state.taken)
        messages = [message for message in heard if not _counted_off(held, message.digest)]
        dropped = self._broker.take_dropped()
        messages = [message for message in messages if not _counted_off(dropped, message.digest)]
        for message in messages:
            with contextlib.suppress(PayloadError):
                patient, kind = self._topics.split(message.topic)
                if kind in OUTPUTS and not message.retained:  # what is retained may be old
                    self._echoes.add(patient, message.payload)
        unconfirmed = [
            Outgoing(topic, line)
            for topic, line in state.pending
            if not self._echoes.remove(self._topics.split(topic)[0], line)
        ]
        return Recovered(self._states(state.patients), unconfirmed), messages

    def take_on(self, patient: str, blob: bytes) -> State | SnapshotError:
        """Give the state of a patient who is saved so from now on; `SnapshotError` if it cannot be taken up."""
        self._blobs[patient] = blob
        try:
            return from_bytes(blob)
        except SnapshotError as error:
            return error

    def encode(self, state: State) -> bytes:
        """Encode a patient's state."""
        return to_bytes({**state, "applied": 0})  # numbers mean nothing to the next incarnation

    def forget(self, patient: str) -> None:
        """Forget a patient who is not here any more."""
        self._blobs.pop(patient, None)
        self._echoes.forget(patient)

    # What the core writes down.

    def take_in(self, _patient: str, _payload: bytes, number: int, _arrived_ms: int) -> int:
        """See `Ledger`: the broker has it, under the number of the session."""
        return number

    def take_in_end(self, _patient: str, _stuck: bool) -> int:
        """See `Ledger`: if it is forgotten, silence ends the session again."""
        return 0

    def drop(self, number: int) -> None:
        """See `Ledger`: it is published as a mark, and comes back before any output that follows."""
        self.mark(Outgoing(*self._broker.drop_mark(number)))

    def press(self, number: int) -> None:
        """See `Ledger`: after a death room may not be scarce, and a beat at a hole be another."""

    def make_room(self, contents: Sequence[bytes]) -> None:
        """See `Ledger`."""

    def told_first(self, patient: str) -> ToldLine | None:
        """See `Ledger`: the broker does not say when a message came."""
        return self._echoes.first(patient)

    def told_before(self, turn: Turn) -> Echoes | None:
        """See `Ledger`."""
        return self._echoes if self._echoes.knows(turn.patient) else None

    def tell(self, _turn: Turn, _content: bytes) -> int:
        """See `Ledger`: it is published, and comes back."""
        return 0

    def confirm(self, number: int) -> None:
        """See `Ledger`."""

    def keep(self) -> None:
        """See `Ledger`."""

    def begin_save(self, patients: Sequence[str]) -> int:
        """See `Ledger`."""
        self._began = time.monotonic()
        self._unconfirmed = []
        for patient in self._blobs.keys() - set(patients):
            del self._blobs[patient]
        kept = self._roster.first_kept()
        return self._broker.number + 1 if kept is None else kept

    async def save(self, patient: str, state: State | None, unconfirmed: Sequence[Outgoing]) -> None:
        """See `Ledger`."""
        if patient in self._roster.owned:
            if state is not None:
                self._blobs[patient] = self.encode(state)
            self._unconfirmed += [(each.topic, each.payload) for each in unconfirmed]

    async def finish_save(self, first_missing: int) -> None:
        """See `Ledger`; nothing is acknowledged if it cannot be saved."""
        roster = self._roster
        state = ShardState(
            {patient: self._blobs.get(patient, b"") for patient in roster.owned},
            dict(roster.leaving),
            dict(roster.heirs),
            self._unconfirmed,
            self._echoes.snapshot(),
            self._broker.unacknowledged_before(first_missing),
        )
        blob = await asyncio.to_thread(encode_state, state)
        await asyncio.to_thread(self._file.save, blob)
        self.saved_at = time.monotonic()
        self.took_s, self.n_bytes = self.saved_at - self._began, len(blob)
        await self._broker.acknowledge(first_missing)

    def _states(self, blobs: dict[str, bytes]) -> Iterator[tuple[str, State | SnapshotError]]:
        for patient, blob in blobs.items():
            if blob:
                yield patient, self.take_on(patient, blob)


def _counted_off(digests: Counter[bytes], digest: bytes) -> bool:
    """Tell whether a digest is among those, and take it away."""
    if not digests[digest]:
        return False
    digests[digest] -= 1
    return True
