import asyncio
import os
import signal
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Output, Rhythm
from ecg_stream.stream.run.engine import QUEUE_CHUNKS, Session, Step, StopRequest, run, stopped_by_signals
from ecg_stream.stream.run.known_alerts import KnownAlerts
from ecg_stream.stream.run.summary import Summary

CHUNKS = [Chunk(25 * k, 250.0, ("V4",), np.zeros((25, 1))) for k in range(100)]


def beat(sample: int) -> Beat:
    return Beat(sample, sample / 250, "N", (1.0, 0.0, 0.0, 0.0, 0.0), None, 148.0)


class LateByOne:
    """Gives a beat a chunk, each with the chunk after it; `flush` gives the last."""

    def __init__(self, fails_at: int | None = None) -> None:
        self._held: list[Output] = []
        self._fails_at = fails_at

    def push(self, chunk: Chunk) -> list[Output]:
        if chunk.start == self._fails_at:
            raise ValueError("the pipeline broke")
        ready, self._held = self._held, [beat(chunk.start)]
        return ready

    def flush(self) -> list[Output]:
        return self._held


class ListSource:
    """Gives chunks as fast as they are taken, and counts them; then fails, or waits for ever, or ends."""

    def __init__(self, chunks: list[Chunk], then: BaseException | asyncio.Event | None = None) -> None:
        self._chunks = chunks
        self._then = then
        self.given = 0
        self.lag_ms = 2.0

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        for chunk in self._chunks:
            self.given += 1
            yield chunk
        if isinstance(self._then, BaseException):
            raise self._then
        if self._then is not None:
            self._then.set()
            await asyncio.Event().wait()


class ListSink:
    """Keeps what it gets; may fail at the n-th step, or wait for leave at each."""

    def __init__(self, fails_at: int | None = None, gate: asyncio.Semaphore | None = None) -> None:
        self.steps: list[Step] = []
        self.summaries: dict[str, Summary] = {}
        self.open = False
        self.closed_with: list[type[BaseException] | None] = []
        self._fails_at = fails_at
        self._gate = gate

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open = False
        self.closed_with.append(kind)

    async def write(self, step: Step) -> None:
        assert self.open
        if self._gate is not None:
            await self._gate.acquire()
        if len(self.steps) == self._fails_at:
            raise BrokenPipeError
        self.steps.append(step)

    async def finish(self, record: str, summary: Summary) -> None:
        assert self.open
        self.summaries[record] = summary

    @property
    def beats(self) -> list[int]:
        return [output.sample for step in self.steps for output in step.outputs]


async def test_every_sink_gets_every_step_in_order_then_the_summary_then_is_closed() -> None:
    sinks = [ListSink(), ListSink()]
    summary = await run(Session("e0103", LateByOne()), ListSource(CHUNKS), sinks)
    for sink in sinks:
        assert [step.chunk for step in sink.steps] == [*CHUNKS, None]
        assert sink.beats == [chunk.start for chunk in CHUNKS]
        assert {step.record for step in sink.steps} == {"e0103"}
        assert sink.summaries == {"e0103": summary}
        assert sink.closed_with == [None]
    assert (summary.samples, summary.beats) == (2500, 100)
    assert summary.lag_ms.max == 2.0


async def test_what_is_known_is_not_repeated() -> None:
    class Repeats(LateByOne):
        def push(self, chunk: Chunk) -> list[Output]:
            at, state = chunk.start, "repeat" if chunk.start else "begin"
            return [Alert("asystole", "high", state, at, at / 250, 0.0, "why", 0)]  # type: ignore[arg-type]

    known, sink = KnownAlerts(), ListSink()
    known.acknowledge("e0103", ["asystole"], 600.0)

    def heard(step: Step) -> Step:
        kept = known.heard(step)
        if step.outputs and step.outputs[0].sample == 50:
            known.acknowledge("e0103", ["asystole"], 600.0)
        return kept

    await run(Session("e0103", Repeats()), ListSource(CHUNKS[:5]), [sink], heard=heard)
    assert [output.sample for step in sink.steps for output in step.outputs] == [0, 25, 50]


async def test_what_goes_on_when_a_part_begins_is_told_as_its_beginning() -> None:
    """Of what was run in silence, an alert that began and has not ended; and not one that has."""

    class Alarms(LateByOne):
        def push(self, chunk: Chunk) -> list[Output]:
            over = Alert("pause", "medium", "end", 20, 0.08, 0.0, "why", 10, 0.04)
            began = [Alert(name, "high", "begin", 10, 0.04, 0.0, "why", 10) for name in ("pause", "asystole")]
            again = Alert("asystole", "high", "repeat", 30, 0.12, 0.0, "why", 10, 0.08)
            ongoing = Rhythm("asystole", "begin", 10, 0.04, 0.0, "why")
            return [ongoing, *began, over, again] if not chunk.start else []

    sink = ListSink()
    await run(Session("e0103", Alarms(), first=50), ListSource(CHUNKS[:4]), [sink])
    told = [(type(output).__name__, getattr(output, "name", "")) for step in sink.steps for output in step.outputs]
    assert told == [("Rhythm", "asystole"), ("Alert", "asystole")]


async def test_an_empty_source_ends_at_once() -> None:
    sink = ListSink()
    summary = await run(Session("e0103", LateByOne()), ListSource([]), [sink])
    assert summary.beats == 0
    assert summary.realtime_factor is None
    assert sink.closed_with == [None]


async def test_asked_to_stop_it_flushes_sums_up_and_closes() -> None:
    waiting, stop, sink = asyncio.Event(), StopRequest(), ListSink()
    running = asyncio.create_task(run(Session("e0103", LateByOne()), ListSource(CHUNKS, waiting), [sink], stop))
    await waiting.wait()
    stop.ask()
    summary = await running
    assert sink.beats == [chunk.start for chunk in CHUNKS]
    assert sink.summaries == {"e0103": summary}
    assert sink.closed_with == [None]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_asks_to_stop_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    waiting, sink = asyncio.Event(), ListSink()
    with stopped_by_signals() as stop:
        assert signal.getsignal(number) is not before
        running = asyncio.create_task(run(Session("e0103", LateByOne()), ListSource(CHUNKS, waiting), [sink], stop))
        await waiting.wait()
        os.kill(os.getpid(), number)
        await running
        assert signal.getsignal(number) is before  # a second one is not held up
    assert stop.signal is number
    assert sink.beats == [chunk.start for chunk in CHUNKS]


async def test_a_slow_sink_holds_the_source_up() -> None:
    gate = asyncio.Semaphore(0)
    source, sink = ListSource(CHUNKS), ListSink(gate=gate)
    running = asyncio.create_task(run(Session("e0103", LateByOne()), source, [sink]))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert source.given == QUEUE_CHUNKS + 2  # one is with the sink, one waits for room in the queue
    for _ in range(len(CHUNKS) + 1):
        gate.release()
    await running
    assert len(sink.beats) == len(CHUNKS)


async def test_a_failing_sink_surfaces_as_it_is_and_all_sinks_are_closed() -> None:
    good, bad = ListSink(), ListSink(fails_at=3)
    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(run(Session("e0103", LateByOne()), ListSource(CHUNKS), [good, bad]), 10)
    assert len(good.closed_with) == len(bad.closed_with) == 1
    assert not good.summaries


async def test_a_failing_source_surfaces_as_it_is() -> None:
    sink = ListSink()
    with pytest.raises(LookupError, match="gone"):
        await asyncio.wait_for(run(Session("e", LateByOne()), ListSource(CHUNKS, LookupError("gone")), [sink]), 10)
    assert len(sink.closed_with) == 1


async def test_a_failing_pipeline_surfaces_while_the_source_waits_for_room() -> None:
    sink = ListSink()
    with pytest.raises(ValueError, match="the pipeline broke"):
        await asyncio.wait_for(run(Session("e", LateByOne(fails_at=0)), ListSource(CHUNKS), [sink]), 10)
    assert len(sink.closed_with) == 1


async def test_cancelled_from_outside_it_closes_the_sinks() -> None:
    waiting, sink = asyncio.Event(), ListSink()
    running = asyncio.create_task(run(Session("e0103", LateByOne()), ListSource(CHUNKS, waiting), [sink]))
    await waiting.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(sink.closed_with) == 1


async def test_the_tasks_have_names() -> None:
    waiting, stop = asyncio.Event(), StopRequest()
    running = asyncio.create_task(run(Session("e", LateByOne()), ListSource(CHUNKS, waiting), [ListSink()], stop))
    await waiting.wait()
    names = {task.get_name() for task in asyncio.all_tasks()}
    stop.ask()
    await running
    assert {"source", "pipeline"} <= names
