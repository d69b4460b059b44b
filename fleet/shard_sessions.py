"""The sessions of one shard: whose messages are taken, kept or let pass, and who comes and goes. No network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import PayloadError
from ..stream.pipeline import Models
from ..stream.run.turn import Limits
from ..stream.service.core import Core
from ..stream.service.topics import OUTPUTS, Topics
from .broker_ledger import BrokerLedger
from .message import Message
from .roster import Roster
from .settings import FleetSettings
from .shard_state import ShardState

DRAIN_S = 10.0  # for the messages and outputs of who leaves to be done with
MAX_PATIENTS = 1_000_000  # how many there are is for the coordinator to say


class ShardSessions:
    """Everyone's session.

    Parameters
    ----------
    models
        What all pipelines share.
    topics
        The topics of the fleet.
    roster
        Who is here.
    ledger
        Where it is written down what must not be forgotten.
    settings
        Of the fleet.
    """

    def __init__(
        self, models: Models, topics: Topics, roster: Roster, ledger: BrokerLedger, settings: FleetSettings
    ) -> None:
        self._topics = topics
        self._roster = roster
        self._ledger = ledger
        limits = Limits(patients=MAX_PATIENTS, silence_s=settings.silence_s)
        self.core = Core(models, ledger, limits, topics, alerts=settings.alerts)
        ledger.mark = self.core.outbox.add

    def take(self, message: Message) -> None:
        """Take a message, of whatever kind."""
        try:
            patient, kind = self._topics.split(message.topic)
        except PayloadError as error:
            self.core.refusals.add("message", error)
            return
        roster = self._roster
        if kind in OUTPUTS:
            if not message.retained:  # else the broker has it, but who is subscribed may not
                self.core.outbox.heard(message.topic, message.payload)
        elif kind != "wave":
            return
        elif patient in roster.paused:
            roster.paused[patient].append(message)
        elif patient in roster.owned:
            self._take_wave(patient, message)
        elif patient not in roster.leaving:
            if patient not in roster.arriving:
                roster.expect([patient])
            roster.arriving[patient].append(message)

    def _take_wave(self, patient: str, message: Message) -> None:
        self.core.take(patient, message.payload, message.received, retained=message.retained, number=message.number)

    # Who comes and who goes.

    def restore(self, state: ShardState) -> None:
        """Know again who was here; their sessions come with `recover`."""
        self._roster.restore(state.patients, state.leaving, state.heirs)

    def recover(self, state: ShardState, heard: Sequence[Message]) -> None:
        """Go on where the last incarnation ended, see `BrokerLedger.recover`."""
        recovered, messages = self._ledger.recover(state, heard)
        self.core.take_up(recovered)
        for message in messages:
            self.take(message)

    def take_on(self, patient: str, blob: bytes = b"") -> None:
        """Go on with a patient's stream from its last state, empty for one without, and with what was kept."""
        if blob:
            self.core.restore(patient, self._ledger.take_on(patient, blob))
        for message in self._roster.own(patient):
            self._take_wave(patient, message)

    async def put_down(self, patients: Collection[str], heir: str) -> None:
        """Let patients leave for another shard, as they stand when all that was heard of them is told.

        Raises
        ------
        TimeoutError
            If the broker does not confirm that in `DRAIN_S`; then they are still here.
        """
        sessions = self.core.patients
        with self._paused(patients):
            async with asyncio.timeout(DRAIN_S):
                await self.core.drain(patients)
                await self._confirmed(patients)
            async with self.core.between_turns:
                for patient in self._roster.owned.intersection(patients):
                    state = sessions.snapshot(patient, time.monotonic()) if patient in sessions else None
                    self._roster.leave(patient, b"" if state is None else self._ledger.encode(state), heir)
                    self._remove(patient)

    async def discharge(self, patients: Collection[str]) -> None:
        """End patients' sessions, and forget the patients; what comes meanwhile is let pass."""
        with self._paused(patients):
            await self.core.drain(patients)
            await self.core.end(patients)
            for patient in patients:
                self._roster.discharge(patient)
                self._remove(patient)
        await self._confirmed(patients)

    @contextmanager
    def _paused(self, patients: Iterable[str]) -> Iterator[None]:
        """Let what comes for patients wait, and then take it; of those who are not here any more it is let pass."""
        self._roster.paused |= {patient: [] for patient in patients}
        try:
            yield
        finally:
            for patient in patients:
                waited = self._roster.paused.pop(patient, ())
                for message in waited if patient in self._roster.owned else ():
                    self.take(message)

    async def _confirmed(self, patients: Iterable[str]) -> None:
        await self.core.outbox.confirmed(self._topics.of_patients(patients, *OUTPUTS))

    def _remove(self, patient: str) -> None:
        self.core.patients.remove(patient)
        self._ledger.forget(patient)
