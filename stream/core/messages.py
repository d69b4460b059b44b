"""What goes into the pipeline and what comes out of it.

A `Chunk` of samples goes in; `Beat` and `Event` come out, in the order of the sample at which each was
decided. All are immutable, and none knows of files, sockets or screens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float64]
"""Signal of shape ``(n_samples, n_leads)`` in millivolts; NaN where there is no measurement."""

CLASSES = ("N", "S", "V", "F", "Q")
"""The AAMI EC57 beat classes, in the order of every probability vector in this package."""

EventKind: TypeAlias = Literal[
    "lead-off", "flat", "saturation", "lead-on", "gap", "overlap", "rate-change", "leads-change", "record"
]
"""What can happen to a stream beside beats.

``lead-off``: NaN on a lead. ``flat``: no change on a lead for a second. ``saturation``: a lead stands
at its rail. ``lead-on``: the lead of one of these three is good again. ``gap``: samples are missing.
``overlap``: samples came that were seen before, and were dropped. ``rate-change``, ``leads-change``:
the stream goes on with another sampling rate or other leads, from a fresh state. ``record``: the class
of the last ten seconds.
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples of one stream.

    Attributes
    ----------
    start
        Index of the first sample, counted from the start of the stream.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    samples
        ``(n_samples, n_leads)`` in millivolts; NaN where there is no measurement.
    """

    start: int
    fs: float
    leads: tuple[str, ...]
    samples: Samples


@dataclass(frozen=True, slots=True)
class Beat:
    """One classified heartbeat.

    Attributes
    ----------
    sample
        The R peak, in samples from the start of the stream.
    time
        The R peak, in seconds from the start of the stream.
    label
        AAMI class, one of `CLASSES`.
    probabilities
        Probability of each of `CLASSES`, in that order.
    rr_ms
        Interval from the previous beat; None for the first beat and across a gap.
    delay_ms
        Stream time from the R peak to the last sample that the decision needed.
    """

    sample: int
    time: float
    label: str
    probabilities: tuple[float, ...]
    rr_ms: float | None
    delay_ms: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something other than a beat that a user must know of.

    Attributes
    ----------
    sample
        Where it began, in samples from the start of the stream.
    time
        The same in seconds.
    kind
        See `EventKind`.
    lead
        The lead it is about; None if it is about the whole stream.
    detail
        One short phrase for people, such as the length of a gap; may be empty.
    """

    sample: int
    time: float
    kind: EventKind
    lead: str | None = None
    detail: str = ""


Output: TypeAlias = Beat | Event
