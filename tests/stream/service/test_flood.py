"""The short form of `tests/flood.py`: what is kept is bounded, whoever sends what, and nobody beside notices."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from broken_payloads import mutations
from cores import Lines, alone, make, names, schedule

from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.run.turn import Limits
from ecg_stream.stream.service.codec import Wave, encode_wave
from ecg_stream.stream.service.session import MAX_HELD_BYTES, SCARCE_HELD_BYTES
from ecg_stream.stream.service.wall_clock import WallClock

LIMITS = Limits(patients=60, queue_bytes=400_000, total_bytes=2_000_000, held_bytes=2_000_000)
WIDE = tuple(f"L{k}" for k in range(16))
HOLES = 20
CHUNK = 1000 * 16 * 8  # bytes of a wide chunk


def hostile(chance: random.Random) -> list[tuple[str, bytes]]:
    """Fuzzed payloads, many ids, floods and holes, in a mixture."""
    second = encode_wave(Wave(Chunk(0, 250.0, ("II",), np.zeros((250, 1))), 0, "s"), "msgpack")
    made = [(f"fuzz-{k % 10}", payload) for k, payload in enumerate(mutations(1500, seed=3))]
    made += [(f"id-{k}", second) for k in range(300)]
    chance.shuffle(made)
    for patient in range(HOLES):
        for k in range(12):
            chunk = Chunk(0 if k == 0 else 2000 + 10 * k, 5000.0, WIDE, np.zeros((10 if k == 0 else 1000, 16)))
            at = chance.randrange(len(made))
            made.insert(at, (f"hole-{patient}", encode_wave(Wave(chunk, k, "s"), "msgpack")))
    big = np.zeros((1000, 16))
    flood = [encode_wave(Wave(Chunk(1000 * k, 1000.0, WIDE, big), k, "s"), "msgpack") for k in range(60)]
    return made + [("flood", payload) for payload in flood]


async def test_patients_beside_an_attack_lose_nothing_and_memory_is_bounded() -> None:
    chance = random.Random(7)
    beds, sink = names(3), Lines()
    core = make(sink, limits=LIMITS)
    attack = hostile(chance)
    good = list(schedule(beds, 2))
    for name, payload in good[:6]:  # they are there before
        core.take(name, payload, time.monotonic())
    await core.drain()
    rest = good[6:]
    step = len(attack) // len(rest) + 1
    held = 0
    for k, (name, payload) in enumerate(rest):
        for who, what in attack[k * step : (k + 1) * step]:
            core.take(who, what, time.monotonic())
        core.take(name, payload, time.monotonic())
        await core.turn()
        assert core.patients.queues._bytes <= LIMITS.total_bytes
        held = max(held, core.patients.held.n_bytes)
        assert len(core.patients) <= LIMITS.patients
        assert len(core.patients.ids()) <= 2 * LIMITS.patients
    await core.drain()
    assert held <= LIMITS.held_bytes + MAX_HELD_BYTES + HOLES * (SCARCE_HELD_BYTES + CHUNK)
    assert {name: sink.lines[name] for name in beds} == alone(beds)


def test_a_clock_that_is_set_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = WallClock()
    assert clock.look() == 0.0
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 3600)
    assert clock.look() == pytest.approx(3600, abs=0.5)
    assert clock.look() == 0.0
    (record,) = caplog.records
    assert "clock was set by +3600." in record.getMessage()
