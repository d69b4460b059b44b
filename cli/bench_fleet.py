"""`ecg-stream bench fleet`: what shards, the broker and Ray cost beside the pipelines, and how much they take."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import RequestError


def bench_fleet(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A broker.  [default: a Mosquitto started for the purpose]")
    ] = None,
    shards: Annotated[str, typer.Option(metavar="N,...", help="How many shards, in turn.")] = "1,2,4",
    patients: Annotated[int, typer.Option(metavar="N", min=1, help="How many publish at once.")] = 200,
    seconds: Annotated[float, typer.Option(metavar="S", min=5, help="Signal of each, at full speed.")] = 60.0,
    steady: Annotated[
        float, typer.Option(metavar="S", min=5, help="Signal of each, in real time, for the cost.")
    ] = 20.0,
    snapshot: Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds between snapshots.")] = 2.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Measure a fleet on this machine: patients at 250 Hz, two leads, 500 ms chunks.

    At full speed for what it takes, then in real time for what it costs: milliseconds of a processor for one second
    of one patient, by who spends them. The shards, the broker, Ray and the publisher share this machine's processors.
    """
    import msgspec

    from ..fleet.bench import measure
    from ..replay.mosquitto import broker_for

    counts = _counts(shards)
    with tempfile.TemporaryDirectory() as folder, broker_for(url, Path(folder)) as (address, pid):
        figures = measure(
            address,
            pid,
            Path(folder),
            counts,
            patients=patients,
            seconds=seconds,
            steady_s=steady,
            snapshot_s=snapshot,
        )
    if json:
        print(msgspec.json.encode(figures).decode())
        return
    _show(figures)


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise RequestError(f"no numbers of shards '{text}': valid for --shards are whole numbers from 1, as 1,2,4")
    return counts


def _show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    names = ("shards", "times real time", "messages/s", "shard ms", "broker ms", "Ray ms", "patients/core", "snapshot")
    for heading in names:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in figures["shards"]:
        spent = row["ms_per_patient_second"]
        table.add_row(
            str(row["shards"]),
            f"{row['realtime_factor']:,}",
            f"{row['messages_per_s']:,}",
            *(f"{spent[name]:g}" for name in ("shards", "broker", "ray")),
            f"{row['patients_per_core']:,}",
            f"{1000 * row['snapshot_s']:.0f} ms",
        )
    console = Console()
    Console(width=max(console.width, 100)).print(table)
    print(
        f"{figures['patients']} patients, {figures['processors']} processors; ms of a processor for one second of one "
        f"patient, in real time with a snapshot every {figures['snapshot_s']:g} s. The pipeline alone takes "
        f"{figures['pipeline_alone_ms']:g} ms."
    )
