"""A column of times: the sampling rate that it says, and where samples are missing."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError

Floats = NDArray[np.float64]

TIME_NAMES = frozenset(
    [
        "time",
        "times",
        "t",
        "timestamp",
        "timestamps",
        "elapsedtime",
        "elapsed",
        "timeelapsed",
        "seconds",
        "second",
        "secs",
        "sec",
        "s",
        "ms",
        "msec",
        "milliseconds",
        "millisecond",
        "us",
        "usec",
        "microseconds",
        "ns",
        "datetime",
        "date",
        "timestampms",
        "timems",
        "unixtime",
        "clock",
    ]
)
INDEX_NAMES = frozenset(
    [
        "sample",
        "samples",
        "sampleno",
        "samplenumber",
        "samplenr",
        "sampleindex",
        "sampleid",
        "index",
        "idx",
        "frame",
        "counter",
        "unnamed0",
        "row",
    ]
)

SECONDS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3, "timestampms": 1e-3, "timems": 1e-3,
    "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "usec": 1e-6, "microseconds": 1e-6,
    "ns": 1e-9, "min": 60.0, "h": 3600.0,
}  # fmt: skip
"""Seconds in a unit of time, as columns spell it."""

GUESSED = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
LIKELY_HZ = 50.0, 2000.0
"""What a column without a unit is taken to say: the first unit in which the rate lies here; no two of them can."""

AGREES = 0.02
"""How far the column and a rate that was given may differ."""
MOST_UNEVEN = 0.2
LONGEST_GAP_S = 86_400.0
ROUND_HZ = 2e-4
"""A rate this close, relatively, to a whole number is that number."""


class Timing(NamedTuple):
    """What a column of times says.

    Attributes
    ----------
    fs
        Sampling rate, Hz.
    places
        ``(n,)`` place of each sample, in samples from the first; None where none is missing.
    note
        One line for a person; empty if there is nothing to say.
    step
        Time from sample to sample, in the column's own unit; None where it does not tell places.
    sure
        Whether the times are fine and many enough to tell one whole number of hertz from the next.
    """

    fs: float
    places: NDArray[np.int64] | None
    note: str = ""
    step: float | None = None
    sure: bool = True


def plain(name: str) -> str:
    """Bring the name of a column to the letters and digits that `TIME_NAMES` are written in."""
    return re.sub(r"[^a-z0-9µμ]", "", name.casefold())


def timing(file: str, name: str, unit: str, times: Floats, fs: float | None, first_line: int = 1) -> Timing:
    """Read a column of times.

    A step of more than one and a half sampling intervals is a gap. Samples are counted, and gaps rounded each for
    itself, so that neither jitter nor a rate that is not quite what the column says adds up.

    Parameters
    ----------
    file, name, unit
        Of the file and the column, for messages, and its unit; empty is to be told from the steps.
    times
        ``(n,)`` the values.
    fs
        Sampling rate that was given, Hz; None takes what the column says.
    first_line
        Line, or row, of the first value.

    Raises
    ------
    RecordError
        If times run backward, are uneven, say another rate than the one given, or do not tell a rate where none was.
    """
    if not np.isfinite(times).all():
        line = first_line + int(np.flatnonzero(~np.isfinite(times))[0])
        raise RecordError(f"{file} line {line} has no time in column {name or 1}")
    if len(times) < 3:
        if fs is None:
            raise RecordError(
                f"{file} has {len(times)} samples: too few to tell a sampling rate", about="sampling rate"
            )
        return Timing(fs, None)
    steps = np.diff(times)
    if (steps < 0).any():
        line = first_line + 1 + int(np.flatnonzero(steps < 0)[0])
        raise RecordError(f"{file} line {line}: the time in column {name or 1} runs backward")
    middle = float(np.median(steps))
    if middle == 0:
        if fs is None:
            raise RecordError(
                f"{file}: the times in column {name or 1} are too coarse to tell a sampling rate", about="sampling rate"
            )
        return Timing(fs, None, f"{file}: the times in column {name or 1} are too coarse to be used")
    regular = steps[(steps > 0.5 * middle) & (steps < 1.5 * middle)]
    if len(regular) < (1 - MOST_UNEVEN) * len(steps):
        raise RecordError(
            f"{file}: the times in column {name or 1} are uneven, {steps.min():g} to {steps.max():g} apart: "
            "bring it to one sampling rate"
        )
    step = float(regular.mean())
    rate = _rate(file, name, unit, step, fs, len(regular), _resolution(times))
    missing = np.where(steps > 1.5 * step, np.rint(steps / step).astype(np.int64) - 1, 0)
    if missing.max() > LONGEST_GAP_S * rate:
        line = first_line + 1 + int(missing.argmax())
        raise RecordError(
            f"{file} line {line}: the time jumps by {missing.max() / rate / 3600:,.0f} hours, more than a day: "
            "divide it into two recordings"
        )
    even = np.ptp(regular) < 1e-4 * step  # rounded times of a rate that is not what they say would differ somewhere
    fine = ROUND_HZ + _resolution(times) / (len(regular) * step) < 0.4 / rate
    sure = bool(fs is not None or even or fine)
    step = _exact_step(step, rate)
    if not missing.any():
        return Timing(rate, None, step=step, sure=sure)
    return Timing(rate, np.arange(len(times)) + np.concatenate(([0], np.cumsum(missing))), step=step, sure=sure)


def _rate(file: str, name: str, unit: str, step: float, fs: float | None, n: int, resolution: float) -> float:
    """Give the sampling rate: the one given if the column agrees, else what the column says."""
    if plain(name) in INDEX_NAMES or unit == "index":
        if fs is None:
            raise RecordError(
                f"{file} does not say its sampling rate: column {name} counts samples", about="sampling rate"
            )
        return fs
    factor = SECONDS.get(unit.strip().casefold()) or SECONDS.get(plain(name))
    said = [1 / (step * factor)] if factor else [1 / (step * seconds) for _, seconds in GUESSED]
    if fs is not None:
        if not factor and abs(step - 1) < 1e-9:
            return fs  # it may count samples
        if not any(abs(rate - fs) <= AGREES * fs for rate in said):
            likely = [rate for rate in said if factor or LIKELY_HZ[0] <= rate <= LIKELY_HZ[1]]
            what = f"{likely[0]:.6g} Hz" if likely else f"steps of {step:g}"
            raise RecordError(f"{file}: column {name or 1} says {what}, not {fs:g} Hz", about="sampling rate")
        return fs
    likely = [rate for rate in said if factor or LIKELY_HZ[0] <= rate <= LIKELY_HZ[1]]
    if not likely or (not factor and abs(step - 1) < 1e-9):
        raise RecordError(
            f"{file} does not say its sampling rate: column {name or 1} has steps of {step:g}", about="sampling rate"
        )
    rate = likely[0]
    whole = round(rate)
    tolerance = ROUND_HZ + resolution / (n * step)
    return float(whole) if tolerance < 0.4 / rate and abs(rate - whole) <= tolerance * rate else float(f"{rate:.6g}")


def _exact_step(step: float, rate: float) -> float:
    """Give the step without the rounding of the times that it was measured on, where the unit is known by it."""
    exact = [1 / (rate * seconds) for seconds in {*SECONDS.values(), *(seconds for _, seconds in GUESSED)}]
    return next((value for value in (1.0, *exact) if abs(value - step) <= AGREES * value), step)


def _resolution(times: Floats) -> float:
    """Give the step to which times were rounded, as far as it can be seen."""
    some = times[:1000]
    for digits in range(10):
        if np.allclose(some, np.round(some, digits), rtol=0, atol=1e-12 * max(1.0, float(np.abs(some).max()))):
            return float(10.0**-digits)
    return 0.0
