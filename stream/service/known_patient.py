"""What a service knows of one patient."""

from __future__ import annotations

from dataclasses import dataclass

from .session import PatientSession

STUCK_S = 30.0  # a device that for so long sends only what was seen, and does not name its streams, has begun anew


@dataclass(slots=True)
class EndedStream:
    """What is remembered of an ended stream, so that what still comes of it is not taken for new."""

    stream: str | None
    next: int
    at: float


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
