"""`ecg-stream bench mqtt`: many patients through a real broker and the service, in real time, on one core."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer

from ..errors import RequestError
from ..replay.demo import demo_record
from ..stream.core.messages import Chunk
from ..stream.service.address import BrokerAddress
from ..stream.service.codec import Wave, encode_wave, says_online
from ..stream.service.link import CONFIRM_TIMEOUT_S, Link

CHUNK_S = 0.5
FS = 250.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

_COMMAND = "from ecg_stream.cli.app import main; main()"


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
    with tempfile.TemporaryDirectory() as folder, broker_for(url, Path(folder)) as (found, _):
        options = ["--state", f"{folder}/state"] if state else []
        figures = asyncio.run(_measure(found, patients, seconds, core, options))
    if json:
        print(msgspec.json.encode(figures).decode())
        return
    for name, value in figures.items():
        print(f"{name:28} {value}")


@contextmanager
def broker_for(url: str | None, folder: Path) -> Iterator[tuple[str, int | None]]:
    """Give the URL of a broker: the user's, or that of a Mosquitto that runs while the block lasts, and its process.

    Raises
    ------
    RequestError
        If there is no Mosquitto.
    """
    if url is not None:
        yield url, None
        return
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise RequestError("this bench needs a broker: install Mosquitto, or give the --url of one")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = (f"listener {port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 0", "set_tcp_nodelay true", "")
    (folder / "mosquitto.conf").write_text("\n".join(lines))
    process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        yield f"mqtt://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


@dataclass(slots=True)
class _Timing:
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


async def _measure(url: str, patients: int, seconds: float, core: int | None, options: list[str]) -> dict[str, Any]:
    timing = _Timing()
    usage: list[tuple[float, float, float]] = []  # wall time, CPU seconds, resident megabytes
    async with _service(url, core, options) as service:
        assert service.stdout is not None
        there = asyncio.Event()
        published = 0

        def note(topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG001  an `OnMessage`
            if says_online(payload):
                there.set()

        async def use(client: Any) -> None:
            nonlocal published
            await client.subscribe("ecg-stream/+/status", 1)
            async with asyncio.timeout(60):
                await there.wait()
            published = await _publish(client, patients, seconds, timing, usage, service.pid)

        reading = asyncio.create_task(_read(service.stdout, timing), name="read")
        await Link(BrokerAddress.of(url), "ecg-bench", on_message=note, retry=True).run(use)
        await service.wait()
        await reading
    late = [usage[0][2], usage[-1][2]] if usage else [math.nan, math.nan]
    settled = usage[len(usage) // 3 :]
    cpu = (settled[-1][1] - settled[0][1]) / (settled[-1][0] - settled[0][0]) if len(settled) > 1 else math.nan
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
        "cpu_of_a_core": round(cpu, 3),
        "resident_mb_first": round(late[0], 1),
        "resident_mb_settled": round(settled[0][2], 1) if settled else math.nan,
        "resident_mb_last": round(late[1], 1),
    }


@asynccontextmanager
async def _service(url: str, core: int | None, options: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    arguments = ["subscribe", url, "--format", "json", "--exit-when-idle", "5", *options]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {core})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()


async def _publish(
    client: Any, patients: int, seconds: float, timing: _Timing, usage: list[tuple[float, float, float]], pid: int
) -> int:
    """Publish every patient's chunks when they are due, the patients spread evenly over the length of a chunk."""
    signal = demo_record().signal()
    length = round(CHUNK_S * FS)
    chunks = int(seconds / CHUNK_S)
    began = time.monotonic()
    number = 0
    async with asyncio.TaskGroup() as under_way:
        for k in range(chunks):
            if k % 10 == 0:
                usage.append((time.monotonic(), *_usage(pid)))
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


async def _read(lines: asyncio.StreamReader, timing: _Timing) -> None:
    async for line in lines:
        timing.take(line, time.monotonic())


def _usage(pid: int) -> tuple[float, float]:
    """CPU seconds and resident megabytes of a process, where the system has /proc; else NaN."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"), resident * PAGE_BYTES / 1e6
    return math.nan, math.nan
