"""All rules of the rhythm, behind the labels of one stretch of a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from ...errors import SchemaError
from ..core.messages import Alert, Event, Heard, Output, Rhythm, St
from ..core.rhythm_names import RhythmName, in_words
from ..core.stage import Schema, State
from .alert_table import AlertTable
from .alerts import Alerts
from .limits import RhythmLimits
from .precedence import HIDES, ORDER
from .rule import NEVER, Finding, MakeRule, RhythmBeat, RhythmRule
from .rules import RULES

Decided: TypeAlias = tuple[int, RhythmBeat | Event]
"""A beat or an event, after the sample at which it was decided."""

HOLE_S = 600.0
"""Over a hole in the signal that is longer time does not go on: what went on ends so long after the hole began, and all
rules begin afresh behind it. A device that counts its samples wrongly may leave a hole of a thousand years."""


def _without_alerts(state: State) -> State:
    """Give a state of layout 1 no alerts: what goes on is told as one."""
    return {**state, "alerts": None}


class RhythmStage:
    """Ask the rules in the order of the stream; tell what they find, where nothing takes precedence.

    Time goes on with the samples, not with the beats: what is due at a sample is told with that sample, however the
    stream is cut. Each rhythm begins before it ends, and is told once at a time; `finish` ends what goes on.

    Parameters
    ----------
    limits
        The table of limits.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    start
        Index of the first sample, counted from the start of the stream.
    rules
        What makes each rule, by the name that its state has in a snapshot.
    alerts
        What of the rhythms, and of the heart rate, somebody is to look at; None is nothing.
    """

    delay = 0
    schema = Schema(2, {1: _without_alerts})

    def __init__(
        self,
        limits: RhythmLimits,
        fs: float,
        leads: tuple[str, ...],
        start: int = 0,
        rules: Mapping[str, MakeRule] = RULES,
        alerts: AlertTable | None = None,
    ) -> None:
        self._limits = limits
        self.fs = fs
        self.leads = leads
        self._make_rules = rules
        self._alerts = Alerts(AlertTable({}, {}) if alerts is None else alerts, fs)
        self._due = NEVER
        self._begin_at(start)
        self._found: dict[RhythmName, int] = {}  # what the rules say goes on, and where it began
        self._told: dict[RhythmName, int] = {}  # what was told of it

    @property
    def ongoing(self) -> dict[RhythmName, int]:
        """What was told to have begun and not to have ended: name, and sample at which it began."""
        return dict(self._told)

    def push(self, decided: Sequence[Decided], heard: Sequence[Heard], due: int) -> list[Output]:
        """Take what has come of the stream since the last call.

        Parameters
        ----------
        decided
            Beats and events in the order in which they were decided.
        heard
            The samples, in order; empty where there are none, as for the beats of a reference file.
        due
            Index of the sample that comes next.

        Returns
        -------
        list[Output]
            The same beats and events, the rhythms that begin or end, and alerts, in the order of the samples at which
            each was decided.
        """
        if (hole := self._hole(heard)) is not None:
            return self._push_over(hole, decided, heard, due)
        outputs: list[Output] = []
        last = due - 1
        for sample, item in decided:
            now = max(min(sample, last), self._heard - 1)  # only what was seen before comes late
            if self._due < now:
                self._go_on(heard, now - 1, outputs)
            self._reach(heard, now + 1)
            self._hear(heard)
            if isinstance(item, Event):
                outputs.append(item)
                found = [finding for take in self._take_event for finding in take(item, now)]
            else:
                outputs.append(item.beat)
                found = [finding for take in self._take_beat for finding in take(item, now)]
            if found:
                self._tell(found, now, outputs)
            if not isinstance(item, Event):
                outputs += self._alerts.beat(item.beat, now)
            self._set_due()
        self._go_on(heard, last, outputs)
        self._reach(heard, due)
        self._hear(heard)
        return outputs

    def _hole(self, heard: Sequence[Heard]) -> tuple[int, int] | None:
        """Give the first hole longer than `HOLE_S`: the sample where it begins, and the one after it."""
        stop = self._heard
        for part in heard:
            if part.start - stop > HOLE_S * self.fs:
                return stop, part.start
            stop = part.stop
        return None

    def _push_over(
        self, hole: tuple[int, int], decided: Sequence[Decided], heard: Sequence[Heard], due: int
    ) -> list[Output]:
        """Take what comes before a hole, end what goes on, and begin afresh with what comes after it."""
        begin, end = hole
        known = begin + round(HOLE_S * self.fs)
        n_before = sum(sample <= known for sample, _ in decided)
        outputs: list[Output] = self.push(decided[:n_before], [part for part in heard if part.stop <= begin], known + 1)
        outputs += self.finish(known + 1, "no signal")
        self._begin_at(end)
        return outputs + self.push(decided[n_before:], [part for part in heard if part.start >= end], due)

    def finish(self, due: int, why: str = "the stream ends") -> list[Rhythm | Alert]:
        """End the stretch at sample `due`, the one after its last: what goes on ends there."""
        self._found = {}
        names = list(self._told)
        return [*(self._end(name, due, due, why) for name in names), *self._alerts.finish(due, why)]

    def flush(self) -> list[Output]:
        """End the stream with what was heard."""
        return list(self.finish(self._heard))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "heard": self._heard,
            "found": dict(self._found),
            "told": dict(self._told),
            "alerts": self._alerts.schema.label(self._alerts.snapshot()),
            "rules": {name: rule.schema.label(rule.snapshot()) for name, rule in self._rules.items()},
        }

    def restore(self, state: State) -> list[str]:
        """Put a copied state back; give which rules begin afresh, and why.

        A rule that the state does not know begins afresh without a word: an earlier version did not have it.
        """
        self._heard = self._given = int(state["heard"])
        afresh = []
        for name, kept in state["rules"].items():
            rule = self._rules.get(name)
            if rule is None:
                continue
            try:
                rule.restore(rule.schema.upgrade(kept))
            except SchemaError as error:
                if (fresh := self._made(name)) is not None:
                    self._rules[name] = fresh
                afresh.append(f"rhythm {name}: {error}")
        self._found = {name: int(begin) for name, begin in state["found"].items()}
        self._told = {name: int(begin) for name, begin in state["told"].items()}
        try:
            if state["alerts"] is None:
                self._alerts.adopt(self._told, self._heard)
            else:
                self._alerts.restore(self._alerts.schema.upgrade(state["alerts"]))
        except SchemaError as error:
            self._alerts.adopt(self._told, self._heard)
            afresh.append(f"alerts: {error}")
        self._ask()
        return afresh

    def _begin_at(self, start: int) -> None:
        """Let all rules begin afresh with the sample at `start`."""
        self._heard = self._given = start  # time has come so far; the rules that listen have heard so far
        made = {name: self._made(name) for name in self._make_rules}
        self._rules = {name: rule for name, rule in made.items() if rule is not None}
        self._ask()

    def _made(self, name: str) -> RhythmRule | None:
        return self._make_rules[name](self._limits, self.fs, self.leads, self._heard)

    def _ask(self) -> None:
        """See what each rule is to be asked for, once: what it does not override finds nothing."""
        rules = list(self._rules.values())
        self._listeners = [rule for rule in rules if rule.hears]
        self._foresighted = [rule for rule in rules if rule.foresees]
        self._take_beat = [rule.beat for rule in rules if type(rule).beat is not RhythmRule.beat]
        self._take_event = [rule.event for rule in rules if type(rule).event is not RhythmRule.event]
        self._timed = [rule for rule in rules if type(rule).time is not RhythmRule.time]
        self._set_due()

    def _set_due(self) -> None:
        self._due = min([self._alerts.due, *[rule.due for rule in self._timed]])

    def _go_on(self, heard: Sequence[Heard], last: int, outputs: list[Output]) -> None:
        """Let time go on to sample `last`: ask each rule what is due until then."""
        while self._due <= last:
            now = max(self._due, self._heard - 1)
            self._reach(heard, now + 1)
            found: list[Finding | St] = []
            for rule in self._timed:
                if rule.due <= now:  # what became due before it was asked for is told now
                    if rule.hears:
                        self._hear(heard)
                    found += rule.time(now)
            if found:
                self._tell(found, now, outputs)
            if self._alerts.due <= now:
                outputs += self._alerts.time(now)
            self._set_due()

    def _reach(self, heard: Sequence[Heard], stop: int) -> None:
        """Let time come to sample `stop`; who foresees gets the samples that begin before it."""
        if stop <= self._heard:
            return
        for each in heard:
            if self._heard <= each.start < stop:
                for rule in self._foresighted:
                    rule.foresee(each)
        self._heard = stop

    def _hear(self, heard: Sequence[Heard]) -> None:
        """Let the rules that listen hear the samples up to now that they have not heard."""
        given, stop = self._given, self._heard
        if stop <= given:
            return
        for each in heard:
            if each.start < stop and each.stop > given:
                part = each if each.start >= given and each.stop <= stop else each.part(given, stop)
                for rule in self._listeners:
                    rule.hear(part)
        self._given = stop

    def _tell(self, findings: Sequence[Finding | St], now: int, outputs: list[Output]) -> None:
        """Make messages of findings, by precedence, and alerts of these."""
        for finding in findings:
            if isinstance(finding, St):
                outputs.append(finding)
                continue
            name, state, sample, why = finding
            if state == "begin":
                if name in self._found:
                    continue
                self._found[name] = sample
                hidden = [each for each in self._told if each in HIDES.get(name, ())]
                for each in hidden:
                    self._put(self._end(each, sample, now, f"now {in_words(name)}"), now, outputs)
                if not self._hidden(name):
                    self._put(self._begin(name, sample, now, why), now, outputs)
            elif name in self._found:
                del self._found[name]
                if name in self._told:
                    self._put(self._end(name, sample, now, why), now, outputs)
                if name == "noise":
                    self._forget_beats()
                for other in [each for each in self._found if each in HIDES.get(name, ()) and not self._hidden(each)]:
                    begin = max(sample, self._found[other])
                    self._put(self._begin(other, begin, now, f"after {in_words(name)}"), now, outputs)

    def _forget_beats(self) -> None:
        """Let the rules that noise hides begin afresh: the beats that they have heard may have been none."""
        for key, rule in self._rules.items():
            if not rule.hears and rule.names and set(rule.names) <= set(HIDES["noise"]):
                self._rules[key] = rule.afresh()
                for name in rule.names:
                    self._found.pop(name, None)
        self._ask()

    def _put(self, rhythm: Rhythm, now: int, outputs: list[Output]) -> None:
        outputs.append(rhythm)
        outputs += self._alerts.rhythm(rhythm, now)

    def _hidden(self, name: RhythmName) -> bool:
        return any(name in HIDES.get(other, ()) for other in self._found)

    def _begin(self, name: RhythmName, sample: int, now: int, why: str) -> Rhythm:
        self._told[name] = sample
        return self._message(name, "begin", sample, now, why, None)

    def _end(self, name: RhythmName, sample: int, now: int, why: str) -> Rhythm:
        begin = self._told.pop(name)
        sample = max(begin, sample)
        return self._message(name, "end", sample, now, why, (sample - begin) / self.fs)

    def _message(
        self, name: RhythmName, state: Literal["begin", "end"], sample: int, now: int, why: str, length_s: float | None
    ) -> Rhythm:
        delay_ms = max(0, now - sample) / self.fs * 1000.0
        ongoing = tuple(each for each in ORDER if each in self._told)
        return Rhythm(name, state, sample, sample / self.fs, delay_ms, why, length_s, ongoing)
