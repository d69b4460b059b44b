"""What the monitor shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.messages import Alert, Beat, Event, Rhythm
from ..run.summary import Percentiles
from ..run.vitals import Condition
from .agreement import AgreementCounts
from .trace import COLUMN_S


@dataclass(frozen=True, slots=True)
class Title:
    """What is being watched.

    Attributes
    ----------
    record
        Name of the record or patient.
    model
        Name of the beat model.
    speed
        Pace of the source in words, such as ``×1``; empty where nothing sets it.
    length_s
        Where the stream ends; None where it does not.
    """

    record: str
    model: str = ""
    speed: str = ""
    length_s: float | None = None


@dataclass(frozen=True, slots=True)
class LeadView:
    """One lead: its name, its condition, and its range in each dot column of the window, mV."""

    name: str
    condition: Condition
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReferenceMark:
    """What the reference says at one R peak: a class, or that no beat is there; and whether it differs from ours."""

    time: float
    label: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Controls:
    """What the person at the keyboard has asked for.

    Attributes
    ----------
    keys
        Whether there is a keyboard.
    state
        What the stream does, in words: ``paused``, ``12 s back``. Empty where it simply runs.
    chosen
        The beat that was stepped to.
    lead
        Place of the lead that is shown in full; None for all.
    legend
        Whether the legend is shown in the place of the picture.
    message
        The answer to the last key.
    """

    keys: bool = False
    state: str = ""
    chosen: Beat | None = None
    lead: int | None = None
    legend: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the monitor at one moment.

    Attributes
    ----------
    title
        What is being watched.
    fs
        Sampling rate, Hz; 0 before the first chunk.
    now_s
        Stream time of the newest sample.
    heart_rate
        Beats per minute; None if it is not known.
    counts
        Beats of each of `CLASSES`.
    first_column
        Index of the first dot column of the leads' window, counted from the start of the stream.
    leads
        The leads.
    beats
        The latest beats, the newest last.
    events
        The latest events and changes of rhythm, the newest last.
    rhythm
        How that began which goes on now and comes first, see `stream.rhythm.precedence.ORDER`; None for none.
    alert
        The same of the alerts, the most pressing first.
    delay_ms, compute_ms, lag_ms
        R peak to label in stream time; wall time in the pipeline for each chunk; how late each chunk was. Each
        as p50, p95 and max.
    agreement
        With the reference annotations; None where there are none.
    reference
        What the reference says of the beats in the window; None where there is none.
    reference_rhythm
        The rhythm that the reference names there, such as ``(AFIB``; empty where it names none.
    controls
        What the person at the keyboard has asked for.
    """

    title: Title
    fs: float
    now_s: float
    heart_rate: float | None
    counts: dict[str, int]
    first_column: int
    leads: tuple[LeadView, ...]
    beats: tuple[Beat, ...]
    events: tuple[Event | Rhythm, ...]
    rhythm: Rhythm | None
    alert: Alert | None
    delay_ms: Percentiles
    compute_ms: Percentiles
    lag_ms: Percentiles
    agreement: AgreementCounts | None
    reference: tuple[ReferenceMark, ...] | None = None
    reference_rhythm: str = ""
    controls: Controls = Controls()


def column_of(time_s: float) -> int:
    """Dot column, counted from the start of the stream, in which `time_s` lies."""
    return int(time_s // COLUMN_S)
