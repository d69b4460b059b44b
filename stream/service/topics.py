"""Topics of the MQTT contract, and which patient a topic speaks of.

::

    ecg/{patient}/wave    chunks, from the device
    ecg/{patient}/status  retained, from the device
    ecg/{patient}/beats   classified beats, from the service
    ecg/{patient}/events  gaps, lead-off and the like, from the service
    ecg/{patient}/rhythm  rhythms that begin and end, from the service; the last is retained
    ecg/{patient}/alerts  what somebody is to look at, from the service
    ecg/{patient}/fhir    HL7 FHIR observations, from the service, on request
    ecg/{patient}/errors  why messages were refused, from the service
    ecg-stream/{client}/status  retained, from the service

Whatever stands before ``{patient}`` may be any topic of the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import PayloadError, RequestError

FHIR = "fhir"
"""Last level of the topic on which HL7 FHIR resources are published, where they are asked for."""

ERRORS = "errors"
"""Last level of the topic on which a device is told why its messages are refused."""

_PATIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_MAX_TOPIC = 1024  # characters; MQTT allows 65,535, no device of this contract needs them

OUTPUTS = ("beats", "events", "rhythm", "alerts")
"""Last levels of the topics on which outputs of a patient are published."""

RETAINED = "rhythm"
"""That of which the broker keeps the last message, for who subscribes later."""


_TOPICS = {b"beat": "beats", b"rhythm": "rhythm", b"alert": "alerts"}


def output_kind(line: bytes) -> str:
    """Give the one of `OUTPUTS` on which a line of JSON is published."""
    return _TOPICS.get(line[9 : line.index(b'"', 9)], "events")  # {"type":"beat",...


def is_patient_id(text: str) -> bool:
    """Tell whether `text` may name a patient: it becomes a topic level and a file name."""
    return _PATIENT_ID.fullmatch(text) is not None and text not in (".", "..")


def patient_id(text: str) -> str:
    """Give `text` back if it may name a patient.

    Raises
    ------
    PayloadError
        If it may not.
    """
    if not is_patient_id(text):
        raise PayloadError(
            f"no patient id: {text[:80]!a}: valid are 1 to 64 of A-Z a-z 0-9 . _ - (but not '.' or '..')"
        )
    return text


def service_status_topic(client_id: str) -> str:
    """Topic on which a running service tells that it is there."""
    return f"ecg-stream/{client_id}/status"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one subscription such as ``ecg/+/wave``.

    Attributes
    ----------
    prefix
        Levels before the patient, such as ``ecg``.
    patient
        The one patient subscribed to; ``+`` for all.
    """

    prefix: str = "ecg"
    patient: str = "+"

    @classmethod
    def of(cls, wave_topic: str) -> Topics:
        """Read a subscription to wave messages.

        Raises
        ------
        RequestError
            If it is not ``PREFIX/+/wave`` or ``PREFIX/PATIENT/wave``.
        """
        prefix, _, rest = wave_topic.rpartition("/wave")[0].rpartition("/")
        good = (
            wave_topic.endswith("/wave")
            and prefix
            and not prefix.startswith("$")
            and not re.search(r"[+#\x00]", prefix)
            and (rest == "+" or is_patient_id(rest))
        )
        if not good:
            raise RequestError(
                f"topic {wave_topic[:120]!r} cannot be subscribed to: valid is PREFIX/+/wave for all patients or "
                "PREFIX/PATIENT/wave for one, such as ecg/+/wave"
            )
        return cls(prefix, rest)

    @property
    def wave(self) -> str:
        """What to subscribe to for chunks."""
        return f"{self.prefix}/{self.patient}/wave"

    @property
    def status(self) -> str:
        """What to subscribe to for the devices' status."""
        return f"{self.prefix}/{self.patient}/status"

    def split(self, topic: str) -> tuple[str, str]:
        """Give the patient and the last level of a topic that a message came on.

        Raises
        ------
        PayloadError
            If the topic does not follow the contract, its patient id included.
        """
        if len(topic) <= _MAX_TOPIC and topic.startswith(self.prefix + "/"):
            patient, _, kind = topic[len(self.prefix) + 1 :].rpartition("/")
            if is_patient_id(patient):
                return patient, kind
        raise PayloadError(f"no patient in the topic {topic[:80]!a}: valid is {self.prefix}/PATIENT/wave")

    def of_patient(self, patient: str, kind: str) -> str:
        """Give the topic ``PREFIX/PATIENT/KIND``."""
        return f"{self.prefix}/{patient}/{kind}"

    def of_patients(self, patients: Iterable[str], *kinds: str) -> list[str]:
        """Give these topics of each patient."""
        return [self.of_patient(patient, kind) for patient in patients for kind in kinds]
