"""Couplets, ventricular runs, ventricular tachycardia and idioventricular rhythm: ventricular beats in a row.

Source of the lengths: ANSI/AAMI EC57 (a couplet is 2, a short run 3 to 5, a long run more than 5); of the rates and of
30 s for what is sustained: the 2017 AHA/ACC/HRS guideline on ventricular arrhythmias, doi:10.1016/j.jacc.2017.10.054.
"""

from __future__ import annotations

from typing import ClassVar

from ..core.rhythm_names import RhythmName, in_words
from ..core.stage import State
from .limits import RhythmLimits
from .rule import NEVER, NOTHING, Finding, Findings, RhythmBeat, RhythmRule

RATE_OVER = 6
"""The rate is that of so many last intervals of a run: it may change."""

LAPSES = 3
"""A ventricular tachycardia is over with so many beats in a row that are no V: the shape of beats in it may change, and
single ones are called something else. Before it is one, the first beat that is no V ends a run."""


class VentricularRule(RhythmRule):
    """Ventricular beats in a row, from couplet to sustained tachycardia; each row has one name at a time.

    A couplet is told when the beat after it is decided. A run begins with its third beat, goes on as a ventricular
    tachycardia when it is long enough, and as a sustained one after its time, by the clock. All begin at the first
    beat of the row. A row ends with a beat that is none of it, and where no beat comes for the length of a pause.
    """

    names: ClassVar[tuple[RhythmName, ...]] = (
        "couplet",
        "ventricular-run",
        "ventricular-tachycardia",
        "sustained-ventricular-tachycardia",
        "idioventricular-rhythm",
    )

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._row: list[int] = []  # the last beats of the row
        self._first = 0  # its first beat
        self._count = 0
        self._lapsed: list[int] = []  # beats since the last V of a tachycardia
        self._name: RhythmName | None = None

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found = beat.beat
        if found.label != "V" and not self._count:  # most beats
            return NOTHING
        ended: Findings = NOTHING
        if found.rr_ms is None and self._count:
            ended = self._over(self._row[-1], "intervals are missing")
        if found.label != "V":
            return [*ended, *self._other(found.sample, found.rr_ms)]
        if not self._count:
            self._first = found.sample
        self._count += 1 + len(self._lapsed)
        self._row = [*self._row, *self._lapsed, found.sample][-RATE_OVER - 1 :]
        self._lapsed = []
        self._wait()
        return [*ended, *self._longer(found.sample)]

    def time(self, now: int) -> Findings:
        """Tell that a tachycardia is sustained, or that a row has ended, as no beat came."""
        if now >= self._row_silent_at():
            return self._over(self._row[-1], f"no beat for {self.limits.pause_s:g} s")
        sustained = Finding("sustained-ventricular-tachycardia", "begin", self._first, self._why())
        findings = self._go_on_as(sustained, now)
        self._wait()
        return findings

    def _other(self, sample: int, rr_ms: float | None) -> Findings:
        """Take a beat that is no V."""
        if not self._count:  # it has just ended
            return NOTHING
        lasting = self._name in ("ventricular-tachycardia", "sustained-ventricular-tachycardia")
        fast = rr_ms is not None and 60_000.0 / rr_ms >= self.limits.ventricular_rate
        if lasting and fast and len(self._lapsed) < LAPSES - 1:
            self._lapsed.append(sample)
            self._wait()
            return NOTHING
        return self._over(self._lapsed[0] if self._lapsed else sample, f"{self._count} V in a row")

    def _longer(self, sample: int) -> Findings:
        """Say what a row is that has become longer."""
        limits = self.limits
        if self._count < limits.run_beats:
            return NOTHING
        if self._rate() >= limits.ventricular_rate:
            if self._name in ("ventricular-tachycardia", "sustained-ventricular-tachycardia"):
                return NOTHING
            if self._name == "idioventricular-rhythm":  # it has become faster: a row of its own
                self._begin_anew()
                if self._count < limits.run_beats:
                    return NOTHING
            name: RhythmName = "ventricular-run"
            if self._count >= limits.tachycardia_beats:
                name = "ventricular-tachycardia"
            if name == self._name:
                return NOTHING
            return self._go_on_as(Finding(name, "begin", self._first, self._why()), sample)
        if self._name == "idioventricular-rhythm" or (
            self._name is not None and self._count < limits.tachycardia_beats
        ):
            return NOTHING
        if self._name is not None:  # it has become slower
            self._first, self._count = self._row[0], len(self._row)
        return self._go_on_as(Finding("idioventricular-rhythm", "begin", self._first, self._why()), sample)

    def _begin_anew(self) -> None:
        """Let the row begin with the first of its last beats that follow each other fast."""
        fast = 60.0 * self.fs / self.limits.ventricular_rate
        first = len(self._row) - 1
        while first > 0 and self._row[first] - self._row[first - 1] <= fast:
            first -= 1
        self._first, self._count = self._row[first], len(self._row) - first

    def _go_on_as(self, finding: Finding, sample: int) -> Findings:
        before, self._name = self._name, finding.name
        if before is None:
            return (finding,)
        return finding, Finding(before, "end", sample, f"now {in_words(finding.name)}")

    def _over(self, sample: int, why: str) -> Findings:
        """End the row; the beat at `sample` is the first that is none of it, or the last of it."""
        name, count, first, last = self._name, self._count, self._first, self._row[-1]
        self._name, self._count, self._row, self._lapsed, self.due = None, 0, [], [], NEVER
        if name is not None:
            return (Finding(name, "end", sample, why),)
        if count == 2 and self.limits.run_beats > 2:
            return Finding("couplet", "begin", first, "2 V in a row"), Finding("couplet", "end", last, why)
        return NOTHING

    def _rate(self) -> float:
        return 60.0 * self.fs * (len(self._row) - 1) / (self._row[-1] - self._row[0])

    def _why(self) -> str:
        lasts_s = (self._row[-1] - self._first) / self.fs
        length = f"for {lasts_s:.0f} s" if lasts_s >= self.limits.sustained_s / 2 else f"{self._count} V in a row"
        return f"{length} at {self._rate():.0f}/min"

    def _row_silent_at(self) -> int:
        return self.silent_at(self._lapsed[-1] if self._lapsed else self._row[-1])

    def _wait(self) -> None:
        """Set when time alone tells something."""
        self.due = self._row_silent_at()
        if self._name == "ventricular-tachycardia":
            self.due = min(self.due, self._first + round(self.limits.sustained_s * self.fs))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            **super().snapshot(),
            "row": list(self._row),
            "first": self._first,
            "count": self._count,
            "lapsed": list(self._lapsed),
            "name": self._name,
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._row = [int(each) for each in state["row"]]
        self._first, self._count = int(state["first"]), int(state["count"])
        self._lapsed = [int(each) for each in state["lapsed"]]
        self._name = state["name"]
