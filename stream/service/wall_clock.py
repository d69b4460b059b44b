"""Noticing that the system's clock was set: times that count from a stream's arrival are the clock's of then."""

from __future__ import annotations

import logging
import time

log = logging.getLogger("ecg_stream.mqtt")

JUMP_S = 1.0  # a clock that is kept by NTP is brought right by slewing, or was a second off


class WallClock:
    """Compares the clock with one that nobody sets."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def look(self) -> float:
        """Tell in the log if the clock was set since the last look; give by how much, in seconds, 0 if it was not."""
        before, self._offset_s = self._offset_s, time.time() - time.monotonic()
        jump_s = self._offset_s - before
        if abs(jump_s) < JUMP_S:
            return 0.0
        log.warning(
            "the system's clock was set by %+.1f s: streams that run count on from the time of their arrival, "
            "new ones begin with the new time",
            jump_s,
        )
        return jump_s
