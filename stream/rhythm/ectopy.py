"""Single ventricular beats: on the T wave, frequent, of several kinds."""

from __future__ import annotations

import math
from typing import ClassVar

from ..core.rhythm_names import RhythmName
from ..core.stage import State
from .limits import RhythmLimits
from .rule import NEVER, NOTHING, Finding, Findings, RhythmBeat, RhythmRule

MEDIAN_OF = 8
MINUTE_S = 60.0
KEPT = 40
"""Ventricular beats, at most, that are looked back at for their kinds."""


class ROnTRule(RhythmRule):
    """A ventricular beat that stands on the T wave of the beat before.

    The T wave ends with the QT interval, ``QTc * sqrt(RR)`` after the beat (Bazett 1920), where RR is the median of
    the last eight intervals. Of a row of ventricular beats only the first can be one. Told at once, begin and end.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("r-on-t",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._rr_ms: list[float] = []
        self._after_v = False

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found = beat.beat
        after_v, self._after_v = self._after_v, found.label == "V"
        if found.rr_ms is None:
            self._rr_ms.clear()
            return NOTHING
        before = self._rr_ms
        self._rr_ms = [*before[1 - MEDIAN_OF :], found.rr_ms]
        if found.label != "V" or after_v or len(before) < MEDIAN_OF:
            return NOTHING
        usual_ms = sorted(before)[MEDIAN_OF // 2]
        qt_ms = 1000.0 * self.limits.r_on_t_qtc_s * math.sqrt(usual_ms / 1000.0)
        if found.rr_ms > qt_ms:
            return NOTHING
        why = f"V {found.rr_ms:.0f} ms after a beat whose T wave ends after {qt_ms:.0f} ms"
        return Finding("r-on-t", "begin", found.sample, why), Finding("r-on-t", "end", found.sample, why)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {**super().snapshot(), "rr_ms": list(self._rr_ms), "after_v": self._after_v}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._rr_ms = [float(each) for each in state["rr_ms"]]
        self._after_v = bool(state["after_v"])


class FrequentRule(RhythmRule):
    """So many ventricular beats within a minute; over when there are clearly fewer, by the clock."""

    names: ClassVar[tuple[RhythmName, ...]] = ("frequent-ventricular-beats",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._v: list[int] = []
        self._ongoing = False

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        if beat.beat.label != "V":
            return NOTHING
        limits, minute = self.limits, round(MINUTE_S * self.fs)
        self._v = [*self._v, beat.beat.sample][-limits.frequent_beats :]
        if self._ongoing:
            self.due = self._v[-limits.frequent_until] + minute
            return NOTHING
        if len(self._v) < limits.frequent_beats or self._v[-1] - self._v[0] > minute:
            return NOTHING
        self._ongoing = True
        self.due = self._v[-limits.frequent_until] + minute
        return (Finding("frequent-ventricular-beats", "begin", self._v[-1], f"{len(self._v)} V in a minute"),)

    def time(self, now: int) -> Findings:
        """End it."""
        self._ongoing, self.due = False, NEVER
        why = f"fewer than {self.limits.frequent_until} V in a minute"
        return (Finding("frequent-ventricular-beats", "end", now, why),)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {**super().snapshot(), "v": list(self._v), "ongoing": self._ongoing}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._v = [int(each) for each in state["v"]]
        self._ongoing = bool(state["ongoing"])


class MultiformRule(RhythmRule):
    """Ventricular beats of several kinds within a minute, some of each; over when there no longer are, by the clock.

    The kinds are those of `stream.beats.kinds`, by the shape of the beat.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("multiform-ventricular-beats",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._v: list[list[int]] = []  # sample and kind
        self._ongoing = False

    def beat(self, beat: RhythmBeat, now: int) -> Findings:
        """Take a beat."""
        if beat.merged >= 0:
            self._v = [[sample, beat.kind if kind == beat.merged else kind] for sample, kind in self._v]
        if beat.is_new:  # the place of a kind that was forgotten
            self._v = [[sample, -1 if kind == beat.kind else kind] for sample, kind in self._v]
        if beat.beat.label != "V":
            return self._look(now) if beat.merged >= 0 else NOTHING
        self._v = [*self._v, [beat.beat.sample, beat.kind]][-KEPT:]
        return self._look(now)

    def time(self, now: int) -> Findings:
        """See whether there still are as many kinds."""
        return self._look(now)

    def _look(self, now: int) -> Findings:
        length = round(self.limits.multiform_s * self.fs)
        self._v = [each for each in self._v if each[0] + length > now]
        kinds = [kind for _, kind in self._v if kind >= 0]
        several = [kind for kind in set(kinds) if kinds.count(kind) >= self.limits.multiform_beats]
        many = len(several) >= self.limits.multiform_kinds
        self.due = self._v[0][0] + length if many else NEVER
        if many == self._ongoing:
            return NOTHING
        self._ongoing = many
        if many:
            why = f"{len(several)} kinds of V in {self.limits.multiform_s:g} s"
            return (Finding("multiform-ventricular-beats", "begin", self._v[-1][0], why),)
        why = f"fewer kinds of V in {self.limits.multiform_s:g} s"
        return (Finding("multiform-ventricular-beats", "end", now, why),)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {**super().snapshot(), "v": [list(each) for each in self._v], "ongoing": self._ongoing}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._v = [[int(sample), int(kind)] for sample, kind in state["v"]]
        self._ongoing = bool(state["ongoing"])
