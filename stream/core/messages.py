"""What goes into the pipeline and what comes out of it.

A `Chunk` of samples goes in; `Beat`, `Event`, `Rhythm`, `Alert` and `St` come out, in the order of the sample at which
each was decided. All are immutable, and none knows of files, sockets or screens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .intake import as_index, as_leads, as_rate, as_samples
from .rhythm_names import RhythmName

Samples: TypeAlias = NDArray[np.float64]
"""Signal of shape ``(n_samples, n_leads)`` in millivolts; NaN where there is no measurement."""

Label: TypeAlias = Literal["N", "S", "V", "F", "Q"]
"""An AAMI EC57 beat class: normal, supraventricular ectopic, ventricular ectopic, fusion, paced or unclassifiable."""


class Signal(NamedTuple):
    """Samples, and which of them can be trusted.

    Attributes
    ----------
    samples
        ``(n_samples, n_leads)``, mV, finite.
    good
        The same shape; False where a value is held and no measurement.
    """

    samples: Samples
    good: NDArray[np.bool_]

    @classmethod
    def all_good(cls, samples: Samples) -> Signal:
        """Take all samples for measurements."""
        return cls(samples, np.ones(samples.shape, dtype=np.bool_))

    def part(self, rows: slice) -> Signal:
        """Give some rows of both."""
        return Signal(self.samples[rows], self.good[rows])


class Heard(NamedTuple):
    """Consecutive samples as the stages of a stream hear them.

    Attributes
    ----------
    start
        Index of the first sample, counted from the start of the stream.
    raw
        ``(n_samples, n_leads)``, mV, finite, before any filter, relative to the first measurement.
    signal
        The same samples after the high-pass, and which of them are measurements.
    despiked
        The signal without pacing spikes, of samples that are `late` earlier; None where nobody looked for any.
    late
        How many samples earlier: none is known at once to belong to a spike.
    """

    start: int
    raw: Samples
    signal: Signal
    despiked: Signal | None = None
    late: int = 0

    @property
    def stop(self) -> int:
        """Index of the sample after the last."""
        return self.start + len(self.raw)

    def part(self, start: int, stop: int) -> Heard:
        """Give samples `start` to `stop`, of those that are there."""
        rows = slice(max(0, start - self.start), max(0, stop - self.start))
        despiked = None if self.despiked is None else self.despiked.part(rows)
        return Heard(max(start, self.start), self.raw[rows], self.signal.part(rows), despiked, self.late)


CLASSES: tuple[Label, ...] = ("N", "S", "V", "F", "Q")
"""The AAMI EC57 beat classes, in the order of every probability vector in this package."""

EventKind: TypeAlias = Literal[
    "lead-off",
    "flat",
    "saturation",
    "lead-on",
    "gap",
    "overlap",
    "rate-change",
    "leads-change",
    "leads-swapped",
    "record",
    "note",
    "restart",
]
"""What can happen to a stream beside beats.

``lead-off``: NaN on a lead. ``flat``: no change on a lead for a second. ``saturation``: a lead stands
at its rail. ``lead-on``: the lead of one of these three is good again. ``gap``: samples are missing.
``overlap``: samples came that were seen before, and were dropped. ``rate-change``, ``leads-change``:
the stream goes on with another sampling rate or other leads, from a fresh state. ``leads-swapped``: beats go on
as before in leads that are swapped or upside down; the detail says it against how they were at first.
``record``: the class of the last ten seconds. ``note``: what a stage of one's own, beside the others, has to say.
``restart``: a stage begins afresh, as its state was saved by a version whose layout this one cannot take up.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive samples of one stream.

    What is not of these types is brought to them. A list of leads becomes a tuple, lists and integers become an array
    of float64. One lead may be given as ``(n_samples,)``. Two chunks are equal if all they hold is, NaN equal to NaN.

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

    Raises
    ------
    StreamError
        If `start` is no whole number, `fs` no number, or leads or samples are none.
    """

    start: int
    fs: float
    leads: tuple[str, ...]
    samples: Samples

    def __post_init__(self) -> None:
        """Bring what was given to the stated types, once, so that no stage need ask."""
        if type(self.start) is not int:
            object.__setattr__(self, "start", as_index(self.start))
        if type(self.fs) is not float:
            object.__setattr__(self, "fs", as_rate(self.fs))
        if type(self.leads) is not tuple:
            object.__setattr__(self, "leads", as_leads(self.leads))
        x = self.samples
        if type(x) is not np.ndarray or x.dtype != np.float64 or x.ndim != 2:
            object.__setattr__(self, "samples", as_samples(x, len(self.leads)))

    def __eq__(self, other: object) -> bool:
        """Compare everything; the comparison that a dataclass would make fails on arrays."""
        if not isinstance(other, Chunk):
            return NotImplemented
        here, there = (self.start, self.fs, self.leads), (other.start, other.fs, other.leads)
        return here == there and np.array_equal(self.samples, other.samples, equal_nan=True)

    __hash__ = None  # type: ignore[assignment]  # it holds an array


class Probabilities(NamedTuple):
    """Probability of each of `CLASSES`, in that order: by name (``probabilities.V``) or by place."""

    N: float
    S: float
    V: float
    F: float
    Q: float


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
    learning
        The patient is new: what the usual beat looks like is not known yet, and the label is less sure.
    quality
        Of the signal, from 0 to 1: how probable it is that this is a beat, and that none was missed since the one
        before. None where nobody has judged it.
    paced
        A pacing spike comes just before its QRS complex, or in it: it is labelled Q, as EC57 asks.
    """

    sample: int
    time: float
    label: Label
    probabilities: Probabilities
    rr_ms: float | None
    delay_ms: float
    learning: bool = False
    quality: float | None = None
    paced: bool = False


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


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A rhythm begins or ends.

    Attributes
    ----------
    name
        See `RhythmName`.
    state
        ``begin`` or ``end``. What takes no time (a couplet, an R on T) is told as both at once.
    sample
        Where it began or ended, in samples from the start of the stream.
    time
        The same in seconds.
    delay_ms
        Stream time from there to the last sample that was needed to tell.
    why
        One short phrase for people: what is the reason.
    length_s
        At its end, how long it lasted, in seconds; None at its beginning.
    ongoing
        All that goes on when this is told, in the order of `stream.rhythm.precedence.ORDER`.
    """

    name: RhythmName
    state: Literal["begin", "end"]
    sample: int
    time: float
    delay_ms: float
    why: str
    length_s: float | None = None
    ongoing: tuple[RhythmName, ...] = ()


Priority: TypeAlias = Literal["high", "medium", "low"]
"""How soon somebody is to look, in the words of IEC 60601-1-8."""

PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low")
"""The most pressing first."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rhythm or a rate that somebody is to look at begins, goes on, or ends.

    Attributes
    ----------
    name
        See `RhythmName`; or a rate's name in the table of alerts.
    priority
        See `Priority`.
    state
        ``begin``, ``repeat`` or ``end``. What takes no time is told as begin and end at once.
    sample
        Where it began, was repeated, or ended, in samples from the start of the stream.
    time
        The same in seconds.
    delay_ms
        Stream time from there to the last sample that was needed to tell.
    why
        One short phrase for people: what is the reason.
    onset
        Where it began.
    length_s
        At its end, how long it lasted, and at a repetition, how long so far, in seconds; None at its beginning.
    times
        How often it has begun since it was last told, this time included.
    """

    name: str
    priority: Priority
    state: Literal["begin", "repeat", "end"]
    sample: int
    time: float
    delay_ms: float
    why: str
    onset: int
    length_s: float | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class St:
    """Level and slope of the ST segment in one lead, from the median beat of the last ten seconds.

    Attributes
    ----------
    sample
        The one after those ten seconds, in samples from the start of the stream.
    time
        The same in seconds.
    lead
        Name of the lead.
    uv
        Level 80 ms after the J point (60 ms above 120 beats a minute) against the PQ segment, µV.
    slope
        From 24 ms after the J point to there, mV/s.
    change_uv
        Level against the lead's reference, its first half minute; None until there is one.
    beats
        How many beats the median is of.
    episode
        ``begin`` where a change of 0.1 mV and more has lasted 30 s, ``end`` where it has been over for 30 s.
    """

    sample: int
    time: float
    lead: str
    uv: int
    slope: float
    change_uv: int | None
    beats: int
    episode: Literal["begin", "end"] | None = None


Output: TypeAlias = Beat | Event | Rhythm | Alert | St

DecidedEvent: TypeAlias = tuple[int, Event]
"""An event, after the sample at which it was decided."""
