"""What the MQTT service costs on this machine: many patients through a real broker, in real time.

The time from publishing a chunk to the arrival of the beats that it decided is what a user waits beyond the algorithm's
own delay.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
from prometheus_client import ProcessCollector

from ...errors import RequestError
from ...replay.demo import demo_record
from ...stream.core.messages import Chunk
from ...stream.service.address import BrokerAddress
from ...stream.service.codec import Wave, encode_wave, says_online
from ...stream.service.connection import Connection
from ...stream.service.link import CONFIRM_TIMEOUT_S, Link

CHUNK_S = 0.5
FS = 250.0
LOOK_S = 1.0


@dataclass(slots=True)
class Timing:
    """When each chunk was published, and how long after that its beats arrived."""

    published: dict[tuple[str, int], float] = field(default_factory=dict)
    waits_s: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def take(self, line: bytes, now: float) -> None:
        """Take a line of the service's output."""
        output = msgspec.json.decode(line)
        self.kinds[output.get("kind", output["type"])] += 1
        if output["type"] == "beat":
            decided = output["sample"] + round(output["delay_ms"] * FS / 1000)
            chunk = int(decided // (CHUNK_S * FS))
            published = self.published.get((output["record"], chunk))
            if published is not None:
                self.waits_s.append(now - published)


class Beside(AbstractAsyncContextManager[Any, None], Protocol):
    """Who looks on while a service is measured."""

    def figures(self, timing: Timing) -> dict[str, Any]:
        """Give what was seen, once it is over."""
        ...


async def measure(
    url: str,
    command: Sequence[str],
    patients: int,
    seconds: float,
    core: int | None = None,
    beside: Beside | None = None,
) -> dict[str, Any]:
    """Let a service take a ward through a broker, and give what patients wait and what the service takes.

    Parameters
    ----------
    url
        The broker.
    command
        How the service is started: a `subscribe` to `url` that prints JSON lines, and that ends when the ward is idle.
    patients, seconds
        How many publish, and for how long: 250 Hz, two leads, a chunk of `CHUNK_S` at a time, in real time.
    core
        The processor that the service is bound to, where the system can; else any.
    beside
        Looks on while patients publish.
    """
    timing = Timing()
    usage: list[tuple[float, float, float]] = []  # wall time, CPU seconds, resident megabytes
    watching: asyncio.Task[None] | None = None
    async with _service(command, core) as service:
        assert service.stdout is not None
        there = asyncio.Event()
        published = 0

        def note(topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG001  an `OnMessage`
            if says_online(payload):
                there.set()

        async def use(client: Connection) -> None:
            nonlocal published, watching
            await client.subscribe("ecg-stream/+/status", 1)
            if not await _reached(there, service):
                raise RequestError("the service that was to be measured ended before it was there")
            watching = asyncio.create_task(_watch(service.pid, usage), name="watch")
            async with beside or nullcontext():
                published = await _publish(client, patients, seconds, timing)

        reading = asyncio.create_task(_read(service.stdout, timing), name="read")
        await Link(BrokerAddress.of(url), "ecg-bench", on_message=note, retry=True).run(use)
        await service.wait()
        await reading
        if watching is not None:
            watching.cancel()
    late = [usage[0][2], usage[-1][2]] if usage else [math.nan, math.nan]
    settled = usage[len(usage) // 3 :]
    # To the end, when all is worked off: a service that falls behind has not spent less.
    cpu_s = usage[-1][1] - usage[0][1] if usage else math.nan
    waits_ms = 1000 * np.array(timing.waits_s or [math.nan])
    return {
        "patients": patients,
        "seconds": seconds,
        "chunks": published,
        "beats": timing.kinds["beat"],
        "gaps": timing.kinds["gap"],
        "publish_to_beat_ms": {
            name: round(float(np.percentile(waits_ms, percent)), 1)
            for name, percent in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))
        },
        "ms_per_patient_second": round(1000 * cpu_s / (patients * seconds), 3),
        "patients_per_core": round(patients * seconds / cpu_s) if cpu_s > 0 else math.nan,
        "resident_mb_first": round(late[0], 1),
        "resident_mb_settled": round(settled[0][2], 1) if settled else math.nan,
        "resident_mb_last": round(late[1], 1),
        **({} if beside is None else beside.figures(timing)),
        "resident_mb_peak": round(max((each[2] for each in usage), default=math.nan), 1),
    }


@asynccontextmanager
async def _service(command: Sequence[str], core: int | None) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=1 << 24)
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {core})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()


async def _publish(
    client: Connection,
    patients: int,
    seconds: float,
    timing: Timing,
) -> int:
    """Publish every patient's chunks when they are due, the patients spread evenly over the length of a chunk."""
    signal = demo_record().signal()
    length = round(CHUNK_S * FS)
    chunks = int(seconds / CHUNK_S)
    began = time.monotonic()
    number = 0
    async with asyncio.TaskGroup() as under_way:
        for k in range(chunks):
            for p in range(patients):
                due = began + (k + 1 + p / patients) * CHUNK_S
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                patient = f"bench-{p:03}"
                at = (k * length + 701 * p) % (len(signal) - length)
                chunk = Chunk(k * length, FS, ("MLII", "V5"), signal[at : at + length])
                payload = encode_wave(Wave(chunk, k, "bench", end=k == chunks - 1), "msgpack")
                timing.published[patient, k] = time.monotonic()
                topic = f"ecg/{patient}/wave"
                sending = client.publish(topic, payload, qos=1, timeout=CONFIRM_TIMEOUT_S)
                under_way.create_task(sending, name="publish")
                number += 1
    return number


async def _reached(there: asyncio.Event, service: asyncio.subprocess.Process) -> bool:
    """Wait until the service has said that it is there, which takes long where it has to compile; False if it ended."""
    waiting = {asyncio.ensure_future(there.wait()), asyncio.ensure_future(service.wait())}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    return there.is_set()


async def _watch(pid: int, usage: list[tuple[float, float, float]]) -> None:
    """Note what a process takes, now and then, until it has ended."""
    while (found := _usage(pid))[1] > 0:
        usage.append((time.monotonic(), *found))
        await asyncio.sleep(LOOK_S)


async def _read(lines: asyncio.StreamReader, timing: Timing) -> None:
    async for line in lines:
        timing.take(line, time.monotonic())


def _usage(pid: int) -> tuple[float, float]:
    """CPU seconds and resident megabytes of a process, where the system has /proc; else NaN."""
    figures = {each.name: each.samples[0].value for each in ProcessCollector(pid=lambda: pid, registry=None).collect()}
    return (
        figures.get("process_cpu_seconds", math.nan),
        figures.get("process_resident_memory_bytes", math.nan) / 1e6,
    )
