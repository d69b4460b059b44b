"""`--jobs`: how many records are worked at at a time, and where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypeAlias

import typer

from ..errors import RequestError

Jobs: TypeAlias = Annotated[
    str,
    typer.Option(metavar="N|ray", help="Records at a time, each in a process of its own; ray: over a Ray cluster."),
]


@contextmanager
def parallel(jobs: str) -> Iterator[int]:
    """Give what `in_parallel` takes for what was asked, while the block lasts.

    Raises
    ------
    RequestError
        If it is no number of jobs.
    """
    if jobs == "ray":
        from ..fleet.parallel import ray_jobs

        with ray_jobs() as n_jobs:
            yield n_jobs
        return
    if not (jobs.isascii() and jobs.isdigit() and int(jobs) >= 1):
        raise RequestError(f"no number of jobs '{jobs}': valid for --jobs are whole numbers from 1, and ray")
    yield int(jobs)
