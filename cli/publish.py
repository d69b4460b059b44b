"""`ecg-stream publish`: a record on MQTT, as a device would send it."""

from __future__ import annotations

import asyncio
import math
import sys
from typing import Annotated, Literal

import typer

from ..errors import RequestError
from .completion import record_names
from .file_options import RECORD_HELP, Column, Fs, Unit
from .logs import LogFormat, log_to_stderr
from .mqtt_options import Ca, Cert, ClientId, Key, PasswordFile, Retry, Url


def publish(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=RECORD_HELP, autocompletion=record_names)],
    url: Url,
    patient: Annotated[
        str | None, typer.Option(metavar="ID", help="Patient to publish as.  [default: the record's name]")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="FLOAT|max", help="Multiple of real time; max is as fast as it goes.")
    ] = "1",
    encoding: Annotated[Literal["json", "msgpack"], typer.Option(help="How to write the samples.")] = "json",
    chunk_ms: Annotated[float, typer.Option(metavar="N", help="Length of a chunk.")] = 500.0,
    start: Annotated[float, typer.Option(metavar="S", help="Where in the record to begin, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(metavar="S", help="Where to end, in seconds.")] = None,
    lead: Annotated[
        list[str] | None,
        typer.Option(metavar="L", help="A lead, or any signal by name; or an index from 0; may be repeated."),
    ] = None,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    topic: Annotated[str, typer.Option(metavar="PREFIX", help="Topic levels before the patient.")] = "ecg",
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    password_file: PasswordFile = None,
    client_id: ClientId = None,
    retry: Retry = False,
    log_format: LogFormat = "text",
) -> None:
    """Publish a record on MQTT as a device would, for demonstrations and tests.

    Each message is sent until the broker has confirmed it, across lost connections. Ctrl-C ends it early.
    """
    from itertools import chain

    from ..replay.publisher import Publisher, encode_stream, stream_name
    from ..stream.run.engine import StopRequest, stopped_by_signals
    from ..stream.service.address import BrokerAddress
    from ..stream.service.codec import encode_status
    from ..stream.service.link import Link
    from .records import open_record

    log_to_stderr(log_format)
    address = BrokerAddress.of(url, ca=ca, certificate=cert, key=key, password_file=password_file)
    pace = _pace(speed)
    found = open_record(record, lead, unit, fs, column)
    name = patient or found.name
    link = Link(address, client_id or f"ecg-device-{name}", retry=retry)
    publisher = Publisher(link, name, prefix=topic)
    chunks = found.chunks(chunk_ms, start, end)
    first = next(chunks)
    coming = encode_stream(chain([first], chunks), encoding, pace, stream_name(found.name, first))

    async def publishing() -> StopRequest:
        with stopped_by_signals() as stop:
            await publisher.run(coming, encode_status(first), stop)
            return stop

    stop = asyncio.run(publishing())
    print(f"published {publisher.sent} messages of {found.name} as {name} to {address}", file=sys.stderr)
    if stop.signal is not None:
        raise typer.Exit(128 + stop.signal)


def _pace(speed: str) -> float:
    """Give the multiple of real time; infinity for full speed."""
    try:
        pace = math.inf if speed == "max" else float(speed)
    except ValueError:
        pace = math.nan
    if not pace > 0 or (math.isinf(pace) and speed != "max"):
        raise RequestError(f"no speed '{speed}': valid for --speed are numbers above 0, and max")
    return pace
