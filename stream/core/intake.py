"""From what a caller has (lists, integers, one lead in one dimension, microvolts) to what the stages take.

Each function gives the stated type or raises one line that says what was got, what is valid and what to do. None
guesses: an array that lies on its side is refused, and not turned.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import StreamError
from .units import millivolts

MOST_LEADS = 64
"""More columns than this, and more than rows, are no leads: the array lies on its side."""


def as_index(start: Any) -> int:
    """Give the index of a sample.

    Raises
    ------
    StreamError
        If it is no whole number.
    """
    try:
        return operator.index(start)
    except TypeError:
        raise StreamError(f"got {start!r} as the index of a chunk's first sample: valid is a whole number") from None


def as_rate(fs: Any) -> float:
    """Give a sampling rate in hertz.

    Raises
    ------
    StreamError
        If it is no finite number.
    """
    try:
        rate = float(fs)
    except (TypeError, ValueError):
        rate = math.nan
    if isinstance(fs, str) or not math.isfinite(rate):
        raise StreamError(f"got {fs!r} as the sampling rate: valid is a number, in hertz")
    return rate


def as_leads(leads: str | Iterable[str]) -> tuple[str, ...]:
    """Give the names of the leads; a single name is one lead.

    Raises
    ------
    StreamError
        If there is none, one is no name, or one is named twice.
    """
    try:
        names = (leads,) if isinstance(leads, str) else tuple(leads)
    except TypeError:
        names = ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise StreamError(f"got {leads!r} as the leads: valid are names, such as ['II', 'V5']")
    if len(set(names)) < len(names):
        raise StreamError(f"got the leads {', '.join(names)}: valid are names of which no two are the same")
    return names


def as_samples(samples: ArrayLike, n_leads: int | None = None, unit: str = "mV") -> NDArray[np.float64]:
    """Give samples as the stages take them; what is so already is not copied.

    Parameters
    ----------
    samples
        ``(n_samples, n_leads)``, or ``(n_samples,)`` of one lead; integers, floats of any size, lists, masked arrays.
    n_leads
        How many leads there must be; None takes as many as come.
    unit
        Of the samples: V, mV, uV or nV, as `units.millivolts` spells them.

    Returns
    -------
    NDArray
        ``(n_samples, n_leads)`` float64 in millivolts; NaN where a value is NaN, None or masked.

    Raises
    ------
    StreamError
        If they are no numbers, or of another shape, or there is no such unit.
    """
    factor = unit_factor(unit)
    x = _as_numbers(samples)
    if x.ndim == 1 and (n_leads in (None, 1) or not len(x)):
        x = x.reshape(len(x), n_leads or 1)
    wanted = "n_leads" if n_leads is None else n_leads
    if x.ndim != 2 or (n_leads is not None and x.shape[1] != n_leads) or x.shape[1] == 0:
        turned = x.ndim == 2 and x.shape[0] == n_leads
        raise StreamError(
            f"got samples of shape {x.shape}: valid is (n_samples, {wanted})"
            + (", or (n_samples,) of one lead" if n_leads in (None, 1) else "")
            + (": turn them with .T" if turned else "")
        )
    if x.shape[1] > max(MOST_LEADS, x.shape[0]):
        raise StreamError(
            f"got samples of shape {x.shape}: valid is (n_samples, n_leads), up to {MOST_LEADS} leads: "
            "turn them with .T"
        )
    return x if factor == 1.0 else x * factor


def unit_factor(unit: str) -> float:
    """Give the millivolts in a unit.

    Raises
    ------
    StreamError
        If it is no voltage.
    """
    factor = millivolts(unit) if isinstance(unit, str) else None
    if factor is None:
        raise StreamError(f"got the unit {unit!r}: valid are V, mV, uV (or µV) and nV")
    return factor


def _as_numbers(samples: ArrayLike) -> NDArray[np.float64]:
    if isinstance(samples, np.ma.MaskedArray):
        samples = np.where(np.ma.getmaskarray(samples), np.nan, np.ma.getdata(samples))
    try:
        x = np.asarray(samples)
        if x.dtype == object:  # None stands for no measurement, as in JSON
            x = x.astype(np.float64)
    except (TypeError, ValueError):
        raise StreamError(
            f"got samples that make no array of numbers ({type(samples).__name__}): valid is (n_samples, n_leads), "
            "every sample with as many leads"
        ) from None
    if x.size and x.dtype.kind not in "iuf":
        raise StreamError(f"got samples of type {x.dtype}: valid are integers and floating-point numbers")
    return np.asarray(x, dtype=np.float64)
