"""The player: chunks when they are due, by a clock that only the test moves."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
from collections.abc import Callable

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.player import YIELD_S, Player
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.run.engine import Source


class Clock:
    """A clock that moves when someone sleeps, or when the test says that work takes time."""

    def __init__(self, oversleeps: float = 0.0) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []
        self._oversleeps = oversleeps

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds + (self._oversleeps if seconds else 0.0)


async def given_at(
    clock: Clock, speed: float | None, chunk_ms: float = 100, work: Callable[[int], float] = lambda k: 0.0, n: int = 500
) -> tuple[list[float], list[float]]:
    """When each chunk was given, and the lag, both in ms; `work` is how long the consumer takes for chunk k."""
    player = Player(itertools.islice(demo_record().chunks(chunk_ms), n), speed, clock=clock, sleep=clock.sleep)
    times, lags = [], []
    async for _ in player:
        times.append(1000 * (clock.now - 1000))
        lags.append(player.lag_ms)
        clock.now += work(len(times) - 1)
    return times, lags


async def test_a_chunk_is_given_when_its_last_sample_is_there() -> None:
    times, lags = await given_at(Clock(), 1)
    assert times == pytest.approx([100 * (k + 1) for k in range(500)])
    assert lags == pytest.approx([0] * 500, abs=1e-6)


@pytest.mark.parametrize("speed", [0.5, 2, 60])
async def test_a_multiple_of_real_time(speed: float) -> None:
    times, _ = await given_at(Clock(), speed)
    assert times == pytest.approx([100 * (k + 1) / speed for k in range(500)])


async def test_what_is_before_the_first_sample_is_given_at_once() -> None:
    clock = Clock()
    player = Player(demo_record().chunks(1000, 0, 8), 1, 1250, clock=clock, sleep=clock.sleep)
    times = [clock.now - 1000 async for _ in player]
    assert times == pytest.approx([0, 0, 0, 0, 0, 1, 2, 3])


async def test_oversleeping_does_not_add_up() -> None:
    times, lags = await given_at(Clock(oversleeps=0.003), 1)
    assert times == pytest.approx([100 * (k + 1) + 3 for k in range(500)])
    assert lags == pytest.approx([3] * 500)


async def test_chunks_of_uneven_length_keep_the_schedule() -> None:
    clock = Clock()
    player = Player(demo_record(fs=128.0).chunks(100), 1, clock=clock, sleep=clock.sleep)
    async for chunk in player:
        assert clock.now - 1000 == pytest.approx((chunk.start + len(chunk.samples)) / 128)


async def test_late_chunks_follow_at_once_until_the_schedule_is_met() -> None:
    times, lags = await given_at(Clock(), 1, work=lambda k: 0.35 if k == 4 else 0.0)
    assert times[:10] == pytest.approx([100, 200, 300, 400, 500, 850, 850, 850, 900, 1000])
    assert lags[:10] == pytest.approx([0, 0, 0, 0, 0, 250, 150, 50, 0, 0], abs=1e-6)


async def test_a_part_begins_at_once() -> None:
    clock = Clock()
    player = Player(demo_record().chunks(100, start_s=300, end_s=301), clock=clock, sleep=clock.sleep)
    assert [round(clock.now - 1000, 6) async for _ in player] == pytest.approx([0.1 * (k + 1) for k in range(10)])


async def test_full_speed_waits_for_nothing_and_lets_others_run() -> None:
    clock = Clock()
    times, lags = await given_at(clock, None, work=lambda k: 0.001)
    assert times[-1] == pytest.approx(499)
    assert set(lags) == {0.0}
    assert set(clock.sleeps) == {0}
    assert len(clock.sleeps) == pytest.approx(500 * 0.001 / YIELD_S, rel=0.1)


async def test_a_player_that_is_always_late_lets_others_run_too() -> None:
    clock = Clock()
    await given_at(clock, 1, work=lambda k: 0.2)
    assert clock.sleeps.count(0) == 499


async def test_a_pause_shifts_the_schedule_and_another_speed_begins_it_anew() -> None:
    clock = Clock()
    player = Player(itertools.islice(demo_record().chunks(100), 30), 1, clock=clock, sleep=clock.sleep)
    times = []
    async for _ in player:
        times.append(round(clock.now - 1000, 6))
        if len(times) == 10:
            player.pause()
            assert player.paused
            clock.now += 60
            player.resume()
        if len(times) == 20:
            player.speed = 2
    assert times[:10] == pytest.approx([0.1 * (k + 1) for k in range(10)])
    assert times[10:20] == pytest.approx([61 + 0.1 * (k + 1) for k in range(10)])
    assert times[20:] == pytest.approx([62 + 0.05 * (k + 1) for k in range(10)])


async def test_a_player_that_hurries_pauses_where_it_was_to_go() -> None:
    clock = Clock()
    player = Player(itertools.islice(demo_record().chunks(100), 100), 1, clock=clock, sleep=clock.sleep)
    player.pause()
    player.hurry(5.05)
    given = []

    async def read() -> None:
        async for chunk in player:
            given.append((chunk.start + len(chunk.samples)) / chunk.fs)  # noqa: PERF401  it is looked at meanwhile

    reading = asyncio.create_task(read())
    while not player.paused:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0)
    assert given[-1] == pytest.approx(5.1)
    assert clock.now == 1000
    player.hurry(math.inf)
    while not player.at_end:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert given[-1] == pytest.approx(10.0)
    assert player.paused
    assert not reading.done(), "what is on the screen stays there"
    player.resume()
    await reading


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_cannot_be_is_told(speed: float) -> None:
    message = f"a speed of {speed:g} cannot be played: valid are numbers above 0, and max"
    with pytest.raises(RequestError, match=re.escape(message)):
        Player([], speed)


def test_a_player_is_a_source_of_the_engine() -> None:
    chunks: list[Chunk] = []
    source: Source = Player(chunks)
    assert source.lag_ms == 0
