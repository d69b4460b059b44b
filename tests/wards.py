"""Patients for tests of the fleet: each a stretch of the demo record, what they publish, and the beats of `replay`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from bare_lines import bare
from mqtt_ear import Ear

from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.publisher import Message, Publisher, encode_stream
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.engine import StopRequest
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.service.address import BrokerAddress
from ecg_stream.stream.service.codec import encode_status
from ecg_stream.stream.service.link import Link
from ecg_stream.stream.service.topics import OUTPUTS

CHUNK_MS = 1000.0


def chunks_of(number: int, seconds: float) -> list[Chunk]:
    """The stream of patient `number`, counted from 0: the demo record from another place on for each, over and over."""
    record = demo_record()
    start_s = float(5 * number % 400)
    chunks: list[Chunk] = []
    n_samples, wanted = 0, round(seconds * record.fs)
    while n_samples < wanted:
        for chunk in record.chunks(CHUNK_MS, start_s, start_s + (wanted - n_samples) / record.fs):
            chunks.append(replace(chunk, start=n_samples))
            n_samples += len(chunk.samples)
        start_s = 0.0
    return chunks


def replayed(patient: str, chunks: Iterable[Chunk], end: bool = True) -> list[bytes]:
    """What the pipeline alone tells, as lines."""
    pipeline = Pipeline()
    outputs = [output for chunk in chunks for output in pipeline.push(chunk)]
    if end:
        outputs += pipeline.flush()
    return [encode_line(patient, output) for output in outputs]


def messages_of(chunks: Iterable[Chunk], speed: float, end: bool = True) -> list[Message]:
    """The stream as wave messages."""
    return list(encode_stream(chunks, "msgpack", speed, "test", end=end))


class Ward:
    """Patients ``bed-0`` and on, who publish as `ecg-stream publish` does.

    `expected` is what `replay` makes of what was published.
    """

    def __init__(self, url: str, beds: Iterable[int], seconds: float, resend_s: float = 60.0) -> None:
        self._address = BrokerAddress.of(url)
        self._resend_s = resend_s
        self.chunks = {f"bed-{number}": chunks_of(number, seconds) for number in beds}
        self.expected: dict[str, list[bytes]] = {}

    async def stream(self, speed: float, stop: StopRequest | None = None) -> None:
        """Publish all streams to their ends, or until `stop` is asked for."""
        async with asyncio.TaskGroup() as devices:
            for patient, chunks in self.chunks.items():
                devices.create_task(self._publish(patient, chunks, speed, stop), name=patient)

    async def _publish(self, patient: str, chunks: list[Chunk], speed: float, stop: StopRequest | None) -> None:
        link = Link(self._address, f"device-{patient}", retry=True)
        publisher = Publisher(link, patient, resend_s=self._resend_s)
        await publisher.run(iter(messages_of(chunks, speed)), encode_status(chunks[0]), stop)
        self.expected[patient] = replayed(patient, chunks[: publisher.sent], end=publisher.sent > len(chunks))

    def births(self, ear: Ear) -> None:
        """Let all devices say that they are there, without anything more."""
        for patient, chunks in self.chunks.items():
            ear.publish(f"ecg/{patient}/status", encode_status(chunks[0]), retain=True)

    def told(self, ear: Ear) -> dict[str, list[bytes]]:
        """What the broker has passed on of each patient."""
        found: dict[str, list[bytes]] = {patient: [] for patient in self.chunks}
        for topic, payload in list(ear.heard):
            _, _, rest = topic.partition("ecg/")
            patient, _, kind = rest.rpartition("/")
            if kind in OUTPUTS and patient in found:
                found[patient].append(bare(payload))
        return found

    def all_told(self, ear: Ear) -> Callable[[], bool]:
        """A condition: everyone's last was heard."""

        def reached() -> bool:
            told = self.told(ear)
            return all(lines[-1] in told[patient] for patient, lines in self.expected.items())

        return reached


def difference(told: dict[str, list[bytes]], expected: dict[str, list[bytes]]) -> dict[str, tuple[int, int]]:
    """Give how many outputs of each patient were lost or changed, and doubled or invented; empty if all is well."""
    found = {}
    for patient, lines in expected.items():
        want, have = Counter(lines), Counter(told[patient])
        if want != have:
            found[patient] = ((want - have).total(), (have - want).total())
    return found


async def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for a condition, looking now and then, in a thread: streams go on while it waits for an answer."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing of the kind within {seconds} s")
        await asyncio.sleep(0.02)
