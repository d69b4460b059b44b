"""`ecg-stream fleet`: all patients of a broker, on many machines."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO, TypeAlias

import typer

from ..errors import RequestError
from .alert_options import AlertFile, alert_table
from .default_command import DefaultCommandGroup
from .logs import log_to_stderr
from .mqtt_options import Ca, Cert, Key, PasswordFile, Retry, Url

if TYPE_CHECKING:
    from ..fleet.cluster import Fleet
    from ..fleet.settings import FleetSettings
    from ..stream.rhythm.alert_table import AlertTable

SETTLE_S = 0.25

Address: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="local|auto|HOST:PORT|ray://HOST:PORT",
        help="Ray cluster. local: a new one that ends with the command; auto: the one on this machine; or an address.",
    ),
]
Name: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Name of the fleet: each of a cluster and broker needs its own.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")]


class _UrlOrCommand(DefaultCommandGroup):
    """``fleet mqtt://...`` is ``fleet run mqtt://...``."""

    default = "run"


app = typer.Typer(
    help="Classify the patients of an MQTT broker on many machines, with Ray: `fleet URL`.",
    cls=_UrlOrCommand,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command(short_help="Run a fleet; what `fleet URL` does.")
def run(
    url: Url,
    state: Annotated[
        str,
        typer.Option(metavar="DIR|URL", help="Where the state is kept: a folder that all nodes see, s3://BUCKET/..."),
    ],
    shards: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many shards.  [default: as last time, else 1]")
    ] = None,
    address: Address = "local",
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="PREFIX/+/wave.")] = "ecg/+/wave",
    model: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Beat bundle.")] = None,
    alerts: AlertFile = None,
    snapshot: Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds between snapshots.")] = 2.0,
    silence: Annotated[
        float, typer.Option(metavar="S", help="End a patient's session after S seconds without anything new.")
    ] = 300.0,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", help="Serve /metrics (Prometheus) and /healthz on this port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to serve them on.")] = "127.0.0.1",
    format: Annotated[  # noqa: A002  the option is called --format
        Literal["lines", "json"], typer.Option(help="How to show the state of the fleet, at each change.")
    ] = "lines",
    name: Name = "ecg-fleet",
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    password_file: PasswordFile = None,
    retry: Retry = False,
) -> None:
    """Classify every patient that announces itself on an MQTT broker, on as many machines as there are.

    Beats and events go to the broker. Ctrl-C and SIGTERM end the fleet with all sessions saved. If the command is
    killed otherwise, the fleet goes on (not with --address local), and the same command takes it up again.
    """
    log_to_stderr()
    from ..fleet import cluster

    files = {"ca": ca, "cert": cert, "key": key, "password_file": password_file}
    settings = _settings(url, state, topic, model, name, snapshot, silence, alert_table(alerts), **files)
    if not retry:
        asyncio.run(_check_broker(settings))
    results = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # where Ray prints what the actors log
        cluster.connect(address, max(shards or 1, cluster.OWN_ROOM), log=True)
        try:
            fleet = cluster.Fleet.start(settings, shards)
            stopped = asyncio.run(_run(fleet, results, format, metrics, metrics_host))
        finally:
            cluster.disconnect()
    if stopped == signal.SIGINT:
        raise typer.Exit(130)


@app.command(short_help="Show shards, nodes, patients and lag of a running fleet.")
def status(address: Address = "auto", name: Name = "ecg-fleet", json: Json = False) -> None:
    """Show shards, nodes, patients and lag of a running fleet."""
    from ..fleet import cluster

    cluster.connect(address)
    try:
        found = cluster.Fleet.find(name).status()
    finally:
        cluster.disconnect()
    if json:
        import msgspec

        print(msgspec.json.encode(found).decode())
    else:
        _show(found)


@app.command(short_help="Change the number of shards of a running fleet.")
def scale(
    shards: Annotated[int, typer.Argument(metavar="N", min=1, help="Number of shards.")],
    address: Address = "auto",
    name: Name = "ecg-fleet",
    wait: Annotated[bool, typer.Option(help="Wait until all patients are where they belong.")] = True,
) -> None:
    """Change the number of shards of a running fleet; streams go on meanwhile.

    Only the patients of removed shards, and the patients who belong to new shards, are moved.
    """
    from ..fleet import cluster

    cluster.connect(address)
    try:
        fleet = cluster.Fleet.find(name)
        fleet.scale(shards)
        while wait and not (found := fleet.status())["settled"]:
            if missing := found["shards_missing"]:
                raise RequestError(
                    f"{missing} of {len(found['shards'])} shards have not answered for a minute: each needs a "
                    "processor that is free; the fleet goes on, and they join it when they come"
                )
            time.sleep(SETTLE_S)
        if wait:
            print(_line(found))
    finally:
        cluster.disconnect()


def _settings(
    url: str,
    state: str,
    topic: str,
    model: str | None,
    name: str,
    snapshot: float,
    silence: float,
    alerts: AlertTable | None,
    **files: Path | None,
) -> FleetSettings:
    """Check everything that can be checked before anything is started."""
    import re

    from ..fleet.settings import Access, FleetSettings
    from ..fleet.state_store import check_store, open_store
    from ..stream.pipeline import DEFAULT_MODEL, load_models
    from ..stream.service.topics import Topics

    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise RequestError(f"no name for a fleet: {name[:80]!a}: valid are 1 to 64 of A-Z a-z 0-9 . _ -")
    topics = Topics.of(topic)
    if topics.patient != "+":
        raise RequestError(f"a fleet is for all patients: valid for --topic is {topics.prefix}/+/wave")
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", state):
        state = str(Path(state).absolute())  # the shards run elsewhere
    if model is None:
        model = DEFAULT_MODEL
    elif model and Path(model).is_dir():
        model = str(Path(model).absolute())
    places = {option: str(file.absolute()) for option, file in files.items() if file is not None}
    access = Access(
        url,
        ca=places.get("ca"),
        certificate=places.get("cert"),
        key=places.get("key"),
        password_file=places.get("password_file"),
    )
    access.address()
    load_models(model)
    check_store(open_store(state))
    return FleetSettings(access, state, name, topics.prefix, model, snapshot, silence, alerts)


async def _check_broker(settings: FleetSettings) -> None:
    """Come in once, so that what is wrong is said here and not in the log of some node."""
    from ..stream.service.link import Link

    await Link(settings.access.address(), settings.client_id("check")).run(lambda _client: asyncio.sleep(0))


async def _run(fleet: Fleet, results: TextIO, shown: str, port: int | None, host: str) -> signal.Signals | None:
    """Show the state of the fleet until it is to end."""
    from ..fleet.pages import FleetPages
    from ..stream.run.engine import stopped_by_signals
    from ..stream.service.metrics import serve_metrics

    with stopped_by_signals() as stop:
        async with contextlib.AsyncExitStack() as stack:
            pages = FleetPages(fleet)
            if port is not None:
                server = await serve_metrics(pages, pages.wrong, port, host)
                stack.callback(server.close)
            stopping = asyncio.create_task(stop.wait(), name="stop")
            told = None
            while not stopping.done():
                found = await asyncio.to_thread(pages.refresh if port is not None else fleet.status)
                if (line := _line(found)) != told:
                    told = line
                    _tell(found, line, results, shown)
                await asyncio.wait({stopping}, timeout=1.0)
        await asyncio.to_thread(fleet.stop)
    return stop.signal


def _tell(found: dict[str, Any], line: str, results: TextIO, shown: str) -> None:
    if shown == "json":
        import msgspec

        line = msgspec.json.encode(found).decode()
    print(line, file=results, flush=True)


def _line(found: dict[str, Any]) -> str:
    """Say in one line how a fleet stands; it changes only when something does."""
    up = sum(line["up"] for line in found["shards"])
    owned = sum(line["owned"] for line in found["shards"])
    restarts = sum(line["restarts"] for line in found["shards"])
    nodes = f"{found['nodes']} node{'s'[: found['nodes'] > 1]}"
    parts = [
        f"{found['fleet']} at {found['address']}: {up} of {len(found['shards'])} shards up on {nodes}",
        f"{owned} patients placed, {found['patients_online']} online",
    ]
    if found["patients_moving"]:
        parts.append(f"{found['patients_moving']} moving")
    if restarts:
        parts.append(f"{restarts} restart{'s'[: restarts > 1]}")
    if not found["connected"]:
        parts.append("no connection to the broker")
    return "; ".join(parts)


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    headings = ("shard", "host", "pid", "up", "patients", "streaming", "waiting", "lag", "snapshot", "restarts")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("shard", "host") else "right", no_wrap=True)
    for line in found["shards"]:
        age = f"{line['snapshot_age_s']:.1f} s ago" if "snapshot_age_s" in line else "-"
        lag = f"{1000 * line['lag_s']:.0f} ms" if "lag_s" in line else "-"
        table.add_row(
            line["shard"],
            line.get("host", "-"),
            str(line.get("pid", "-")),
            "yes" if line["up"] else "no",
            str(line["owned"]),
            str(line.get("patients", "-")),
            str(line.get("waiting", "-")),
            lag,
            age,
            str(line["restarts"]),
        )
    console = Console()
    Console(width=max(console.width, 100)).print(table)  # a line that wraps is worse than one that is cut off
    print(_line(found))
