"""A service under attack, beside patients who must not notice: fuzzed payloads, thousands of ids, floods and holes.

    python tests/flood.py                      # 20 patients, 100,000 fuzzed payloads, 3,000 ids; two minutes and more
    python tests/flood.py --payloads 2000 --ids 100 --seconds 20

Prints what patients waited and what memory the service had, and exits with 1 beyond 250 ms (p99) or 600 MB. The
attacker is a process of its own, of low priority, as it would be another machine's. Needs Mosquitto. Nothing of it is
measured in the tests: a busy machine would make them fail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from broken_payloads import mutations
from broker import Mosquitto, ecg_stream

from ecg_stream.offline.bench.service import measure
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.service.address import BrokerAddress
from ecg_stream.stream.service.codec import Wave, encode_wave
from ecg_stream.stream.service.connection import Connection
from ecg_stream.stream.service.link import Link

MOST_WAIT_MS = 250.0
MOST_MB = 600.0
UNIQUE = 5000  # fuzzed payloads that are made; the rest are these again
FIRST_S = 5.0  # before the attack, behind the patients' first beats
FLOOD = 4000  # messages of a second of 16 leads at 1000 Hz, as fast as the broker takes them
WIDE = tuple(f"L{k}" for k in range(16))


async def fuzz(client: Connection, count: int) -> None:
    """Publish what was good once, of fifty patients."""
    made = mutations(min(count, UNIQUE), seed=1)
    for number in range(count):
        await client.publish(f"ecg/fuzz-{number % 50}/wave", made[number % len(made)], qos=0)


async def ids(client: Connection, count: int) -> None:
    """Publish a second of each of thousands of patients, most of whom are too many."""
    payload = encode_wave(Wave(Chunk(0, 250.0, ("II",), np.zeros((250, 1))), 0, "s"), "msgpack")
    for number in range(count):
        await client.publish(f"ecg/id-{number:05}/wave", payload, qos=1)


async def flood(client: Connection) -> None:
    """Publish large chunks of one patient as fast as can be."""
    samples = np.random.default_rng(1).normal(0, 1, (1000, 16))
    for number in range(FLOOD):
        wave = Wave(Chunk(1000 * number, 1000.0, WIDE, samples), number, "s")
        await client.publish("ecg/flood/wave", encode_wave(wave, "msgpack"), qos=0)


async def holes(client: Connection) -> None:
    """Publish chunks behind a hole, that overlap each other, of many patients."""
    samples = np.zeros((5000, 16))
    for number in range(25):
        for patient in range(100):
            start = 0 if number == 0 else 5100 + number
            chunk = Chunk(start, 5000.0, WIDE, samples[: 10 if number == 0 else 4000])
            await client.publish(f"ecg/hole-{patient}/wave", encode_wave(Wave(chunk, number, "s"), "msgpack"), qos=0)


async def attack(url: str, payloads: int, n_ids: int) -> None:
    """Do all of it, one after the other; each begins again if the broker throws us out."""
    there = asyncio.Event()

    async def wait(client: Connection) -> None:
        await client.subscribe("ecg/+/beats", 1)
        await there.wait()

    await Link(BrokerAddress.of(url), "attacker", on_message=lambda *_: there.set(), retry=True).run(wait)
    await asyncio.sleep(FIRST_S)
    stages: dict[str, Callable[[Connection], Awaitable[None]]] = {
        "fuzz": lambda client: fuzz(client, payloads),
        "ids": lambda client: ids(client, n_ids),
        "holes": holes,
        "flood": flood,
    }
    for name, work in stages.items():
        await Link(BrokerAddress.of(url), f"attacker-{name}", retry=True).run(work)
        print(f"done: {name}", file=sys.stderr, flush=True)


async def run(patients: int, seconds: float, payloads: int, n_ids: int) -> dict[str, Any]:
    """Attack a service, and give what its patients waited."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        state = ("--state", f"{folder}/state", "--exit-when-idle", "10")
        command = ecg_stream("subscribe", broker.url, "--format", "json", *state)
        try:
            attacker = (
                sys.executable,
                __file__,
                "--attack",
                broker.url,
                "--payloads",
                str(payloads),
                "--ids",
                str(n_ids),
            )
            attacking = await asyncio.create_subprocess_exec(*attacker)
            found = await measure(broker.url, command, patients, seconds)
            attacked = attacking.returncode == 0
            if attacking.returncode is None:
                attacking.kill()
        finally:
            broker.stop()
    return {**found, "attack_over": attacked}


def main() -> int:
    """Read the command line, attack, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--payloads", type=int, default=100_000)
    parser.add_argument("--ids", type=int, default=3000)
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.attack:
        if hasattr(os, "nice"):
            os.nice(10)
        asyncio.run(attack(asked.attack, asked.payloads, asked.ids))
        return 0
    found = asyncio.run(run(asked.patients, asked.seconds, asked.payloads, asked.ids))
    print(json.dumps(found))
    if not found["attack_over"]:
        print("the attack was not over when the patients were: give more --seconds", file=sys.stderr)
        return 1
    good = found["publish_to_beat_ms"]["p99"] <= MOST_WAIT_MS and found["resident_mb_peak"] <= MOST_MB
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
