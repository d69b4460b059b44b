"""What the monitor has shown: beats and moments of the last half hour, so that one can look back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass

from ..core.messages import Alert, Beat, Rhythm
from ..run.summary import Percentiles
from ..run.vitals import Condition
from .agreement import AgreementCounts

HISTORY_S = 1800.0
"""Stream time that can be looked back at."""

MOMENT_S = 1.0
"""A moment is kept once in so much stream time."""

TRIMMED_AT = 1.25
"""What is too old is thrown away when there is a quarter more than is kept, not with each beat."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The numbers on the screen when the stream stood at `time`, in seconds; see `View` for the others."""

    time: float
    heart_rate: float | None
    counts: dict[str, int]
    rhythm: Rhythm | None
    alert: Alert | None
    conditions: tuple[Condition, ...]
    delay_ms: Percentiles
    compute_ms: Percentiles
    lag_ms: Percentiles
    agreement: AgreementCounts | None


class Moments:
    """Moments in the order of time, in bounded memory."""

    def __init__(self) -> None:
        self._kept: list[Moment] = []

    def due(self, time: float) -> bool:
        """Tell whether a moment at `time` is to be kept: the first of each second."""
        return not self._kept or time // MOMENT_S > self._kept[-1].time // MOMENT_S

    def add(self, moment: Moment) -> None:
        """Keep a moment, later than all before."""
        self._kept.append(moment)
        if len(self._kept) > TRIMMED_AT * HISTORY_S / MOMENT_S:
            del self._kept[: -int(HISTORY_S / MOMENT_S)]

    def at(self, time: float) -> Moment | None:
        """Give the last moment that is not later than `time`, or the first; None where there is none."""
        k = bisect_right(self._kept, time, key=lambda each: each.time)
        return self._kept[max(0, k - 1)] if self._kept else None


class BeatHistory:
    """Beats in the order of time, in bounded memory; search-back may give one after a later one."""

    def __init__(self) -> None:
        self._kept: list[Beat] = []

    def add(self, beat: Beat) -> None:
        """Keep a beat."""
        insort(self._kept, beat, key=_time)
        if self._kept[-1].time - self._kept[0].time > TRIMMED_AT * HISTORY_S:
            del self._kept[: bisect_left(self._kept, self._kept[-1].time - HISTORY_S, key=_time)]

    def until(self, time: float, first: float, least: int) -> tuple[Beat, ...]:
        """Give the beats from `first` to `time`, and of those before as many as make `least` in all."""
        stop = bisect_right(self._kept, time, key=_time)
        start = bisect_left(self._kept, first, key=_time)
        return tuple(self._kept[max(0, min(start, stop - least)) : stop])

    def after(self, time: float, wanted: Callable[[Beat], bool]) -> Beat | None:
        """Give the first wanted beat later than `time`."""
        start = bisect_right(self._kept, time, key=_time)
        return next((beat for beat in self._kept[start:] if wanted(beat)), None)

    def before(self, time: float, wanted: Callable[[Beat], bool]) -> Beat | None:
        """Give the last wanted beat earlier than `time`."""
        stop = bisect_left(self._kept, time, key=_time)
        return next((beat for beat in reversed(self._kept[:stop]) if wanted(beat)), None)


def _time(beat: Beat) -> float:
    return beat.time
