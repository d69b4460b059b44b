"""How much room the chunks take that wait behind holes, of all patients together."""

from __future__ import annotations

from .known_patient import KnownPatient


class HeldRoom:
    """The sum of what each patient's session holds.

    Parameters
    ----------
    limit_bytes
        Beyond, room is scarce.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.n_bytes = 0
        """How much it is."""

    @property
    def scarce(self) -> bool:
        """Whether it is so much that each patient may hold only a little."""
        return self.n_bytes > self._limit_bytes

    def weigh(self, entry: KnownPatient) -> None:
        """Take note of what waits behind a patient's holes."""
        held_bytes = 0 if entry.session is None else entry.session.ordering.held_bytes
        self.n_bytes += held_bytes - entry.held_bytes
        entry.held_bytes = held_bytes

    def forget(self, entry: KnownPatient) -> None:
        """Take note that a patient is forgotten."""
        self.n_bytes -= entry.held_bytes
