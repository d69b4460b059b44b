"""What a message, or the end of a stream, leads to for its patient. No network, no clock of its own.

An error in one patient's pipeline ends that pipeline, and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...errors import PayloadError
from ..run.engine import Step
from ..run.turn import Ended
from .begun_stream import begun_stream
from .codec import Wave
from .held_room import HeldRoom
from .known_patient import EndedStream, KnownPatient
from .ledger import ToldLine
from .metrics import Metrics
from .open_turn import Work
from .queues import Waiting
from .session import PatientSession, ResumableProcessor

log = logging.getLogger("ecg_stream.mqtt")


class PatientTurns:
    """Begins and ends the sessions of known patients, and takes their messages through them.

    Parameters
    ----------
    make_pipeline, metrics, pressed, told_first
        See `Patients`.
    room
        Of what waits behind holes.
    """

    def __init__(
        self,
        make_pipeline: Callable[[], ResumableProcessor],
        metrics: Metrics,
        room: HeldRoom,
        pressed: Callable[[int], None],
        told_first: Callable[[str], ToldLine | None],
    ) -> None:
        self._make_pipeline = make_pipeline
        self._metrics = metrics
        self._room = room
        self._pressed = pressed
        self._told_first = told_first

    def take(
        self, patient: str, entry: KnownPatient, wave: Wave, message: Waiting, lag_ms: float
    ) -> Work[list[Step | Ended]]:
        """Take a message, which waited `lag_ms`.

        Raises
        ------
        PayloadError
            If it is of a stream that another one has followed.
        """
        received = message.received
        outcomes: list[Step | Ended] = []
        if entry.session is not None and entry.session.stream != wave.stream:
            ended = entry.ended
            if ended is not None and ended.next is not None and wave.stream is not None and ended.stream == wave.stream:
                raise PayloadError(
                    f"patient '{patient}': stream '{wave.stream}' goes on after '{entry.session.stream}' began: "
                    "do two devices publish as one patient?"
                )
            outcomes += yield from self.end(patient, entry, received)
        if entry.session is None:
            if _is_over(entry, wave):
                self._metrics.duplicates.inc()
                entry.late_since = received if entry.late_since is None else entry.late_since
                return outcomes
            entry.late_since = None
            resume_at = None if entry.ended is None or entry.ended.begun_anew_by(wave) else entry.ended.next
            origin = begun_stream(wave, message.arrived_ms, entry.ended, self._told_first(patient))
            entry.session = PatientSession(patient, self._make_pipeline(), wave.stream, resume_at, origin)
        session = entry.session
        before, duplicates = session.ordering.next, session.ordering.duplicates
        scarce = self._room.scarce if message.scarce is None else message.scarce
        outcomes += yield from self._guarded(patient, entry, session.take(wave, lag_ms, scarce=scarce))
        if session.ordering.pressed:
            self._pressed(message.number)
        self._metrics.duplicates.inc(session.ordering.duplicates - duplicates)
        if session.ordering.next != before or session.ordering.held:
            entry.last_new = received
        if wave.end and entry.session is not None:
            outcomes += yield from self.end(patient, entry, received)
        return outcomes

    def end(self, patient: str, entry: KnownPatient, now: float) -> Work[list[Step | Ended]]:
        """End the session, if there is one."""
        session = entry.session
        if session is None:
            return []
        outcomes = yield from self._guarded(patient, entry, session.end())
        entry.session = None
        name = None if session.origin is None else session.origin.stream
        entry.ended = EndedStream(session.stream, session.ordering.next or 0, now, name)
        return [*outcomes, Ended(patient, session.summary())]

    def _guarded(self, patient: str, entry: KnownPatient, work: Work[list[Step]]) -> Work[list[Step | Ended]]:
        """Do a session's work; if it fails, go on with a fresh pipeline from there."""
        try:
            return list((yield from work))
        except Exception:
            log.exception("patient '%s': the pipeline failed; going on with a fresh one", patient)
            self._metrics.failures.inc()
            if entry.session is not None:
                session = entry.session
                entry.session = PatientSession(
                    patient, self._make_pipeline(), session.stream, session.ordering.next, session.origin
                )
            return []


def _is_over(entry: KnownPatient, wave: Wave) -> bool:
    """Tell whether a message belongs to what has ended: a duplicate, or an end that comes again."""
    if wave.end and not len(wave.chunk.samples):
        return True
    ended = entry.ended
    if ended is None or ended.next is None or ended.begun_anew_by(wave):
        return False
    return wave.chunk.start + len(wave.chunk.samples) <= ended.next
