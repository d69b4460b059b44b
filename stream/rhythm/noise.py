"""Noise: beats that may be none, so that nothing is concluded from them."""

from __future__ import annotations

from typing import ClassVar

from ..core.rhythm_names import RhythmName
from ..core.stage import State
from .limits import RhythmLimits
from .rule import NEVER, NOTHING, Finding, Findings, RhythmBeat, RhythmRule

MEAN_OF = 8
"""Beats: as many as the rate is made of."""


class NoiseRule(RhythmRule):
    """The mean quality of the last beats is too low, until it is clearly better; see `Beat.quality`.

    While it is, no rhythm is concluded from beats. Where no beat comes for the length of an asystole, it is over:
    whether the signal is quiet then is for `PauseRule` to say. Beats whose quality nobody has judged do not count.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("noise",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._quality: list[float] = []
        self._ongoing = False

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found, limits = beat.beat, self.limits
        if found.quality is None:
            return NOTHING
        self._quality.append(found.quality)
        del self._quality[:-MEAN_OF]
        mean = sum(self._quality) / len(self._quality)
        findings: Findings = NOTHING
        if not self._ongoing and len(self._quality) == MEAN_OF and mean < limits.noise_quality:
            self._ongoing = True
            why = f"quality of {MEAN_OF} beats {mean:.2f}"
            findings = (Finding("noise", "begin", found.sample, why),)
        elif self._ongoing and mean >= limits.noise_until:
            findings = self._end(found.sample, f"quality of {MEAN_OF} beats {mean:.2f}")
        self.due = found.sample + round(limits.asystole_s * self.fs) if self._ongoing else NEVER
        return findings

    def time(self, now: int) -> Findings:
        """End it, as no beat came."""
        return self._end(now, "no beat")

    def _end(self, sample: int, why: str) -> Findings:
        self._ongoing, self.due = False, NEVER
        self._quality.clear()
        return (Finding("noise", "end", sample, why),)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {**super().snapshot(), "quality": list(self._quality), "ongoing": self._ongoing}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._quality = [float(each) for each in state["quality"]]
        self._ongoing = bool(state["ongoing"])
