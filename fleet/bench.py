"""What shards, the broker and Ray cost beside the pipelines, and how much they take, on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import ProcessCollector

from ..replay.demo import demo_record
from ..stream.core.messages import Chunk
from ..stream.pipeline import Models, Pipeline, load_models
from ..stream.service.address import BrokerAddress
from ..stream.service.codec import Wave, encode_status, encode_wave
from ..stream.service.connection import Connection
from ..stream.service.link import CONFIRM_TIMEOUT_S, Link
from . import cluster
from .cluster import Fleet
from .settings import Access, FleetSettings

CHUNK_S = 0.5
FS = 250.0
LEADS = ("MLII", "V5")
IN_FLIGHT = 200
LOOK_S = 0.1


def measure(
    url: str,
    broker_pid: int | None,
    folder: Path,
    counts: Sequence[int],
    *,
    patients: int,
    seconds: float,
    steady_s: float,
    snapshot_s: float,
) -> dict[str, Any]:
    """Let fleets of some numbers of shards take a ward through a broker, one after the other.

    Parameters
    ----------
    url, broker_pid
        The broker, and its process where it is one of this machine.
    folder
        For the states of the fleets.
    counts
        How many shards, in turn.
    patients
        How many publish: 250 Hz, two leads, a chunk of `CHUNK_S` at a time.
    seconds, steady_s
        Signal of each patient, first at full speed, for what a fleet takes, then in real time, for what it costs.
    snapshot_s
        Seconds between snapshots.
    """
    alone = _alone_ms(load_models(), max(seconds, 60.0))
    cluster.connect("local", max(counts))
    try:
        rows = [
            _measure(url, broker_pid, f"{folder}/{count}", count, patients, seconds, steady_s, snapshot_s)
            for count in counts
        ]
    finally:
        cluster.disconnect()
    return {
        "patients": patients,
        "processors": os.cpu_count(),
        "snapshot_s": snapshot_s,
        "pipeline_alone_ms": round(alone, 3),
        "shards": rows,
    }


def _alone_ms(models: Models, seconds: float) -> float:
    """Processor time of the pipeline alone for one second of one patient, in ms."""
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

        async def use(client: Connection) -> None:
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
        async def use(client: Connection) -> None:
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
    """Processor seconds of some processes together; one that has ended, or a system without /proc, counts nothing."""
    collectors = (ProcessCollector(pid=partial(int, pid), registry=None) for pid in pids)
    metrics = (metric for collector in collectors for metric in collector.collect())
    return sum(metric.samples[0].value for metric in metrics if metric.name == "process_cpu_seconds")
