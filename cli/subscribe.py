"""`ecg-stream subscribe`: all patients that publish on MQTT, through the live classifier."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import RequestError
from ..stream.run.attention import Around
from ..stream.run.engine import Sink, StopRequest, stopped_by_signals
from ..stream.run.sinks import JsonSink, LineSink
from ..stream.run.turn import Limits
from ..stream.run.webhook import Webhook, WebhookAddress
from ..stream.screen.ward import NewsHandler, Ward
from ..stream.screen.ward_view import FocusSink, WardSink
from ..stream.service.address import BrokerAddress
from ..stream.service.link import Link
from ..stream.service.metrics import serve_metrics
from ..stream.service.options import Options
from ..stream.service.service import Service
from ..stream.service.state_folder import StateFolder
from ..stream.service.topics import Topics, patient_id
from .alert_options import AlertFile, AlertUrl, alert_table
from .completion import model_names
from .http_options import Http, HttpName, HttpProxy, HttpToken, HttpUserHeader, WebPage
from .logs import LogFormat, log_to_stderr
from .model_options import BeatModel
from .mqtt_options import Ca, Cert, ClientId, Key, PasswordFile, Retry
from .starting import clear, compile_loops, tell_starting
from .terminal import can_draw

if TYPE_CHECKING:
    from ..stream.pipeline import Models


def subscribe(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL", help="mqtt://[USER@]HOST[:PORT]; mqtts:// for TLS, ws:// or wss:// over WebSockets."
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Start a broker, at port 1883 if that is free, and three patients who publish to it."
        ),
    ] = False,
    topic: Annotated[
        str, typer.Option(metavar="TOPIC", help="PREFIX/+/wave for all patients, PREFIX/ID/wave for one.")
    ] = "ecg/+/wave",
    model: BeatModel = None,
    record_model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            autocompletion=model_names,
            help="Record bundle: also classify the last ten seconds, every two seconds, of patients with its leads.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002  the option is called --format
        Literal["monitor", "lines", "json"] | None,
        typer.Option(help="How to show the beats.  [default: monitor on a terminal, else lines]"),
    ] = None,
    focus: Annotated[str | None, typer.Option(metavar="ID", help="Show this patient in full.")] = None,
    publish: Annotated[
        bool, typer.Option("--publish/--no-publish", help="Publish the beats to PREFIX/ID/beats.")
    ] = True,
    fhir: Annotated[
        bool, typer.Option("--fhir", help="Publish HL7 FHIR observations as well, each minute, to PREFIX/ID/fhir.")
    ] = False,
    alerts: AlertFile = None,
    alert_url: AlertUrl = None,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record all streams, with their beats, as WFDB records.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the state here, and go on from it after a restart.")
    ] = None,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve /metrics (Prometheus) and /healthz on this port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to serve them on.")] = "127.0.0.1",
    http: Http = None,
    http_token: HttpToken = None,
    http_proxy: HttpProxy = None,
    http_user_header: HttpUserHeader = "X-Remote-User",
    http_name: HttpName = None,
    exit_when_idle: Annotated[
        float | None, typer.Option(metavar="S", help="End when all patients have been silent for S seconds.")
    ] = None,
    silence: Annotated[
        float, typer.Option(metavar="S", help="End a patient's session after S seconds without anything new.")
    ] = 300.0,
    max_patients: Annotated[int, typer.Option(metavar="N", min=1, help="How many patients to take on.")] = 1000,
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    password_file: PasswordFile = None,
    client_id: ClientId = None,
    retry: Retry = False,
    keep_days: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.01, help="Remove recordings and states that are older than N days."),
    ] = None,
    log_format: LogFormat = "text",
) -> None:
    """Classify every patient that publishes on an MQTT broker, live.

    Ctrl-C and SIGTERM end it. With --state all sessions are saved, and the next start goes on with them. Without it,
    they end, each with a summary.
    """
    tell_starting()
    from ..stream.pipeline import DEFAULT_DETECTOR, DEFAULT_MODEL, load_models

    if (url is None) == (not demo):
        raise RequestError("subscribe needs a broker: give its URL, such as mqtt://localhost, or --demo, not both")
    if fhir and not publish:
        raise RequestError("FHIR observations are published: valid is --fhir without --no-publish")
    if keep_days is not None and record is None and state is None:
        raise RequestError("nothing is kept that could be removed: valid is --keep-days with --record or --state")
    options = Options(
        Topics.of(topic),
        publish,
        fhir,
        alert_table(alerts),
        exit_when_idle,
        Limits(patients=max_patients, silence_s=silence),
    )
    shown = format or "monitor"
    if shown == "monitor" and not can_draw():
        shown = "lines"
    name = DEFAULT_MODEL if model is None else model
    web = None
    if http is not None:
        source = f"{url or 'demo'}  {Path(name).name}"
        web = WebPage.of(source, http, http_token, http_proxy, http_user_header, http_name)
    setup = _Setup(
        address=None
        if url is None
        else BrokerAddress.of(url, ca=ca, certificate=cert, key=key, password_file=password_file),
        options=options,
        models=load_models(name, DEFAULT_DETECTOR, record_model),
        model=Path(name).name,
        shown=shown,
        focus=None if focus is None else patient_id(focus),
        record=record,
        state=state,
        metrics=metrics,
        metrics_host=metrics_host,
        web=web,
        alert_address=None if alert_url is None else WebhookAddress.of(alert_url),
        client_id=client_id,
        retry=retry,
        keep_days=keep_days,
    )
    if shown != "monitor":
        log_to_stderr(log_format)
    _warm_up(setup.models)
    stop = asyncio.run(_subscribe(setup))
    if stop.signal == signal.SIGINT:
        raise typer.Exit(130)


def _warm_up(models: Models) -> None:
    """Run some seconds through a pipeline of its own, so that compiled code is loaded before messages wait for it."""
    from ..replay.demo import demo_record
    from ..stream.pipeline import Pipeline

    compile_loops()
    pipeline = Pipeline(models)
    pipeline.push(next(demo_record(seconds=10).chunks(10_000)))
    pipeline.flush()
    clear()


@dataclass(frozen=True, slots=True)
class _Setup:
    """What the command line asked for."""

    address: BrokerAddress | None
    options: Options
    models: Models
    model: str
    shown: str
    focus: str | None
    record: Path | None
    state: Path | None
    metrics: int | None
    metrics_host: str
    web: WebPage | None
    alert_address: WebhookAddress | None
    client_id: str | None
    retry: bool
    keep_days: float | None


async def _subscribe(setup: _Setup) -> StopRequest:
    """Run the service, and a demonstration ward if it is asked for, until it ends."""
    with stopped_by_signals() as stop, _state_folder(setup) as state:
        known = state.card() if state is not None else None
        fresh = f"ecg-stream-{secrets.token_hex(4)}" if known is None else known.client_id
        client_id = setup.client_id or fresh
        if setup.address is not None:
            await _serve(setup, Link(setup.address, client_id, retry=setup.retry), state, stop)
        else:
            from ..replay.demo_ward import demo_ward

            async with demo_ward() as address:
                await _serve(setup, Link(address, client_id, version=4), state, stop)
    return stop


async def _serve(setup: _Setup, link: Link, state: StateFolder | None, stop: StopRequest) -> None:
    ward = None
    if setup.shown == "monitor" and setup.focus is None:
        ward = Ward(f"{link.address}  {setup.model}")
        sink = _ward_sink(ward)
    else:
        sink = _monitor_sink(setup, stop) if setup.shown == "monitor" else _text_sink(setup.shown)
    if setup.focus is not None:
        sink = FocusSink(setup.focus, sink)
    sinks: list[Sink] = [sink] if setup.web is None else [setup.web, sink]
    webhook = None
    if setup.alert_address is not None:
        webhook = Webhook(setup.alert_address, None if state is None else state.kept_alerts())
        sinks.insert(0, webhook)
    known = None if setup.web is None else setup.web.ward.known
    service = Service(link, setup.options, setup.models, sinks, recorders=_recorders(setup), state=state, known=known)
    if webhook is not None:
        webhook.count = service.metrics.count_webhook
    if setup.web is not None:
        setup.web.ward.ask(partial(_around, service), lambda: service.connected)
    if ward is not None:
        ward.ask(partial(_around, service), lambda: service.connected)
        logging.getLogger().addHandler(NewsHandler(ward))
    async with AsyncExitStack() as stack:
        if setup.metrics is not None:
            server = await serve_metrics(service.metrics, service.wrong, setup.metrics, setup.metrics_host)
            stack.callback(server.close)
        await service.run(stop)


@contextmanager
def _state_folder(setup: _Setup) -> Iterator[StateFolder | None]:
    """Hold the state folder, if there is to be one, while the block lasts."""
    if setup.state is None:
        yield None
        return
    folder = StateFolder(setup.state)
    try:
        if setup.keep_days is not None:
            folder.remove_older_than(setup.keep_days)
        yield folder
    finally:
        folder.close()


def _recorders(setup: _Setup) -> list[Sink]:
    if setup.record is None:
        return []
    from ..replay.segments import SegmentRecorder

    return [SegmentRecorder(setup.record, setup.keep_days)]


def _around(service: Service, patient: str) -> Around:
    """Ask the service what the streams do not tell."""
    return Around(service.patients.load(patient), service.online.get(patient, True))


def _ward_sink(ward: Ward) -> Sink:
    from rich.console import Console

    return WardSink(ward, Console())


def _monitor_sink(setup: _Setup, stop: StopRequest) -> Sink:
    from rich.console import Console

    from ..stream.screen.keys import Keyboard
    from ..stream.screen.monitor import MonitorSink
    from ..stream.screen.view import Title
    from ..stream.screen.watch import Watch

    watch = Watch(Title(setup.focus or "", setup.model))
    sink = MonitorSink(watch, Console(), Keyboard.at_hand())
    sink.viewer.leave = stop.ask
    return sink


def _text_sink(shown: str) -> Sink:
    return JsonSink(sys.stdout.buffer) if shown == "json" else LineSink(sys.stdout, named=True)
