"""Alerts that somebody has said are known: they are shown, and not told again.

What begins and what ends is always told; only repetitions are left out. All of this is of the running process: after a
restart nothing is known, so that what goes on is repeated rather than forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..core.messages import Alert
from .engine import Step


class KnownAlerts:
    """What is known, by stream.

    Parameters
    ----------
    clock
        Wall time, s, by which an acknowledgement ends.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, dict[str, float]] = {}  # record: name of an alert, until when
        self._silent: dict[str, float] = {}  # record: until when

    def acknowledge(self, record: str, names: Iterable[str], seconds: float) -> None:
        """Take alerts that go on for known, for so long or until each ends; 0 takes that back."""
        until = self._clock() + seconds
        known = self._known.setdefault(record, {})
        for name in names:
            known[name] = until

    def silence(self, record: str, seconds: float) -> None:
        """Take alerts of medium and low priority for known, those too that begin within so long; 0 takes that back."""
        self._silent[record] = self._clock() + seconds

    def silent_s(self, record: str) -> float:
        """For how many seconds more a stream is silenced; 0 if it is not."""
        return max(0.0, self._silent.get(record, 0.0) - self._clock()) if record in self._silent else 0.0

    def is_known(self, record: str, alert: Alert) -> bool:
        """Tell whether an alert of a stream is known now."""
        if alert.priority != "high" and self.silent_s(record) > 0:
            return True
        until = self._known.get(record, {}).get(alert.name)
        return until is not None and self._clock() < until

    def heard(self, step: Step) -> Step:
        """Give a step without repetitions of what is known; what begins or ends is no longer known."""
        if not any(isinstance(output, Alert) for output in step.outputs):
            return step
        kept = []
        for output in step.outputs:
            if isinstance(output, Alert):
                if output.state == "repeat" and self.is_known(step.record, output):
                    continue
                if output.state != "repeat":
                    self._known.get(step.record, {}).pop(output.name, None)
            kept.append(output)
        return step if len(kept) == len(step.outputs) else replace(step, outputs=kept)

    def forget(self, record: str) -> None:
        """Let a stream go."""
        self._known.pop(record, None)
        self._silent.pop(record, None)
