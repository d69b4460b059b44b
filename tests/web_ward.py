"""A ward in a browser, for tests: a server in a thread of its own, and patients whose steps were made before."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Priority
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.engine import Session, Step
from ecg_stream.stream.run.summary import RunningSummary
from ecg_stream.stream.web.access import Access
from ecg_stream.stream.web.address import HttpAddress, url_of
from ecg_stream.stream.web.server import serving
from ecg_stream.stream.web.ward import WebWard

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHUNK_MS = 200.0


@cache
def made_steps(start: float = 0.0, seconds: float = 30.0, faster: float = 1.0, off: bool = False) -> tuple[Step, ...]:
    """What the pipeline makes of a part of the demo, counted from 0.

    `faster` says that it was sampled at so many times the rate, which makes the heart beat faster; `off` takes the
    second lead off after a second.
    """
    record = demo_record()
    session = Session("", Pipeline())
    steps = []
    first = round(start * record.fs)
    for chunk in record.chunks(CHUNK_MS * faster, start, start + seconds):
        samples = chunk.samples.copy()
        if off and chunk.start > first + record.fs:
            samples[:, 1] = np.nan
        steps.append(session.push(Chunk(chunk.start - first, chunk.fs * faster, chunk.leads, samples)))
    return tuple(steps)


def later(step: Step, patient: str, seconds: float) -> Step:
    """The same step of a patient, so much later in the stream."""
    assert step.chunk is not None
    samples = round(seconds * step.chunk.fs)
    outputs = [replace(each, sample=each.sample + samples, time=each.time + seconds) for each in step.outputs]
    return replace(step, record=patient, chunk=replace(step.chunk, start=step.chunk.start + samples), outputs=outputs)


def alert_step(
    patient: str, name: str, priority: Priority, state: str = "begin", why: str = "no beat for 4 s", at_s: float = 30.0
) -> Step:
    """A fifth of a second of a patient in which an alert is told."""
    chunk = made_steps()[0].chunk
    assert chunk is not None
    start = round(at_s * chunk.fs)
    alert = Alert(name, priority, state, start, at_s, 4000.0, why, start)  # type: ignore[arg-type]
    return Step(patient, replace(chunk, start=start), [alert], 0.1, 0.0)


class WebServer:
    """Serves a ward in a thread of its own; it can be stopped and started again at the same port."""

    def __init__(self, ward: WebWard | None = None, port: int = 0, **access: Any) -> None:
        self.ward = ward or WebWard("mqtt://ward  context")
        self._access = access
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._over: asyncio.Event | None = None

    def start(self) -> None:
        listener = HttpAddress("127.0.0.1", self.port).listen()
        self.url = url_of(listener)
        self.port = listener.getsockname()[1]
        access = Access.of(HttpAddress("127.0.0.1", self.port), **self._access)
        ready = threading.Event()

        async def serve() -> None:
            self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
            async with serving(self.ward, access, listener):
                ready.set()
                await self._over.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="web ward")
        self._thread.start()
        ready.wait(10)

    def stop(self) -> None:
        if self._thread is not None and self._loop is not None and self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(10)
            self._thread = None

    def write(self, *steps: Step) -> None:
        """Let the ward take steps, in the server's loop."""

        async def take() -> None:
            for step in steps:
                await self.ward.write(step)

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(take(), self._loop).result(10)

    def do(self, what: Callable[[], object]) -> None:
        """Do something in the server's loop."""

        async def done() -> None:
            what()

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    def finish(self, patient: str) -> None:
        """Let a patient's session end."""
        assert self._loop is not None
        ending = self.ward.finish(patient, RunningSummary().result(1.0))
        asyncio.run_coroutine_threadsafe(ending, self._loop).result(10)


@contextmanager
def running(ward: WebWard | None = None, **access: Any) -> Iterator[WebServer]:
    server = WebServer(ward, **access)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Patients:
    """Patients who send in real time, from a thread of its own, until it is stopped."""

    def __init__(self, server: WebServer, patients: dict[str, Sequence[Step]]) -> None:
        self._server = server
        self._patients = patients
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, name="patients")
        self.sent_beats: list[tuple[str, Beat]] = []

    def __enter__(self) -> Patients:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _play(self) -> None:
        began = time.monotonic()
        k = 0
        while not self._over.is_set():
            steps = []
            for patient, made in self._patients.items():
                turn, at = divmod(k, len(made))
                last = made[-1].chunk
                assert last is not None
                length = (last.start + len(last.samples)) / last.fs
                steps.append(later(made[at], patient, turn * length))
            for each in steps:
                self.sent_beats += [(each.record, beat) for beat in each.outputs if isinstance(beat, Beat)]
            self._server.write(*steps)
            k += 1
            self._over.wait(max(0.0, began + k * CHUNK_MS / 1000 - time.monotonic()))
