"""A Ray cluster to run on, and a fleet in it as its user sees it: start, find, ask, scale, stop."""

from __future__ import annotations

import os
import secrets
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import RequestError
from .actors import NAMESPACE, CoordinatorActor, named_actor
from .ray_library import ray
from .settings import FleetSettings
from .watched import first_line

OBJECT_STORE_BYTES = 100 << 20  # next to nothing of a fleet goes through Ray's object store
OWN_ROOM = 64  # shards for which a cluster of our own has room, however few processors the machine has
CALL_S = 120.0
AGAIN_S = 0.25
HEALTH = {"health_check_initial_delay_ms": 2000, "health_check_period_ms": 1000, "health_check_failure_threshold": 3}
"""How soon a node is taken for dead: Ray's own settings take 15 s and more."""


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
    if address == "local" or address.rpartition(":")[0] in ("127.0.0.1", "localhost"):
        _stay_on_loopback()
    if address == "local":
        keep_token_to_ourselves()
        cpus = max(room + 1, os.cpu_count() or 1)
        options |= {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
        options["_system_config"] = HEALTH
    try:
        with warnings.catch_warnings():  # the Ray client warns of what it then raises
            warnings.simplefilter("ignore")
            ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        why = first_line(error)
        raise RequestError(
            f"no Ray cluster at {address}: {why}; valid are local, auto, HOST:PORT and ray://HOST:PORT", about="cluster"
        ) from None


def _stay_on_loopback() -> None:
    """Let a cluster of our own listen on the loopback interface only: who reaches it could run anything in it.

    Ray does so of itself on Windows and macOS; elsewhere it puts the machine's address in the place of this one, also
    where a command looks for a cluster.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # for the processes that it starts
    constants: Any = sys.modules.get("ray._private.ray_constants")
    if constants is not None and hasattr(constants, "ENABLE_RAY_CLUSTER"):
        constants.ENABLE_RAY_CLUSTER = False  # for this one, which has read the variable


def keep_token_to_ourselves() -> None:
    """Make the token that a cluster asks for, if there is none: Ray would, for all users of the machine to read."""
    known = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    if known or os.environ.get("RAY_AUTH_MODE", "token") != "token":
        return
    path = Path.home() / ".ray" / "auth_token"
    with suppress(OSError):  # there is one, or Ray says what is wrong
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_hex(32))


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
        fleet = cls(named_actor(CoordinatorActor, name, num_cpus=0).remote(settings, shards or 1))
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
                why = first_line(error)
                raise RequestError(f"the fleet's coordinator is not there: {why}: start the fleet again") from None
