"""The actors of a fleet: a shard and the coordinator, as Ray runs them.

Both kinds of actors are named, detached, and restarted by Ray wherever there is room. A restarted actor gets the same
settings, and finds everything else where it left it: in the state store, and at the broker.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..errors import RequestError
from ..replay.demo import demo_record
from ..stream.first_start import compile_loops
from ..stream.pipeline import Pipeline, load_models
from .coordinator import Coordinator
from .holding import ShardReport
from .in_thread import LoopThread
from .ray_library import ray
from .settings import FleetSettings
from .shard import Shard
from .state_store import open_store

T = TypeVar("T")

NAMESPACE = "ecg-stream"


class ShardActor:
    """A shard as Ray runs it."""

    def __init__(self, name: str, settings: FleetSettings) -> None:
        # Ray starts no actor again whose constructor has failed, so what may fail is done in the thread.
        self._name = name
        self._settings = settings
        self._started: Shard | None = None
        self._thread = LoopThread(self._run)
        context = ray.get_runtime_context()
        host = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        self._place = {"node": context.get_node_id(), "host": host, "pid": os.getpid()}

    def report(self, known: int | None) -> tuple[ShardReport, dict[str, Any]]:
        """See `Shard.report`; with it comes where the shard is."""
        self._shard()  # while it warms up the thread does not answer
        return self._thread.call(self._report(known)), self._place

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the shard in its loop."""
        return self._thread.call(getattr(self._shard(), method)(*arguments))

    def page(self) -> bytes:
        """Give the shard's metrics in the Prometheus text format."""
        return self._shard().metrics.page()

    async def _run(self) -> None:
        _warm_up(self._settings.model)
        self._started = Shard(self._name, self._settings, open_store(self._settings.state))
        await self._started.run()

    async def _report(self, known: int | None) -> ShardReport:
        return self._shard().report(known)

    def _shard(self) -> Shard:
        if self._started is None:
            raise RequestError(f"{self._name} is being started")
        return self._started


class RayShards:
    """The shards of a fleet, as actors; see `coordinator.Shards`."""

    def __init__(self, settings: FleetSettings) -> None:
        self._settings = settings
        self._actors: dict[str, Any] = {}  # Ray's own type for them knows no methods

    def start(self, shard: str) -> None:
        """Start a shard, if it is not there."""
        self._actors[shard] = named_actor(ShardActor, f"{self._settings.name}/{shard}", num_cpus=1).remote(
            shard, self._settings
        )

    async def report(self, shard: str, known: int | None) -> tuple[ShardReport, Mapping[str, Any]]:
        """Ask a shard how it stands, and where it runs."""
        answer: tuple[ShardReport, Mapping[str, Any]] = await self._actors[shard].report.remote(known)
        return answer

    async def call(self, shard: str, method: str, *arguments: Any) -> Any:
        """Call a shard's method."""
        return await self._actors[shard].call.remote(method, *arguments)

    def kill(self, shard: str) -> None:
        """Take a shard away for good."""
        ray.kill(self._actors.pop(shard))


class CoordinatorActor:
    """The coordinator as Ray runs it."""

    def __init__(self, settings: FleetSettings, count: int) -> None:
        self._settings = settings
        self._count = count
        self._shards = RayShards(settings)
        self._started: Coordinator | None = None
        self._ready = asyncio.Event()
        self._thread = LoopThread(self._run)

    def settings(self) -> FleetSettings:
        """Give the settings of the fleet."""
        return self._settings

    def status(self) -> dict[str, Any]:
        """See `Coordinator.status`; with it comes how many nodes there are."""
        status = self._thread.call(self._in_loop(lambda coordinator: coordinator.status()))
        nodes: int = sum(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
        return {**status, "nodes": nodes, "pid": os.getpid(), "address": ray.get_runtime_context().gcs_address}

    def holders(self) -> dict[str, str]:
        """See `Coordinator.holders`."""
        return self._thread.call(self._in_loop(lambda coordinator: coordinator.holders()))

    def scale(self, count: int) -> None:
        """See `Coordinator.scale`."""
        self._thread.call(self._in_loop(lambda coordinator: coordinator.scale(count)))

    def stop(self) -> None:
        """See `Coordinator.stop`; then the shards are taken away."""
        self._thread.call(self._stop())
        for line in self.status()["shards"]:
            self._shards.kill(line["shard"])

    async def _run(self) -> None:
        store = open_store(self._settings.state)
        self._started = Coordinator(self._settings, store, self._shards, self._count)
        self._ready.set()
        await self._started.run()

    async def _stop(self) -> None:
        await self._ready.wait()
        assert self._started is not None
        await self._started.stop()

    async def _in_loop(self, what: Callable[[Coordinator], T]) -> T:
        await self._ready.wait()
        assert self._started is not None
        return what(self._started)


def _warm_up(model: str) -> None:
    """Run some seconds through a pipeline, so that compiled code is loaded before a session at the broker is taken."""
    compile_loops()
    pipeline = Pipeline(load_models(model))
    pipeline.push(next(demo_record(seconds=10).chunks(10_000)))
    pipeline.flush()


def named_actor(kind: type, name: str, **options: Any) -> Any:
    """Give what starts an actor of this name, or finds the one that is there."""
    return ray.remote(kind).options(
        name=name,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        max_restarts=-1,
        max_concurrency=16,
        scheduling_strategy="SPREAD",
        **options,
    )
