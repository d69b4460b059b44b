"""A service's core for tests: what comes in, a sink that keeps it, and restarts on a folder."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from wards import chunks_of, messages_of, replayed

from ecg_stream.stream.networks import Models, load_models
from ecg_stream.stream.run.engine import Sink, Step
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.summary import Summary
from ecg_stream.stream.run.turn import Limits
from ecg_stream.stream.service.core import Core
from ecg_stream.stream.service.folder_ledger import FolderLedger
from ecg_stream.stream.service.ledger import NoLedger
from ecg_stream.stream.service.state_folder import StateFolder
from ecg_stream.stream.service.topics import Topics

SECONDS = 20.0


class Lines(Sink):
    """Keeps the lines and the steps of each patient; fails when it has taken so many steps."""

    def __init__(self, fails_after: float = float("inf")) -> None:
        self.lines: dict[str, list[bytes]] = {}
        self.whole: list[bytes] = []
        """All lines with their streams and times; `lines` is without."""
        self.steps: list[Step] = []
        self.summaries: Counter[str] = Counter()
        self._left = fails_after

    async def __aexit__(self, *_: object) -> None:
        pass

    async def write(self, step: Step) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError("the disk is full")
        self.steps.append(step)
        self.whole.extend(encode_line(step.record, output, step.origin) for output in step.outputs)
        self.lines.setdefault(step.record, []).extend(encode_line(step.record, output) for output in step.outputs)

    async def finish(self, record: str, summary: Summary) -> None:
        self.summaries[record] += 1


def make(sink: Lines, models: Models | None = None, ledger: Any = None, limits: Limits | None = None) -> Core:
    """A core that publishes nothing: the journal would keep what no broker confirms."""
    return Core(
        models or load_models(), ledger or NoLedger(), limits or Limits(), Topics(), publish=False, sinks=[sink]
    )


@cache
def payloads(bed: int) -> tuple[bytes, ...]:
    """What a bed publishes, a message a second; the last ends the stream."""
    return tuple(message.payload for message in messages_of(chunks_of(bed, SECONDS), 1.0))


def alone(beds: dict[str, int]) -> dict[str, list[bytes]]:
    """What each bed's pipeline alone gives."""
    return {name: replayed_bed(number) for name, number in beds.items()}


@cache
def replayed_bed(bed: int) -> list[bytes]:
    return replayed(f"bed-{bed}", chunks_of(bed, SECONDS))


def names(count: int) -> dict[str, int]:
    return {f"bed-{number}": number for number in range(count)}


def schedule(beds: dict[str, int], seed: int) -> Iterator[tuple[str, bytes]]:
    """All messages of all beds, in a mixture."""
    chance = random.Random(seed)
    streams = {name: list(payloads(number)) for name, number in beds.items()}
    order = [name for name, messages in streams.items() for _ in messages]
    chance.shuffle(order)
    for name in order:
        yield name, streams[name].pop(0)


async def restarted(tmp_path: Path, sink: Lines) -> tuple[Core, StateFolder]:
    """What a service does at its start."""
    folder = StateFolder(tmp_path)
    ledger = FolderLedger(folder)
    core = make(sink, ledger=ledger)
    recovered = ledger.recover(None)
    core.take_up(recovered)
    await core.take_again(recovered.since, recovered.pressed)
    await core.save()
    return core, folder


def joined(sinks: Sequence[Lines]) -> dict[str, list[bytes]]:
    lines: dict[str, list[bytes]] = {}
    for sink in sinks:
        for name, told in sink.lines.items():
            lines.setdefault(name, []).extend(told)
    return lines
