"""``ecg-stream bench``: what the live classifier costs on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .bench_fleet import bench_fleet
from .bench_look_ahead import look_ahead
from .bench_mqtt import ITSELF, bench_mqtt
from .bench_web import bench_web
from .default_command import DefaultCommandGroup
from .records import open_record

if TYPE_CHECKING:
    from ..offline.bench.kept import Change

_FIRST_BEAT = ("replay", "demo", "--speed", "max", "--format", "json")
"""The command whose start is timed, up to its first beat."""


class _RecordOrCommand(DefaultCommandGroup):
    """``bench e0103`` is ``bench record e0103``."""

    default = "record"


app = typer.Typer(
    help="Measure latency, throughput and patients per core on this machine: `bench [RECORD]`.",
    cls=_RecordOrCommand,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("mqtt", short_help="Measure the MQTT service under a ward of patients.")(bench_mqtt)
app.command("web", short_help="Measure the ward in a browser: frames, R peak to pixel, and what it costs.")(bench_web)
app.command("fleet", short_help="Measure a fleet of shards, and what Ray and MQTT cost beside the pipelines.")(
    bench_fleet
)
app.command("look-ahead", short_help="Measure what the denoiser's look-ahead buys.")(look_ahead)


@app.command("record", short_help="Measure the live classifier on a record; what `bench RECORD` does.")
def bench(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="demo, a path, db/name or a bare name.")] = "demo",
    model: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Beat bundle.")] = None,
    patients: Annotated[int, typer.Option(metavar="N", min=1, help="Patients of the ward that is stepped.")] = 2000,
    hours: Annotated[int, typer.Option(metavar="N", min=0, help="Stream so many hours, for growth.")] = 0,
    peers: Annotated[bool, typer.Option(help="Compare with the QRS detectors that are installed.")] = True,
    start_up: Annotated[bool, typer.Option(help="Measure the time from the command to its first beat.")] = True,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the figures of each round in a file.")] = None,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with figures that --save kept; exit code 1 if one is slower."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Measure so often.  [default: 1; 3 to save or to compare]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Measure the live classifier on a record: CPU time on one core, medians of five.

    This is the engine. `bench mqtt` measures the service around it, and `bench fleet` many of these on a cluster.
    Start-up is wall time, the best of three. QRS detectors of other libraries are compared where they are installed
    (extra [bench]); they get the whole record at once.
    """
    import msgspec

    from ..offline.bench import kept
    from ..offline.bench import pipeline as measure
    from ..offline.bench.peers import peers as compare_peers
    from ..stream.pipeline import DEFAULT_MODEL, Pipeline, load_models
    from .starting import warm_up

    then = None if compare is None else kept.read(compare)
    if save is not None:
        kept.check_place(save)
    found = open_record(record)
    models = load_models(DEFAULT_MODEL if model is None else model)
    warm_up(Pipeline(models), found, wait=True)
    stream, short = measure.whole(found), measure.whole(found, 300.0)

    def measured() -> dict[str, Any]:
        figures: dict[str, Any] = {
            "record": found.name,
            "fs": found.fs,
            "leads": len(found.leads),
            "model": models.classifier.name,
        }
        figures["delay_ms"] = measure.delay_ms(models, stream)
        figures["compute_ms"] = {f"{ms:g}": measure.compute_ms(models, stream, ms) for ms in measure.CHUNK_MS}
        figures |= measure.throughput(models, stream)
        figures |= measure.patients_per_core(models, short, patients)
        figures["state_kb_per_patient"] = measure.state_kb(models, measure.whole(found, 20.0))
        if hours:
            figures["growth"] = measure.hours(models, stream, hours)
        if start_up:
            figures["start_up_s"] = measure.start_up_s([*ITSELF, *_FIRST_BEAT])
        if peers:
            figures["peers"] = compare_peers(models, stream)
        return figures

    each = [measured() for _ in range(rounds or (1 if save is None and compare is None else 3))]
    figures, now = each[-1], kept.kept(each)
    changes = [] if then is None else kept.compared(then, now)
    if save is not None:
        kept.save(save, now)
    if json:
        if then is not None:
            figures["compared"] = [change._asdict() for change in changes]
        print(msgspec.json.encode(figures).decode())
    else:
        _show(figures)
        _show_changes(changes)
    if any(change.verdict == "slower" for change in changes):
        raise typer.Exit(1)


def _show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="left")

    def row(name: str, value: object) -> None:
        table.add_row(name, str(value))

    row("record", f"{figures['record']}, {figures['leads']} leads at {figures['fs']:g} Hz, model {figures['model']}")
    row("R peak to label", _spread(figures["delay_ms"]) + " of stream time" if figures["delay_ms"] else "no beats")
    for chunk_ms, spread in figures["compute_ms"].items():
        row(f"compute, {float(chunk_ms):g} ms chunks", _spread(spread))
    speed = f"{figures['realtime_factor']:,.0f} times real time"
    row("full speed", f"{speed}, {figures['lead_samples_per_s']:,} lead-samples/s")
    ward = figures["ward"]
    row(f"ward of {ward['patients']:,}, {ward['tick_ms']:g} ms tick", _spread(ward["compute_ms"]))
    row("patients per core", f"{figures['patients_per_core']:,}")
    row("memory per patient", f"{figures['state_kb_per_patient']:g} kB")
    if "growth" in figures:
        growth = figures["growth"]
        last = f"the last hour took {growth['last_hour_to_first']:g} of the first"
        row(f"{growth['hours']} hours", f"{growth['growth_kb']:g} kB more, {last}")
    if "start_up_s" in figures:
        row("start to first beat", f"{figures['start_up_s']:g} s")
    for name, peer in figures.get("peers", {}).items():
        ratio = f"; we are {peer['ratio']:g} times as fast" if "ratio" in peer else ", the whole pipeline on one lead"
        row(name, f"{peer['realtime_factor']:,.0f} times real time{ratio}")
    Console(soft_wrap=True).print(table)


def _show_changes(changes: Sequence[Change]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not changes:
        return
    table = Table("median (lowest to highest)", "then", "now", "", box=None)
    for name, then, now, verdict in changes:
        spreads = [f"{each.median:g} ({each.low:g} to {each.high:g})" for each in (then, now)]
        table.add_row(name, *spreads, verdict)
    Console(soft_wrap=True).print(table)


def _spread(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in figures.items()) + " ms"
