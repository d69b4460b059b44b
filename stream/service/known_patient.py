"""What a service knows of one patient."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.stage import Schema, State
from ..run.origin import Origin
from .codec import Wave
from .session import PatientSession

STUCK_S = 30.0  # a device that for so long sends only what was seen, and does not name its streams, has begun anew


def _with_origin(state: State) -> State:
    """Bring what version 0.1 saved to layout 2: no times, and a name only where the device gave one."""
    session = state["session"]
    if session is not None:
        name = session["stream"]
        session = {**session, "origin": None if name is None else Origin(name).snapshot()}
    ended = state["ended"]
    return {**state, "session": session, "ended": None if ended is None else {**ended, "name": ended["stream"]}}


SCHEMA = Schema(2, {1: _with_origin})
"""Of what is saved of a patient: all but the pipeline, whose stages have numbers of their own."""


@dataclass(slots=True)
class EndedStream:
    """What is remembered of an ended stream, so that what still comes of it is not taken for new.

    Attributes
    ----------
    stream
        Its name, as the device gave it.
    next
        First sample that it did not have; None if the device's count is not believed.
    at
        When it ended.
    name
        Its name in outputs; None where it had none.
    """

    stream: str | None
    next: int | None
    at: float
    name: str | None = None

    def begun_anew_by(self, wave: Wave) -> bool:
        """Tell whether a message does not go on with this stream: it has another name, or begins it again."""
        return self.next is None or wave.stream != self.stream or wave.seq == 0

    def snapshot(self, now: float) -> State:
        """Copy it out."""
        return {"stream": self.stream, "next": self.next, "ago": now - self.at, "name": self.name}

    @classmethod
    def restored(cls, state: State, now: float) -> EndedStream:
        """Make one of a copied state."""
        return cls(state["stream"], state["next"], now - state["ago"], state["name"])


@dataclass(slots=True)
class KnownPatient:
    """Whoever sent something, with or without a running session."""

    session: PatientSession | None = None
    ended: EndedStream | None = None
    last_new: float = 0.0  # when something not seen before came
    last_any: float = 0.0  # when any wave message came
    applied: int = 0  # number of the last message taken
    held_bytes: int = 0  # of chunks behind a hole
    changed: bool = False  # since the last snapshot
    late_since: float | None = None  # when, of an ended stream, something that had been seen came first

    @property
    def stuck(self) -> bool:
        """Whether the device has long sent only what had been seen."""
        since = self.last_new if self.session is not None else self.late_since
        return since is not None and self.last_any - since > STUCK_S
