"""A Ray cluster as the backend of joblib, for what is done record by record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import MissingExtraError, RequestError
from .cluster import connect, disconnect


@contextmanager
def ray_jobs() -> Iterator[None]:
    """Let joblib work on a Ray cluster while the block lasts.

    It is the one that `RAY_ADDRESS` names, else the one that runs on this machine, else one that is started for it.

    Raises
    ------
    MissingExtraError
        If joblib is not installed.
    RequestError
        If the cluster that is named cannot be reached.
    """
    try:
        import joblib
    except ImportError:
        raise MissingExtraError("--jobs", "train") from None
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
        with joblib.parallel_config(backend="ray"):
            yield
    finally:
        disconnect()
