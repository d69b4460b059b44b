"""One shard: the live service for the patients that it is given, whose journal is the broker.

::

                      ┌── waves, and what was told of them: acknowledged once a snapshot holds them ──┐
    broker ──► Patients (queues, sessions in one batch) ──► outbox ──► broker       snapshots ──► state store

A message is acknowledged when a snapshot that holds it is in the state store. After a death the broker still has all
others, in the persistent session under the shard's client id, and so has the beats that the shard told since (it is
subscribed to its own). The next incarnation takes over the session, which throws out the one before should it still
live, reads the snapshot, waits for a mark of its own behind all that the broker has, and goes on: nothing is lost, and
nothing is told twice. Where the broker has lost messages too, the pipeline tells a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping

import aiomqtt
import msgspec
from prometheus_client.metrics import MetricWrapperBase

from ..errors import BrokerError, SnapshotError
from ..stream.pipeline import load_models
from ..stream.run.engine import first_failure
from ..stream.service.connection import Connection
from ..stream.service.topics import Topics
from .broker_session import CONNECTION_S, BrokerSession
from .holding import Holding, ShardReport
from .message import Message
from .settings import FleetSettings
from .shard_sessions import OUTPUTS, ShardSessions
from .shard_state import ShardFile, encode_state
from .state_store import StateStore

log = logging.getLogger("ecg_stream.fleet")

TICK_S = 0.25
READS_PER_ROUND = 64  # messages, at most, before turns are taken again
DRAIN_S = 10.0  # for the messages and outputs of who leaves to be done with


class Shard:
    """A shard; `run` is to be running for anything to happen.

    Parameters
    ----------
    name
        Its name in the fleet.
    settings
        Those of the fleet.
    store
        Where the state is.

    Raises
    ------
    BundleError
        If the model is missing, corrupt, or does not fit this version.
    SnapshotError
        If the state store cannot be used.
    """

    def __init__(self, name: str, settings: FleetSettings, store: StateStore) -> None:
        self.name = name
        self._settings = settings
        self._topics = Topics(settings.prefix)
        models = load_models(settings.model)
        self._sessions = ShardSessions(models, self._topics, settings.maker, settings.silence_s)
        self.metrics = self._sessions.metrics
        self._file = ShardFile(store, name)
        self._broker = BrokerSession(
            settings.access.address(), settings.client_id(name), self._receive, self._file.superseded
        )
        self._early: list[Message] | None = []  # what comes before the state is taken up; None from then on
        self._leave = asyncio.Event()
        self._over = asyncio.Event()
        self._saving = asyncio.Lock()
        self._saved_at = time.monotonic()
        self._snapshot_s = 0.0
        self._snapshot_bytes = 0

    async def run(self) -> None:
        """Run until `stop` or `retire` is called.

        Raises
        ------
        SupersededError
            If another incarnation of this shard was started.
        SnapshotError
            If the state cannot be read or written.
        """
        outbox = self._sessions.outbox
        try:
            async with asyncio.TaskGroup() as tasks:
                session = self._broker.run(self._join, outbox.publish, self._leave, outbox.emptied)
                link = tasks.create_task(session, name="link")
                others = [
                    tasks.create_task(self._work(), name="worker"),
                    tasks.create_task(self._tick(), name="tick"),
                    tasks.create_task(self._save_regularly(), name="saver"),
                ]
                await self._leave.wait()
                for task in others:
                    task.cancel()
                await asyncio.wait({link}, timeout=CONNECTION_S)
                link.cancel()
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._sessions.refusals.tell()
            self._over.set()

    async def stop(self) -> None:
        """Save all sessions as they stand and end; the broker keeps what comes meanwhile."""
        await self.save()
        self._leave.set()
        await self._over.wait()

    async def retire(self) -> None:
        """End for good: nothing is left of an empty shard, neither in the store nor at the broker.

        Raises
        ------
        SnapshotError
            If it is not empty.
        """
        if self._sessions.owned or self._sessions.leaving:
            raise SnapshotError(f"{self.name} still has patients: it cannot go")
        self._leave.set()
        await self._over.wait()
        async with self._saving:
            await asyncio.to_thread(self._file.remove)
        await self._broker.end_for_good()

    def report(self, known: int | None = None) -> ShardReport:
        """Tell how it stands; `known` is the version of what the asker knows of its `Holding`."""
        now = time.monotonic()
        sessions, metrics = self._sessions, self.metrics
        holding = None
        if known != sessions.version:
            holding = Holding(
                frozenset(sessions.owned),
                frozenset(sessions.arriving),
                frozenset(sessions.leaving),
                dict(sessions.heirs),
            )
        return ShardReport(
            shard=self.name,
            epoch=self._file.epoch,
            connected=self._broker.connected,
            patients=len(sessions.patients),
            waiting=sessions.patients.waiting,
            lag_s=sessions.patients.oldest(now),
            unacknowledged=self._broker.unacknowledged,
            snapshot_age_s=now - self._saved_at,
            snapshot_s=self._snapshot_s,
            snapshot_bytes=self._snapshot_bytes,
            messages=int(_total(metrics.messages)),
            beats=int(_total(metrics.beats)),
            samples=int(_total(metrics.samples)),
            cpu_s=time.process_time(),
            pipeline_s=_total(metrics.compute, "_sum"),
            version=sessions.version,
            holding=holding,
        )

    # Who comes and who goes. Each of these may be called again after it has failed, whatever failed, and wherever.

    async def prepare(self, patients: Iterable[str]) -> None:
        """Subscribe to patients who will be adopted, and keep their messages until then.

        Raises
        ------
        BrokerError
            If the broker is away, or does not let us subscribe.
        """
        coming = [patient for patient in patients if patient not in self._sessions.owned]
        client = await self._broker.there()
        self._sessions.expect(coming)
        await client.subscribe_all(self._topics_of(coming, "wave"))

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
        coming = [patient for patient in states if patient not in self._sessions.owned]
        client = await self._broker.there()
        await client.subscribe_all(self._topics_of(coming, *OUTPUTS, "wave"))
        for patient in coming:
            if patient not in self._sessions.owned:
                self._sessions.take_on(patient, states[patient])
        await self._announce(client, coming, gone=False)
        if any(states.values()):
            await self.save()

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
        going = wanted & self._sessions.owned
        if going:
            client = await self._broker.there()
            await self._broker.hear_all(client)  # what comes from now on, the one who prepares for them has as well
            await self._put_down(going, heir)
        await self.save()
        if going and self._broker.connected:
            # Not before it is saved: an incarnation that still has them must find nothing missing.
            with contextlib.suppress(aiomqtt.MqttError):  # the coordinator lets what still comes be dropped
                await client.unsubscribe_all(self._topics_of(going, *OUTPUTS, "wave"))
        leaving = self._sessions.leaving
        return {patient: leaving[patient] for patient in wanted if patient in leaving}

    async def forget(self, patients: Iterable[str]) -> None:
        """Forget patients who were released, as another shard has saved them."""
        self._sessions.forget(patient for patient in patients if patient in self._sessions.leaving)

    async def drop(self, patients: Iterable[str]) -> None:
        """Let go of messages that were kept for patients who belong elsewhere."""
        going = [patient for patient in patients if patient in self._sessions.arriving]
        client = await self._broker.there()
        await client.unsubscribe_all(self._topics_of(going, *OUTPUTS, "wave"))
        self._sessions.forget(going)

    async def discharge(self, patients: Iterable[str]) -> None:
        """End patients' sessions, and forget them.

        Raises
        ------
        BrokerError
            If the broker goes away meanwhile; then they may still be here.
        """
        going = set(patients) & self._sessions.owned
        client = await self._broker.there()
        await self._broker.hear_all(client)
        await self._sessions.finish(going)
        for patient in going:
            await self._sessions.end(patient, for_good=True)
        await self._sessions.outbox.confirmed(self._topics_of(going, *OUTPUTS))
        await self.save()  # who has ended is not to come back with the next incarnation: nobody would end him again
        await client.unsubscribe_all(self._topics_of(going, *OUTPUTS, "wave"))
        await self._announce(client, going, gone=True)

    async def _put_down(self, patients: set[str], heir: str) -> None:
        """Let patients leave as they stand when all that was heard of them is told."""
        self._sessions.pause(patients)
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._sessions.finish(patients)
                await self._sessions.outbox.confirmed(self._topics_of(patients, *OUTPUTS))
        except TimeoutError:
            raise BrokerError(f"{self.name}: the broker did not confirm the last beats of who is to go") from None
        else:
            await self._sessions.put_down(patients, heir)
        finally:
            self._sessions.resume(patients)

    def _topics_of(self, patients: Iterable[str], *kinds: str) -> list[str]:
        return [self._topics.of_patient(patient, kind) for patient in patients for kind in kinds]

    async def _announce(self, client: Connection, patients: Iterable[str], *, gone: bool) -> None:
        """Tell devices that someone listens to them, or no more."""
        payload = b"" if gone else msgspec.json.encode({"service": self._settings.client_id(self.name)})
        for topic in self._topics_of(patients, "service"):
            await client.publish(topic, payload, qos=0, retain=True)

    # The broker's side.

    async def _join(self, client: Connection) -> None:
        """Subscribe on a new connection, and hear what the broker has kept; first of all, take up the saved state."""
        state = None
        if self._early is not None:
            # Read after the session was taken over: an incarnation before us cannot acknowledge any more.
            state = await asyncio.to_thread(self._file.load)
            self._sessions.restore(state)
        owned = list(self._sessions.owned)
        await client.subscribe_all(self._topics_of(owned, *OUTPUTS, "wave"))
        await client.subscribe_all(self._topics_of(self._sessions.arriving, "wave"))
        await self._broker.hear_all(client)
        if state is not None and self._early is not None:
            early, self._early = self._early, None
            self._sessions.take_up(state, early)
            if self._file.epoch > 1:
                log.warning("%s took up %d patients and %d messages", self.name, len(owned), len(early))
        await self._announce(client, owned, gone=False)

    def _receive(self, message: Message) -> None:
        if self._early is None:
            self._sessions.take(message)
        else:
            self._early.append(message)

    async def _work(self) -> None:
        """Give every patient his turn, round after round, and look at the network in between."""
        while True:
            await self._sessions.arrived.wait()
            await self._sessions.round()
            for _ in range(READS_PER_ROUND):  # each pass of the loop reads one message, if there is one
                before = self._broker.number
                await asyncio.sleep(0)
                if self._broker.number == before:
                    break

    # State and time.

    async def save(self) -> None:
        """Save every session, and acknowledge what is saved with them.

        Raises
        ------
        SnapshotError
            If it cannot be saved; nothing is acknowledged then.
        """
        async with self._saving:
            if self._early is not None or self._over.is_set():
                return
            began = time.monotonic()
            state, first_missing = await self._sessions.state(self._broker.number)
            state = msgspec.structs.replace(state, taken=self._broker.unacknowledged_before(first_missing))
            blob = await asyncio.to_thread(encode_state, state)
            await asyncio.to_thread(self._file.save, blob)
            self._saved_at = time.monotonic()
            self._snapshot_s, self._snapshot_bytes = self._saved_at - began, len(blob)
            await self._broker.acknowledge(first_missing)

    async def _save_regularly(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self._settings.snapshot_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            await self.save()

    async def _tick(self) -> None:
        """End silent sessions, and measure."""
        sessions, metrics = self._sessions, self.metrics
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            for patient in sessions.patients.silent(now):
                await sessions.end(patient)
            sessions.refusals.tell_once_a_minute(now)
            metrics.patients.set(len(sessions.patients))
            metrics.queued.set(sessions.patients.waiting)
            metrics.longest_queue.set(sessions.patients.longest_queue)
            metrics.outbox.set(len(sessions.outbox))
            metrics.connected.set(self._broker.connected)


def _total(metric: MetricWrapperBase, ending: str = "_total") -> float:
    """Sum a metric over its labels."""
    return sum(sample.value for family in metric.collect() for sample in family.samples if sample.name.endswith(ending))
