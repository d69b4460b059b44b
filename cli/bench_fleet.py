"""`ecg-stream bench fleet`: what shards, the broker and Ray cost beside the pipelines, and how much they take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import typer

from ..errors import RequestError
from ..replay.demo import demo_record
from ..stream.core.messages import Chunk
from ..stream.service.address import BrokerAddress
from ..stream.service.codec import Wave, encode_status, encode_wave
from ..stream.service.link import CONFIRM_TIMEOUT_S, Link
from .bench_mqtt import broker_for

if TYPE_CHECKING:
    from ..fleet.cluster import Fleet
    from ..stream.pipeline import Models

CHUNK_S = 0.5
FS = 250.0
LEADS = ("MLII", "V5")
IN_FLIGHT = 200
LOOK_S = 0.1


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
    snapshot: Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds between snapshots.")] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Measure a fleet on this machine: patients at 250 Hz, two leads, 500 ms chunks.

    At full speed for what it takes, then in real time for what it costs: milliseconds of a processor for one second
    of one patient, by who spends them. The shards, the broker, Ray and the publisher share this machine's processors.
    """
    from ..fleet import cluster
    from ..stream.pipeline import load_models

    counts = _counts(shards)
    alone = _alone_ms(load_models(), max(seconds, 60.0))
    cluster.connect("local", max(counts))
    try:
        with tempfile.TemporaryDirectory() as folder, broker_for(url, Path(folder)) as (address, pid):
            rows = [
                _measure(address, pid, f"{folder}/{count}", count, patients, seconds, steady, snapshot)
                for count in counts
            ]
    finally:
        cluster.disconnect()
    figures = {
        "patients": patients,
        "processors": os.cpu_count(),
        "snapshot_s": snapshot,
        "pipeline_alone_ms": round(alone, 3),
        "shards": rows,
    }
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


def _alone_ms(models: Models, seconds: float) -> float:
    """Processor time of the pipeline alone for one second of one patient, in ms."""
    from ..stream.pipeline import Pipeline

    chunks = list(demo_record().chunks(1000 * CHUNK_S, 0, seconds))
    best = float("inf")
    for _ in range(5):
        pipeline = Pipeline(models)
        before = time.process_time()
        for chunk in chunks:
            pipeline.push(chunk)
        best = min(best, time.process_time() - before)
    return 1000 * best / seconds


def _measure(
    url: str,
    broker_pid: int | None,
    state: str,
    shards: int,
    patients: int,
    seconds: float,
    steady: float,
    snapshot: float,
) -> dict[str, Any]:
    from ..fleet.cluster import Fleet
    from ..fleet.settings import Access, FleetSettings

    settings = FleetSettings(Access(url), state, f"bench-{shards}", f"bench/{shards}", snapshot_s=snapshot)
    fleet = Fleet.start(settings, shards)
    try:
        ward = _Ward(url, settings.prefix, patients)
        asyncio.run(ward.announce())
        _until(lambda: len(fleet.holders()) == patients and fleet.status()["settled"])
        taken = asyncio.run(_timed(fleet, ward, seconds, paced=False))
        before = _usage(fleet, broker_pid)
        asyncio.run(_timed(fleet, ward, steady, paced=True))
        after = _usage(fleet, broker_pid)
        snapshots = [line["snapshot_s"] for line in fleet.status()["shards"]]
        asyncio.run(ward.leave())
    finally:
        fleet.stop()
    spent = {name: 1000 * (after[name] - before[name]) / (patients * steady) for name in after}
    return {
        "shards": shards,
        "realtime_factor": round(patients * seconds / taken),
        "messages_per_s": round(patients * seconds / CHUNK_S / taken),
        "ms_per_patient_second": {name: round(value, 3) for name, value in spent.items()},
        "patients_per_core": round(1000 / spent["shards"]),
        "snapshot_s": round(float(np.median(snapshots)), 3),
    }


class _Ward:
    """Patients who all send the same signal, each under the own name."""

    def __init__(self, url: str, prefix: str, patients: int) -> None:
        self._address = BrokerAddress.of(url)
        self._prefix = prefix
        self._patients = [f"bench-{number:05}" for number in range(patients)]
        self._signal = demo_record().signal()
        self._next = 0  # chunk

    def samples(self) -> int:
        """Give the number of samples of all patients that were published."""
        return self._next * round(CHUNK_S * FS) * len(self._patients)

    async def announce(self) -> None:
        """Let all devices say that they are there."""
        await self._status(encode_status(Chunk(0, FS, LEADS, self._signal[:1])))

    async def leave(self) -> None:
        """Take the devices away."""
        await self._status(b"")

    async def publish(self, seconds: float, *, paced: bool) -> None:
        """Publish so much more of everyone's signal, in real time or as fast as the broker confirms."""

        async def use(client: Any) -> None:
            window = asyncio.Semaphore(IN_FLIGHT)

            async def send(patient: str, payload: bytes) -> None:
                topic = f"{self._prefix}/{patient}/wave"
                await client.publish(topic, payload, qos=1, timeout=CONFIRM_TIMEOUT_S)
                window.release()

            began = time.monotonic()
            async with asyncio.TaskGroup() as under_way:
                for k in range(round(seconds / CHUNK_S)):
                    payload = self._payload()
                    for number, patient in enumerate(self._patients):
                        due = began + (k + number / len(self._patients)) * CHUNK_S
                        if paced and (wait := due - time.monotonic()) > 0:
                            await asyncio.sleep(wait)
                        await window.acquire()
                        under_way.create_task(send(patient, payload), name="publish")

        await Link(self._address, "ecg-bench").run(use)

    def _payload(self) -> bytes:
        length = round(CHUNK_S * FS)
        at = self._next * length % (len(self._signal) - length)
        chunk = Chunk(self._next * length, FS, LEADS, self._signal[at : at + length])
        payload = encode_wave(Wave(chunk, self._next, "bench"), "msgpack")
        self._next += 1
        return payload

    async def _status(self, payload: bytes) -> None:
        async def use(client: Any) -> None:
            for patient in self._patients:
                await client.publish(f"{self._prefix}/{patient}/status", payload, qos=1, retain=True)

        await Link(self._address, "ecg-bench").run(use)


async def _timed(fleet: Fleet, ward: _Ward, seconds: float, *, paced: bool) -> float:
    """Publish, and wait until all of it has been through the pipelines; give how long both took, in seconds."""
    began = time.monotonic()
    await ward.publish(seconds, paced=paced)
    await asyncio.to_thread(
        _until, lambda: sum(line.get("samples", 0) for line in fleet.status()["shards"]) >= ward.samples()
    )
    return time.monotonic() - began


def _until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(LOOK_S)


def _usage(fleet: Fleet, broker_pid: int | None) -> dict[str, float]:
    """Processor seconds so far: of the shards, the broker, all that Ray has started beside them, and this process."""
    lines = fleet.status()["shards"]
    shards = {line["pid"]: line["cpu_s"] for line in lines}
    broker = _cpu_s([broker_pid]) if broker_pid is not None else float("nan")
    ray = _cpu_s([pid for pid in _descendants(os.getpid()) if pid not in shards and pid != broker_pid])
    return {"shards": sum(shards.values()), "broker": broker, "ray": ray, "publisher": time.process_time()}


def _descendants(root: int) -> list[int]:
    """Give the processes that come of one, where the system has /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = list(children.get(root, []))
    for pid in found:  # grows while it is gone through
        found += children.get(pid, [])
    return found


def _cpu_s(pids: Sequence[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
    return total


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
