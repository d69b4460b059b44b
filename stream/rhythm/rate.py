"""Bradycardia and tachycardia: the median of eight intervals, with hysteresis."""

from __future__ import annotations

from typing import ClassVar

from ..core.rhythm_names import RhythmName
from ..core.stage import State
from .limits import RhythmLimits
from .median_rate import MEDIAN_OF, MedianRate
from .rule import NOTHING, Finding, Findings, RhythmBeat, RhythmRule


class RateRule(RhythmRule):
    """Bradycardia below one rate, tachycardia above another, each until the rate is well back.

    The rate is that of the median of the last eight RR intervals. For a bradycardia their mean must be slow too: where
    short and long intervals alternate, as in bigeminy, the median is that of the long ones once there is one more.
    Where intervals are missing (a gap, a lead that is off), the eight are gathered anew, and what went on is ended:
    nothing is known of the rate then.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("bradycardia", "tachycardia")

    def __init__(self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int) -> None:
        super().__init__(limits, fs, leads, start)
        self._rate = MedianRate()
        self._ongoing: RhythmName | None = None

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        found, limits = beat.beat, self.limits
        if found.rr_ms is None:
            self._rate.clear()
            return self._end(found.sample, "intervals are missing")
        if (rate := self._rate.add(found.rr_ms)) is None:
            return NOTHING
        if self._ongoing is None:
            if max(rate, self._rate.mean) < limits.slow_rate:
                return self._begin("bradycardia", found.sample, rate)
            if rate > limits.fast_rate:
                return self._begin("tachycardia", found.sample, rate)
            return NOTHING
        over = rate >= limits.slow_until if self._ongoing == "bradycardia" else rate <= limits.fast_until
        return self._end(found.sample, f"median rate {rate:.0f}/min") if over else NOTHING

    def _begin(self, name: RhythmName, sample: int, rate: float) -> Findings:
        self._ongoing = name
        return (Finding(name, "begin", sample, f"median rate {rate:.0f}/min over {MEDIAN_OF} intervals"),)

    def _end(self, sample: int, why: str) -> Findings:
        name, self._ongoing = self._ongoing, None
        return NOTHING if name is None else (Finding(name, "end", sample, why),)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {**super().snapshot(), "rr_ms": list(self._rate.rr_ms), "ongoing": self._ongoing}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._rate.rr_ms = [float(each) for each in state["rr_ms"]]
        self._ongoing = state["ongoing"]
