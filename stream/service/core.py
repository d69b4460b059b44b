"""The core of a service, whoever brings the messages: turns, labels, and what is handed out and kept of them.

::

    take ──► ledger, queues ──► turn: describe all ──► label once ──► hand out ──► sinks, ledger, outbox
                                                         save: states ──► ledger

`subscribe` and each shard of a fleet run this, and differ in their `Ledger`. A turn is one under a lock: no state is
copied out while beats wait for their labels, or before all that a turn led to is handed out. Everything runs in one
thread, so that nothing needs another lock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial

from ...errors import PayloadError, SnapshotError
from ..batch import label
from ..core.stage import State
from ..pipeline import Models, Pipeline
from ..rhythm.alert_table import AlertTable
from ..run.engine import Sink
from ..run.known_alerts import KnownAlerts
from ..run.turn import Limits
from .codec import check_size
from .delivery import Delivery
from .journal import STUCK, Entry
from .ledger import Ledger, Recovered
from .metrics import Metrics
from .open_turn import OpenTurn, close_turns
from .patients import Patients
from .refusals import Refusals
from .topics import OUTPUTS, Topics
from .wall_clock import WallClock

log = logging.getLogger("ecg_stream.mqtt")

TICK_S = 0.25
ROUND_S = 0.02  # so long turns are begun, or states copied out, before the network is looked at again
READS_PER_ROUND = 64  # messages, or a few more, before turns are taken again
GATHER_S = 0.02
"""So long messages may come together before they are taken: less than anybody notices, and each then costs less."""


class Core:
    """Many patients' sessions.

    Parameters
    ----------
    models
        What all pipelines share.
    ledger
        Where it is written down what must not be forgotten.
    limits
        How much is taken on.
    topics
        Where outputs are published.
    publish
        Whether they are.
    alerts
        What somebody is to look at; None is the built-in table.
    sinks, recorders
        See `Delivery`.
    known
        Alerts that are not to be told again.
    metrics
        Where things are counted.
    """

    def __init__(
        self,
        models: Models,
        ledger: Ledger,
        limits: Limits,
        topics: Topics,
        *,
        publish: bool = True,
        alerts: AlertTable | None = None,
        sinks: Sequence[Sink] = (),
        recorders: Sequence[Sink] = (),
        known: KnownAlerts | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self.patients = Patients(
            lambda: Pipeline(models, alerts=alerts), self.metrics, limits, ledger.drop, ledger.press, ledger.told_first
        )
        self._label = partial(label, models)
        self._ledger = ledger
        self._topics = topics
        told_on = topics if publish else None
        self._delivery = Delivery(sinks, recorders, told_on, ledger, self.metrics, known or KnownAlerts())
        self.publish = self._delivery.publish
        """Publishes something of a patient beside the outputs."""
        self.outbox = self._delivery.outbox
        """Outputs on their way to the broker."""
        self.refusals = Refusals(self.metrics, self._delivery.tell_device)
        self._clock = WallClock()
        self._arrived = asyncio.Event()
        self._closing = False
        self._done_with: dict[str, int] = {}  # number of the last message in a state that could not be taken up
        self.keep = ledger.keep
        """To be called after `take`, before what was taken is acknowledged."""
        self.between_turns = asyncio.Lock()
        """Held by each turn: whoever has it finds no turn under way."""
        self._failed = asyncio.Event()  # a turn was not all handed out: what it led to must not be saved

    def take(self, patient: str, payload: bytes, received: float, *, retained: bool = False, number: int = 0) -> None:
        """Take a wave message in, before it is acknowledged; one that does not fit is refused, and counted.

        Parameters
        ----------
        patient
            A valid patient id.
        payload
            Not looked into yet.
        received
            Monotonic time, s.
        retained
            Whether the broker had it kept.
        number
            Which its receiver has given it.
        """
        self.metrics.messages.inc()
        try:
            if retained:
                raise PayloadError(
                    f"patient '{patient}': a retained wave message: it may be old; publish without retain"
                )
            check_size(payload)
        except PayloadError as error:
            self.refusals.add("message", error, patient)
            return
        try:
            self.patients.check_room(patient)
        except PayloadError as error:  # before it is written down: who is not taken on must not fill the ledger
            self.refusals.add("patients", error, patient)
            return
        arrived_ms = round(1000 * time.time())
        number = self._ledger.take_in(patient, payload, number, arrived_ms)
        self.patients.offer(patient, payload, received, number, arrived_ms)
        self._arrived.set()

    # Turns.

    async def turn(self) -> None:
        """Take one message of each patient who has some waiting, of as many as there is time for."""
        await self._take_turns(self._next())

    async def end(self, patients: Iterable[str]) -> None:
        """End these patients' sessions."""
        ending = (self._ending(patient) for patient in patients)
        while await self._take_turns(ending):  # noqa: ASYNC110  the network is to be looked at in between
            await asyncio.sleep(0)

    def _ending(self, patient: str, entry: Entry | None = None) -> OpenTurn:
        """End one session; `entry` is what the journal has of that."""
        stuck = self.patients.stuck(patient) if entry is None else entry.content == STUCK
        number = self._ledger.take_in_end(patient, stuck) if entry is None else entry.number
        return self.patients.begin_end(patient, time.monotonic(), number, stuck=stuck)

    async def _take_turns(self, beginning: Iterator[OpenTurn | None]) -> bool:
        """Begin turns for `ROUND_S`, which describes; label all their beats in one call; hand out what they led to.

        Tells whether there was anything to begin. If it fails, nothing is saved any more: a restart takes it again.
        """
        async with self.between_turns:
            try:
                begun: list[OpenTurn | None] = []
                until = time.monotonic() + ROUND_S
                for turn in beginning:
                    begun.append(turn)
                    if time.monotonic() > until:
                        break
                closed = close_turns([turn for turn in begun if turn is not None], self._label)
                await self._delivery.hand_out(closed)
            except BaseException:
                self._failed.set()
                raise
        return bool(begun)

    def _next(self) -> Iterator[OpenTurn | None]:
        """Begin a turn of each patient with a message waiting; None is one whose message was refused."""
        for _ in range(self.patients.queues.round):  # so nobody has two: a beat is weighed by those before it
            patient = self.patients.queues.next
            try:
                turn = self.patients.begin_turn(time.monotonic())
            except PayloadError as error:
                self.refusals.add("content", error, patient)
                turn = None
            yield turn

    async def drain(self, patients: Iterable[str] | None = None) -> None:
        """Take turns until no message waits, or none of these patients'."""
        wanted = None if patients is None else set(patients)
        while self.patients.queues.round if wanted is None else any(self.patients.load(p).waiting for p in wanted):
            await self.turn()
            await asyncio.sleep(0)

    async def work(self, heard: Callable[[], int]) -> None:
        """Take turns until `close` is called, and let the network be read in between.

        Parameters
        ----------
        heard
            Gives the number of messages that have come.
        """
        while not self._closing:
            await self._arrived.wait()
            await self.turn()
            if not self.patients.queues.round:
                self._arrived.clear()
            first = last = heard()
            while last - first < READS_PER_ROUND:  # each pass of the loop reads what is there, but not without end
                await asyncio.sleep(0)
                before, last = last, heard()
                if last == before:
                    break

    def close(self) -> None:
        """Let `work` return after its turn."""
        self._closing = True
        self._arrived.set()

    # State.

    def take_up(self, recovered: Recovered) -> None:
        """Go on with saved sessions, and publish what the broker may not have."""
        self.metrics.damage.inc(recovered.damaged)
        for patient, state in recovered.states:
            self.restore(patient, state)
        for outgoing in recovered.unconfirmed:
            self.outbox.add(outgoing)

    def restore(self, patient: str, state: State | SnapshotError) -> None:
        """Go on with one saved session; if it cannot be taken up, the patient begins afresh and the log says so."""
        try:
            if isinstance(state, SnapshotError):
                raise state
            for note in self.patients.restore(patient, state, time.monotonic()):
                log.warning("patient '%s': taken up, but %s", patient, note)
        except Exception as error:  # whatever a state of another make leads to
            log.warning("patient '%s': the saved state cannot be taken up: %s", patient, error)
            if isinstance(state, dict) and isinstance(applied := state.get("applied"), int):
                self._done_with[patient] = applied

    async def take_again(self, entries: Iterable[Entry], pressed: Collection[int] = ()) -> None:
        """Take again what came after the states were saved, see `Recovered`: messages, and ends by silence."""
        for entry in entries:
            if entry.number <= max(self.patients.applied(entry.patient), self._done_with.get(entry.patient, 0)):
                continue
            if entry.kind == "end":
                await self.drain()
                await self._take_turns(iter([self._ending(entry.patient, entry)]))
                continue
            if self.patients.load(entry.patient).waiting:
                await self.drain()
            try:
                self.patients.offer(
                    entry.patient,
                    entry.content,
                    time.monotonic(),
                    entry.number,
                    entry.refers,
                    scarce=entry.number in pressed,
                )
            except PayloadError:
                continue  # one patient too many, as it was then
        await self.drain()

    async def save(self, pause_s: float = 0.0) -> None:
        """Save every session; what came before is then forgotten by the ledger, or acknowledged.

        States are copied one by one, between turns; each is whole in itself, outputs included. One save at a time.

        Parameters
        ----------
        pause_s
            Wait so long after each, for who has time.

        Raises
        ------
        SnapshotError
            If it cannot be saved.
        """
        async with self.between_turns:
            if self._failed.is_set():
                return
            patients = self.patients.ids()
            needed = [self._ledger.begin_save(patients)]
        paused = time.monotonic()
        for patient in patients:
            async with self.between_turns:
                if self._failed.is_set():
                    return
                if (waiting := self.patients.queues.first(patient)) is not None:
                    needed.append(waiting.number)
                state = self.patients.snapshot(patient, time.monotonic()) if self.patients.changed(patient) else None
                topics = (self._topics.of_patient(patient, kind) for kind in OUTPUTS)
                unconfirmed = [outgoing for topic in topics for outgoing in self.outbox.of_topic(topic)]
            await self._ledger.save(patient, state, unconfirmed)
            if (pause_s and state is not None) or time.monotonic() - paused > ROUND_S:
                await asyncio.sleep(pause_s)
                paused = time.monotonic()
        if self.outbox.first:  # 0 is no number
            needed.append(self.outbox.first)
        await self._ledger.finish_save(min(needed))

    # Time.

    async def tick(self) -> None:
        """End silent sessions, measure, and say what was refused; for every `TICK_S`."""
        now = time.monotonic()
        await self.end(self.patients.silent(now))
        self.metrics.patients.set(len(self.patients))
        self.metrics.queued.set(self.patients.queues.waiting)
        self.metrics.longest_queue.set(self.patients.queues.longest)
        self.metrics.outbox.set(len(self.outbox))
        self.refusals.tell_once_a_minute(now)
        self._clock.look()
