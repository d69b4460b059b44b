"""What a record model is given: ten seconds of the leads it knows, high-passed, at its own rate.

Training, ``predict`` and the live classification all come through here, after the same causal `HighPass`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError
from ..core.lead_names import standard_lead
from ..core.messages import Samples

PREPROCESSING = "record-window/1"
"""Name and version of this preprocessing, as model cards carry it."""

NORMALIZATION = "none: millivolts after a causal Butterworth high-pass of order one at 0.5 Hz"

WINDOW_S = 10.0
"""Length of the window that a record model sees, seconds."""

LOWEST_FS = 100.0
"""Lowest sampling rate that carries what the models were trained on, Hz."""

_HALF_WIDTH = 10
"""Half the anti-alias filter, in samples of the slower of the two rates."""


def lead_columns(available: Sequence[str], needed: Sequence[str], *, what: str) -> list[int]:
    """Column of each needed lead, however it is spelled (``aVR``, ``AVR``, ``Lead I``, ``DI``): see `standard_lead`.

    Parameters
    ----------
    available
        Leads of the record or stream.
    needed
        Leads that the model was trained on.
    what
        Who has the leads, for the message.

    Raises
    ------
    RecordError
        If one is missing.
    """
    column = {standard_lead(name): i for i, name in reversed(list(enumerate(available)))}
    missing = [name for name in needed if standard_lead(name) not in column]
    if missing:
        raise RecordError(
            f"{what} has the leads {', '.join(available)}: the model was trained on {', '.join(needed)} and cannot do "
            f"without {', '.join(missing)}; choose a record with these leads or another model (`ecg-stream models`)"
        )
    return [column[standard_lead(name)] for name in needed]


def window_samples(fs: float) -> int:
    """Give the number of samples in one window at `fs`."""
    return round(WINDOW_S * fs)


def check_rate(fs: float, *, what: str) -> None:
    """Refuse a sampling rate too low for the models.

    Raises
    ------
    RecordError
        If it is under `LOWEST_FS`.
    """
    if not fs >= LOWEST_FS:
        raise RecordError(f"{what} has {fs:g} Hz: record models need at least {LOWEST_FS:g} Hz")


def model_input(window: Samples, fs: float, rate: float) -> NDArray[np.float32]:
    """Bring one window to the rate of the model.

    Parameters
    ----------
    window
        ``(window_samples(fs), n_leads)``, mV, high-passed, finite.
    fs
        Its sampling rate, Hz.
    rate
        The model's, Hz.

    Returns
    -------
    NDArray[np.float32]
        ``(1, window_samples(rate), n_leads)``, mV.

    Notes
    -----
    Resampling is polyphase with a Kaiser-windowed sinc (Oppenheim and Schafer, Discrete-Time Signal Processing,
    4.6 and 7.5) that passes what both rates can carry. Beyond its ends the window is continued by its first
    and last value.

    Differences from ``scipy.signal.resample_poly``: output sample k stands at exactly ``k / rate`` seconds for
    any pair of rates, each phase is normalized to unit gain at zero frequency, and there is no import of a second.
    """
    n_out = window_samples(rate)
    if fs == rate:
        return np.ascontiguousarray(window[None], dtype=np.float32)
    step, starts, taps = _phases(float(fs), float(rate))
    n_phases, width = taps.shape
    before = -int(starts[0])
    after = max(0, int(starts[-1]) + step * (n_out // n_phases) + width - len(window))
    padded = np.ascontiguousarray(np.pad(window, ((before, after), (0, 0)), mode="edge").T)
    spans = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
    out = np.empty((n_out, window.shape[1]), dtype=np.float32)
    for phase in range(min(n_phases, n_out)):
        rows = out[phase::n_phases]
        first = before + int(starts[phase])
        rows[:] = (spans[:, first : first + step * len(rows) : step] @ taps[phase]).T
    return out[None]


@lru_cache(maxsize=8)
def _phases(fs: float, rate: float) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
    """Input samples in one period of the resampler; first input sample and filter of each of its phases."""
    n_in, n_out = window_samples(fs), window_samples(rate)
    common = math.gcd(n_in, n_out)
    ratio_in, ratio_out = n_in // common, n_out // common
    slower = min(fs, rate)
    half = math.ceil(_HALF_WIDTH * fs / slower)
    at = np.arange(ratio_out) * ratio_in / ratio_out  # input position of each phase's first output
    starts = np.floor(at).astype(np.int64) - half + 1
    distance = starts[:, None] + np.arange(2 * half) - at[:, None]
    cutoff = 0.9 * slower / fs  # of the input's half rate: the filter's skirt ends at the slower half rate
    edge = np.clip(1.0 - (distance / half) ** 2, 0.0, None)
    taps = np.sinc(cutoff * distance) * np.i0(6.0 * np.sqrt(edge))
    return ratio_in, starts, taps / taps.sum(axis=1, keepdims=True)
