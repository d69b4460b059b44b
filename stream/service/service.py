"""The live service: wave messages of all patients in, classified beats out, for as long as it is wanted.

Named tasks in one `TaskGroup` around the `Core`: the link to the broker, the worker that takes turns, the tick that
ends silent sessions, and the saver of snapshots. All of them run in one thread, so that a turn is never interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import aiomqtt
import msgspec

from ... import __version__
from ...errors import BrokerError, PayloadError
from ..pipeline import Models
from ..run.engine import Sink, StopRequest, first_failure
from ..run.fhir_sink import FhirSink
from ..run.known_alerts import KnownAlerts
from .codec import OFFLINE, ServiceStatus, says_online
from .connection import Connection
from .core import GATHER_S, TICK_S, Core
from .folder_ledger import FolderLedger
from .ledger import NoLedger
from .link import Link
from .neighbours import ALL_STATUS, Neighbours
from .options import Options
from .outbox import LAST_OUTPUTS_S
from .state_folder import ServiceCard, StateFolder
from .supervisor import Supervisor
from .topics import FHIR, Topics, service_status_topic

log = logging.getLogger("ecg_stream.mqtt")

SAVE_S = 10.0
JOURNAL_BYTES = 64 << 20  # a journal that has grown so long since the last save is saved at once, and forgotten
FIRST_MESSAGE_S = 30.0  # at least so long is waited for the very first message
AWAY_S = 24 * 3600  # so long the broker keeps messages for a service that will go on from its state
STATELESS_S = 900  # and for one that has none and may only lose its connection


class Service:
    """A running service.

    Parameters
    ----------
    link
        The connection, without a will and without a taker of messages: the service sets both.
    models
        What all pipelines share.
    sinks
        Get every output once, also across restarts.
    recorders
        Sinks that get every step, with its samples, also those taken again after a crash.
    state
        Where the state is kept; None keeps none.
    known
        Alerts that are not to be told again.
    """

    def __init__(
        self,
        link: Link,
        options: Options,
        models: Models,
        sinks: Sequence[Sink],
        *,
        recorders: Sequence[Sink] = (),
        state: StateFolder | None = None,
        known: KnownAlerts | None = None,
    ) -> None:
        self.online: dict[str, bool] = {}
        """What the devices last said of themselves."""
        self.connected = False
        self._options = options
        self._state = state
        if options.fhir:
            recorders = [*recorders, FhirSink(lambda patient, line: self._core.publish(patient, FHIR, line))]
        self._sinks = (*sinks, *recorders)
        self._ledger = NoLedger() if state is None else FolderLedger(state)
        self._core = Core(
            models,
            self._ledger,
            options.limits,
            options.topics,
            publish=options.publish,
            alerts=options.alerts,
            sinks=sinks,
            recorders=recorders,
            known=known,
        )
        self.patients = self._core.patients
        self.metrics = self._core.metrics
        self._status_topic = service_status_topic(link.client_id)
        will = aiomqtt.Will(self._status_topic, OFFLINE, qos=1, retain=True)
        self._link = replace(
            link,
            will=will,
            on_message=self._receive,
            keep=self._core.keep,
            gather_s=GATHER_S,
            session_s=STATELESS_S if state is None else AWAY_S,
        )
        self._neighbours = Neighbours(self._status_topic, options.topics, self.metrics)
        self._supervisor = Supervisor()
        self._received = 0
        self._last_message = time.monotonic()
        self._heard = False
        self._leaving = asyncio.Event()
        self._finished = asyncio.Event()

    async def run(self, stop: StopRequest) -> None:
        """Run until `stop` is asked for or nothing comes any more.

        With a state folder, a stop saves all sessions as they stand, to be taken up again; without one, and
        when nothing comes any more, they are flushed and summed up.

        Raises
        ------
        BrokerError
            If the broker cannot be reached at the start.
        SnapshotError
            If the state cannot be written.
        """
        try:
            async with AsyncExitStack() as stack:
                for sink in self._sinks:
                    await stack.enter_async_context(sink)
                await self._recover()
                self._supervisor.ready()
                await self._run_tasks(stop)
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._core.refusals.tell()

    def wrong(self) -> str:
        """Say what is wrong with the service; nothing if all is well."""
        return "" if self.connected else "no connection to the broker"

    async def _run_tasks(self, stop: StopRequest) -> None:
        async with asyncio.TaskGroup() as tasks:
            link = tasks.create_task(self._link.run(self._use), name="link")
            worker = tasks.create_task(self._core.work(lambda: self._received), name="worker")
            ticking = tasks.create_task(self._tick(), name="tick")
            saving = tasks.create_task(self._save_regularly(), name="saver")
            stopping = tasks.create_task(stop.wait(), name="stop")
            await asyncio.wait({stopping, ticking}, return_when=asyncio.FIRST_COMPLETED)
            idle = ticking.done()
            stopping.cancel()
            saving.cancel()
            self._leaving.set()
            self._supervisor.stopping()
            self._core.close()
            await asyncio.wait({worker, ticking, saving})
            if idle or self._state is None:
                await self._core.drain()
                await self._core.end(self.patients.ids())
            await self._save()
            self._finished.set()
            if self.connected:
                await asyncio.wait({link}, timeout=2 * LAST_OUTPUTS_S)
            link.cancel()

    async def _recover(self) -> None:
        """Take up the saved sessions, and take the messages since then again."""
        if not isinstance(self._ledger, FolderLedger):
            return
        recovered = self._ledger.recover(self._options.topics if self._options.publish else None)
        self._core.take_up(recovered)
        await self._core.take_again(recovered.since, recovered.pressed)
        if sessions := len(self.patients):
            log.warning("took up %d patient%s", sessions, "s"[: sessions > 1])
        await self._save()

    # The broker's side.

    async def _use(self, client: Connection) -> None:
        """Receive and publish on one connection, until it is lost or the service has finished."""
        topics = self._options.topics
        self.metrics.connects.inc()
        await self._subscribe(client)
        topic = topics.wave if self._options.publish else None
        status = msgspec.json.encode(ServiceStatus(online=True, version=__version__, topic=topic))
        await client.publish(self._status_topic, status, qos=1, retain=True)
        self._set_connected(True)
        log.info(
            "ecg-stream %s listens to %s on %s as '%s'", __version__, topics.wave, self._link.address, client.identifier
        )

        async def finished() -> None:
            await self._leaving.wait()
            if self._state is None:
                await client.unsubscribe_all([topics.wave, topics.status])
            await self._finished.wait()

        # A service without a state never comes back under this id: nothing is to be left of it.
        farewell = OFFLINE if self._state else b""
        try:
            await self._core.outbox.publish_until(finished, client, self._status_topic, farewell)
        finally:
            self._set_connected(False)

    async def _subscribe(self, client: Connection) -> None:
        topics = self._options.topics
        if self._state is not None and (card := self._state.card()) is not None and card.topic != topics.wave:
            before = Topics.of(card.topic)
            await client.unsubscribe_all([before.wave, before.status])
        await client.subscribe_all([topics.wave, topics.status])
        if self._options.publish:
            with contextlib.suppress(BrokerError):  # an access list may keep it from us
                await client.subscribe_all([ALL_STATUS])
        if self._state is not None:
            self._state.write_card(ServiceCard(self._link.client_id, topics.wave))

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        self._supervisor.says(self.wrong() or f"listening to {self._options.topics.wave} on {self._link.address}")
        self.metrics.connected.set(connected)

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take a message in, before it is acknowledged."""
        self._received += 1
        if self._neighbours.note(topic, payload):
            return
        now = time.monotonic()
        if not retained:
            self._last_message, self._heard = now, True
        try:
            patient, kind = self._options.topics.split(topic)
        except PayloadError as error:
            self._core.refusals.add("message", error)
            return
        if kind == "status":
            self._note_status(patient, payload)
        else:
            self._core.take(patient, payload, now, retained=retained)

    def _note_status(self, patient: str, payload: bytes) -> None:
        online = says_online(payload)
        if online is not None and (patient in self.online or len(self.online) < self._options.limits.patients):
            self.online[patient] = online

    # State and time.

    async def _save_regularly(self) -> None:
        while self._state is not None:
            for _ in range(round(SAVE_S / TICK_S)):
                await asyncio.sleep(TICK_S)
                if flooded := self._state.journal.n_bytes > JOURNAL_BYTES:
                    break
            await self._save(pause_s=0.0 if flooded else min(0.05, SAVE_S / (1 + len(self.patients))))

    async def _save(self, pause_s: float = 0.0) -> None:
        if self._state is not None:
            await self._core.save(pause_s)

    async def _tick(self) -> None:
        """End silent sessions; return when nothing has come for so long that the service is to end, or when it ends."""
        ticks = 0
        while not self._leaving.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._leaving.wait()
                    return
            ticks += 1
            await self._core.tick()
            self._supervisor.alive()
            if self._state is not None and ticks % 4 == 0:
                await asyncio.to_thread(self._state.journal.sync)
            now = time.monotonic()
            if not self.connected:
                self._last_message = now  # who cannot be heard is not silent
            idle_s = self._options.exit_when_idle_s
            if idle_s is not None and not self.patients.queues.round:
                heard = self._heard or self.patients.ids()
                patience = idle_s if heard else max(idle_s, FIRST_MESSAGE_S)
                if now - self._last_message > patience:
                    return
