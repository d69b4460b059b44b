"""What the API answers, as types: the OpenAPI document is made of these."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from ..core.messages import Priority
from ..run.attention import NOTABLE, QUIET, RECENT, URGENT

Need: TypeAlias = Literal["urgent", "notable", "recent", "quiet"]

NEEDS: dict[int, Need] = {URGENT: "urgent", NOTABLE: "notable", RECENT: "recent", QUIET: "quiet"}

Which: TypeAlias = Literal["one", "all"]
"""The lead that is good the most, or all leads."""


class LeadState(msgspec.Struct, frozen=True):
    """A lead: `state` is ``lead-off``, ``flat`` or ``saturation``, else empty; `good` the share of measurements."""

    name: str
    state: str
    good: float


class AlertState(msgspec.Struct, frozen=True):
    """An alert that goes on: since when (s of the stream), why; `known` while somebody has said that it is."""

    name: str
    priority: Priority
    time: float
    why: str
    known: bool


class PatientState(msgspec.Struct, frozen=True):
    """A patient now: how much attention is needed and why, heart rate (1/min), class of the last beat, leads, alerts.

    `seen` is true while somebody has said that this is known; `silent`, while alerts of medium and low priority are
    silenced.
    """

    patient: str
    stream: str
    need: Need
    note: str
    heart_rate: int | None
    last: str
    v_last_hour: int
    s_last_hour: int
    lag_s: float
    leads: tuple[LeadState, ...]
    fs: float
    rhythm: str = ""
    seen: bool = False
    alerts: tuple[AlertState, ...] = ()
    silent: bool = False


class Minute(msgspec.Struct, frozen=True):
    """A minute of a stream: which, mean heart rate (1/min), beats of all classes, ventricular, supraventricular."""

    minute: int
    heart_rate: float | None
    beats: int
    v: int
    s: int


class WardAnswer(msgspec.Struct, frozen=True):
    """The ward: where it comes from, whether that can be reached, all patients, and a cursor for what follows."""

    version: str
    source: str
    connected: bool
    cursor: str
    patients: list[PatientState]


class PatientAnswer(msgspec.Struct, frozen=True):
    """One patient: the state, the last hour by the minute, the latest events (objects as in the stream)."""

    state: PatientState
    cursor: str
    time: float
    trend: list[Minute]
    events: list[msgspec.Raw]


class BeatsAnswer(msgspec.Struct, frozen=True):
    """Beats after a cursor; `lost` is true where older ones than are kept were asked for."""

    patient: str
    cursor: str
    lost: bool
    beats: list[msgspec.Raw]


class ErrorAnswer(msgspec.Struct, frozen=True):
    """Why a request was not served."""

    error: str


class Tick(msgspec.Struct, frozen=True):
    """Tells every two seconds that the service is there, and whether it has its broker."""

    version: str
    source: str
    connected: bool
    patients: int


class Lost(msgspec.Struct, frozen=True):
    """The client was too slow, or was away: outputs after `since` are to be fetched."""

    since: str


class Gone(msgspec.Struct, frozen=True):
    """A patient's session has ended."""

    patient: str


class Want(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client of the WebSocket wants to see, in place of what it wanted before."""

    patients: dict[str, Which]


class SamplesMessage(msgspec.Struct, frozen=True, tag_field="type", tag="samples"):
    """Samples of a patient: time of the first (s of the stream), rate (Hz), in µV by lead; null is no measurement.

    `before` is true for the last seconds before the client asked, false for a chunk that has just come.
    """

    patient: str
    stream: str
    time: float
    fs: float
    leads: tuple[str, ...]
    uv: list[list[int | None]]
    before: bool = False


class DroppedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="dropped"):
    """Messages with samples that were left out, because the client was too slow."""

    messages: int


class Acknowledged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `POST /api/patients/{patient}/acknowledge` takes: for how many seconds what is wrong now is known.

    `alert` names one alert that goes on, instead of all that is wrong now. `silence`, instead, takes all alerts of
    medium and low priority for known, those too that begin meanwhile.
    """

    seconds: float = 600.0
    alert: str | None = None
    silence: bool = False


class TokenGiven(msgspec.Struct, frozen=True):
    """What `POST /api/session` takes."""

    token: str
