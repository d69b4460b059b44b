"""`ecg-stream replay`: a record, in real time or faster, through the live classifier."""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError
from .alert_options import AlertFile, AlertUrl, alert_sinks, alert_table
from .completion import record_names
from .file_options import RECORD_HELP, Column, Fs, Unit
from .http_options import Http, HttpName, HttpProxy, HttpToken, HttpUserHeader, WebPage
from .model_options import BeatModel, RecordModel
from .playing import Format, Output, monitor_sink, play, text_sink
from .records import open_recording, tell, watched_scale
from .starting import tell_starting, warm_up
from .terminal import can_draw

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..stream.run.engine import Sink, Source, Step

PACED_CHUNK_MS = 100.0
FIRST_START_CHUNK_MS = 1_000.0
"""At full speed, while the loops are interpreted: the first beats come after one chunk."""
AT_LEAD_S = 5.0
"""So much is played before what --at asks for, so that one sees it come."""


def replay(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=RECORD_HELP, autocompletion=record_names)],
    speed: Annotated[
        str, typer.Option(metavar="FLOAT|max", help="Multiple of real time; max is as fast as it goes.")
    ] = "1",
    chunk_ms: Annotated[
        float | None,
        typer.Option(metavar="N", help="Length of a chunk; any gives the same beats.  [default: 100; a minute at max]"),
    ] = None,
    start: Annotated[float, typer.Option(metavar="S", help="Where in the record to begin, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(metavar="S", help="Where to end, in seconds.")] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="MARK[:N]",
            help="Begin 5 s before the N-th annotation of a kind: a rhythm such as (VT, or a beat such as V.",
        ),
    ] = None,
    preroll: Annotated[
        float | None,
        typer.Option(metavar="S", help="Run so much before --start first, in silence; 0: none.  [default: 300]"),
    ] = None,
    lead: Annotated[
        list[str] | None,
        typer.Option(metavar="L", help="A lead, or any signal by name; or an index from 0; may be repeated."),
    ] = None,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    model: BeatModel = None,
    record_model: RecordModel = None,
    st: Annotated[
        bool, typer.Option("--st/--no-st", help="Read the ST segment of each lead as well, each ten seconds.")
    ] = False,
    alerts: AlertFile = None,
    alert_url: AlertUrl = None,
    format: Format = None,  # noqa: A002  the option is called --format
    annotations: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the beats to DIR/RECORD.ecs, WFDB annotations.")
    ] = None,
    output: Output = None,
    http: Http = None,
    http_token: HttpToken = None,
    http_proxy: HttpProxy = None,
    http_user_header: HttpUserHeader = "X-Remote-User",
    http_name: HttpName = None,
) -> None:
    """Play a record through the live classifier.

    RECORD - is standard input: lines as they come, a row a sample. Ctrl-C ends it with the summary of what was played.
    """
    tell_starting()
    from ..replay.annotation_sink import AnnotationSink
    from ..replay.as_it_comes import AsItComes
    from ..replay.beat_file import BeatFileSink
    from ..replay.mark_search import find_mark
    from ..replay.player import Player
    from ..replay.preroll import PREROLL_S
    from ..replay.preroll import preroll as prerolled
    from ..replay.record import Record
    from ..replay.record_origin import record_origin
    from ..replay.recording import full_speed_chunk_ms
    from ..replay.reference import reference_beats
    from ..stream import first_start
    from ..stream.pipeline import DEFAULT_DETECTOR, DEFAULT_MODEL, Pipeline, load_models
    from ..stream.run.engine import Session
    from ..stream.run.sinks import summary_table
    from ..stream.screen.view import Title
    from ..stream.screen.watch import Watch
    from ..stream.strip.classifier import RecordClassifier

    pace = _pace(speed)
    table = alert_table(alerts)
    found = open_recording(record, lead, unit, fs, column)
    if chunk_ms is None:
        at_ease = full_speed_chunk_ms(found.fs, len(found.leads)) if first_start.is_ready() else FIRST_START_CHUNK_MS
        chunk_ms = at_ease if pace is None else PACED_CHUNK_MS
    if at is not None:
        if start:
            raise RequestError("--at and --start both say where to begin: give one of them")
        start = max(0.0, find_mark(found.annotations("atr"), at) / found.fs - AT_LEAD_S)
    shown = format or "monitor"
    if shown == "monitor" and not can_draw():
        shown = "lines"
    later: list[str] | None = [] if shown == "monitor" else None
    chunks = found.chunks(chunk_ms, start, end)
    first = 0
    source: Source
    if isinstance(found, Record):
        first, _ = found.sample_range(start, end)
        before = prerolled(found, start, PREROLL_S if preroll is None else preroll)
        source = Player(chain(before, chunks), pace, first)
    else:
        source = AsItComes(watched_scale(found.name, chunks, later=later))
    name = DEFAULT_MODEL if model is None else model
    models = load_models(name, DEFAULT_DETECTOR, record_model)
    if models.record is not None:
        RecordClassifier(models.record, found.fs, found.leads)  # refuses leads that the model cannot do with
    # Makes its folder: after all that may be wrong with the request, and before the loops are compiled.
    sinks: list[Sink] = [] if annotations is None else [AnnotationSink(annotations)]
    sinks += alert_sinks(alert_url)
    if output is not None:
        sinks.append(BeatFileSink(output))
    web = []
    heard: Callable[[Step], Step] = lambda step: step  # noqa: E731  what is known is not told again
    if http is not None:
        page = WebPage.of(found.name, http, http_token, http_proxy, http_user_header, http_name)
        web.append(page)
        heard = page.ward.known.heard
    pipeline = Pipeline(models, st=st, alerts=table)
    warm_up(Pipeline(models), found, start, end, wait=start > 0.0)  # minutes before the start are to be run through
    session = Session(found.name, pipeline, first, record_origin(found))

    if shown == "monitor":
        shown_pace = "max" if pace is None else f"×{pace:g}"
        length_s = None if found.n_samples is None else found.n_samples / found.fs
        if length_s is None:
            title = Title(found.name, Path(name).name)
        else:
            title = Title(found.name, Path(name).name, shown_pace, min(end or length_s, length_s))
        watch = Watch(title, reference_beats(found), pipeline.lead_quality)
        summary, stop = play(session, source, [*web, monitor_sink(watch, source), *sinks], heard)
        print(summary_table(found.name, summary))
    else:
        _, stop = play(session, source, [*web, text_sink(shown), *sinks], heard)
    tell(later or ())
    if stop.signal is not None:
        raise typer.Exit(128 + stop.signal)


def _pace(speed: str) -> float | None:
    """Give the multiple of real time, None for full speed."""
    if speed == "max":
        return None
    try:
        pace = float(speed)
    except ValueError:
        pace = math.nan
    if not (math.isfinite(pace) and pace > 0):
        raise RequestError(f"no speed '{speed}': valid for --speed are numbers above 0, and max")
    return pace
