"""What is done about messages that do not fit: they are counted, and told once a minute, in the log and to the device.

The log names each patient and each reason; the device hears the same on ``PREFIX/PATIENT/errors``. What is remembered
between two tellings is bounded, however many patients and reasons there are.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import msgspec

from ...errors import PayloadError
from ...words import plain_json
from .metrics import Metrics

log = logging.getLogger("ecg_stream.mqtt")

EVERY_S = 60.0
MOST_PATIENTS = 1000  # that are told apart
MOST_REASONS = 5  # of one patient
MOST_LINES = 20  # in the log, of each telling
OTHERS = "other reasons"


class RefusedLine(msgspec.Struct, tag_field="type", tag="refused"):
    """What is published: how many messages of a patient were refused since the last telling, and why."""

    record: str
    messages: int
    reasons: list[str]


class Refusals:
    """Counts refused messages, and tells of them.

    Parameters
    ----------
    metrics
        Where they are counted.
    publish
        Called with a patient and what is to be published for its device.
    """

    def __init__(self, metrics: Metrics, publish: Callable[[str, bytes], None] = lambda patient, line: None) -> None:  # noqa: ARG005
        self._metrics = metrics
        self._publish = publish
        self._pending: dict[str, Counter[str]] = {}
        self._told_at: dict[str, float] = {}

    def add(self, kind: str, error: PayloadError, patient: str = "") -> None:
        """Count one; `patient` is empty where its topic names none."""
        self._metrics.refused.labels(kind).inc()
        if patient not in self._pending and len(self._pending) >= MOST_PATIENTS:
            patient = ""
        reasons = self._pending.setdefault(patient, Counter())
        reason = str(error)
        reasons[reason if reason in reasons or len(reasons) < MOST_REASONS else OTHERS] += 1

    def tell_once_a_minute(self, now: float) -> None:
        """Tell what there is, of each patient of whom nothing was told in the last minute."""
        self._told_at = {patient: at for patient, at in self._told_at.items() if now - at < EVERY_S}
        due = [patient for patient in self._pending if patient not in self._told_at]
        room = MOST_LINES - len(self._told_at)
        self._tell(due, max(0, room))
        self._told_at |= dict.fromkeys(due, now)

    def tell(self) -> None:
        """Tell what there is."""
        self._tell(list(self._pending), MOST_LINES)

    def _tell(self, patients: list[str], room: int) -> None:
        unsaid = 0
        for number, patient in enumerate(patients):
            reasons = self._pending.pop(patient)
            if patient:
                line = RefusedLine(patient, reasons.total(), list(reasons))
                self._publish(patient, plain_json(msgspec.json.encode(line)))
            if number < room:
                log.warning("%s", _sentence(patient, reasons))
            else:
                unsaid += reasons.total()
        if unsaid:
            log.warning("refused %d messages of %d other patients", unsaid, len(patients) - room)


def _sentence(patient: str, reasons: Counter[str]) -> str:
    count = reasons.total()
    whose = f" of patient '{patient}'" if patient else ""
    what = f"refused {count} message{'s'[: count > 1]}{whose}"
    if len(reasons) == 1:
        return f"{what}: {next(iter(reasons))}"
    return f"{what}: " + "; ".join(f"{times} times: {reason}" for reason, times in reasons.most_common())
