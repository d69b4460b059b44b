"""Supraventricular tachycardia: a run of supraventricular beats, or a sudden fast rate of narrow beats."""

from __future__ import annotations

from typing import ClassVar

from ..core.rhythm_names import RhythmName
from ..core.stage import State
from .limits import RhythmLimits
from .rule import NEVER, NOTHING, Finding, Findings, RhythmBeat, RhythmRule

SLOWER = 1.25
"""An interval so many times as long as those of the run ends it."""
RATE_OVER = 6


class SupraventricularRule(RhythmRule):
    """A supraventricular tachycardia begins in one of two ways, and ends when the beats are slower again.

    A run: so many S in a row, fast enough. Its later beats may be called N, as nothing in them is early any more.
    A sudden rate: so many beats that are no V, fast, where as many before were clearly slower. It begins at the first
    fast beat. V, an interval clearly longer than those of the run, or no beat for the length of a pause ends it.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("supraventricular-tachycardia",)

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._run: list[int] = []  # the last S of a run, or the last beats of a tachycardia
        self._n_run = 0
        self._first = 0
        self._beats: list[tuple[int, float]] = []  # sample and interval of the last beats that are no V
        self._ongoing = False

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found = beat.beat
        findings: list[Finding] = []
        if found.rr_ms is None or found.label == "V":
            findings += self._over(found.sample, "a V" if found.label == "V" else "intervals are missing")
            self._beats.clear()
            return findings
        self._beats.append((found.sample, found.rr_ms))
        del self._beats[: -2 * self.limits.sudden_beats]
        if self._ongoing:
            if found.rr_ms > SLOWER * self._usual_ms():
                findings += self._over(self._run[-1], "slower again")
            else:
                self._run = [*self._run, found.sample][-RATE_OVER - 1 :]
                self._wait()
        if not self._ongoing:
            findings += self._begun_by_run(found.sample, found.label == "S") or self._begun_suddenly()
        return findings

    def time(self, now: int) -> Findings:  # noqa: ARG002
        """End it, as no beat came."""
        return self._over(self._run[-1], f"no beat for {self.limits.pause_s:g} s")

    def _begun_by_run(self, sample: int, is_s: bool) -> Findings:
        if not is_s:
            self._run, self._n_run = [], 0
            return NOTHING
        if not self._n_run:
            self._first = sample
        self._n_run += 1
        self._run = [*self._run, sample][-RATE_OVER - 1 :]
        if self._n_run < self.limits.supraventricular_beats:
            return NOTHING
        rate = 60_000.0 / self._usual_ms()
        if rate < self.limits.supraventricular_rate:
            return NOTHING
        return self._begin(f"{self._n_run} S in a row at {rate:.0f}/min")

    def _begun_suddenly(self) -> Findings:
        n, longest = self.limits.sudden_beats, 60_000.0 / self.limits.sudden_rate
        if len(self._beats) < 2 * n or self._beats[-1][1] > longest:
            return NOTHING
        slow = sorted(rr for _, rr in self._beats[:n])[n // 2]
        fast = [rr for _, rr in self._beats[n:]]
        if max(fast) > longest or slow < self.limits.sudden_rise * max(fast):
            return NOTHING
        self._first = self._beats[n][0]
        self._run = [sample for sample, _ in self._beats[n:]][-RATE_OVER - 1 :]
        return self._begin(f"{60_000.0 / self._usual_ms():.0f}/min at once, after {60_000.0 / slow:.0f}/min")

    def _begin(self, why: str) -> Findings:
        self._ongoing = True
        self._wait()
        return (Finding("supraventricular-tachycardia", "begin", self._first, why),)

    def _over(self, sample: int, why: str) -> Findings:
        ongoing, self._ongoing, self._run, self._n_run, self.due = self._ongoing, False, [], 0, NEVER
        return (Finding("supraventricular-tachycardia", "end", sample, why),) if ongoing else NOTHING

    def _usual_ms(self) -> float:
        return 1000.0 * (self._run[-1] - self._run[0]) / (len(self._run) - 1) / self.fs

    def _wait(self) -> None:
        self.due = self.silent_at(self._run[-1])

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            **super().snapshot(),
            "run": list(self._run),
            "n_run": self._n_run,
            "first": self._first,
            "beats": [list(each) for each in self._beats],
            "ongoing": self._ongoing,
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._run, self._n_run = [int(each) for each in state["run"]], int(state["n_run"])
        self._first, self._ongoing = int(state["first"]), bool(state["ongoing"])
        self._beats = [(int(sample), float(rr_ms)) for sample, rr_ms in state["beats"]]
