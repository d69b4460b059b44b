"""What a service knows of one patient."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.stage import State
from .codec import Wave
from .session import PatientSession

STUCK_S = 30.0  # a device that for so long sends only what was seen, and does not name its streams, has begun anew


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
    changed: bool = False  # since the last snapshot

    @property
    def stuck(self) -> bool:
        """Whether the device has long sent only what had been seen."""
        return self.last_any - self.last_new > STUCK_S
