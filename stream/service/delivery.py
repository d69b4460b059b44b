"""Handing out what a turn led to: to the sinks, then the ledger, then the outbox for the broker."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from ..core.messages import Alert, Beat
from ..run.alert_words import alert_in_words
from ..run.engine import Sink, Step
from ..run.jsonl import encode_line
from ..run.known_alerts import KnownAlerts
from ..run.turn import Ended, Turn
from .ledger import SUMMARY, Ledger, Told
from .metrics import Metrics
from .outbox import Outbox, Outgoing
from .topics import ERRORS, Topics, output_kind

log = logging.getLogger("ecg_stream.alerts")


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

    async def hand_out(self, turn: Turn) -> None:
        """Hand out what a turn led to, except what had been told before a crash."""
        told = self._ledger.told_before(turn)
        for outcome in turn.outcomes:
            if isinstance(outcome, Ended):
                await self._hand_out_summary(turn, outcome, told)
            else:
                await self._hand_out_step(turn, outcome, told)
        if told is None and any(isinstance(outcome, Step) and outcome.chunk is not None for outcome in turn.outcomes):
            self._metrics.chunk_latency.observe(time.monotonic() - turn.received)

    async def _hand_out_summary(self, turn: Turn, ended: Ended, told: Told | None) -> None:
        self._known.forget(ended.patient)
        again = told is not None and told.take(turn, SUMMARY)
        self._ledger.make_room([] if again else [SUMMARY])
        for sink in self._recorders if again else (*self._recorders, *self._sinks):
            await sink.finish(ended.patient, ended.summary)
        if not again:
            self._ledger.tell(turn, SUMMARY)

    async def _hand_out_step(self, turn: Turn, step: Step, told: Told | None) -> None:
        step = self._known.heard(step)
        for recorder in self._recorders:
            await recorder.write(step)
        lines = [(output, encode_line(step.record, output, step.origin)) for output in step.outputs]
        fresh = [(output, line) for output, line in lines if told is None or not told.take(turn, line)]
        if len(fresh) < len(lines):
            step = replace(step, outputs=[output for output, _ in fresh])
        if fresh:
            self._ledger.make_room([line for _, line in fresh])
        for sink in self._sinks:
            await sink.write(step)
        for output, line in fresh:
            number = self._ledger.tell(turn, line)
            self._publish(turn.patient, line, number)
            if isinstance(output, Alert) and output.state != "repeat":
                level = logging.WARNING if output.priority == "high" else logging.INFO
                log.log(level, "patient '%s': %s", turn.patient, alert_in_words(output))
            if isinstance(output, Beat) and step.chunk is not None and told is None:
                end_s = (step.chunk.start + len(step.chunk.samples)) / step.chunk.fs
                waited = time.monotonic() - turn.received
                self._metrics.r_to_label.observe(max(0.0, end_s - output.time) + waited)

    def _publish(self, patient: str, line: bytes, number: int) -> None:
        if self._topics is not None:
            topic = self._topics.of_patient(patient, output_kind(line))
            self.outbox.add(Outgoing(topic, line, number))
