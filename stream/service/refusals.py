"""What is done about messages that do not fit: count them, and say so now and then."""

from __future__ import annotations

import logging

from ...errors import PayloadError
from .metrics import Metrics

log = logging.getLogger("ecg_stream.mqtt")


class Refusals:
    """Counts refused messages and logs them once a minute, so that a flood of them does not flood the log."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._count = 0
        self._last = ""
        self._told_at = float("-inf")

    def add(self, reason: str, error: PayloadError) -> None:
        """Count one."""
        self._metrics.refused.labels(reason).inc()
        self._count += 1
        self._last = str(error)

    def tell_once_a_minute(self, now: float) -> None:
        """Log what there is to tell, if nothing was told in the last minute."""
        if self._count and now - self._told_at >= 60:
            self._told_at = now
            self.tell()

    def tell(self) -> None:
        """Log what there is to tell."""
        if self._count:
            log.warning("refused %d message%s; the last: %s", self._count, "s"[: self._count > 1], self._last)
            self._count = 0
