"""All patients of a service: who is known, whose message is next, and what is saved of them. No network.

What a message or the end of a stream leads to, `PatientTurns` knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ...errors import PayloadError
from ..core.stage import State
from ..run.engine import Step
from ..run.turn import Ended, Limits, Load
from .codec import decode_wave
from .held_room import HeldRoom
from .known_patient import SCHEMA, EndedStream, KnownPatient
from .ledger import ToldLine
from .metrics import Metrics
from .open_turn import OpenTurn, Work
from .patient_turns import PatientTurns
from .queues import Queues, Waiting
from .session import PatientSession, ResumableProcessor

REMEMBER_ENDED_S = 3600.0  # for so long, what comes late for an ended stream is known for a duplicate


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
    dropped, pressed
        Called with the number of each message that is dropped because too many wait, and of each with which a hole was
        given up because room was scarce.
    told_first
        Gives the first output of a patient that was told before a crash and may come again, see `Ledger`.
    """

    def __init__(
        self,
        make_pipeline: Callable[[], ResumableProcessor],
        metrics: Metrics,
        limits: Limits | None = None,
        dropped: Callable[[int], None] = lambda number: None,  # noqa: ARG005
        pressed: Callable[[int], None] = lambda number: None,  # noqa: ARG005
        told_first: Callable[[str], ToldLine | None] = lambda patient: None,  # noqa: ARG005
    ) -> None:
        self._make_pipeline = make_pipeline
        self._metrics = metrics
        self._limits = limits or Limits()
        self._patients: dict[str, KnownPatient] = {}
        self.queues = Queues(self._limits, metrics, dropped)
        """What waits for its turn."""
        self.held = HeldRoom(self._limits.held_bytes)
        """What waits behind holes."""
        self._turns = PatientTurns(make_pipeline, metrics, self.held, pressed, told_first)

    def __len__(self) -> int:
        """Give the number of patients with a running session."""
        return sum(entry.session is not None for entry in self._patients.values())

    def __contains__(self, patient: str) -> bool:
        """Tell whether there is anything to be saved of a patient."""
        return patient in self._patients

    def check_room(self, patient: str) -> None:
        """Refuse a patient who is one too many: whose streams have ended do not count, and are forgotten for others.

        Raises
        ------
        PayloadError
            If as many patients as the limit allows have a session, or messages waiting, and this is another.
        """
        limit, known = self._limits.patients, self._patients.get(patient)
        if len(self._patients) < limit or (known is not None and not self._is_idle(patient, known)):
            return
        idle = [
            (entry.ended.at if entry.ended else 0.0, name)
            for name, entry in self._patients.items()
            if self._is_idle(name, entry)
        ]
        if len(self._patients) - len(idle) >= limit:
            raise PayloadError(f"patient '{patient}' is one too many: the limit is {limit} patients")
        if known is None and len(self._patients) >= 2 * limit:
            self.remove(min(idle)[1])

    def _is_idle(self, patient: str, entry: KnownPatient) -> bool:
        return entry.session is None and self.queues.first(patient) is None

    def offer(
        self,
        patient: str,
        payload: bytes,
        now: float,
        number: int = 0,
        arrived_ms: int = 0,
        *,
        scarce: bool | None = None,
    ) -> None:
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
            By which the ledger knows the message.
        arrived_ms
            When it came, milliseconds since 1970; 0 if that is not known.
        scarce
            See `Waiting`.

        Raises
        ------
        PayloadError
            See `check_room`.
        """
        self.check_room(patient)
        if patient not in self._patients:
            self._patients[patient] = KnownPatient(last_new=now, last_any=now)
        self.queues.add(patient, Waiting(payload, now, number, arrived_ms or round(1000 * time.time()), scarce))

    def begin_turn(self, now: float) -> OpenTurn:
        """Take the next message of the patient whose turn it is; there is to be one, see `Queues.round`.

        Raises
        ------
        PayloadError
            If the message does not fit; it is done with then, as any other.
        """
        patient, message = self.queues.take()
        entry = self._patients[patient]
        entry.applied = max(entry.applied, message.number)
        entry.changed = True
        return OpenTurn(patient, message.received, message.number, self._turn(patient, entry, message, now))

    def silent(self, now: float) -> list[str]:
        """Give whose session, or ended stream, got nothing new for too long; forget what ended long ago."""
        silent = []
        for patient, entry in list(self._patients.items()):
            if entry.session is not None:
                stuck = entry.session.stream is None and entry.stuck
                over = stuck or now - entry.last_new > self._limits.silence_s
                if over and self.queues.first(patient) is None:
                    silent.append(patient)
            elif entry.stuck and entry.ended is not None and entry.ended.next is not None:
                silent.append(patient)
            elif entry.ended is not None and now - entry.ended.at > REMEMBER_ENDED_S:
                entry.ended, entry.changed = None, True
                self._tidy(patient, entry)
        return silent

    def stuck(self, patient: str) -> bool:
        """Tell whether the device has long sent only what had been seen."""
        entry = self._patients.get(patient)
        return entry is not None and entry.stuck

    def begin_end(self, patient: str, now: float, number: int = 0, *, stuck: bool | None = None) -> OpenTurn:
        """End one patient's session, if there is one.

        What comes late for the stream is dropped from then on, unless the device kept sending what was no longer new:
        then its count had run ahead by mistake, and is believed as it is now. `stuck` says so of what is taken again.
        """
        return OpenTurn(patient, now, number, self._ending(patient, now, number, stuck))

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

    def load(self, patient: str) -> Load:
        """Give how many messages of a patient wait and were dropped."""
        return self.queues.load(patient)

    def snapshot(self, patient: str, now: float) -> State:
        """Copy one patient's state out, without the messages that wait."""
        entry = self._patients[patient]
        ended = None if entry.ended is None else entry.ended.snapshot(now)
        session = None if entry.session is None else entry.session.snapshot()
        return SCHEMA.label({"applied": entry.applied, "ended": ended, "session": session})

    def restore(self, patient: str, state: State, now: float) -> list[str]:
        """Put one patient's copied state back, of this version or an earlier one.

        Returns
        -------
        list[str]
            What could not be taken up as it was, a line each, see `Pipeline.restore`.

        Raises
        ------
        SchemaError
            If its layout is one that this version cannot take up.
        """
        state = SCHEMA.upgrade(state)
        notes: list[str] = []
        entry = KnownPatient(last_new=now, last_any=now, applied=state["applied"])
        if (ended := state["ended"]) is not None:
            entry.ended = EndedStream.restored(ended, now)
        if state["session"] is not None:
            entry.session = PatientSession(patient, self._make_pipeline())
            notes = entry.session.restore(state["session"])
        self.held.weigh(entry)
        self._patients[patient] = entry
        return notes

    def remove(self, patient: str) -> None:
        """Forget a patient, whose session is not ended; what waits is thrown away."""
        entry = self._patients.pop(patient, None)
        if entry is not None:
            self.held.forget(entry)
        self.queues.forget(patient)

    def applied(self, patient: str) -> int:
        """Give the number of the last message taken for a patient; 0 for one that is not known."""
        entry = self._patients.get(patient)
        return 0 if entry is None else entry.applied

    def _turn(self, patient: str, entry: KnownPatient, message: Waiting, now: float) -> Work[list[Step | Ended]]:
        try:
            wave = decode_wave(message.payload)
            entry.last_any = message.received
            lag_ms = 1000 * (now - message.received)
            outcomes = yield from self._turns.take(patient, entry, wave, message, lag_ms)
        finally:
            self._tidy(patient, entry)
        return self._metrics.counted(outcomes)

    def _ending(self, patient: str, now: float, number: int, stuck: bool | None) -> Work[list[Step | Ended]]:
        entry = self._patients.get(patient)
        if entry is None:
            return []
        entry.applied = max(entry.applied, number)
        entry.changed = True
        stuck = entry.stuck if stuck is None else stuck
        outcomes = yield from self._turns.end(patient, entry, now)
        if stuck and entry.ended is not None:
            entry.ended.next, entry.late_since = None, None
        self._tidy(patient, entry)
        return self._metrics.counted(outcomes)

    def _tidy(self, patient: str, entry: KnownPatient) -> None:
        """Forget a patient of whom there is nothing to know."""
        self.held.weigh(entry)
        if entry.session is None and entry.ended is None and self.queues.first(patient) is None:
            self.remove(patient)
