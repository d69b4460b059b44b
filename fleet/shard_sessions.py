"""The sessions of one shard: whose messages are taken, kept or let pass, and what is saved of them. No network.

A patient is *owned*: his stream runs here; or *arriving*: his messages are kept, unread, until it is known whether he
comes; or *leaving*: his stream was put down here, and his last state waits for another shard to have saved it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterable

from ..errors import PayloadError
from ..stream.core.snapshots import from_bytes, to_bytes
from ..stream.pipeline import Models
from ..stream.run.turn import Limits, Turn
from ..stream.service.codec import check_size
from ..stream.service.delivery import Delivery
from ..stream.service.metrics import Metrics
from ..stream.service.outbox import Outgoing
from ..stream.service.patients import Patients
from ..stream.service.refusals import Refusals
from ..stream.service.topics import Topics
from ..stream.ward_engine import Batch
from .echoes import Echoes
from .message import Message
from .shard_state import ShardState

log = logging.getLogger("ecg_stream.fleet")

ROUND_S = 0.005  # so long turns are taken, or sessions copied out, before the network is looked at again
MAX_PATIENTS = 1_000_000  # how many there are is for the coordinator to say
OUTPUTS = ("beats", "events")


class ShardSessions:
    """Who is at a shard, and everyone's session.

    Parameters
    ----------
    models
        What all pipelines share.
    topics
        The topics of the fleet.
    maker
        What makes the snapshots; those of another maker are not taken up.
    silence_s
        A session that got nothing new for so long is ended.
    """

    def __init__(self, models: Models, topics: Topics, maker: str, silence_s: float) -> None:
        self.metrics = Metrics()
        self.owned: set[str] = set()
        self.arriving: dict[str, list[Message]] = {}
        self.leaving: dict[str, bytes] = {}
        self.heirs: dict[str, str] = {}  # of those who are leaving, the shard that has prepared for each
        self._paused: dict[str, list[Message]] = {}  # of whom is being put down, what comes meanwhile
        self.version = time.time_ns()
        """Changes whenever one of these three does, also from one incarnation to the next."""
        self.arrived = asyncio.Event()
        """Set when a message waits for its turn."""
        self._topics = topics
        self._maker = maker
        self._batch = Batch(models)
        limits = Limits(patients=MAX_PATIENTS, silence_s=silence_s)
        self.patients = Patients(self._batch.pipeline, self.metrics, limits, batched=True)
        self._delivery = Delivery([], [], topics, None, self.metrics)
        self.outbox = self._delivery.outbox
        self.refusals = Refusals(self.metrics)
        self._echoes = Echoes()
        self._new: set[str] = set()  # taken on since the last snapshot was begun
        self._blobs: dict[str, bytes] = {}  # each patient's state as it was encoded last
        self._turn = asyncio.Lock()

    def take(self, message: Message) -> None:
        """Take a message, of whatever kind."""
        try:
            patient, kind = self._topics.split(message.topic)
            if kind in OUTPUTS:
                self.outbox.heard(message.topic, message.payload)
            elif kind == "wave" and patient in self._paused:
                self._paused[patient].append(message)
            elif kind == "wave" and patient in self.owned:
                self._offer(patient, message)
            elif kind == "wave" and patient not in self.leaving:
                if patient not in self.arriving:
                    self.expect([patient])
                self.arriving[patient].append(message)
        except PayloadError as error:
            self.refusals.add("message", error)

    def _offer(self, patient: str, message: Message) -> None:
        self.metrics.messages.inc()
        if message.retained:
            raise PayloadError(f"patient '{patient}': a retained wave message: it may be old; publish without retain")
        check_size(message.payload)
        self.patients.offer(patient, message.payload, message.received, message.number)
        self.arrived.set()

    # Who comes and who goes.

    def expect(self, patients: Iterable[str]) -> None:
        """Keep the messages of patients who may come."""
        for patient in patients:
            self.arriving.setdefault(patient, [])
        self.version += 1

    def take_on(self, patient: str, blob: bytes = b"") -> None:
        """Go on with a patient's stream from his last state, empty for one without, and with what was kept for him."""
        self.owned.add(patient)
        self._new.add(patient)
        if blob:
            try:
                self.patients.restore(patient, from_bytes(blob, self._maker), time.monotonic())
                self._blobs[patient] = blob
            except Exception as error:  # whatever a state of another make leads to: this patient begins afresh
                log.warning("patient '%s': the saved state cannot be taken up: %s", patient, error)
        for message in self.arriving.pop(patient, ()):
            self.take(message)
        self.version += 1

    def pause(self, patients: Iterable[str]) -> None:
        """Let what comes for patients wait."""
        self._paused |= {patient: [] for patient in patients}

    def resume(self, patients: Iterable[str]) -> None:
        """Take what has waited: of those who were put down, it is let pass."""
        for patient in patients:
            for message in self._paused.pop(patient, ()):
                self.take(message)

    async def put_down(self, patients: Iterable[str], heir: str) -> None:
        """Let patients leave for another shard, as they stand."""
        async with self._turn:
            for patient in patients:
                if patient in self.owned:
                    self.leaving[patient] = self._encode(patient)
                    self.heirs[patient] = heir
                    self._remove(patient)
            self.version += 1

    async def end(self, patient: str, *, for_good: bool = False) -> None:
        """End a patient's session; `for_good` forgets the patient, too."""
        async with self._turn:
            await self._hand_out(self.patients.end(patient, time.monotonic()))
            if for_good:
                self._remove(patient)
                self.version += 1

    def forget(self, patients: Iterable[str]) -> None:
        """Forget patients who have left, or who were expected and do not come."""
        for patient in patients:
            self.leaving.pop(patient, None)
            self.heirs.pop(patient, None)
            self.arriving.pop(patient, None)
        self.version += 1

    def _remove(self, patient: str) -> None:
        self.patients.remove(patient)
        self.owned.discard(patient)
        self._blobs.pop(patient, None)
        self._echoes.forget(patient)

    # Turns.

    async def round(self) -> None:
        """Take turns for a while, label all their beats at once, and hand out what they led to."""
        async with self._turn:
            began = time.monotonic()
            turns: list[Turn] = []
            while self.patients.round and (now := time.monotonic()) - began < ROUND_S:
                try:
                    turn = self.patients.take_turn(now)
                except PayloadError as error:
                    self.refusals.add("content", error)
                    continue
                if turn is not None:
                    turns.append(turn)
            self._batch.label()
            self.patients.settle()
            for turn in turns:
                await self._hand_out(turn)
        if not self.patients.round:
            self.arrived.clear()

    async def finish(self, patients: Iterable[str]) -> None:
        """Take turns until none of these has a message waiting."""
        waiting = set(patients)
        while waiting := {patient for patient in waiting if self.patients.load(patient).waiting}:
            await self.round()
            await asyncio.sleep(0)

    async def _hand_out(self, turn: Turn) -> None:
        await self._delivery.hand_out(turn, self._echoes if self._echoes.knows(turn.patient) else None)

    # State.

    def restore(self, state: ShardState) -> None:
        """Put a saved state back, except what was told: `take_up` is to be called when that is known."""
        for patient, blob in state.patients.items():
            self.take_on(patient, blob)
        self.leaving, self.heirs = dict(state.leaving), dict(state.heirs)

    def take_up(self, state: ShardState, early: Iterable[Message]) -> None:
        """Go on where the last incarnation ended.

        Parameters
        ----------
        state
            What it has saved last.
        early
            All that the broker had for the shard: the waves that are not in the state, and what was told of them.
        """
        for patient, lines in state.told.items():
            for line in lines:
                self._echoes.add(patient, line)
        held = Counter(state.taken)
        messages = [message for message in early if not _counted_off(held, message.digest)]
        for message in messages:
            with contextlib.suppress(PayloadError):
                patient, kind = self._topics.split(message.topic)
                if kind in OUTPUTS:
                    self._echoes.add(patient, message.payload)
        for topic, line in state.pending:
            if not self._echoes.remove(self._topics.split(topic)[0], line):
                self.outbox.add(Outgoing(topic, line))
        for message in messages:
            self.take(message)

    async def state(self, last: int) -> tuple[ShardState, int]:
        """Copy the state out; give it with the number of the first message up to `last` that it does not hold.

        Patients are copied one by one, between other work. Each copy is whole in itself, outputs included, and that is
        enough: whatever it does not hold stays unacknowledged.
        """
        first = last + 1
        pending: list[tuple[str, bytes]] = []
        paused = time.monotonic()
        self._new = set(self.owned)
        while self._new:  # whoever comes meanwhile is copied as well: what was kept for him must not be acknowledged
            patient = self._new.pop()
            if time.monotonic() - paused > ROUND_S:
                await asyncio.sleep(0)
                paused = time.monotonic()
            async with self._turn:
                if patient not in self.owned:
                    continue  # put down meanwhile
                if (waiting := self.patients.first_waiting(patient)) is not None:
                    first = min(first, waiting)
                if self.patients.changed(patient) or patient not in self.patients:
                    self._blobs[patient] = self._encode(patient)
                for kind in OUTPUTS:
                    topic = self._topics.of_patient(patient, kind)
                    pending += [(topic, each.payload) for each in self.outbox.of_topic(topic)]
        kept = (*self.arriving.values(), *self._paused.values())
        first = min([first, *(messages[0].number for messages in kept if messages)])
        patients = {patient: self._blobs.get(patient, b"") for patient in self.owned}
        told = self._echoes.snapshot()
        return ShardState(patients, dict(self.leaving), dict(self.heirs), pending, told), first

    def _encode(self, patient: str) -> bytes:
        if patient not in self.patients:
            return b""
        # Numbers of messages mean nothing to the next incarnation.
        return to_bytes({**self.patients.snapshot(patient, time.monotonic()), "applied": 0}, self._maker)


def _counted_off(digests: Counter[bytes], digest: bytes) -> bool:
    """Tell whether a digest is among those, and take it away."""
    if not digests[digest]:
        return False
    digests[digest] -= 1
    return True
