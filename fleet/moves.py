"""Who comes to a shard and who goes, and what the broker is told of it.

Each of these may be called again after it has failed, whatever failed, and wherever.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping

import aiomqtt
import msgspec

from ..errors import BrokerError
from ..stream.service.connection import Connection
from ..stream.service.topics import OUTPUTS, Topics
from .broker_session import BrokerSession
from .roster import Roster
from .shard_sessions import ShardSessions


class Moves:
    """The moves of one shard.

    Parameters
    ----------
    client_id
        Of the shard at the broker; what devices are told.
    topics
        The topics of the fleet.
    broker
        The shard's session there.
    roster, sessions
        Who is here.
    save
        Saves all that is here.
    """

    def __init__(
        self,
        client_id: str,
        topics: Topics,
        broker: BrokerSession,
        roster: Roster,
        sessions: ShardSessions,
        save: Callable[[], Awaitable[None]],
    ) -> None:
        self._client_id = client_id
        self._topics = topics
        self._broker = broker
        self._roster = roster
        self._sessions = sessions
        self._save = save

    async def prepare(self, patients: Iterable[str]) -> None:
        """Subscribe to patients who will be adopted, and keep their messages until then.

        Raises
        ------
        BrokerError
            If the broker is away, or does not let us subscribe.
        """
        coming = [patient for patient in patients if patient not in self._roster.owned]
        client = await self._broker.there()
        self._roster.expect(coming)
        await client.subscribe_all(self._topics.of_patients(coming, "wave"))

    async def adopt(self, states: Mapping[str, bytes]) -> None:
        """Go on with patients where their last shard has put them down; when this returns, that is saved.

        Parameters
        ----------
        states
            What `release` gave; empty for a patient who is new.

        Raises
        ------
        BrokerError
            If the broker is away, or does not let us subscribe.
        SnapshotError
            If it cannot be saved.
        """
        coming = [patient for patient in states if patient not in self._roster.owned]
        client = await self._broker.there()
        await client.subscribe_all(self._topics.of_patients(coming, *OUTPUTS, "wave"))
        for patient in coming:
            if patient not in self._roster.owned:
                self._sessions.take_on(patient, states[patient])
        await self.announce(client, coming, gone=False)
        if any(states.values()):
            await self._save()

    async def release(self, patients: Iterable[str], heir: str) -> dict[str, bytes]:
        """Put patients down for another shard: give their last states, which are saved here until `forget`.

        Parameters
        ----------
        patients
            Those who are not here are left out.
        heir
            The shard that has prepared for them.

        Raises
        ------
        BrokerError
            If the broker goes away meanwhile; then they may still be here.
        SnapshotError
            If it cannot be saved.
        """
        wanted = set(patients)
        going = wanted & self._roster.owned
        if going:
            client = await self._broker.there()
            await self._broker.hear_all(client)  # what comes from now on, the one who prepares for them has as well
            try:
                await self._sessions.put_down(going, heir)
            except TimeoutError:
                raise BrokerError(
                    f"{self._client_id}: the broker did not confirm the last beats of who is to go"
                ) from None
        await self._save()
        if going and self._broker.connected:
            # Not before it is saved: an incarnation that still has them must find nothing missing.
            with contextlib.suppress(aiomqtt.MqttError):  # the coordinator lets what still comes be dropped
                await client.unsubscribe_all(self._topics.of_patients(going, *OUTPUTS, "wave"))
        leaving = self._roster.leaving
        return {patient: leaving[patient] for patient in wanted if patient in leaving}

    async def forget(self, patients: Iterable[str]) -> None:
        """Forget patients who were released, as another shard has saved them."""
        self._roster.forget(patient for patient in patients if patient in self._roster.leaving)

    async def drop(self, patients: Iterable[str]) -> None:
        """Let go of messages that were kept for patients who belong elsewhere."""
        going = [patient for patient in patients if patient in self._roster.arriving]
        client = await self._broker.there()
        await client.unsubscribe_all(self._topics.of_patients(going, *OUTPUTS, "wave"))
        self._roster.forget(going)

    async def discharge(self, patients: Iterable[str]) -> None:
        """End patients' sessions, and forget them.

        Raises
        ------
        BrokerError
            If the broker goes away meanwhile; then they may still be here.
        """
        going = set(patients) & self._roster.owned
        client = await self._broker.there()
        await self._broker.hear_all(client)
        await self._sessions.discharge(going)
        await self._save()  # else an ended patient comes back with the next incarnation, and nobody would end it again
        await client.unsubscribe_all(self._topics.of_patients(going, *OUTPUTS, "wave"))
        await self.announce(client, going, gone=True)

    async def announce(self, client: Connection, patients: Iterable[str], *, gone: bool) -> None:
        """Tell devices that someone listens to them, or no more."""
        payload = b"" if gone else msgspec.json.encode({"service": self._client_id})
        for topic in self._topics.of_patients(patients, "service"):
            await client.publish(topic, payload, qos=0, retain=True)
