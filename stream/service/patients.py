"""All patients of a service: their queues, whose turn it is, and what a turn leads to. No network, no clock of its own.

Messages wait undecoded, in one queue a patient, and are taken in rounds, one of each patient at a time: who sends
more only makes the own queue longer. A queue has a limit; beyond it its oldest message goes, which the pipeline tells
as a gap. An error in one patient's pipeline ends that pipeline, and nothing else.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ...errors import PayloadError
from ..core.messages import Beat
from ..core.stage import State
from ..run.engine import Step
from ..run.turn import Ended, Limits, Load, Turn
from .codec import Wave, decode_wave
from .metrics import Metrics
from .session import PatientSession, ResumableProcessor

log = logging.getLogger("ecg_stream.mqtt")

MESSAGE_OVERHEAD_BYTES = 512  # what a waiting message costs beside its payload, about
STUCK_S = 30.0  # a device that for so long sends only what was seen, and does not name its streams, has begun anew
REMEMBER_ENDED_S = 3600.0  # for so long, what comes late for an ended stream is known for a duplicate


@dataclass(slots=True)
class _Waiting:
    payload: bytes
    received: float
    number: int

    @property
    def bytes(self) -> int:
        return len(self.payload) + MESSAGE_OVERHEAD_BYTES


@dataclass(slots=True)
class _EndedStream:
    """What is remembered of an ended stream, so that what still comes of it is not taken for new."""

    stream: str | None
    next: int
    at: float


@dataclass(slots=True)
class _Patient:
    waiting: deque[_Waiting] = field(default_factory=deque)
    waiting_bytes: int = 0
    dropped: int = 0
    session: PatientSession | None = None
    ended: _EndedStream | None = None
    last_new: float = 0.0  # when something not seen before came
    last_any: float = 0.0  # when any wave message came
    applied: int = 0  # journal number of the last message taken
    changed: bool = False  # since the last snapshot


class Patients:
    """Every patient's queue and session.

    Parameters
    ----------
    make_pipeline
        Gives a fresh pipeline.
    metrics
        Where things are counted.
    limits
        See `Limits`.
    batched
        Whether the pipelines leave beats unlabelled for a while (`Batch`): `settle` is then to be called when they are
        labelled, before anything else than `take_turn`.
    """

    def __init__(
        self,
        make_pipeline: Callable[[], ResumableProcessor],
        metrics: Metrics,
        limits: Limits | None = None,
        *,
        batched: bool = False,
    ) -> None:
        self._make_pipeline = make_pipeline
        self._metrics = metrics
        self._limits = limits or Limits()
        self._patients: dict[str, _Patient] = {}
        self._round: deque[str] = deque()  # who has messages waiting, in the order of their turns
        self._waiting_bytes = 0
        self._batched = batched
        self._unsettled: list[tuple[PatientSession, list[Step]]] = []

    def offer(self, patient: str, payload: bytes, now: float, number: int = 0) -> None:
        """Let a message wait for its turn.

        Parameters
        ----------
        patient
            A valid patient id.
        payload
            Not looked into yet.
        now
            Monotonic time, s.
        number
            The message's number in the journal.

        Raises
        ------
        PayloadError
            If there are as many patients as the limit allows, and this is another.
        """
        entry = self._patients.get(patient)
        if entry is None:
            if len(self._patients) >= self._limits.patients:
                raise PayloadError(
                    f"patient '{patient}' is one too many: the limit is {self._limits.patients} (--max-patients)"
                )
            entry = self._patients[patient] = _Patient(last_new=now, last_any=now)
        message = _Waiting(payload, now, number)
        if not entry.waiting:
            self._round.append(patient)
        entry.waiting.append(message)
        entry.waiting_bytes += message.bytes
        self._waiting_bytes += message.bytes
        while len(entry.waiting) > 1 and entry.waiting_bytes > self._limits.queue_bytes:
            self._drop_oldest(entry)
        while self._waiting_bytes > self._limits.total_bytes:
            longest = max(self._patients.values(), key=lambda each: each.waiting_bytes)
            if len(longest.waiting) < 2:
                break
            self._drop_oldest(longest)

    def __len__(self) -> int:
        """Give the number of patients with a running session."""
        return sum(entry.session is not None for entry in self._patients.values())

    def __contains__(self, patient: str) -> bool:
        """Tell whether there is anything to be saved of a patient."""
        return patient in self._patients

    @property
    def waiting(self) -> int:
        """Number of messages that wait for their turn."""
        return sum(len(entry.waiting) for entry in self._patients.values())

    @property
    def longest_queue(self) -> int:
        """Number of messages that wait, of the patient with the most."""
        return max((len(entry.waiting) for entry in self._patients.values()), default=0)

    @property
    def round(self) -> int:
        """Number of patients with messages waiting."""
        return len(self._round)

    def take_turn(self, now: float) -> Turn | None:
        """Take the next message of the patient whose turn it is; None if no message waits.

        Raises
        ------
        PayloadError
            If the message does not fit; it is done with then, as any other.
        """
        if not self._round:
            return None
        patient = self._round.popleft()
        entry = self._patients[patient]
        message = entry.waiting.popleft()
        self._forget(entry, message)
        if entry.waiting:
            self._round.append(patient)
        entry.applied = max(entry.applied, message.number)
        entry.changed = True
        try:
            wave = decode_wave(message.payload)
            entry.last_any = message.received
            lag_ms = 1000 * (now - message.received)
            outcomes = self._take(patient, entry, wave, message.received, lag_ms)
            if not self._batched:
                self.settle()
            return Turn(patient, outcomes, message.received, message.number)
        finally:
            self._tidy(patient, entry)

    def settle(self) -> None:
        """Count what the turns so far led to."""
        for session, steps in self._unsettled:
            session.count()
            self._count(steps)
        self._unsettled.clear()

    def silent(self, now: float) -> list[str]:
        """Give the patients whose session got nothing new for too long; forget what ended long ago."""
        silent = []
        for patient, entry in list(self._patients.items()):
            if entry.session is not None:
                stuck = entry.session.stream is None and entry.last_any - entry.last_new > STUCK_S
                if not entry.waiting and (stuck or now - entry.last_new > self._limits.silence_s):
                    silent.append(patient)
            elif entry.ended is not None and now - entry.ended.at > REMEMBER_ENDED_S:
                entry.ended, entry.changed = None, True
                self._tidy(patient, entry)
        return silent

    def end(self, patient: str, now: float, number: int = 0) -> Turn:
        """End one patient's session, if there is one.

        What comes late for the stream is dropped from then on, unless the device kept sending what was no longer new:
        then its count had run ahead by mistake, and is believed as it is now.
        """
        entry = self._patients.get(patient)
        if entry is None:
            return Turn(patient, [], now)
        entry.applied = max(entry.applied, number)
        entry.changed = True
        stuck = entry.last_any - entry.last_new > STUCK_S
        outcomes = self._end(patient, entry, now)
        self.settle()
        if stuck:
            entry.ended = None
        self._tidy(patient, entry)
        return Turn(patient, outcomes, now, number)

    def ids(self) -> list[str]:
        """Everyone there is something to be saved of."""
        return list(self._patients)

    def changed(self, patient: str) -> bool:
        """Tell whether there is something new to be saved, and take it for saved."""
        entry = self._patients.get(patient)
        if entry is None:
            return False
        was, entry.changed = entry.changed, False
        return was

    def first_waiting(self, patient: str) -> int | None:
        """Journal number of the first message that waits for a patient; None if none does."""
        entry = self._patients.get(patient)
        return entry.waiting[0].number if entry is not None and entry.waiting else None

    def load(self, patient: str) -> Load:
        """Give how many messages of a patient wait and were dropped."""
        entry = self._patients.get(patient)
        return Load() if entry is None else Load(len(entry.waiting), entry.dropped)

    def snapshot(self, patient: str, now: float) -> State:
        """Copy one patient's state out, without the messages that wait."""
        entry = self._patients[patient]
        ended = None
        if entry.ended is not None:
            ended = {"stream": entry.ended.stream, "next": entry.ended.next, "ago": now - entry.ended.at}
        session = None if entry.session is None else entry.session.snapshot()
        return {"applied": entry.applied, "ended": ended, "session": session}

    def restore(self, patient: str, state: State, now: float) -> None:
        """Put one patient's copied state back."""
        entry = _Patient(last_new=now, last_any=now, applied=state["applied"])
        if (ended := state["ended"]) is not None:
            entry.ended = _EndedStream(ended["stream"], ended["next"], now - ended["ago"])
        if state["session"] is not None:
            entry.session = PatientSession(patient, self._make_pipeline())
            entry.session.restore(state["session"])
        self._patients[patient] = entry

    def remove(self, patient: str) -> None:
        """Forget a patient, whose session is not ended; what waits is thrown away."""
        entry = self._patients.pop(patient, None)
        if entry is not None and entry.waiting:
            self._waiting_bytes -= entry.waiting_bytes
            self._round.remove(patient)

    def oldest(self, now: float) -> float:
        """Give how long, in s, the message that waits longest has waited; 0 if none waits."""
        return max((now - entry.waiting[0].received for entry in self._patients.values() if entry.waiting), default=0.0)

    def applied(self, patient: str) -> int:
        """Journal number of the last message taken for a patient; 0 for one that is not known."""
        entry = self._patients.get(patient)
        return 0 if entry is None else entry.applied

    def _take(self, patient: str, entry: _Patient, wave: Wave, received: float, lag_ms: float) -> list[Step | Ended]:
        outcomes: list[Step | Ended] = []
        if entry.session is not None and entry.session.stream != wave.stream:
            if entry.ended is not None and wave.stream is not None and entry.ended.stream == wave.stream:
                raise PayloadError(
                    f"patient '{patient}': stream '{wave.stream}' goes on after '{entry.session.stream}' began: "
                    "do two devices publish as one patient?"
                )
            outcomes += self._end(patient, entry, received)
        if entry.session is None:
            if self._is_over(entry, wave):
                self._metrics.duplicates.inc()
                return outcomes
            resume_at = entry.ended.next if entry.ended is not None and not self._is_new(entry.ended, wave) else None
            entry.session = PatientSession(patient, self._make_pipeline(), wave.stream, resume_at)
        session = entry.session
        before, duplicates = session.ordering.next, session.ordering.duplicates
        outcomes += self._guarded(patient, entry, lambda: session.take(wave, lag_ms))
        self._metrics.duplicates.inc(session.ordering.duplicates - duplicates)
        if session.ordering.next != before or session.ordering.held:
            entry.last_new = received
        if wave.end and entry.session is not None:
            outcomes += self._end(patient, entry, received)
        return outcomes

    def _is_over(self, entry: _Patient, wave: Wave) -> bool:
        """Tell whether a message belongs to what has ended: a duplicate, or an end that comes again."""
        if wave.end and not len(wave.chunk.samples):
            return True
        ended = entry.ended
        if ended is None or self._is_new(ended, wave):
            return False
        return wave.chunk.start + len(wave.chunk.samples) <= ended.next

    @staticmethod
    def _is_new(ended: _EndedStream, wave: Wave) -> bool:
        """Tell whether a message does not go on with an ended stream: it has another name, or begins it again."""
        return wave.stream != ended.stream or wave.seq == 0

    def _end(self, patient: str, entry: _Patient, now: float) -> list[Step | Ended]:
        session = entry.session
        if session is None:
            return []
        outcomes = self._guarded(patient, entry, session.end)
        entry.session = None
        entry.ended = _EndedStream(session.stream, session.ordering.next or 0, now)
        return [*outcomes, Ended(patient, session.summary())]

    def _guarded(self, patient: str, entry: _Patient, work: Callable[[], list[Step]]) -> list[Step | Ended]:
        """Do a session's work; if it fails, go on with a fresh pipeline from there."""
        try:
            steps = work()
        except Exception:
            log.exception("patient '%s': the pipeline failed; going on with a fresh one", patient)
            self._metrics.failures.inc()
            if entry.session is not None:
                session = entry.session
                entry.session = PatientSession(patient, self._make_pipeline(), session.stream, session.ordering.next)
            return []
        if entry.session is not None:
            self._unsettled.append((entry.session, steps))
        return list(steps)

    def _count(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.chunk is not None:
                self._metrics.samples.inc(len(step.chunk.samples))
                self._metrics.compute.observe(step.compute_ms / 1000)
            for output in step.outputs:
                if isinstance(output, Beat):
                    self._metrics.beats.labels(output.label).inc()
                else:
                    self._metrics.events.labels(output.kind).inc()

    def _drop_oldest(self, entry: _Patient) -> None:
        self._forget(entry, entry.waiting.popleft())
        entry.dropped += 1
        self._metrics.dropped.inc()

    def _forget(self, entry: _Patient, message: _Waiting) -> None:
        entry.waiting_bytes -= message.bytes
        self._waiting_bytes -= message.bytes

    def _tidy(self, patient: str, entry: _Patient) -> None:
        """Forget a patient of whom there is nothing to know."""
        if entry.session is None and entry.ended is None and not entry.waiting:
            del self._patients[patient]
