"""What the service counts and times, and the page on which Prometheus finds it.

Nothing here is labelled with a patient: ids are personal data, and would make a series each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ...errors import RequestError
from ..core.messages import CLASSES, PRIORITIES, Alert, Beat, Event, Rhythm
from ..run.engine import Step
from ..run.turn import Ended
from ..run.webhook import Outcome

_COMPUTE_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
_LATENCY_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_LABEL_S = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 30.0)


MOST_CONNECTIONS = 32  # to the page at once; what comes beyond is closed


class Page(Protocol):
    """What can be served as ``/metrics``."""

    def page(self) -> bytes:
        """Give everything in the Prometheus text format."""
        ...


class Metrics:
    """All counters, gauges and histograms of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = self._counter("wave_messages", "Wave messages received.")
        self.refused = self._counter(
            "refused_payloads", "Messages that do not fit the contract, by what is wrong.", "reason"
        )
        self.duplicates = self._counter("duplicate_chunks", "Chunks dropped because they had been seen.")
        self.dropped = self._counter("dropped_messages", "Messages dropped because their patient's queue was full.")
        self.damage = self._counter("journal_damage", "Places of the journal that could not be read at a start.")
        self.samples = self._counter(
            "samples", "Samples through the pipelines; those of all leads at one time count once."
        )
        self.beats = self._counter("beats", "Classified beats, by AAMI class.", "label")
        self.events = self._counter("events", "Events, by kind; gaps are among them.", "kind")
        self.rhythms = self._counter("rhythms", "Rhythms that began, by name.", "name")
        self.alerts = self._counter("alerts", "Alerts that began, by priority.", "priority")
        self.webhook = self._counter("webhook_alerts", "Alerts for the webhook, by what came of each.", "outcome")
        self.webhook_failures = self._counter("webhook_failures", "Attempts to deliver an alert that failed.")
        self.failures = self._counter("pipeline_failures", "Sessions begun afresh after an error in the pipeline.")
        self.connects = self._counter("connects", "Connections to the broker; all but the first are reconnects.")
        self.published = self._counter("published_outputs", "Outputs that the broker has confirmed.")
        self.unpublished = self._counter("unpublished_outputs", "Outputs given up, the broker being away too long.")
        self.chunk_latency = self._histogram("chunk_latency_seconds", "From receipt to outputs.", _LATENCY_S)
        self.compute = self._histogram("chunk_compute_seconds", "Time of one chunk in the pipeline.", _COMPUTE_S)
        self.r_to_label = self._histogram(
            "r_to_label_seconds", "From the R peak to its label: stream time, waiting and computing.", _LABEL_S
        )
        self.patients = self._gauge("patients", "Patients with a running session.")
        self.queued = self._gauge("queued_messages", "Messages that wait for their turn.")
        self.longest_queue = self._gauge("longest_queue_messages", "Messages that wait, of the patient with the most.")
        self.outbox = self._gauge("unconfirmed_outputs", "Outputs that the broker has not confirmed yet.")
        self.webhook_waiting = self._gauge("webhook_waiting_alerts", "Alerts that the webhook has not taken yet.")
        self.others = self._gauge("other_services", "Other services that publish beats of the same patients.")
        self.connected = self._gauge("connected", "Whether there is a connection to the broker.")
        for label in CLASSES:
            self.beats.labels(label)
        for outcome in ("delivered", "refused", "dropped"):
            self.webhook.labels(outcome)
        for priority in PRIORITIES:
            self.alerts.labels(priority)

    def counted(self, outcomes: list[Step | Ended]) -> list[Step | Ended]:
        """Count what a turn led to; give it."""
        for step in outcomes:
            if isinstance(step, Ended):
                continue
            if step.chunk is not None:
                self.samples.inc(len(step.chunk.samples))
                self.compute.observe(step.compute_ms / 1000)
            for output in step.outputs:
                if isinstance(output, Beat):
                    self.beats.labels(output.label).inc()
                elif isinstance(output, Rhythm):
                    if output.state == "begin":
                        self.rhythms.labels(output.name).inc()
                elif isinstance(output, Alert):
                    if output.state == "begin":
                        self.alerts.labels(output.priority).inc()
                elif isinstance(output, Event):
                    self.events.labels(output.kind).inc()
        return outcomes

    def count_webhook(self, outcome: Outcome, waiting: int) -> None:
        """Count what came of an alert, or of an attempt to deliver it. For any thread."""
        if outcome == "failed":
            self.webhook_failures.inc()
        else:
            self.webhook.labels(outcome).inc()
        self.webhook_waiting.set(waiting)

    def page(self) -> bytes:
        """Give everything in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, namespace="ecg_stream", registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(name, what, namespace="ecg_stream", registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, what, namespace="ecg_stream", registry=self.registry, buckets=buckets)


async def serve_metrics(metrics: Page, wrong: Callable[[], str], port: int, host: str = "127.0.0.1") -> asyncio.Server:
    """Answer ``/metrics`` and ``/healthz`` on `port` until the server is closed.

    Parameters
    ----------
    wrong
        Says what is wrong; nothing if all is well. ``/healthz`` answers 200 or 503 with it.
    port
        0 takes a free one.

    Raises
    ------
    RequestError
        If the port cannot be had.
    """
    connections = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            if connections <= MOST_CONNECTIONS:
                await answer(reader, writer)
        finally:
            connections -= 1
            writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(5):
                request = (await reader.readline()).split()
                while (await reader.readline()).strip():
                    pass
                status, kind, body = _respond(request)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()

    def _respond(request: list[bytes]) -> tuple[str, str, bytes]:
        plain = "text/plain; charset=utf-8"
        if len(request) < 2 or request[0] != b"GET":
            return "405 Method Not Allowed", plain, b"GET /metrics or /healthz\n"
        if request[1] == b"/metrics":
            return "200 OK", CONTENT_TYPE_LATEST, metrics.page()
        if request[1] == b"/healthz":
            if what := wrong():
                return "503 Service Unavailable", plain, what.encode() + b"\n"
            return "200 OK", plain, b"ok\n"
        return "404 Not Found", plain, b"there are /metrics and /healthz\n"

    try:
        return await asyncio.start_server(accept, host, port)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise RequestError(f"cannot serve metrics on port {port}: {why}", about="metrics") from None
