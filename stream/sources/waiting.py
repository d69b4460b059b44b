"""How long a source that is silent is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

POLL_S = 0.2
"""A source looks so often whether it is still wanted."""


class Waiting:
    """Ends the waiting of a source: when it is closed, or nothing has come for a time.

    Parameters
    ----------
    idle_s
        Longest silence, in seconds; None waits for ever.
    clock
        Seconds from any moment on; tests put in their own.
    """

    def __init__(self, idle_s: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._closed = threading.Event()
        self._heard = self._patient_from = clock()

    def begin(self) -> None:
        """Count the longest silence from now on."""
        self._patient_from = self._clock()

    def close(self) -> None:
        """End it, from any thread."""
        self._closed.set()

    def heard(self) -> float:
        """Note that something came; give how long nothing had, in seconds."""
        now = self._clock()
        silence, self._heard = now - self._heard, now
        return silence

    @property
    def silence_s(self) -> float:
        """How long nothing has come."""
        return self._clock() - self._heard

    @property
    def over(self) -> bool:
        """Whether nobody waits any more."""
        if self._closed.is_set():
            return True
        return self._idle_s is not None and self._clock() - max(self._heard, self._patient_from) >= self._idle_s

    def pause(self, seconds: float = POLL_S) -> None:
        """Let time pass; return at once when it is closed."""
        self._closed.wait(seconds)
