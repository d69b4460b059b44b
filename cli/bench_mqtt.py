"""`ecg-stream bench mqtt`: many patients through a real broker and the service, in real time, on one core."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

ITSELF = (sys.executable, "-c", "from ecg_stream.cli.app import main; main()")
"""How this command is started by a process that measures it."""


def bench_mqtt(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A broker.  [default: a Mosquitto started for the purpose]")
    ] = None,
    patients: Annotated[int, typer.Option(metavar="N", min=1, help="How many publish at once.")] = 200,
    seconds: Annotated[float, typer.Option(metavar="S", min=10, help="For how long.")] = 300.0,
    core: Annotated[int | None, typer.Option(metavar="N", help="Bind the service to this core.")] = None,
    state: Annotated[bool, typer.Option("--state/--no-state", help="Let the service keep its state on disk.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Measure the service under a ward: patients at 250 Hz, two leads, 500 ms chunks, in real time.

    The time from publishing a chunk to the arrival of the beats that it decided is what a user waits beyond the
    algorithm's own delay.
    """
    import msgspec

    from ..offline.bench.service import measure
    from ..replay.mosquitto import broker_for

    with tempfile.TemporaryDirectory() as folder, broker_for(url, Path(folder)) as (found, _):
        options = ["--state", f"{folder}/state"] if state else []
        command = [*ITSELF, "subscribe", found, "--format", "json", "--exit-when-idle", "5", *options]
        figures = asyncio.run(measure(found, command, patients, seconds, core))
    if json:
        print(msgspec.json.encode(figures).decode())
        return
    for name, value in figures.items():
        print(f"{name:28} {value}")
