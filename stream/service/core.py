"""The live service: wave messages of all patients in, classified beats out, for as long as it is wanted.

::

    broker ──► journal ──► Patients (queues, sessions) ──► sinks, journal, outbox ──► broker

Named tasks in one `TaskGroup`: the link to the broker, the worker that gives each patient its turn, the tick that
ends silent sessions, and the saver of snapshots. All of them run in one thread, so that a turn is never interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import aiomqtt
import msgspec

from ... import __version__
from ...errors import PayloadError, SnapshotError
from ..run.engine import Sink, StopRequest, first_failure
from ..run.turn import Limits
from .codec import check_size, says_online
from .connection import Connection
from .delivery import Delivery, Told
from .journal import Entry, ServiceCard, StateFolder
from .link import Link
from .metrics import Metrics
from .outbox import LAST_OUTPUTS_S
from .patients import Patients
from .refusals import Refusals
from .session import ResumableProcessor
from .topics import Topics, service_status_topic

log = logging.getLogger("ecg_stream.mqtt")

TICK_S = 0.25
SAVE_S = 10.0
ROUND_S = 0.005  # so long turns are taken before the network is looked at again
READS_PER_ROUND = 64  # messages, at most, before turns are taken again
FIRST_MESSAGE_S = 30.0  # at least so long is waited for the very first message
AWAY_S = 24 * 3600  # so long the broker keeps messages for a service that will go on from its state
STATELESS_S = 900  # and for one that has none and may only lose its connection


@dataclass(frozen=True, slots=True)
class Options:
    """How the service behaves.

    Attributes
    ----------
    topics
        What it subscribes to.
    publish
        Whether outputs go back to the broker.
    exit_when_idle_s
        End, with all sessions flushed, when no message came for so long; None: only when asked to.
    limits
        How much it takes on.
    """

    topics: Topics
    publish: bool = True
    exit_when_idle_s: float | None = None
    limits: Limits = field(default_factory=Limits)


class Service:
    """A running service.

    Parameters
    ----------
    link
        The connection, without a will and without a taker of messages: the service sets both.
    make_pipeline
        Gives a fresh pipeline.
    sinks
        Get every output once, also across restarts.
    recorders
        Sinks that get every step, with its samples, also those taken again after a crash.
    state
        Where the state is kept; None keeps none.
    """

    def __init__(
        self,
        link: Link,
        options: Options,
        make_pipeline: Callable[[], ResumableProcessor],
        sinks: Sequence[Sink],
        *,
        recorders: Sequence[Sink] = (),
        state: StateFolder | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self.patients = Patients(make_pipeline, self.metrics, options.limits)
        self.online: dict[str, bool] = {}
        """What the devices last said of themselves."""
        self.connected = False
        self._options = options
        self._state = state
        self._sinks = sinks
        self._recorders = recorders
        self._status_topic = service_status_topic(link.client_id)
        will = aiomqtt.Will(self._status_topic, b'{"online":false}', qos=1, retain=True)
        self._link = replace(
            link, will=will, on_message=self._receive, session_s=STATELESS_S if state is None else AWAY_S
        )
        journal = None if state is None else state.journal
        kept_for = options.topics if options.publish else None
        self._delivery = Delivery(sinks, recorders, kept_for, journal, self.metrics)
        self._outbox = self._delivery.outbox
        self._refusals = Refusals(self.metrics)
        self._arrived = asyncio.Event()
        self._received = 0
        self._last_message = time.monotonic()
        self._heard = False
        self._leaving = asyncio.Event()
        self._finished = asyncio.Event()
        self._turn = asyncio.Lock()
        self._saved: set[str] = set()

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
                for sink in (*self._sinks, *self._recorders):
                    await stack.enter_async_context(sink)
                await self._recover()
                await self._run_tasks(stop)
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._refusals.tell()

    def wrong(self) -> str:
        """Say what is wrong with the service; nothing if all is well."""
        return "" if self.connected else "no connection to the broker"

    async def _run_tasks(self, stop: StopRequest) -> None:
        async with asyncio.TaskGroup() as tasks:
            link = tasks.create_task(self._link.run(self._use), name="link")
            worker = tasks.create_task(self._work(), name="worker")
            ticking = tasks.create_task(self._tick(), name="tick")
            saving = tasks.create_task(self._save_regularly(), name="saver")
            stopping = tasks.create_task(stop.wait(), name="stop")
            await asyncio.wait({stopping, ticking}, return_when=asyncio.FIRST_COMPLETED)
            idle = ticking.done()
            for task in (stopping, ticking, saving):
                task.cancel()
            self._leaving.set()
            self._arrived.set()
            await asyncio.wait({worker, saving})
            if idle or self._state is None:
                await self._drain()
                for patient in self.patients.ids():
                    await self._end(patient)
            await self._save()
            self._finished.set()
            if self.connected:
                await asyncio.wait({link}, timeout=2 * LAST_OUTPUTS_S)
            link.cancel()

    # The broker's side.

    async def _use(self, client: Connection) -> None:
        """Receive and publish on one connection, until it is lost or the service has finished."""
        topics = self._options.topics
        self.metrics.connects.inc()
        await self._subscribe(client)
        status = msgspec.json.encode({"online": True, "version": __version__})
        await client.publish(self._status_topic, status, qos=1, retain=True)
        self._set_connected(True)
        try:
            async with asyncio.TaskGroup() as tasks:
                both = (
                    tasks.create_task(client.listen(), name="listen"),
                    tasks.create_task(self._outbox.publish(client), name="publish"),
                )
                await self._leaving.wait()
                if self._state is None:
                    await client.unsubscribe([topics.wave, topics.status])
                await self._finished.wait()
                if not await self._outbox.emptied():
                    log.warning("the broker did not confirm the last %d outputs", len(self._outbox))
                # A service without a state never comes back under this id: nothing is to be left of it.
                farewell = b'{"online":false}' if self._state else b""
                await client.publish(self._status_topic, farewell, qos=1, retain=True)
                for task in both:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._set_connected(False)

    async def _subscribe(self, client: Connection) -> None:
        topics = self._options.topics
        if self._state is not None and (card := self._state.card()) is not None and card.topic != topics.wave:
            before = Topics.of(card.topic)
            await client.unsubscribe([before.wave, before.status])
        await client.subscribe_all([topics.wave, topics.status])
        if self._state is not None:
            self._state.write_card(ServiceCard(self._link.client_id, topics.wave))

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        self.metrics.connected.set(connected)

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take a message in, before it is acknowledged."""
        self._received += 1
        now = time.monotonic()
        if not retained:
            self._last_message, self._heard = now, True
        try:
            patient, kind = self._options.topics.split(topic)
            if kind == "status":
                self._note_status(patient, payload)
                return
            self.metrics.messages.inc()
            if retained:
                raise PayloadError(
                    f"patient '{patient}': a retained wave message: it may be old; publish without retain"
                )
            check_size(payload)
        except PayloadError as error:
            self._refusals.add("message", error)
            return
        number = 0 if self._state is None else self._state.journal.append("wave", patient, payload)
        try:
            self.patients.offer(patient, payload, now, number)
        except PayloadError as error:
            self._refusals.add("patients", error)
        self._arrived.set()

    def _note_status(self, patient: str, payload: bytes) -> None:
        online = says_online(payload)
        if online is not None and (patient in self.online or len(self.online) < self._options.limits.patients):
            self.online[patient] = online

    # The patients' side.

    async def _work(self) -> None:
        """Give every patient its turn, round after round, and look at the network in between."""
        while not self._leaving.is_set():
            await self._arrived.wait()
            began = time.monotonic()
            for _ in range(self.patients.round):
                await self._one_turn()
                if time.monotonic() - began > ROUND_S:
                    break
            if not self.patients.round:
                self._arrived.clear()
            for _ in range(READS_PER_ROUND):  # each pass of the loop reads one message, if there is one
                before = self._received
                await asyncio.sleep(0)
                if self._received == before:
                    break

    async def _drain(self) -> None:
        while self.patients.round:
            await self._one_turn()

    async def _one_turn(self, told: Told | None = None) -> None:
        async with self._turn:
            try:
                turn = self.patients.take_turn(time.monotonic())
            except PayloadError as error:
                self._refusals.add("content", error)
                return
            if turn is not None:
                await self._delivery.hand_out(turn, told)

    async def _end(self, patient: str, number: int = 0, told: Told | None = None) -> None:
        async with self._turn:
            if self._state is not None and not number:
                number = self._state.journal.append("end", patient)
            await self._delivery.hand_out(self.patients.end(patient, time.monotonic(), number), told)

    # State.

    async def _recover(self) -> None:
        """Take up the saved sessions, and take the messages since then again."""
        if self._state is None:
            return
        now = time.monotonic()
        for patient, state in self._state.patients():
            self._saved.add(patient)
            try:
                if isinstance(state, SnapshotError):
                    raise state
                self.patients.restore(patient, state, now)
            except Exception as error:  # whatever a state of another make leads to: this patient begins afresh
                log.warning("patient '%s': its saved state cannot be taken up: %s", patient, error)
        entries = list(self._state.journal.read())
        told = self._delivery.take_up(entries)
        for entry in entries:
            if entry.number > self.patients.applied(entry.patient):
                await self._take_again(entry, told)
        if sessions := len(self.patients):
            log.warning("took up %d patient%s", sessions, "s"[: sessions > 1])
        await self._save()

    async def _take_again(self, entry: Entry, told: Told) -> None:
        if entry.kind == "wave":
            try:
                self.patients.offer(entry.patient, entry.content, time.monotonic(), entry.number)
            except PayloadError:
                return
            await self._one_turn(told)
        elif entry.kind == "end":
            await self._end(entry.patient, entry.number, told)

    async def _save_regularly(self) -> None:
        while self._state is not None:
            await asyncio.sleep(SAVE_S)
            await self._save(pause_s=min(0.05, SAVE_S / (1 + len(self.patients))))

    async def _save(self, pause_s: float = 0.0) -> None:
        """Save every session that has changed, and forget what of the journal is not needed any more."""
        if self._state is None:
            return
        journal = self._state.journal
        async with self._turn:
            journal.begin_segment()
        needed = [journal.number + 1]
        patients = self.patients.ids()
        for patient in patients:
            async with self._turn:
                if (waiting := self.patients.first_waiting(patient)) is not None:
                    needed.append(waiting)
                if not self.patients.changed(patient):
                    continue
                blob = self._state.encode(self.patients.snapshot(patient, time.monotonic()))
            await asyncio.to_thread(self._state.write_patient, patient, blob)
            self._saved.add(patient)
            if pause_s:
                await asyncio.sleep(pause_s)
        for patient in self._saved.difference(self.patients.ids()):
            self._state.write_patient(patient, None)
            self._saved.discard(patient)
        if self._outbox.first is not None:
            needed.append(self._outbox.first)
        journal.forget(min(needed))

    # Time.

    async def _tick(self) -> None:
        """End silent sessions; return when nothing has come for so long that the service is to end."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            ticks += 1
            now = time.monotonic()
            for patient in self.patients.silent(now):
                await self._end(patient)
            self._measure()
            self._refusals.tell_once_a_minute(now)
            if self._state is not None and ticks % 4 == 0:
                await asyncio.to_thread(self._state.journal.sync)
            if not self.connected:
                self._last_message = now  # who cannot be heard is not silent
            idle_s = self._options.exit_when_idle_s
            if idle_s is not None and not self.patients.round:
                heard = self._heard or self.patients.ids()
                patience = idle_s if heard else max(idle_s, FIRST_MESSAGE_S)
                if now - self._last_message > patience:
                    return

    def _measure(self) -> None:
        self.metrics.patients.set(len(self.patients))
        self.metrics.queued.set(self.patients.waiting)
        self.metrics.longest_queue.set(self.patients.longest_queue)
        self.metrics.outbox.set(len(self._outbox))
