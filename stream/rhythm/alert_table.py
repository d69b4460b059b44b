"""Which rhythms and rates somebody is to look at, and how soon: the table of alerts.

Priorities are those of IEC 60601-1-8. The built-in table follows what bedside monitors do: what kills within minutes is
high, what may lead to it medium, what is to be known low. A ward has its own table (``--alerts FILE``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import RequestError
from ..core.messages import PRIORITIES, Priority
from ..core.rhythm_names import RhythmName
from .rules import FOUND

LEAST_REPEAT_S = 30.0
"""Nothing is told again sooner."""
REPEAT_S: Mapping[Priority, float] = {"high": 30.0, "medium": 60.0, "low": 0.0}
"""How often what goes on is told again, unless its row says otherwise; 0 is not at all."""
QUALITY = 0.5
"""Quality of the beats below which an alert is silent, unless its row says otherwise. The rhythm ``noise`` begins above
it and hides all but the gravest rhythms: those beats of doubtful quality do not silence."""

SLOWEST, FASTEST = 10.0, 300.0  # beats a minute that may be limits
LONGEST_WAIT_S = 60.0
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """How one rhythm is told.

    Attributes
    ----------
    priority
        See `Priority`.
    repeat_s
        It is told again each so many seconds while it goes on: 30 or more; 0 is not at all.
    quality
        While the mean quality of the last eight beats is below, it is not told; 0 tells it whatever the quality.
    """

    priority: Priority
    repeat_s: float
    quality: float = QUALITY

    def problem(self) -> tuple[str, str] | None:
        """Give the key that no alert can work with, and what is valid; None if all is well."""
        if self.priority not in PRIORITIES:
            return "priority", f"valid are {', '.join(PRIORITIES)}"
        if not (self.repeat_s == 0 or (math.isfinite(self.repeat_s) and self.repeat_s >= LEAST_REPEAT_S)):
            return "repeat_s", f"valid are {LEAST_REPEAT_S:g} seconds and more, and 0, not at all"
        if not 0 <= self.quality <= 1:
            return "quality", "valid are 0 to 1, where 0 tells it whatever the quality"
        return None


@dataclass(frozen=True, slots=True)
class RateRow(AlertRow):
    """A heart rate that is told: the median of eight intervals below one limit, or above one.

    Attributes
    ----------
    below, above
        It begins there, beats a minute; one of the two.
    until
        It ends there.
    lasts_s
        It is told when it has lasted so many seconds.
    """

    below: float | None = None
    above: float | None = None
    until: float = 0.0
    lasts_s: float = 0.0

    def problem(self) -> tuple[str, str] | None:
        """Give the key that no alert can work with, and what is valid; None if all is well."""
        if (found := AlertRow.problem(self)) is not None:
            return found
        if (self.below is None) == (self.above is None):
            return "below", "valid is one of below and above"
        name, limit = ("below", self.below) if self.above is None else ("above", self.above)
        if limit is None or not SLOWEST <= limit <= FASTEST:
            return name, f"valid are {SLOWEST:g} to {FASTEST:g} beats a minute"
        if name == "below" and not limit <= self.until <= FASTEST:
            return "until", f"valid are {limit:g}, where it begins, to {FASTEST:g}"
        if name == "above" and not SLOWEST <= self.until <= limit:
            return "until", f"valid are {SLOWEST:g} to {limit:g}, where it begins"
        if not 0 <= self.lasts_s <= LONGEST_WAIT_S:
            return "lasts_s", f"valid are 0 to {LONGEST_WAIT_S:g} seconds"
        return None

    def begins(self, rate: float, mean: float) -> bool:
        """Tell whether it begins at a rate by the median, and one by the mean: what is slow is so by both."""
        return max(rate, mean) < self.below if self.below is not None else rate > (self.above or math.inf)

    def is_over(self, rate: float) -> bool:
        """Tell whether it is over at a rate."""
        return rate >= self.until if self.below is not None else rate <= self.until

    @property
    def limit(self) -> str:
        """What it is, in words."""
        limit = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
        lasts = f" for {self.lasts_s:g} s" if self.lasts_s else ""
        return f"median rate of 8 intervals {limit}/min{lasts}, until {self.until:g}/min"


def _high(repeat_s: float = REPEAT_S["high"]) -> AlertRow:
    return AlertRow("high", repeat_s, 0.0)  # too grave to keep silent about


def _medium(repeat_s: float = REPEAT_S["medium"]) -> AlertRow:
    return AlertRow("medium", repeat_s)


_LOW = AlertRow("low", REPEAT_S["low"])

_RHYTHMS: Mapping[RhythmName, AlertRow] = {
    "ventricular-fibrillation": _high(),
    "asystole": _high(),
    "sustained-ventricular-tachycardia": _high(),
    "ventricular-tachycardia": _high(),
    "pause": _medium(),
    "ventricular-run": _medium(),
    "supraventricular-tachycardia": _medium(),
    "idioventricular-rhythm": _medium(),
    "atrial-fibrillation": _medium(300.0),  # it may last for years
    "r-on-t": _medium(),
    "bradycardia": _medium(),
    "tachycardia": _medium(),
    "multiform-ventricular-beats": _LOW,
    "bigeminy": _LOW,
    "trigeminy": _LOW,
    "couplet": _LOW,
    "frequent-ventricular-beats": _LOW,
    "noise": AlertRow("low", REPEAT_S["low"], 0.0),
}
# In atrial fibrillation the median of eight is above 150 for a second now and then: of 76 such times in the records of
# mitdb, edb and svdb (reference beats) 25 last 4 s. What is slow is known late enough, with the fifth slow interval.
_RATES: Mapping[str, RateRow] = {
    "extreme-bradycardia": RateRow("high", REPEAT_S["high"], QUALITY, below=40.0, until=45.0),
    "extreme-tachycardia": RateRow("high", REPEAT_S["high"], QUALITY, above=150.0, until=140.0, lasts_s=4.0),
}


@dataclass(frozen=True, slots=True)
class AlertTable:
    """What is told as an alert.

    Attributes
    ----------
    rhythms
        A row for each rhythm; one without a row is no alert.
    rates
        Heart rates, by names of the table's own: small letters, digits and ``-``.
    rows
        Both.

    Raises
    ------
    RequestError
        If a row cannot be: the message says which, what was got, and what is valid.
    """

    rhythms: Mapping[RhythmName, AlertRow] = field(default_factory=lambda: _RHYTHMS)
    rates: Mapping[str, RateRow] = field(default_factory=lambda: _RATES)
    rows: Mapping[str, AlertRow] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what no alert can work with."""
        for name, row in self.rhythms.items():
            if name not in FOUND:
                raise RequestError(f"rhythm.{name}: valid are {', '.join(sorted(FOUND))}", about="alerts")
            _check(f"rhythm.{name}", row)
        if "noise" in self.rhythms and self.rhythms["noise"].quality:
            got = self.rhythms["noise"].quality
            raise RequestError(f"rhythm.noise.quality is {got:g}: valid is 0, as noise is low quality", about="alerts")
        for each, rate in self.rates.items():
            if not _NAME.fullmatch(each) or each in FOUND:
                raise RequestError(
                    f"rate.{each[:60]}: valid are names of up to 40 of a-z 0-9 -, but that of no rhythm", about="alerts"
                )
            _check(f"rate.{each}", rate)
        object.__setattr__(self, "rows", {**self.rhythms, **self.rates})


def _check(where: str, row: AlertRow) -> None:
    if (problem := row.problem()) is not None:
        key, valid = problem
        got = getattr(row, key)
        shown = f"'{got}'" if isinstance(got, str) else "missing, or both are given" if got is None else f"{got:g}"
        raise RequestError(f"{where}.{key} is {shown}: {valid}", about="alerts")
