"""`ecg-stream live`: a live source through the classifier, as its samples come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError
from .alert_options import AlertFile, AlertUrl, alert_sinks, alert_table
from .file_options import Column, Fs, Unit
from .live_sources import open_source
from .model_options import BeatModel, RecordModel
from .mqtt_options import Ca, Cert, ClientId, Key, PasswordFile
from .playing import Format, Output, monitor_sink, play, text_sink
from .records import tell, watched_scale
from .starting import tell_starting, warm_up
from .terminal import can_draw

if TYPE_CHECKING:
    from ..stream.run.engine import Sink

ANY_MS = 100.0  # chunks are as they come

SOURCE_HELP = (
    "lsl:NAME, polar: or polar:NUMBER, serial:PORT?fs=HZ, udp://:PORT?fs=HZ, or - for standard input; "
    "docs/live.md has their options."
)


def live(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="What the record, and with --publish the patient, is called.  [default: as the source]"
        ),
    ] = None,
    end: Annotated[
        float | None, typer.Option(metavar="S", help="End after so many seconds.  [default: Ctrl-C]")
    ] = None,
    exit_when_idle: Annotated[
        float | None, typer.Option(metavar="S", help="End when nothing has come for so many seconds.")
    ] = None,
    lead: Annotated[
        list[str] | None, typer.Option(metavar="L", help="A lead, by name or index from 0; may be repeated.")
    ] = None,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    model: BeatModel = None,
    record_model: RecordModel = None,
    alerts: AlertFile = None,
    alert_url: AlertUrl = None,
    format: Format = None,  # noqa: A002  the option is called --format
    annotations: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the beats to DIR/NAME.ecs, WFDB annotations.")
    ] = None,
    output: Output = None,
    lsl_markers: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Send each beat as a marker of this LSL stream, stamped with its R peak."),
    ] = None,
    publish: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Publish beats and events on MQTT: mqtt://HOST[:PORT], or mqtts://..."),
    ] = None,
    topic: Annotated[str, typer.Option(metavar="PREFIX", help="Topic levels before the patient.")] = "ecg",
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    password_file: PasswordFile = None,
    client_id: ClientId = None,
) -> None:
    """Classify the beats of a live source: LSL, a Polar H10 strap, a serial port, UDP, standard input.

    Ctrl-C ends it with the summary.
    """
    tell_starting()
    from ..replay.annotation_sink import AnnotationSink
    from ..replay.as_it_comes import AsItComes
    from ..replay.beat_file import BeatFileSink
    from ..stream.pipeline import DEFAULT_DETECTOR, DEFAULT_MODEL, Pipeline, load_models
    from ..stream.run.engine import Session
    from ..stream.run.sinks import summary_table
    from ..stream.screen.view import Title
    from ..stream.screen.watch import Watch
    from ..stream.service.topics import patient_id
    from ..stream.strip.classifier import RecordClassifier

    if name is not None:
        patient_id(name)  # it becomes a file name and a topic level
    for option, seconds in (("--end", end), ("--exit-when-idle", exit_when_idle)):
        if seconds is not None and not 0 < seconds < float("inf"):
            raise RequestError(f"{option} {seconds:g}: valid is a number of seconds above 0")
    table = alert_table(alerts)
    bundle = DEFAULT_MODEL if model is None else model
    models = load_models(bundle, DEFAULT_DETECTOR, record_model)
    sinks: list[Sink] = [] if annotations is None else [AnnotationSink(annotations)]
    sinks += alert_sinks(alert_url)
    if output is not None:
        sinks.append(BeatFileSink(output))
    with open_source(source, lead=lead, fs=fs, unit=unit, column=column, idle_s=exit_when_idle) as (found, opened):
        if models.record is not None:
            RecordClassifier(models.record, found.fs, found.leads)  # refuses leads that the model cannot do with
        shown_name = name or found.name
        if publish is not None:
            sinks.append(_publisher(publish, shown_name, topic, ca, cert, key, password_file, client_id))
        if lsl_markers is not None:
            from ..stream.sources.lsl_markers import LslMarkers

            sinks.append(LslMarkers(lsl_markers, opened.local_time))
        pipeline = Pipeline(models, alerts=table)
        warm_up(Pipeline(models), found)
        opened.begin()
        shown = format or "monitor"
        if shown == "monitor" and not can_draw():
            shown = "lines"
        later: list[str] | None = [] if shown == "monitor" else None
        coming = AsItComes(watched_scale(shown_name, found.chunks(ANY_MS, 0.0, end), later=later), opened.close)
        session = Session(shown_name, pipeline)
        if shown == "monitor":
            watch = Watch(Title(shown_name, Path(bundle).name), None, pipeline.lead_quality)
            summary, stop = play(session, coming, [monitor_sink(watch, coming), *sinks])
            print(summary_table(shown_name, summary))
        else:
            _, stop = play(session, coming, [text_sink(shown), *sinks])
        tell([*(later or ()), *opened.lost()])
    if stop.signal is not None:
        raise typer.Exit(128 + stop.signal)


def _publisher(
    url: str,
    patient: str,
    prefix: str,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    password_file: Path | None,
    client_id: str | None,
) -> Sink:
    from ..stream.service.address import BrokerAddress
    from ..stream.service.beat_publisher import BeatPublisher
    from ..stream.service.link import Link
    from .logs import log_to_stderr

    log_to_stderr()
    address = BrokerAddress.of(url, ca=ca, certificate=cert, key=key, password_file=password_file)
    return BeatPublisher(Link(address, client_id or f"ecg-live-{patient}"), patient, prefix=prefix)
