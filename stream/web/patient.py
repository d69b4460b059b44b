"""What is kept of one patient for the browser, in bounded memory."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np

from ..core.messages import Beat, Chunk, Output
from ..core.rhythm_names import in_words
from ..run.attention import NOTABLE, Around, WatchedStream, best_lead
from ..run.engine import Step
from ..run.jsonl import encode_line
from ..run.known_alerts import KnownAlerts
from ..run.origin import Origin
from .messages import NEEDS, AlertState, LeadState, Minute, PatientState, Which
from .samples import encode_samples

BEATS_KEPT = 500  # five minutes and more: so long a client may be away and miss none
EVENTS_KEPT = 200
RECENT_S = 10.0
RECENT_BYTES = 256 << 10
MINUTES = 60
WORST_SHARE = 0.5  # a lead with fewer measurements than that is no longer the one that is shown


class Line(NamedTuple):
    """An output as it is sent: its number in the ward, its type (``beat``, ``event``, ...), its JSON."""

    number: int
    kind: str
    json: bytes


@dataclass(slots=True)
class _MinuteSum:
    minute: int
    beats: int = 0
    v: int = 0
    s: int = 0
    rr_ms: float = 0.0  # sum of so many intervals:
    intervals: int = 0


class Trend:
    """Heart rate and ectopic beats by the minute, for the last hour of a stream."""

    def __init__(self) -> None:
        self._minutes: deque[_MinuteSum] = deque(maxlen=MINUTES)

    def add(self, beat: Beat) -> None:
        """Take a beat."""
        minute = int(beat.time // 60)
        if not self._minutes or self._minutes[-1].minute < minute:
            self._minutes.append(_MinuteSum(minute))
        last = self._minutes[-1]
        last.beats += 1
        last.v += beat.label == "V"
        last.s += beat.label == "S"
        if beat.rr_ms is not None:
            last.rr_ms += beat.rr_ms
            last.intervals += 1

    def minutes(self, now_s: float) -> list[Minute]:
        """Give the minutes of the hour before `now_s` in which there were beats."""
        first = now_s // 60 - MINUTES
        return [
            Minute(m.minute, round(60_000 * m.intervals / m.rr_ms, 1) if m.rr_ms else None, m.beats, m.v, m.s)
            for m in self._minutes
            if m.minute > first
        ]


class WebPatient(WatchedStream):
    """A patient's stream: the latest samples and outputs, and the trend.

    Parameters
    ----------
    patient
        The id.
    stream
        Name of the stream: another one begins when a device, or the service, starts anew.
    known
        Alerts that somebody has said are known.
    """

    def __init__(self, patient: str, stream: str, known: KnownAlerts) -> None:
        super().__init__()
        self._known = known
        self.patient = patient
        self.stream = stream
        self.fs = 0.0
        self.told: PatientState | None = None
        """The state that clients were told last."""
        self.trend = Trend()
        self._beats: deque[Line] = deque(maxlen=BEATS_KEPT)
        self._events: deque[Line] = deque(maxlen=EVENTS_KEPT)
        self._forgotten = 0  # number of the newest beat that is not kept any more
        self._recent: deque[Chunk] = deque()
        self._recent_samples = 0
        self._shown = ""
        self._seen_until = 0.0
        self._seen = ""

    def take(self, step: Step, now: float) -> None:
        """Take a step at wall time `now`."""
        super().take(step, now)
        if step.chunk is not None and len(step.chunk.samples):
            self._keep(step.chunk)
        for output in step.outputs:
            if isinstance(output, Beat):
                self.trend.add(output)

    def _keep(self, chunk: Chunk) -> None:
        self.fs = chunk.fs
        most = max(1, min(int(RECENT_S * chunk.fs), RECENT_BYTES // (8 * len(chunk.leads))))
        if len(chunk.samples) > most:
            first = len(chunk.samples) - most
            chunk = Chunk(chunk.start + first, chunk.fs, chunk.leads, chunk.samples[first:].copy())
        if self._recent and not _go_on(self._recent[-1], chunk):
            self._recent.clear()
            self._recent_samples = 0
        self._recent.append(chunk)
        self._recent_samples += len(chunk.samples)
        while self._recent_samples - len(self._recent[0].samples) >= most:
            self._recent_samples -= len(self._recent.popleft().samples)

    def line(self, number: int, output: Output, origin: Origin | None) -> Line:
        """Encode an output as ``--format json`` has it, and keep it."""
        json = encode_line(self.patient, output, origin)
        kind = json[9 : json.index(b'"', 9)].decode()  # {"type":"beat",...
        line = Line(number, kind, json)
        kept = self._beats if kind == "beat" else self._events
        if kept is self._beats and len(kept) == BEATS_KEPT:
            self._forgotten = kept[0].number
        kept.append(line)
        return line

    def beats_since(self, number: int, most: int = BEATS_KEPT) -> tuple[list[Line], bool]:
        """Give the beats that are numbered above `number`, the oldest `most` of them, and whether some are not kept."""
        found = [line for line in self._beats if line.number > number]
        return found[:most], number < self._forgotten

    def latest_beats(self, most: int) -> list[Line]:
        """Give the latest beats, the newest last."""
        return list(self._beats)[-most:] if most else []

    def events(self) -> list[msgspec.Raw]:
        """Give the latest events, the newest last."""
        return [msgspec.Raw(line.json) for line in self._events]

    def samples(self, which: Which, chunk: Chunk, *, before: bool = False) -> bytes:
        """Encode a chunk of this patient for who wants one lead, or all."""
        return encode_samples(self.patient, self.stream, chunk, self._leads(which), before=before)

    def recent(self, which: Which) -> Iterator[bytes]:
        """Encode the last seconds, for who begins to look."""
        for _, group in groupby(self._recent, key=lambda chunk: (chunk.fs, chunk.leads)):
            chunks = list(group)
            joined = np.concatenate([chunk.samples for chunk in chunks])
            yield self.samples(which, Chunk(chunks[0].start, chunks[0].fs, chunks[0].leads, joined), before=True)

    def _leads(self, which: Which) -> slice:
        if which == "all":
            return slice(None)
        conditions = self.conditions()
        if self._shown in self.leads:
            shown = self.leads.index(self._shown)
            if not conditions[shown].state and conditions[shown].good >= WORST_SHARE:
                return slice(shown, shown + 1)
        best = best_lead(conditions)
        self._shown = self.leads[best]
        return slice(best, best + 1)

    def acknowledge(self, now: float, around: Around, seconds: float, alert: str | None, silence: bool) -> None:
        """Take what needs attention now for known, for so long, or until it is something else.

        With `alert`, one alert alone; with `silence`, those of medium and low priority, which may begin meanwhile.

        Raises
        ------
        LookupError
            If there is no such alert now.
        """
        ongoing = [each.name for each in self.alerts.all()]
        if alert is not None and alert not in ongoing:
            raise LookupError(f"there is no alert '{alert[:80]}' now: valid are {', '.join(ongoing) or 'none'}")
        if silence:
            self._known.silence(self.patient, seconds)
            return
        self._known.acknowledge(self.patient, ongoing if alert is None else [alert], seconds)
        if alert is None:
            self._seen_until = now + seconds
            self._seen = _cause(*self.assess(now, around))

    def state(self, now: float, around: Around) -> PatientState:
        """Give the state; figures that always change are rounded, so that a quiet patient is not told again."""
        need, note = self.assess(now, around)
        rate = self.heart_rate
        leads = zip(self.leads, self.conditions(), strict=True)
        alerts = tuple(
            AlertState(each.name, each.priority, each.time, each.why, self._known.is_known(self.patient, each))
            for each in self.alerts.all()
        )
        return PatientState(
            patient=self.patient,
            stream=self.stream,
            need=NEEDS[need],
            note=note,
            heart_rate=None if rate is None else round(rate),
            last=self.beats[-1].label if self.beats else "",
            v_last_hour=self.v_last_hour,
            s_last_hour=self.s_last_hour,
            lag_s=round(2 * self.lag_s(now)) / 2,
            leads=tuple(LeadState(name, condition.state, round(condition.good, 1)) for name, condition in leads),
            fs=self.fs,
            rhythm="" if (rhythm := self.rhythms.first()) is None else rhythm.name,
            seen=need >= NOTABLE and self._is_seen(now, need, note, alerts),
            alerts=alerts,
            silent=self._known.silent_s(self.patient) > 0,
        )

    def _is_seen(self, now: float, need: int, note: str, alerts: tuple[AlertState, ...]) -> bool:
        """Tell whether all that needs attention is known."""
        if not all(each.known for each in alerts):
            return False
        is_alert = bool(alerts) and note == in_words(alerts[0].name)
        return is_alert or (now < self._seen_until and _cause(need, note) == self._seen)


def _cause(need: int, note: str) -> str:
    """Give what stays the same of a reason while its numbers change."""
    return f"{need} {re.sub('[0-9]+', '', note)}"


def _go_on(before: Chunk, chunk: Chunk) -> bool:
    """Tell whether a chunk follows another without a hole."""
    after = before.start + len(before.samples)
    return (chunk.start, chunk.fs, chunk.leads) == (after, before.fs, before.leads)
