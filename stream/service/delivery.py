"""Handing out what a turn led to: to the sinks, the journal, and the outbox for the broker."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from ..core.messages import Beat
from ..run.engine import Sink, Step
from ..run.jsonl import encode_line
from ..run.turn import Ended, Turn
from .journal import Entry, Journal
from .metrics import Metrics
from .outbox import Outbox, Outgoing
from .topics import Topics


class Told(Protocol):
    """Outputs that were handed out before a crash."""

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been handed out, and count it off."""
        ...


class JournalTold:
    """What the journal knows to be handed out: by patient, number of the message they came of, and content."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[str, int, bytes]] = Counter()

    def add(self, entry: Entry) -> None:
        """Take an ``out`` entry."""
        self._lines[entry.patient, entry.refers, entry.content] += 1

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been handed out, and count it off."""
        if self._lines[turn.patient, turn.number, content] <= 0:
            return False
        self._lines[turn.patient, turn.number, content] -= 1
        return True


_SUMMARY = b"summary"  # stands in the journal for a summary, whose wall times are never the same twice


class Delivery:
    """Hands every output out once, also across restarts.

    Parameters
    ----------
    sinks
        Get every output once.
    recorders
        Get every step, with its samples, also those taken again after a crash.
    topics
        Where outputs are published; None publishes none.
    journal
        Where it is written down what was handed out, if anything is.
    metrics
        Where things are counted.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        recorders: Sequence[Sink],
        topics: Topics | None,
        journal: Journal | None,
        metrics: Metrics,
    ) -> None:
        self._sinks = sinks
        self._recorders = recorders
        self._topics = topics
        self._journal = journal
        self._metrics = metrics
        self.outbox = Outbox(metrics, self._confirm)

    async def hand_out(self, turn: Turn, told: Told | None) -> None:
        """Hand out what a turn led to, except what had been `told` before a crash; None when there was none."""
        for outcome in turn.outcomes:
            if isinstance(outcome, Ended):
                await self._hand_out_summary(turn, outcome, told)
            else:
                await self._hand_out_step(turn, outcome, told)
        if told is None and any(isinstance(outcome, Step) and outcome.chunk is not None for outcome in turn.outcomes):
            self._metrics.chunk_latency.observe(time.monotonic() - turn.received)

    def take_up(self, entries: Iterable[Entry]) -> JournalTold:
        """Take from the journal what the broker has not confirmed, to be published; give all that was handed out."""
        told = JournalTold()
        waiting: list[Entry] = []
        for entry in entries:
            if entry.kind == "out":
                told.add(entry)
                if entry.content != _SUMMARY:
                    waiting.append(entry)
            elif entry.kind == "confirmed":
                waiting = [each for each in waiting if each.number > entry.refers]
        for entry in waiting:
            self._publish(entry.patient, entry.content, entry.content.startswith(b'{"type":"beat"'), entry.number)
        return told

    async def _hand_out_summary(self, turn: Turn, ended: Ended, told: Told | None) -> None:
        again = told is not None and told.take(turn, _SUMMARY)
        for sink in self._recorders if again else (*self._recorders, *self._sinks):
            await sink.finish(ended.patient, ended.summary)
        if not again:
            self._remember(turn, _SUMMARY)

    async def _hand_out_step(self, turn: Turn, step: Step, told: Told | None) -> None:
        for recorder in self._recorders:
            await recorder.write(step)
        lines = [(output, encode_line(step.record, output)) for output in step.outputs]
        fresh = [(output, line) for output, line in lines if told is None or not told.take(turn, line)]
        if len(fresh) < len(lines):
            step = replace(step, outputs=[output for output, _ in fresh])
        for sink in self._sinks:
            await sink.write(step)
        for output, line in fresh:
            number = self._remember(turn, line)
            self._publish(turn.patient, line, isinstance(output, Beat), number)
            if isinstance(output, Beat) and step.chunk is not None and told is None:
                end_s = (step.chunk.start + len(step.chunk.samples)) / step.chunk.fs
                waited = time.monotonic() - turn.received
                self._metrics.r_to_label.observe(max(0.0, end_s - output.time) + waited)

    def _publish(self, patient: str, line: bytes, is_beat: bool, number: int) -> None:
        if self._topics is not None:
            topic = self._topics.of_patient(patient, "beats" if is_beat else "events")
            self.outbox.add(Outgoing(topic, line, number))

    def _remember(self, turn: Turn, content: bytes) -> int:
        if self._journal is None:
            return 0
        return self._journal.append("out", turn.patient, content, refers=turn.number)

    def _confirm(self, number: int) -> None:
        if self._journal is not None:
            self._journal.append("confirmed", refers=number)
