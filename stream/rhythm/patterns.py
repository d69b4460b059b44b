"""Bigeminy and trigeminy: every second beat, or every third, is a ventricular one."""

from __future__ import annotations

from typing import ClassVar

from ..core.rhythm_names import RhythmName
from ..core.stage import Schema, State
from .limits import RhythmLimits
from .rule import NEVER, NOTHING, Finding, Findings, RhythmBeat, RhythmRule

PERIODS: tuple[tuple[int, RhythmName, str], ...] = (
    (2, "bigeminy", "V every second beat"),
    (3, "trigeminy", "V every third beat"),
)


def _without_interval(state: State) -> State:
    """Give a state of layout 1 no interval before the last: the first V is taken for an early one."""
    return {**state, "rr_ms": None}


class PatternRule(RhythmRule):
    """Bigeminy and trigeminy.

    Each begins at the first V of the pattern, and is told with the last of the cycles that make it one. It ends with
    the first beat that breaks the pattern, or where no beat comes for the length of a pause. A V of bigeminy is early:
    where beats of two shapes take turns at one rate, as in some tachycardias, half of them V, there is none.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("bigeminy", "trigeminy")
    schema: ClassVar[Schema] = Schema(2, {1: _without_interval})

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._others = 0  # beats since the last V
        self._last = 0
        self._rr_ms: float | None = None  # the interval before the last beat
        self._first = [0, 0]  # by period: the first V of the pattern
        self._cycles = [0, 0]  # and how many V it has

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found = beat.beat
        is_v = found.label == "V"
        early, self._rr_ms = is_v and self._is_early(found.rr_ms), found.rr_ms
        if not is_v and not any(self._cycles):  # most beats
            self._others = 3 if found.rr_ms is None else min(self._others + 1, 3)
            self._last = found.sample
            self.due = NEVER
            return NOTHING
        findings: list[Finding] = []
        if found.rr_ms is None:
            findings += self._break_all(self._last, "intervals are missing")
        for k, (period, name, what) in enumerate(PERIODS):
            fits = self._others == period - 1 if is_v else self._others < period - 1
            late = is_v and not early and name == "bigeminy"
            if late or not fits:
                findings += self._break(k, found.sample)
            if is_v and not late:
                if not self._cycles[k]:
                    self._first[k] = found.sample
                self._cycles[k] += 1
                if self._cycles[k] == self.limits.cycles:
                    why = f"{what}, {self._cycles[k]} times"
                    findings.append(Finding(name, "begin", self._first[k], why))
        self._others = 0 if is_v else min(self._others + 1, 3)
        self._last = found.sample
        going_on = max(self._cycles) >= self.limits.cycles
        self.due = self.silent_at(found.sample) if going_on else NEVER
        return findings

    def time(self, now: int) -> Findings:  # noqa: ARG002
        """End what goes on, as no beat came."""
        self.due = NEVER
        return self._break_all(self._last, f"no beat for {self.limits.pause_s:g} s")

    def _is_early(self, rr_ms: float | None) -> bool:
        """Whether an interval is clearly shorter than the one before it; where one is missing, it is taken for one."""
        return rr_ms is None or self._rr_ms is None or rr_ms <= self.limits.bigeminy_early * self._rr_ms

    def _break_all(self, sample: int, why: str) -> list[Finding]:
        self._others = 3
        return [finding for k in range(len(PERIODS)) for finding in self._break(k, sample, why)]

    def _break(self, k: int, sample: int, why: str = "") -> Findings:
        cycles, self._cycles[k] = self._cycles[k], 0
        if cycles < self.limits.cycles:
            return NOTHING
        return (Finding(PERIODS[k][1], "end", sample, why or f"{PERIODS[k][2]}, {cycles} times"),)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            **super().snapshot(),
            "others": self._others,
            "last": self._last,
            "rr_ms": self._rr_ms,
            "first": list(self._first),
            "cycles": list(self._cycles),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._others, self._last = int(state["others"]), int(state["last"])
        self._rr_ms = None if state["rr_ms"] is None else float(state["rr_ms"])
        self._first = [int(each) for each in state["first"]]
        self._cycles = [int(each) for each in state["cycles"]]
