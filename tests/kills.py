"""Kills of broker, service and devices in one run: no beat is lost, changed, or told twice on standard output.

    python tests/kills.py                      # 20 patients, 20 kills of each, in any order; half an hour
    python tests/kills.py --kills 2 --patients 4

All are killed with SIGKILL and started again. Each kill waits until beats come again after the one before. The broker
keeps its sessions on disk; a device sends its last minute again, as `ecg-stream publish` does. Needs Mosquitto.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from bare_lines import bare
from broker import Mosquitto, ecg_stream
from mqtt_ear import Ear

from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.publisher import Message, Publisher, encode_stream
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.engine import StopRequest, stopped_by_signals
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.service.address import BrokerAddress
from ecg_stream.stream.service.codec import encode_status
from ecg_stream.stream.service.link import Link

CHUNK_MS = 500.0
AGAIN = 150  # messages that a device which was started again sends again
RECOVER_S = 600.0


def chunks_of(number: int) -> Iterator[Chunk]:
    """The endless stream of a patient: the demo from another place on, over and over."""
    record = demo_record()
    start, at = 0, float(23 * number % 500)
    while True:
        for chunk in record.chunks(CHUNK_MS, at):
            yield replace(chunk, start=start)
            start += len(chunk.samples)
        at = 0.0


# The devices, in a process of their own.


async def publish(url: str, folder: Path, patients: int, speed: float) -> None:
    """Publish all patients until SIGTERM; what is confirmed is counted in a file for each."""

    async def one(number: int, stop: StopRequest) -> None:
        name = f"bed-{number}"
        file = folder / f"{name}.sent"
        sent = int(file.read_text()) if file.exists() else 0
        first = max(0, sent - AGAIN)
        chunk = next(chunks_of(number))

        def coming() -> Iterator[Message]:
            for message in islice(encode_stream(chunks_of(number), "msgpack", speed, "kills"), first, None):
                yield replace(message, due_s=max(0.0, message.due_s - sent * CHUNK_MS / 1000 / speed))

        publisher = Publisher(Link(BrokerAddress.of(url), f"device-{name}", retry=True), name)
        work = asyncio.create_task(publisher.run(coming(), encode_status(chunk), stop))
        while not work.done():
            await asyncio.wait({work}, timeout=0.1)
            part = file.with_suffix(".part")
            part.write_text(str(max(sent, first + publisher.sent)))
            part.replace(file)
        work.result()

    with stopped_by_signals() as stop:
        await asyncio.gather(*(one(number, stop) for number in range(patients)))


# The one who kills.


class Ward:
    """Broker, service and devices, each of which can be killed and started again."""

    def __init__(self, folder: Path, patients: int, speed: float) -> None:
        self.folder = folder
        self.out = folder / "out.jsonl"
        self._patients = patients
        self._speed = speed
        (folder / "broker").mkdir()
        (folder / "sent").mkdir()
        self.broker = Mosquitto(folder / "broker")
        self.broker.start()
        with Ear(self.broker.port, "ecg-stream/+/status") as ear:  # what is published before it is there nobody hears
            self.service = self._start_service()
            ear.wait(lambda: any(b"true" in payload for _, payload in ear.heard), RECOVER_S)
        self.devices = self._start_devices()

    def _start_service(self) -> subprocess.Popen[bytes]:
        options = ("--format", "json", "--state", str(self.folder / "state"), "--retry", "--exit-when-idle", "30")
        with self.out.open("ab") as out, (self.folder / "service.log").open("ab") as log:
            return subprocess.Popen(ecg_stream("subscribe", self.broker.url, *options), stdout=out, stderr=log)

    def _start_devices(self) -> subprocess.Popen[bytes]:
        arguments = ["--devices", self.broker.url, str(self.folder / "sent"), str(self._patients), str(self._speed)]
        with (self.folder / "devices.log").open("ab") as log:
            return subprocess.Popen([sys.executable, __file__, *arguments], stderr=log)

    def kill(self, what: str) -> None:
        """Kill one of the three, and start it again."""
        if what == "broker":
            self.broker.kill()
            self.broker.start()
        elif what == "service":
            self.service.kill()
            self.service.wait()
            self.service = self._start_service()
        else:
            self.devices.kill()
            self.devices.wait()
            self.devices = self._start_devices()

    def beats(self) -> int:
        """Number of beats that were told."""
        return self.out.read_bytes().count(b'{"type":"beat"')

    def wait_for_beats(self, more: int) -> None:
        """Wait until so many more beats are told.

        Raises
        ------
        TimeoutError
            If they do not come.
        """
        wanted, deadline = self.beats() + more, time.monotonic() + RECOVER_S
        while self.beats() < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no beats for {RECOVER_S:g} s, see {self.folder}")
            threading.Event().wait(0.1)

    def end(self) -> dict[str, int]:
        """Let the devices end, and the service after them; give how many messages each patient's device has sent."""
        self.devices.send_signal(signal.SIGTERM)
        self.devices.wait(RECOVER_S)
        self.service.wait(RECOVER_S)
        self.broker.stop()
        return {file.stem: int(file.read_text()) for file in (self.folder / "sent").glob("*.sent")}

    def close(self) -> None:
        """End what still runs."""
        for process in (self.service, self.devices):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.broker.stop()


def compare(out: Path, sent: dict[str, int]) -> dict[str, int]:
    """Count what was lost, told twice, or invented."""
    told: dict[str, Counter[bytes]] = {patient: Counter() for patient in sent}
    ids: Counter[str] = Counter()
    for line in out.read_bytes().splitlines():
        if line.startswith(b'{"type":"beat"'):
            beat = json.loads(line)
            ids[beat["id"]] += 1
            told[beat["record"]][bare(line)] += 1
    found = Counter[str]()
    for patient, count in sent.items():
        pipeline = Pipeline()
        outputs = [o for c in islice(chunks_of(int(patient.removeprefix("bed-"))), count) for o in pipeline.push(c)]
        lines = (encode_line(patient, output) for output in [*outputs, *pipeline.flush()])
        expected = Counter(line for line in lines if line.startswith(b'{"type":"beat"'))
        found["beats"] += expected.total()
        found["lost or changed"] += (expected - told[patient]).total()
        found["told twice or invented"] += (told[patient] - expected).total()
    found["ids told twice"] = sum(times > 1 for times in ids.values())
    return dict(found)


def run(folder: Path, patients: int, kills: int, speed: float, seed: int) -> dict[str, int]:
    """Kill each of the three so many times, and compare."""
    chance = random.Random(seed)
    order = [what for what in ("broker", "service", "devices") for _ in range(kills)]
    chance.shuffle(order)
    ward = Ward(folder, patients, speed)
    try:
        ward.wait_for_beats(2 * patients)
        for number, what in enumerate(order, 1):
            threading.Event().wait(chance.uniform(0.0, 2.0))
            ward.kill(what)
            print(f"{number} of {len(order)}: {what}", file=sys.stderr, flush=True)
            ward.wait_for_beats(2 * patients)
        sent = ward.end()
    finally:
        ward.close()
    return {"kills": len(order), **compare(ward.out, sent)}


def main() -> int:
    """Read the command line, run, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20, help="of each: broker, service, devices")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--devices", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.devices:
        url, folder, patients, speed = asked.devices
        asyncio.run(publish(url, Path(folder), int(patients), float(speed)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), asked.patients, asked.kills, asked.speed, asked.seed)
    print(json.dumps(found))
    return int(any(found[what] for what in ("lost or changed", "told twice or invented", "ids told twice")))


if __name__ == "__main__":
    sys.exit(main())
