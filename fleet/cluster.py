"""Ray: the only module that imports it. A cluster to run on, and the actors in it.

Both kinds of actors are named, detached, and restarted by Ray wherever there is room. A restarted actor gets the same
settings, and finds everything else where it left it: in the state store, and at the broker.
"""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import MissingExtraError, RequestError
from ..replay.demo import demo_record
from ..stream.pipeline import Pipeline, load_models

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray warns of the other setting

try:
    import ray
except ImportError:
    raise MissingExtraError("a fleet", "fleet") from None

from .coordinator import Coordinator
from .holding import ShardReport
from .in_thread import LoopThread
from .settings import FleetSettings
from .shard import Shard
from .state_store import open_store

T = TypeVar("T")

NAMESPACE = "ecg-stream"
OBJECT_STORE_BYTES = 100 << 20  # next to nothing of a fleet goes through Ray's object store
OWN_ROOM = 64  # shards for which a cluster of our own has room, however few processors the machine has
CALL_S = 120.0
AGAIN_S = 0.25
HEALTH = {"health_check_initial_delay_ms": 2000, "health_check_period_ms": 1000, "health_check_failure_threshold": 3}
"""How soon a node is taken for dead: Ray's own settings take 15 s and more."""


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
        self._actors[shard] = _remote(ShardActor, f"{self._settings.name}/{shard}", num_cpus=1).remote(
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
    pipeline = Pipeline(load_models(model))
    pipeline.push(next(demo_record(seconds=10).chunks(10_000)))
    pipeline.flush()


def _remote(kind: type, name: str, **options: Any) -> Any:
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


def connect(address: str, room: int = 1, *, log: bool = False) -> None:
    """Connect to a Ray cluster, or start one in this machine that lasts as long as this process.

    Parameters
    ----------
    address
        ``local`` for one of our own; ``auto`` for the one that runs on this machine; ``HOST:PORT`` of a cluster's
        head, from a machine of the cluster; ``ray://HOST:PORT`` from anywhere.
    room
        How many actors are to find room in a cluster of our own.
    log
        Whether what the actors log is printed here: by Ray, on stdout and stderr.

    Raises
    ------
    RequestError
        If there is no cluster.
    """
    options: dict[str, Any] = {"namespace": NAMESPACE, "logging_level": "error", "log_to_driver": log}
    if address == "local":
        cpus = max(room + 1, os.cpu_count() or 1)
        options |= {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
        options["_system_config"] = HEALTH
    try:
        with warnings.catch_warnings():  # the Ray client warns of what it then raises
            warnings.simplefilter("ignore")
            ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        why = str(error).strip().partition("\n")[0]
        raise RequestError(
            f"no Ray cluster at {address}: {why}; valid are local, auto, HOST:PORT and ray://HOST:PORT", about="cluster"
        ) from None


def free_processors() -> int:
    """Give how many processors of the cluster nobody has asked for."""
    return int(ray.available_resources().get("CPU", 0))  # type: ignore[no-untyped-call]


def disconnect() -> None:
    """Leave the cluster; one of our own ends."""
    ray.shutdown()


class Fleet:
    """A fleet on the cluster that is connected to, from outside."""

    def __init__(self, coordinator: Any) -> None:
        self._coordinator = coordinator

    @classmethod
    def start(cls, settings: FleetSettings, shards: int | None = None) -> Fleet:
        """Start a fleet, or go on with the one of this name.

        Raises
        ------
        RequestError
            If one of this name runs with other settings.
        """
        name = f"{settings.name}/coordinator"
        fleet = cls(_remote(CoordinatorActor, name, num_cpus=0).remote(settings, shards or 1))
        running = fleet._ask("settings")
        if running != settings:
            raise RequestError(f"a fleet '{settings.name}' runs with other settings: stop it first", about="fleet name")
        if shards is not None and fleet.status()["shards_wanted"] != shards:
            fleet.scale(shards)
        return fleet

    @classmethod
    def find(cls, name: str) -> Fleet:
        """Find a running fleet.

        Raises
        ------
        RequestError
            If there is none of this name.
        """
        try:
            return cls(ray.get_actor(f"{name}/coordinator", namespace=NAMESPACE))
        except ValueError:
            raise RequestError(f"no fleet '{name}' runs on this cluster", about="fleet name") from None

    def status(self) -> dict[str, Any]:
        """Say how it stands, see `Coordinator.status`."""
        status: dict[str, Any] = self._ask("status")
        return status

    def holders(self) -> dict[str, str]:
        """Give the shard of each patient."""
        holders: dict[str, str] = self._ask("holders")
        return holders

    def scale(self, shards: int) -> None:
        """Change the number of shards; returns at once."""
        self._ask("scale", shards)

    def stop(self) -> None:
        """Let all sessions be saved, and end the fleet."""
        self._ask("stop")
        ray.kill(self._coordinator)

    def pages(self) -> dict[str, bytes]:
        """Give the metrics of the shards that answer, in the Prometheus text format."""
        status = self.status()
        pages: dict[str, bytes] = {}
        for line in status["shards"]:
            with suppress(ValueError, ray.exceptions.RayError):
                actor: Any = ray.get_actor(f"{status['fleet']}/{line['shard']}", namespace=NAMESPACE)
                pages[line["shard"]] = ray.get(actor.page.remote(), timeout=5)
        return pages

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Call the coordinator, again while it is being restarted: nothing it is asked hurts when done twice.

        Raises
        ------
        RequestError
            If it is gone, or does not answer for `CALL_S`.
        """
        deadline = time.monotonic() + CALL_S
        while True:
            try:
                return ray.get(getattr(self._coordinator, method).remote(*arguments), timeout=CALL_S)
            except ray.exceptions.ActorUnavailableError:
                if time.monotonic() > deadline:
                    raise RequestError(f"the fleet's coordinator has not answered for {CALL_S:g} s") from None
                time.sleep(AGAIN_S)
            except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError) as error:
                why = str(error).strip().partition("\n")[0]
                raise RequestError(f"the fleet's coordinator is not there: {why}: start the fleet again") from None
