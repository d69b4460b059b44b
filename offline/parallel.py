"""One function over many records, several at a time, by joblib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ..errors import MissingExtraError

T = TypeVar("T")


def in_parallel(function: Callable[..., T], calls: Iterable[tuple[Any, ...]], jobs: int = 1) -> Iterator[T]:
    """Call `function` with each of the argument lists; give the results in their order.

    Parameters
    ----------
    function
        One that can be pickled, where there is more than one job.
    calls
        Argument lists, taken in order, not all at once.
    jobs
        How many processes work at it; -1 for as many as there are processors, or as the joblib backend that is set has.

    Raises
    ------
    MissingExtraError
        If joblib is needed and not installed.
    """
    if jobs == 1:
        yield from (function(*arguments) for arguments in calls)
        return
    try:
        from joblib import Parallel, delayed
        from joblib.parallel import get_active_backend
    except ImportError as error:
        raise MissingExtraError("work in several processes", "train") from error
    backend, _ = get_active_backend()
    # Ray's gives all results at the end.
    return_as = "generator" if getattr(backend, "supports_return_generator", False) else "list"
    yield from Parallel(n_jobs=jobs, return_as=return_as)(delayed(function)(*arguments) for arguments in calls)
