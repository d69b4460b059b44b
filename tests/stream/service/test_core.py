"""The core that `subscribe` and each shard run: one call of the classifier a turn, nothing lost, doubled or changed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cores import Lines, alone, joined, make, names, payloads, restarted, schedule
from numpy.typing import NDArray

from ecg_stream.stream.networks import Models, load_models
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.service import core as core_module
from ecg_stream.stream.service.folder_ledger import FolderLedger
from ecg_stream.stream.service.state_folder import StateFolder


class Counting:
    """A classifier that counts its calls and their beats."""

    def __init__(self, models: Models) -> None:
        self._classifier = models.classifier
        self.calls: list[int] = []

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        self.calls.append(len(features))
        return self._classifier(features)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._classifier, name)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn takes all who wait, however slow the machine is."""
    monkeypatch.setattr(core_module, "ROUND_S", 3600.0)


async def test_a_ward_of_fifty_is_labelled_in_one_call_a_turn_and_each_is_as_alone() -> None:
    beds, sink = names(50), Lines()
    models = load_models()
    counting = Counting(models)
    core = make(sink, Models(models.detector, counting, models.record))
    streams = {name: list(payloads(number)) for name, number in beds.items()}
    for k in range(len(streams["bed-0"])):
        for name, messages in streams.items():
            core.take(name, messages[k], time.monotonic())
        before = len(counting.calls)
        await core.turn()
        # The last message may bring samples, and then ends the stream: one call for each of the two.
        assert len(counting.calls) - before <= (1 if k < len(streams["bed-0"]) - 1 else 2)
    assert sink.lines == alone(beds)
    assert sink.summaries == dict.fromkeys(beds, 1)
    beats = sum(counting.calls)
    assert beats == sum(line.startswith(b'{"type":"beat"') for lines in sink.lines.values() for line in lines)
    assert beats > 25 * len(counting.calls)


@pytest.mark.parametrize("seed", range(3))
async def test_lines_are_the_same_whoever_is_in_the_turn_beside(seed: int) -> None:
    """Messages of all come in any mixture; broken ones, and messages that overtake others, are among them."""
    chance = random.Random(seed)
    beds, sink = names(8), Lines()
    core = make(sink)
    streams = {name: list(payloads(number)) for name, number in beds.items()}
    for messages in streams.values():
        k = chance.randrange(1, len(messages) - 3)
        messages[k], messages[k + 1] = messages[k + 1], messages[k]  # the second lets two chunks through at once
    waiting = [name for name, messages in streams.items() for _ in messages]
    chance.shuffle(waiting)
    for name in waiting:
        core.take(name, streams[name].pop(0), time.monotonic())
        if chance.random() < 0.2:
            core.take(chance.choice(list(beds)), b'{"v":1}', time.monotonic())
        if chance.random() < 0.3:
            await core.turn()
    await core.drain()
    assert sink.lines == alone(beds)


async def test_nothing_is_saved_before_a_turn_is_handed_out(tmp_path: Path) -> None:
    """A save that is asked for in the middle of a turn waits for its end."""
    folder = StateFolder(tmp_path)
    saving: list[asyncio.Task[None]] = []

    class Asks(Lines):
        async def write(self, step: Step) -> None:
            if not saving:
                saving.append(asyncio.create_task(core.save()))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not list((tmp_path / "patients").iterdir())
            await super().write(step)

    core = make(Asks(), ledger=FolderLedger(folder))
    for name, number in names(3).items():
        core.take(name, payloads(number)[0], time.monotonic())
    await core.turn()
    await saving[0]
    assert {path.stem for path in (tmp_path / "patients").iterdir()} == {"bed-0", "bed-1", "bed-2"}
    folder.close()


@pytest.mark.parametrize("seed", range(4))
async def test_deaths_between_turns_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Some messages are only in the journal when it dies; some states are saved, some are not."""
    chance = random.Random(100 + seed)
    beds, sinks = names(5), [Lines()]
    core, folder = await restarted(tmp_path, sinks[0])
    for name, payload in schedule(beds, seed):
        core.take(name, payload, time.monotonic())
        if chance.random() < 0.3:
            await core.turn()
        if chance.random() < 0.05:
            await core.save()
        if chance.random() < 0.08:
            folder.close()  # the process is gone, and what it had in memory
            sinks.append(Lines())
            core, folder = await restarted(tmp_path, sinks[-1])
    await core.drain()
    folder.close()
    assert len(sinks) > 3
    assert joined(sinks) == alone(beds)
    assert sum((sink.summaries for sink in sinks), Counter()) == dict.fromkeys(beds, 1)


@pytest.mark.parametrize("steps", [7, 38, 71])
async def test_what_could_not_be_handed_out_is_not_saved_and_comes_after_the_restart(
    tmp_path: Path, steps: int
) -> None:
    """A sink fails in the middle of a turn of many patients."""
    beds, sinks = names(5), [Lines(fails_after=steps), Lines()]
    core, folder = await restarted(tmp_path, sinks[0])
    stream = schedule(beds, 1)

    async def until_it_fails() -> None:
        for number, (name, payload) in enumerate(stream):
            core.take(name, payload, time.monotonic())
            if number % 6 == 5:
                await core.turn()
            if number == 30:
                await core.save()

    with pytest.raises(OSError, match="disk is full"):
        await until_it_fails()
    await core.save()
    folder.close()
    core, folder = await restarted(tmp_path, sinks[1])
    for name, payload in stream:
        core.take(name, payload, time.monotonic())
    await core.drain()
    folder.close()
    assert joined(sinks) == alone(beds)
