"""The asyncio engine: a source of chunks, a pipeline, sinks.

::

    source ──► bounded queue ──► Session.push ──► sink, sink, ...

Two named tasks in a `TaskGroup`: one reads the source, one pushes chunks through the pipeline and hands each
`Step` to the sinks in turn. The queue lets each of them run in bursts, so that at full speed a task switch is
paid once for many chunks; it is bounded, so that a slow sink slows the source down instead of filling memory.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol, runtime_checkable

from ..core.messages import Chunk, Output
from .origin import Origin
from .standing import Standing, may_have_begun
from .summary import RunningSummary, Summary

QUEUE_CHUNKS = 16


class Source(Protocol):
    """Where chunks come from: an async iterable, which paces them or not."""

    @property
    def lag_ms(self) -> float:
        """How late, in ms, the chunk given last was, after it was due; 0 where nothing is due."""
        ...

    def __aiter__(self) -> AsyncIterator[Chunk]:
        """Give the chunks in order."""
        ...


class Processor(Protocol):
    """What turns chunks into outputs: a `Pipeline`."""

    def push(self, chunk: Chunk, /) -> list[Output]:
        """Take the next chunk; give what it completes."""
        ...

    def flush(self) -> list[Output]:
        """End the stream; give what was held back."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one chunk led to.

    Attributes
    ----------
    record
        Name of the record or patient.
    chunk
        The chunk; None for the step that ends a stream.
    outputs
        What the pipeline gave for it.
    compute_ms
        Wall time it spent in the pipeline.
    lag_ms
        How late it was.
    origin
        The stream, and its time of day; None where it has no name.
    lines
        The outputs as JSON, where somebody has encoded them already, see `run.jsonl`; else none.
    """

    record: str
    chunk: Chunk | None
    outputs: list[Output]
    compute_ms: float
    lag_ms: float
    origin: Origin | None = None
    lines: Sequence[bytes] = ()


class Sink(AbstractAsyncContextManager["Sink", None], Protocol):
    """Where results go. It is opened and closed as a context manager, and may serve many records at once."""

    async def write(self, step: Step) -> None:
        """Take what one chunk led to."""
        ...

    async def finish(self, record: str, summary: Summary) -> None:
        """Take the summary of a record that has ended."""
        ...


@runtime_checkable
class BatchSink(Protocol):
    """A sink that takes many steps for little more than one."""

    async def write_all(self, steps: Sequence[Step]) -> None:
        """Take what several chunks led to, of any records, in order."""
        ...


class Session:
    """One record's or patient's pipeline with its running summary: a chunk in, a `Step` out.

    Parameters
    ----------
    record
        Name of the record or patient.
    processor
        The pipeline.
    first
        Index of the first sample that counts. Chunks before it go to `prepare`; beats and events of what is before it
        are not told, but for what then stands of the leads, and the rhythms that go on.
    origin
        The stream; None is one that is live, whose time counts from the arrival of its first chunk.
    """

    def __init__(self, record: str, processor: Processor, first: int = 0, origin: Origin | None = None) -> None:
        self.record = record
        self.first = first
        self.origin = origin
        self._processor = processor
        self._standing = Standing()
        self._summary = RunningSummary()
        self._began: float | None = None

    def prepare(self, chunk: Chunk) -> None:
        """Take a chunk that does not count, before all that do, through the pipeline."""
        for output in self._processor.push(chunk):
            self._standing.note(output)

    def _told(self, outputs: list[Output]) -> list[Output]:
        """Leave out what is before the first sample that counts."""
        if not self.first:
            return outputs
        told = [output for output in outputs if output.sample >= self.first or may_have_begun(output)]
        return [*self._standing.take(), *told]

    def push(self, chunk: Chunk, lag_ms: float = 0.0) -> Step:
        """Take the next chunk, which was `lag_ms` late, through the pipeline."""
        before = time.perf_counter()
        if self._began is None:
            self._began = before
        if self.origin is None:
            self.origin = Origin.arriving(None, chunk, round(1000 * time.time()))
        outputs = self._told(self._processor.push(chunk))
        compute_ms = 1000 * (time.perf_counter() - before)
        self._summary.add_chunk(chunk, compute_ms, lag_ms)
        self._summary.add_outputs(outputs)
        return Step(self.record, chunk, outputs, compute_ms, lag_ms, self.origin)

    def flush(self) -> Step:
        """End the stream."""
        before = time.perf_counter()
        outputs = self._told(self._processor.flush())
        self._summary.add_outputs(outputs)
        return Step(self.record, None, outputs, 1000 * (time.perf_counter() - before), 0.0, self.origin)

    def summary(self) -> Summary:
        """Give the summary so far."""
        return self._summary.result(0.0 if self._began is None else time.perf_counter() - self._began)


class StopRequest:
    """A wish, perhaps a signal's, that a run end early and in good order."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._event = asyncio.Event()

    def ask(self) -> None:
        """Ask for the end."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until the end is asked for."""
        await self._event.wait()


@contextmanager
def stopped_by_signals(*signals: signal.Signals) -> Iterator[StopRequest]:
    """Turn the first of `signals` (SIGINT and SIGTERM if none is named) into a `StopRequest`.

    A second one acts as it would have without this, so that a run that does not end can be broken off.
    For the main thread only.
    """
    request = StopRequest()
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}

    def handle(number: int, _frame: FrameType | None) -> None:
        request.signal = signal.Signals(number)
        restore()
        loop.call_soon_threadsafe(request.ask)

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    for each in signals or (signal.SIGINT, signal.SIGTERM):
        before[each] = signal.signal(each, handle)
    try:
        yield request
    finally:
        restore()


async def run(
    session: Session,
    source: Source,
    sinks: Sequence[Sink],
    stop: StopRequest | None = None,
    heard: Callable[[Step], Step] = lambda step: step,
) -> Summary:
    """Take `source` through `session` to all `sinks` until it ends or `stop` is asked for; `heard` may change steps.

    Either way the pipeline is flushed, the sinks get what it held back and the summary, and are closed. If
    the source, the pipeline or a sink fails, the others are stopped, the sinks are closed, and the first failure is
    raised as it is.
    """
    try:
        async with AsyncExitStack() as stack:
            for sink in sinks:
                await stack.enter_async_context(sink)
            await _stream(session, source, sinks, stop or StopRequest(), heard)
            summary = session.summary()
            for sink in sinks:
                await sink.finish(session.record, summary)
            return summary
    except BaseExceptionGroup as group:
        raise first_failure(group) from None


async def _stream(
    session: Session, source: Source, sinks: Sequence[Sink], stop: StopRequest, heard: Callable[[Step], Step]
) -> None:
    chunks: asyncio.Queue[tuple[Chunk, float] | None] = asyncio.Queue(QUEUE_CHUNKS)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_read(source, chunks), name="source")
        tasks.create_task(_work(session, chunks, sinks, heard), name="pipeline")
        stopping = tasks.create_task(stop.wait(), name="stop")
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        reading.cancel()
        await asyncio.wait({reading})
        await chunks.put(None)


async def _read(source: Source, chunks: asyncio.Queue[tuple[Chunk, float] | None]) -> None:
    async for chunk in source:
        await chunks.put((chunk, source.lag_ms))


async def _work(
    session: Session,
    chunks: asyncio.Queue[tuple[Chunk, float] | None],
    sinks: Sequence[Sink],
    heard: Callable[[Step], Step],
) -> None:
    while (item := await chunks.get()) is not None:
        if item[0].start < session.first:
            session.prepare(item[0])
            continue
        step = heard(session.push(*item))
        for sink in sinks:
            await sink.write(step)
    step = heard(session.flush())
    for sink in sinks:
        await sink.write(step)


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first failure in a group, however deep."""
    error = group.exceptions[0]
    return first_failure(error) if isinstance(error, BaseExceptionGroup) else error
