"""What a rule of the rhythm stage is: it hears samples, beats, events and the clock, and says what begins and ends.

A rule is asked in the order of the stream, sample by sample, however the stream came in: `hear` first, with all samples
up to now, then `beat` or `event` for what was decided now, then `time` if `due` is reached. Between two calls of
`hear` there may be a hole, where samples are missing for long; an event tells of it.

What a rule finds depends on labels, intervals and signal, never on which classifier made the labels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.messages import Beat, Event, Heard, St
from ..core.rhythm_names import RhythmName
from ..core.stage import Schema, State
from .limits import RhythmLimits

NEVER = sys.maxsize
"""When nothing is to be told by time alone."""


class RhythmBeat(NamedTuple):
    """A beat as the rules take it.

    Attributes
    ----------
    beat
        With its label.
    kind, merged, is_new
        Which of the patient's kinds of beats it joined, which other kind was merged into that one (-1: none), and
        whether it is the first of the kind. All beats of a reference file are of one kind, 0.
    features
        ``(n_features,)`` float32, see `stream.beats.features`; None for a reference beat.
    """

    beat: Beat
    kind: int = 0
    merged: int = -1
    is_new: bool = False
    features: NDArray[np.float32] | None = None


class Finding(NamedTuple):
    """A rule says that a rhythm begins or ends; the stage makes a `Rhythm` of it, if nothing takes precedence.

    Attributes
    ----------
    name
        One of the rule's `names`.
    state
        ``begin`` or ``end``.
    sample
        Where, counted from the start of the stream; not after the sample at which the rule was asked.
    why
        One short phrase for people.
    """

    name: RhythmName
    state: Literal["begin", "end"]
    sample: int
    why: str


Findings: TypeAlias = Sequence[Finding]
NOTHING: Findings = ()


class RhythmRule:
    """A rule that finds nothing; a rule of your own overrides what it needs.

    Parameters
    ----------
    limits
        The table of limits.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    start
        Index of the first sample.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ()
    """The rhythms that it may find."""
    hears: ClassVar[bool] = False
    """Whether it wants the samples."""
    foresees: ClassVar[bool] = False
    """Whether it wants them ahead of time, too: a call for many samples costs less than one for each beat."""
    schema: ClassVar[Schema] = Schema(1)
    """Layout of its snapshots."""

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        self.limits = limits
        self.fs = fs
        self.leads = leads
        self.start = start
        self.due = NEVER
        """Sample at which `time` is to be called, if nothing else changes it before."""

    def hear(self, heard: Heard) -> None:
        """Take the next samples: any number, cut anywhere."""

    def foresee(self, heard: Heard) -> None:
        """Take the next samples as soon as the first of them is there, those to come included.

        What it finds at a sample must not depend on those after it.
        """

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  what a rule may need
        """Take a beat that was decided at sample `now`."""
        return NOTHING

    def event(self, event: Event, now: int) -> Findings:  # noqa: ARG002
        """Take an event that was decided at sample `now`."""
        return NOTHING

    def time(self, now: int) -> Sequence[Finding | St]:  # noqa: ARG002
        """Tell what `due` was for: sample `now` is there. It is to set `due` anew."""
        self.due = NEVER
        return NOTHING

    def silent_at(self, sample: int) -> int:
        """Give the sample at which a pause is told, if no beat comes after the one at `sample`."""
        return sample + round((self.limits.pause_s + self.limits.pause_told_s) * self.fs)

    def afresh(self) -> RhythmRule:
        """Give such a rule that has heard no beat yet."""
        return type(self)(self.limits, self.fs, self.leads, self.start)

    def snapshot(self) -> State:
        """Copy the state out, `due` too."""
        return {"due": self.due}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self.due = int(state["due"])


MakeRule: TypeAlias = Callable[[RhythmLimits, float, tuple[str, ...], int], RhythmRule | None]
"""Makes a rule, of limits, sampling rate, leads and index of the first sample; None: not for such a stream."""
