"""Alerts: what somebody is to look at, of the rhythms that were told and of the heart rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from ..core.messages import Alert, Beat, Priority, Rhythm
from ..core.rhythm_names import RhythmName, in_words
from ..core.stage import Schema, State
from .alert_table import LEAST_REPEAT_S, AlertRow, AlertTable, RateRow
from .median_rate import MEDIAN_OF, MedianRate
from .rule import NEVER
from .rules import FOUND

QUALITY_OF = 8
"""Beats whose mean quality counts: as many as for the rhythm ``noise``."""

NO_RATE: frozenset[RhythmName] = frozenset(
    (
        "ventricular-fibrillation",
        "asystole",
        "sustained-ventricular-tachycardia",
        "ventricular-tachycardia",
        "noise",
    )
)
"""While one of these goes on, no rate is told: beats are none, or what is told says more."""


@dataclass(slots=True)
class _Ongoing:
    """What goes on.

    Attributes
    ----------
    priority
        By the table when it began: an end is told as its beginning was.
    onset
        Sample at which it began.
    why
        The reason.
    told
        Sample at which it was told last; None while it has not been.
    due
        Sample at which it is to be told, or told again.
    """

    priority: Priority
    onset: int
    why: str
    told: int | None = None
    due: int = NEVER


class Alerts:
    """Tell what the table has, with its priority: at once, again while it goes on, and when it ends.

    - It is told with the sample with which the rhythm is told.
    - What goes on is told again each ``repeat_s`` seconds of the stream.
    - A rate is told when it has lasted as long as its row says.
    - What begins again within 30 s of the last time that it was told waits until these are over, and is told if it
      still goes on then; ``times`` counts what was not told. What has high priority does not wait.
    - Where the quality of the beats is too low nothing is told, until it is better or the rhythm is over.

    Asked by `RhythmStage`, in the order of the stream; a step for each rhythm and each beat, none for samples.

    Parameters
    ----------
    table
        What is told.
    fs
        Sampling rate, Hz.
    """

    schema = Schema(1)

    def __init__(self, table: AlertTable, fs: float) -> None:
        self._rows = table.rows
        self._rates = table.rates
        self.fs = fs
        self._ongoing: dict[str, _Ongoing] = {}
        self._last: dict[str, int] = {}  # sample at which each was told last
        self._untold: dict[str, int] = {}  # how often each began since then, and was over before it was told
        self._without_rate: set[str] = set()
        self._rate = MedianRate()
        self._quality: list[float] = []
        self.due = NEVER
        """Sample at which `time` is to be called, if nothing else changes it before."""

    def rhythm(self, rhythm: Rhythm, now: int) -> list[Alert]:
        """Take a rhythm that was told at sample `now`."""
        name = rhythm.name
        alerts: list[Alert] = []
        if name in NO_RATE:
            if rhythm.state == "begin":
                self._without_rate.add(name)
                alerts += self._end_rates(rhythm.sample, now, f"now {in_words(name)}")
            else:
                self._without_rate.discard(name)
        if rhythm.state == "end":
            return alerts + self._end(name, rhythm.sample, now, rhythm.why)
        return alerts + self._begin(name, rhythm.sample, now, rhythm.why)

    def beat(self, beat: Beat, now: int) -> list[Alert]:
        """Take a beat that was decided at sample `now`."""
        alerts: list[Alert] = []
        if beat.quality is not None:
            self._quality.append(beat.quality)
            del self._quality[:-QUALITY_OF]
        if self._rates and not self._without_rate:
            alerts += self._take_rate(beat, now)
        for name, each in self._ongoing.items():
            if each.told is None and each.due == NEVER:  # the quality was too low
                alerts += self._tell(name, each, now)
        self._set_due()
        return alerts

    def time(self, now: int) -> list[Alert]:
        """Tell what `due` was for: sample `now` is there."""
        alerts: list[Alert] = []
        for name, each in list(self._ongoing.items()):
            if each.due <= now:
                alerts += self._tell(name, each, now)
        self._set_due()
        return alerts

    def finish(self, sample: int, why: str) -> list[Alert]:
        """End all that goes on."""
        alerts = [alert for name in list(self._ongoing) for alert in self._end(name, sample, sample, why)]
        self._without_rate.clear()
        self._rate.clear()
        self._quality.clear()
        return alerts

    def adopt(self, told: Mapping[RhythmName, int], now: int) -> None:
        """Take over rhythms that go on, of a state that knows no alerts: they are told with sample `now`."""
        for name, onset in told.items():
            if name in NO_RATE:
                self._without_rate.add(name)
            if (row := self._rows.get(name)) is not None:
                self._ongoing[name] = _Ongoing(row.priority, onset, "it goes on", due=now)
        self._set_due()

    def _take_rate(self, beat: Beat, now: int) -> list[Alert]:
        if beat.rr_ms is None:
            return self._end_rates(beat.sample, now, "intervals are missing")
        if (rate := self._rate.add(beat.rr_ms)) is None:
            return []
        alerts: list[Alert] = []
        for name, row in self._rates.items():
            if name in self._ongoing:
                if row.is_over(rate):
                    alerts += self._end(name, beat.sample, now, f"median rate {rate:.0f}/min")
            elif row.begins(rate, self._rate.mean):
                why = f"median rate {rate:.0f}/min over {MEDIAN_OF} intervals"
                alerts += self._begin(name, beat.sample, now, why)
        return alerts

    def _end_rates(self, sample: int, now: int, why: str) -> list[Alert]:
        self._rate.clear()
        return [alert for name in self._rates for alert in self._end(name, sample, now, why)]

    def _begin(self, name: str, sample: int, now: int, why: str) -> list[Alert]:
        if (row := self._rows.get(name)) is None or name in self._ongoing:
            return []
        each = self._ongoing[name] = _Ongoing(row.priority, sample, why)
        last = self._last.get(name)
        each.due = now + self._samples(_lasts_s(row))
        if row.priority != "high" and last is not None:
            each.due = max(each.due, last + self._samples(LEAST_REPEAT_S))
        alerts = self._tell(name, each, now) if each.due <= now else []
        self._set_due()
        return alerts

    def _end(self, name: str, sample: int, now: int, why: str) -> list[Alert]:
        each = self._ongoing.pop(name, None)
        if each is None:
            return []
        self._set_due()
        if each.told is None:
            row = self._rows.get(name)
            if row is None or now - each.onset >= self._samples(_lasts_s(row)):
                self._untold[name] = self._untold.get(name, 0) + 1
            return []
        sample = max(each.onset, sample)
        return [self._alert(name, each, "end", sample, now, why, (sample - each.onset) / self.fs)]

    def _tell(self, name: str, each: _Ongoing, now: int) -> list[Alert]:
        """Tell what goes on, if the quality is good enough: for the first time, or again."""
        row = self._rows.get(name)
        if row is None:  # it began by another table, before a restart
            each.due = NEVER
            return [] if name in FOUND else self._end(name, now, now, "no such rate in the table of alerts")
        repeats = row.repeat_s > 0
        if self._is_silent(row):
            each.due = now + self._samples(row.repeat_s) if each.told is not None and repeats else NEVER
            return []
        first = each.told is None
        each.told = self._last[name] = now
        each.due = now + self._samples(row.repeat_s) if repeats else NEVER
        if first:
            times = 1 + self._untold.pop(name, 0)
            return [self._alert(name, each, "begin", each.onset, now, each.why, None, times)]
        return [self._alert(name, each, "repeat", now, now, each.why, (now - each.onset) / self.fs)]

    def _is_silent(self, row: AlertRow) -> bool:
        known = self._quality
        return row.quality > 0 and len(known) == QUALITY_OF and sum(known) < row.quality * QUALITY_OF

    def _alert(
        self,
        name: str,
        each: _Ongoing,
        state: Literal["begin", "repeat", "end"],
        sample: int,
        now: int,
        why: str,
        length_s: float | None,
        times: int = 1,
    ) -> Alert:
        delay_ms = max(0, now - sample) / self.fs * 1000.0
        time = sample / self.fs
        return Alert(name, each.priority, state, sample, time, delay_ms, why, each.onset, length_s, times)

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.fs)

    def _set_due(self) -> None:
        self.due = min((each.due for each in self._ongoing.values()), default=NEVER)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "ongoing": {name: asdict(each) for name, each in self._ongoing.items()},
            "last": dict(self._last),
            "untold": dict(self._untold),
            "without_rate": sorted(self._without_rate),
            "rr_ms": list(self._rate.rr_ms),
            "quality": list(self._quality),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back, taken with this table or another: what goes on by that one is ended by it."""
        self._ongoing = {name: _Ongoing(**each) for name, each in state["ongoing"].items()}
        for name, each in self._ongoing.items():
            if name not in self._rows:
                each.due = 0
        self._last = _counts(state["last"].items())
        self._untold = _counts(state["untold"].items())
        self._without_rate = set(state["without_rate"])
        self._rate.rr_ms = [float(each) for each in state["rr_ms"]]
        self._quality = [float(each) for each in state["quality"]]
        self._set_due()


def _lasts_s(row: AlertRow) -> float:
    return row.lasts_s if isinstance(row, RateRow) else 0.0


def _counts(items: Iterable[tuple[str, int]]) -> dict[str, int]:
    return {name: int(value) for name, value in items}
