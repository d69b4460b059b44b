"""Other services on the same broker that take the same patients: each beat would be published twice."""

from __future__ import annotations

import logging

from .codec import ServiceStatus, read_status
from .metrics import Metrics
from .topics import Topics, service_status_topic

log = logging.getLogger("ecg_stream.mqtt")

ALL_STATUS = service_status_topic("+")
MOST_NAMES = 100  # of other services that are remembered


class Neighbours:
    """Hears what services say of themselves, and tells by name of one that should not be there.

    Parameters
    ----------
    own_status_topic
        That of this service.
    topics
        What it subscribes to.
    metrics
        Where things are counted.
    """

    def __init__(self, own_status_topic: str, topics: Topics, metrics: Metrics) -> None:
        self._own = own_status_topic
        self._topics = topics
        self._metrics = metrics
        self._there: set[str] = set()

    def note(self, topic: str, payload: bytes) -> bool:
        """Take a message if it is a service's status; tell whether it was one."""
        begin, _, end = ALL_STATUS.partition("+")
        if not (topic.startswith(begin) and topic.endswith(end)) or self._topics.prefix == begin.strip("/"):
            return False
        if topic == self._own:
            return True
        status = read_status(payload)
        if status is None or not status.online or not self._shares(status):
            self._there.discard(topic)
        elif topic not in self._there and len(self._there) < MOST_NAMES:
            self._there.add(topic)
            log.error(
                "service '%s' takes the patients of %s as well: each beat is published twice; stop one of the two",
                topic.removeprefix(begin).removesuffix(end),
                self._topics.wave,
            )
        self._metrics.others.set(len(self._there))
        return True

    def _shares(self, status: ServiceStatus) -> bool:
        """Tell whether a service publishes beats of patients whom we have; a fleet takes all under its prefix."""
        if status.births is not None:
            return status.births == self._topics.prefix
        prefix, _, patient = (status.topic or "").removesuffix("/wave").rpartition("/")
        patients = {patient, self._topics.patient}
        return prefix == self._topics.prefix and ("+" in patients or len(patients) == 1)
