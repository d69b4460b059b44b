"""A paced rhythm: beats that follow pacing spikes."""

from __future__ import annotations

from typing import ClassVar

from ..core.rhythm_names import RhythmName
from ..core.stage import State
from .limits import RhythmLimits
from .rule import NEVER, NOTHING, Finding, Findings, RhythmBeat, RhythmRule


class PacedRule(RhythmRule):
    """Paced beats in a row.

    The rhythm begins at the first of those that make it one. It ends with the last paced beat, where as many have come
    that are not, or where none comes for the length of a pause. So an own beat in between does not end it.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("paced",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._first = self._last = 0  # paced beats of the row
        self._row = 0  # how many
        self._others = 0  # beats since, that are not

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found, enough = beat.beat, self.limits.paced_beats
        told = self._row >= enough
        if not found.paced:
            self._others += 1
            if not told:
                self._row = 0
            elif self._others >= enough:
                return self._end(f"{self._others} beats without a spike")
            elif self.due != NEVER:
                self.due = self.silent_at(found.sample)
            return NOTHING
        if not self._row:
            self._first = found.sample
        self._row = min(self._row + 1, enough)
        self._last, self._others = found.sample, 0
        if self._row < enough:
            return NOTHING
        self.due = self.silent_at(found.sample)
        return NOTHING if told else (Finding("paced", "begin", self._first, f"{enough} beats after pacing spikes"),)

    def time(self, now: int) -> Findings:  # noqa: ARG002
        """End it, as no beat came."""
        return self._end(f"no beat for {self.limits.pause_s:g} s")

    def _end(self, why: str) -> Findings:
        self.due, self._row, self._others = NEVER, 0, 0
        return (Finding("paced", "end", self._last, why),)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            **super().snapshot(),
            "first": self._first,
            "last": self._last,
            "row": self._row,
            "others": self._others,
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._first, self._last = int(state["first"]), int(state["last"])
        self._row, self._others = int(state["row"]), int(state["others"])
