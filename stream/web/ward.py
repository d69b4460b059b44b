"""The ward for browsers: gathers what streams bring, as a sink, and hands it to the feeds of all clients."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from ... import __version__
from ...words import plain_json
from ..core.messages import Alert
from ..run.attention import Around
from ..run.engine import Step
from ..run.fhir_sink import FhirSink
from ..run.known_alerts import KnownAlerts
from ..run.sinks import ContextSink
from ..run.summary import Summary
from .feeds import LineFeed, SampleFeed
from .messages import BeatsAnswer, Gone, Lost, PatientAnswer, PatientState, Tick, WardAnswer, Which
from .patient import BEATS_KEPT, WebPatient

log = logging.getLogger("ecg_stream.alerts")

REFRESH_S = 1.0  # so often each patient's state is looked at
SLICES = 20  # in so many parts, that a turn never waits for more than one of them
TICK_S = 2.0
OBSERVATIONS = 2  # of a minute: its beats, and the end of its signal

_encoder = msgspec.json.Encoder()


class WebWard(ContextSink):
    """A sink that shows all streams to browsers.

    Parameters
    ----------
    source
        Where the streams come from, as it is to be shown.
    clock
        Wall time, s, by which silence is measured.

    Attributes
    ----------
    known
        Alerts that somebody has said are known: whoever runs the streams leaves their repetitions out.
    """

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self.known = KnownAlerts(clock)
        self._patients: dict[str, WebPatient] = {}
        self._run = secrets.token_hex(4)
        self._number = 0
        self._streams = 0
        self._lines: set[LineFeed] = set()
        self._samples: set[SampleFeed] = set()
        self._around: Callable[[str], Around] = lambda patient: Around()  # noqa: ARG005
        self._observations: dict[str, deque[bytes]] = {}
        self._fhir = FhirSink(self._observe)
        self._connected: Callable[[], bool] = lambda: True

    def ask(self, around: Callable[[str], Around], connected: Callable[[], bool]) -> None:
        """Ask these for what the streams do not tell."""
        self._around, self._connected = around, connected

    # What the streams bring.

    async def write(self, step: Step) -> None:
        """Gather what a step brings, and let clients have it; never waits."""
        patient = self._patients.get(step.record)
        if patient is None:
            self._streams += 1
            patient = self._patients[step.record] = WebPatient(step.record, f"{self._run}-{self._streams}", self.known)
        patient.take(step, self._clock())
        await self._fhir.write(step)
        for output in step.outputs:
            self._number += 1
            line = patient.line(self._number, output, step.origin)
            self._tell(step.record, line.kind, line.json)
        if any(isinstance(output, Alert) for output in step.outputs):
            self._refresh_one(patient)
        if step.chunk is not None and len(step.chunk.samples):
            encoded: dict[Which, bytes] = {}
            for feed in self._samples:
                if (which := feed.wanted.get(step.record)) is not None:
                    if which not in encoded:
                        encoded[which] = patient.samples(which, step.chunk)
                    feed.put(encoded[which])

    async def finish(self, record: str, summary: Summary) -> None:
        """Let a patient go."""
        await self._fhir.finish(record, summary)
        self._observations.pop(record, None)
        self.known.forget(record)
        if self._patients.pop(record, None) is not None:
            self._tell(record, "gone", _encoder.encode(Gone(record)))

    def _observe(self, patient: str, resource: bytes) -> None:
        self._observations.setdefault(patient, deque(maxlen=OBSERVATIONS)).append(resource)

    def observations(self, patient: str) -> list[bytes]:
        """Give the FHIR observations of a patient's last whole minute, as JSON; none before the first is over."""
        return list(self._observations.get(patient, ()))

    def _tell(self, patient: str, kind: str, json: bytes) -> None:
        message = b"id: %s\nevent: %s\ndata: %s\n\n" % (self.cursor.encode(), kind.encode(), json)
        for feed in self._lines:
            if feed.wants(patient):
                feed.put(message)

    # What clients ask.

    @property
    def cursor(self) -> str:
        """Stands for all outputs up to now."""
        return f"{self._run}-{self._number}"

    def number(self, cursor: str) -> int:
        """Give the number of the last output that a cursor stands for; 0 if it is from another run."""
        run, _, number = cursor.partition("-")
        return int(number) if run == self._run and number.isascii() and number.isdecimal() and len(number) < 20 else 0

    def __contains__(self, patient: str) -> bool:
        """Tell whether there is a stream of a patient."""
        return patient in self._patients

    async def all(self) -> WardAnswer:
        """Give everybody's state."""
        cursor = self.cursor
        states = []
        for each in list(self._patients.values()):
            states.append(each.state(self._clock(), self._around(each.patient)))
            await asyncio.sleep(0)  # a turn may be waiting
        return WardAnswer(__version__, self._source, self._connected(), cursor, states)

    def one(self, patient: str) -> PatientAnswer:
        """Give what there is to know of one patient; KeyError if there is none."""
        found = self._patients[patient]
        state = found.state(self._clock(), self._around(patient))
        return PatientAnswer(state, self.cursor, found.now_s, found.trend.minutes(found.now_s), found.events())

    def beats(self, patient: str, since: str | None, most: int = BEATS_KEPT) -> BeatsAnswer:
        """Give beats of a patient: the first `most` after a cursor, without one the latest; KeyError if unknown."""
        found = self._patients[patient]
        if since is None:
            lines, lost, cursor = found.latest_beats(most), False, self.cursor
        else:
            lines, lost = found.beats_since(self.number(since), most)
            cursor = f"{self._run}-{lines[-1].number}" if len(lines) == most else self.cursor
        return BeatsAnswer(patient, cursor, lost, [msgspec.Raw(line.json) for line in lines])

    def acknowledge(
        self, patient: str, seconds: float, alert: str | None = None, *, silence: bool = False
    ) -> PatientState:
        """Take what a patient needs attention for as known, and tell all clients; see `WebPatient.acknowledge`."""
        found = self._patients[patient]
        found.acknowledge(self._clock(), self._around(patient), seconds, alert, silence)
        what = f"alert '{alert}'" if alert else "all that needs attention"
        what = "what is an alert of medium or low priority" if silence else what
        log.info("patient '%s': somebody says that %s is known for %g s", patient, what, seconds)
        return self._refresh_one(found)

    # Clients.

    async def events(self, patients: frozenset[str] | None, last: str | None) -> AsyncGenerator[bytes, None]:
        """Give the server-sent events for one client, until it goes or the service ends.

        Parameters
        ----------
        patients
            Whom it wants to hear of; None: everybody.
        last
            The cursor up to which it has heard before; None: it is new.
        """
        feed = LineFeed(patients)
        self._lines.add(feed)
        sent = last or self.cursor
        try:
            yield b"retry: 1000\n\n"
            if last is not None and last != self.cursor:
                yield self._event("lost", Lost(last))
            ward = await self.all()
            states = [state for state in ward.patients if feed.wants(state.patient)]
            yield self._event("ward", msgspec.structs.replace(ward, patients=states), ward.cursor)
            yield self._tick(ward.cursor)
            ticked = time.monotonic()
            while True:
                found = await feed.take(max(0.0, ticked + TICK_S - time.monotonic()))
                if found is None:
                    return
                before, sent = sent, self.cursor  # all up to here is in what was found, or was thrown away
                if feed.dropped:
                    feed.dropped = 0
                    yield self._event("lost", Lost(before))
                if found:
                    yield found
                if time.monotonic() - ticked >= TICK_S:
                    ticked = time.monotonic()
                    yield self._tick(sent)
        finally:
            self._lines.discard(feed)

    @asynccontextmanager
    async def sampling(self) -> AsyncIterator[SampleFeed]:
        """Give a feed of samples for one client, for as long as the block lasts."""
        feed = SampleFeed()
        self._samples.add(feed)
        try:
            yield feed
        finally:
            self._samples.discard(feed)

    def want(self, feed: SampleFeed, wanted: dict[str, Which]) -> None:
        """Let a client see these patients' samples, from some seconds ago on where they are new to it."""
        fresh = {patient for patient, which in wanted.items() if feed.wanted.get(patient) != which}
        feed.wanted = dict(wanted)
        for patient in fresh:
            if (found := self._patients.get(patient)) is not None:
                for message in found.recent(wanted[patient]):
                    feed.put(message)

    def close(self) -> None:
        """Let all clients go."""
        for feed in (*self._lines, *self._samples):
            feed.close()

    async def refresh(self) -> None:
        """Tell clients of every patient whose state has changed, a part of the ward at a time, for ever."""
        while True:
            patients = list(self._patients.values()) if self._lines else []
            size = -(-len(patients) // SLICES) or 1
            for first in range(0, SLICES * size, size):
                for each in patients[first : first + size]:
                    if self._patients.get(each.patient) is each:
                        self._refresh_one(each)
                await asyncio.sleep(REFRESH_S / SLICES)

    def _refresh_one(self, patient: WebPatient) -> PatientState:
        state = patient.state(self._clock(), self._around(patient.patient))
        if state != patient.told:
            patient.told = state
            self._tell(patient.patient, "patient", plain_json(_encoder.encode(state)))
        return state

    def _event(self, kind: str, what: msgspec.Struct, cursor: str = "") -> bytes:
        """Write an event; `cursor` is what a client who has it is known to have."""
        known = b"id: %s\n" % cursor.encode() if cursor else b""
        return b"%sevent: %s\ndata: %s\n\n" % (known, kind.encode(), plain_json(_encoder.encode(what)))

    def _tick(self, cursor: str) -> bytes:
        return self._event("tick", Tick(__version__, self._source, self._connected(), len(self._patients)), cursor)
