"""One shard: the live service for the patients that it is given, whose journal is the broker.

::

                      ┌── waves, and what was told of them: acknowledged once a snapshot holds them ──┐
    broker ──► Core (queues, sessions, turns) ──► outbox ──► broker                 snapshots ──► state store

A message is acknowledged when a snapshot that holds it is in the state store. After a death the broker still has all
others, in the persistent session under the shard's client id, and so has the beats that the shard told since (it is
subscribed to its own). The next incarnation takes over the session, which throws out the one before should it still
live, reads the snapshot, waits for a mark of its own behind all that the broker has, and goes on: nothing is lost, and
nothing is told twice. Where the broker has lost messages too, the pipeline tells a gap.
"""

from __future__ import annotations

import asyncio
import logging
import time

from prometheus_client.metrics import MetricWrapperBase

from ..errors import SnapshotError
from ..stream.pipeline import load_models
from ..stream.run.engine import first_failure
from ..stream.service.connection import Connection
from ..stream.service.core import TICK_S
from ..stream.service.topics import OUTPUTS, Topics
from .broker_ledger import BrokerLedger
from .broker_session import CONNECTION_S, BrokerSession
from .holding import ShardReport
from .message import Message
from .moves import Moves
from .roster import Roster
from .settings import FleetSettings
from .shard_sessions import ShardSessions
from .shard_state import ShardFile
from .state_store import StateStore

log = logging.getLogger("ecg_stream.fleet")


class Shard:
    """A shard; `run` is to be running for anything to happen. Who comes and who goes is told it by its `Moves`.

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
        self._snapshot_s = settings.snapshot_s
        self._topics = Topics(settings.prefix)
        self._file = ShardFile(store, name)
        self._roster = Roster()
        self._broker = BrokerSession(
            settings.access.address(), settings.client_id(name), self._receive, self._file.superseded
        )
        self._ledger = BrokerLedger(self._broker, self._file, self._roster, self._topics)
        models = load_models(settings.model)
        self._sessions = ShardSessions(models, self._topics, self._roster, self._ledger, settings)
        self._core = self._sessions.core
        self.metrics = self._core.metrics
        self._moves = Moves(
            settings.client_id(name), self._topics, self._broker, self._roster, self._sessions, self.save
        )
        # Who comes and who goes: the coordinator calls these.
        self.prepare, self.adopt, self.release = self._moves.prepare, self._moves.adopt, self._moves.release
        self.forget, self.drop, self.discharge = self._moves.forget, self._moves.drop, self._moves.discharge
        self._early: list[Message] | None = []  # what comes before the state is taken up; None from then on
        self._leave = asyncio.Event()
        self._over = asyncio.Event()
        self._saving = asyncio.Lock()

    async def run(self) -> None:
        """Run until `stop` or `retire` is called.

        Raises
        ------
        SupersededError
            If another incarnation of this shard was started.
        SnapshotError
            If the state cannot be read or written.
        """
        outbox = self._core.outbox
        try:
            async with asyncio.TaskGroup() as tasks:
                session = self._broker.run(self._join, outbox.publish, self._leave, outbox.emptied)
                link = tasks.create_task(session, name="link")
                others = [
                    tasks.create_task(self._core.work(lambda: self._broker.number), name="worker"),
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
            self._core.refusals.tell()
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
        if not self._roster.empty:
            raise SnapshotError(f"{self.name} still has patients: it cannot go")
        self._leave.set()
        await self._over.wait()
        async with self._saving:
            await asyncio.to_thread(self._file.remove)
        await self._broker.end_for_good()

    def report(self, known: int | None = None) -> ShardReport:
        """Tell how it stands; `known` is the version of what the asker knows of its `Holding`."""
        now = time.monotonic()
        patients, ledger, metrics = self._core.patients, self._ledger, self.metrics
        return ShardReport(
            shard=self.name,
            epoch=self._file.epoch,
            connected=self._broker.connected,
            patients=len(patients),
            waiting=patients.queues.waiting,
            lag_s=patients.queues.oldest(now),
            unacknowledged=self._broker.unacknowledged,
            snapshot_age_s=now - ledger.saved_at,
            snapshot_s=ledger.took_s,
            snapshot_bytes=ledger.n_bytes,
            messages=int(_total(metrics.messages)),
            beats=int(_total(metrics.beats)),
            samples=int(_total(metrics.samples)),
            cpu_s=time.process_time(),
            pipeline_s=_total(metrics.compute, "_sum"),
            version=self._roster.version,
            holding=None if known == self._roster.version else self._roster.holding(),
        )

    # The broker's side.

    async def _join(self, client: Connection) -> None:
        """Subscribe on a new connection, and hear what the broker has kept; first of all, take up the saved state."""
        state = None
        if self._early is not None:
            # Read after the session was taken over: an incarnation before us cannot acknowledge any more.
            state = await asyncio.to_thread(self._file.load)
            self._sessions.restore(state)
        owned = list(self._roster.owned)
        await client.subscribe_all(self._topics.of_patients(owned, *OUTPUTS, "wave"))
        await client.subscribe_all(self._topics.of_patients(self._roster.arriving, "wave"))
        await self._broker.hear_all(client)
        if state is not None and self._early is not None:
            early, self._early = self._early, None
            self._sessions.recover(state, early)
            if self._file.epoch > 1:
                log.warning("%s took up %d patients and %d messages", self.name, len(owned), len(early))
        await self._moves.announce(client, owned, gone=False)

    def _receive(self, message: Message) -> None:
        if self._early is None:
            self._sessions.take(message)
        else:
            self._early.append(message)

    # State and time.

    async def save(self) -> None:
        """Save every session, and acknowledge what is saved with them.

        Raises
        ------
        SnapshotError
            If it cannot be saved; nothing is acknowledged then.
        """
        async with self._saving:
            if self._early is None and not self._over.is_set():
                await self._core.save()

    async def _save_regularly(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self._snapshot_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            await self.save()

    async def _tick(self) -> None:
        """End silent sessions, and measure."""
        while True:
            await asyncio.sleep(TICK_S)
            await self._core.tick()
            self.metrics.connected.set(self._broker.connected)


def _total(metric: MetricWrapperBase, ending: str = "_total") -> float:
    """Sum a metric over its labels."""
    return sum(sample.value for family in metric.collect() for sample in family.samples if sample.name.endswith(ending))
