"""A Ray cluster as the backend of joblib, for what is done record by record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import MissingExtraError, RequestError
from .cluster import connect, disconnect, free_processors


@contextmanager
def ray_jobs() -> Iterator[int]:
    """Let joblib work on a Ray cluster while the block lasts; give how many jobs there is room for.

    It is the one that `RAY_ADDRESS` names, else the one that runs on this machine, else one that is started for it.

    Raises
    ------
    MissingExtraError
        If joblib is not installed.
    RequestError
        If the cluster that is named cannot be reached, or has no processor to spare.
    """
    try:
        import joblib
    except ImportError:
        raise MissingExtraError("work in several processes", "train") from None
    from ray.util.joblib import register_ray

    if named := os.environ.get("RAY_ADDRESS"):
        connect(named)
    else:
        try:
            connect("auto")
        except RequestError:
            connect("local")
    try:
        register_ray()  # type: ignore[no-untyped-call]
        jobs = free_processors()  # Ray's backend would ask for all, and wait for those that a fleet has
        if not jobs:
            raise RequestError("the Ray cluster has no processor to spare", about="jobs")
        with joblib.parallel_config(backend="ray"):
            yield jobs
    finally:
        disconnect()
