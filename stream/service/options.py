"""How a service behaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..rhythm.alert_table import AlertTable
from ..run.turn import Limits
from .topics import Topics


@dataclass(frozen=True, slots=True)
class Options:
    """How the service behaves.

    Attributes
    ----------
    topics
        What it subscribes to.
    publish
        Whether outputs go back to the broker.
    fhir
        Whether HL7 FHIR observations do, see `FhirSink`.
    alerts
        What somebody is to look at; None is the built-in table.
    exit_when_idle_s
        End, with all sessions flushed, when no message came for so long; None: only when asked to.
    limits
        How much it takes on.
    """

    topics: Topics
    publish: bool = True
    fhir: bool = False
    alerts: AlertTable | None = None
    exit_when_idle_s: float | None = None
    limits: Limits = field(default_factory=Limits)
