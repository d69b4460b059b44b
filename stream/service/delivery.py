"""Handing out what turns led to: to the sinks, then the ledger, then the outbox for the broker.

Outputs go out together as far as they fit into `TOGETHER_BYTES`: one write to standard output, one to the journal. A
process that dies between the two tells these again. So there are not more of them than a pipe takes whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..core.messages import Alert, Beat, Priority
from ..run.alert_words import alert_in_words
from ..run.engine import BatchSink, Sink, Step
from ..run.jsonl import lines_of
from ..run.known_alerts import KnownAlerts
from ..run.turn import Ended, Turn
from .ledger import SUMMARY, Ledger, Told
from .metrics import Metrics
from .outbox import Outbox, Outgoing
from .topics import ERRORS, Topics, output_kind

log = logging.getLogger("ecg_stream.alerts")

LOG_LEVELS: Mapping[Priority, int] = {"high": logging.WARNING, "medium": logging.INFO, "low": logging.DEBUG}
"""What of alerts the log has; low priority alone would fill it in a large ward."""

TOGETHER_BYTES = 4096  # what POSIX has a pipe take whole or not at all, at least (PIPE_BUF of Linux)


class _Ready(NamedTuple):
    """A step whose outputs are to be handed out, encoded in `lines`; and whether it is taken for the first time."""

    turn: Turn
    step: Step
    is_first: bool


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
    ledger
        Where it is written down what was handed out.
    metrics
        Where things are counted.
    known
        Alerts that are not to be told again.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        recorders: Sequence[Sink],
        topics: Topics | None,
        ledger: Ledger,
        metrics: Metrics,
        known: KnownAlerts,
    ) -> None:
        self._sinks = sinks
        self._together = [sink for sink in sinks if isinstance(sink, BatchSink)]
        self._singly = [sink for sink in sinks if not isinstance(sink, BatchSink)]
        self._recorders = recorders
        self._topics = topics
        self._ledger = ledger
        self._metrics = metrics
        self._known = known
        self.outbox = Outbox(metrics, ledger.confirm)

    def tell_device(self, patient: str, line: bytes) -> None:
        """Publish what a device should know of the messages that it sends; it is not kept over a restart."""
        self.publish(patient, ERRORS, line)

    def publish(self, patient: str, kind: str, line: bytes) -> None:
        """Publish something beside the outputs, on a topic of its own; it is not kept over a restart."""
        if self._topics is not None:
            self.outbox.add(Outgoing(self._topics.of_patient(patient, kind), line))

    async def hand_out(self, turns: Sequence[Turn]) -> None:
        """Hand out what turns of different patients led to, except what had been told before a crash."""
        ready: list[_Ready] = []
        n_bytes = 0
        for turn in turns:
            told = self._ledger.told_before(turn)
            for outcome in turn.outcomes:
                if isinstance(outcome, Ended):
                    await self._tell(ready)
                    ready, n_bytes = [], 0
                    await self._tell_summary(turn, outcome, told)
                    continue
                heard = self._known.heard(outcome)
                for recorder in self._recorders:
                    await recorder.write(heard)
                step = _fresh(turn, heard, told)
                size = sum(map(len, step.lines))
                if n_bytes + size > TOGETHER_BYTES:
                    await self._tell(ready)
                    ready, n_bytes = [], 0
                ready.append(_Ready(turn, step, told is None))
                n_bytes += size
        await self._tell(ready)
        now = time.monotonic()
        for turn in turns:
            if self._ledger.told_before(turn) is None and any(
                isinstance(outcome, Step) and outcome.chunk is not None for outcome in turn.outcomes
            ):
                self._metrics.chunk_latency.observe(now - turn.received)

    async def _tell_summary(self, turn: Turn, ended: Ended, told: Told | None) -> None:
        self._known.forget(ended.patient)
        again = told is not None and told.take(turn, SUMMARY)
        self._ledger.make_room([] if again else [SUMMARY])
        for sink in self._recorders if again else (*self._recorders, *self._sinks):
            await sink.finish(ended.patient, ended.summary)
        if not again:
            self._ledger.tell(turn, SUMMARY)
            self._ledger.keep()

    async def _tell(self, ready: Sequence[_Ready]) -> None:
        """Tell the sinks, then the ledger, and put on the way to the broker.

        Where a sink fails at a step, the steps before it are told all the same.
        """
        if not ready:
            return
        if lines := [line for each in ready for line in each.step.lines]:
            self._ledger.make_room(lines)
        failure = None
        for number, each in enumerate(ready):
            try:
                for sink in self._singly:
                    await sink.write(each.step)
            except Exception as error:
                failure, ready = error, ready[:number]
                break
        for batch_sink in self._together:
            await batch_sink.write_all([each.step for each in ready])
        outgoing = [
            (each.turn.patient, line, self._ledger.tell(each.turn, line)) for each in ready for line in each.step.lines
        ]
        self._ledger.keep()
        if self._topics is not None:
            for patient, line, number in outgoing:
                self.outbox.add(Outgoing(self._topics.of_patient(patient, output_kind(line)), line, number))
        now = time.monotonic()
        for each in ready:
            self._note(each, now)
        if failure is not None:
            raise failure

    def _note(self, told: _Ready, now: float) -> None:
        """Log and measure what was told."""
        turn, step, is_first = told
        chunk = step.chunk
        for output in step.outputs:
            if isinstance(output, Beat):
                if is_first and chunk is not None:
                    end_s = (chunk.start + len(chunk.samples)) / chunk.fs
                    self._metrics.r_to_label.observe(max(0.0, end_s - output.time) + now - turn.received)
            elif isinstance(output, Alert) and output.state != "repeat":
                log.log(LOG_LEVELS[output.priority], "patient '%s': %s", turn.patient, alert_in_words(output))


def _fresh(turn: Turn, step: Step, told: Told | None) -> Step:
    """Encode the outputs of a step; leave out what was told before."""
    if not step.outputs:
        return step
    lines = lines_of(step)
    if told is None:
        return replace(step, lines=lines)
    fresh = [(output, line) for output, line in zip(step.outputs, lines, strict=True) if not told.take(turn, line)]
    return replace(step, outputs=[output for output, _ in fresh], lines=[line for _, line in fresh])
