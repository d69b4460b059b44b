"""A Butterworth high-pass of order one in closed form, and the loop that runs second-order sections.

A first-order high-pass needs no root finding, so the design stands here as three lines and the live engine does
not import ``scipy.signal`` (a second at start-up); the tests hold both against it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import compiled

Sections = NDArray[np.float64]
"""Second-order sections, ``(n_sections, 6)``, rows ``b0 b1 b2 1 a1 a2``, as in SciPy."""


def butter_highpass(cutoff_hz: float, fs: float) -> Sections:
    """Butterworth high-pass of order one.

    Parameters
    ----------
    cutoff_hz
        Where the gain is 1/sqrt(2), between 0 and `fs` / 2.
    fs
        Sampling rate, Hz.

    Returns
    -------
    NDArray[np.float64]
        One section, ``(1, 6)``.

    Raises
    ------
    ValueError
        If the cut-off is not between 0 and half the sampling rate.

    Notes
    -----
    Bilinear transform of ``s / (s + w)`` with the cut-off prewarped; Oppenheim and Schafer, Discrete-Time Signal
    Processing, 7.2.
    """
    w = _prewarped(cutoff_hz, fs)
    b0 = 1.0 / (1.0 + w)
    return np.array([[b0, -b0, 0.0, 1.0, (w - 1.0) / (w + 1.0), 0.0]])


def _prewarped(hz: float, fs: float) -> float:
    if not 0.0 < hz < fs / 2.0:
        raise ValueError(f"cut-off of {hz} Hz at a sampling rate of {fs} Hz: it must be between 0 and {fs / 2.0} Hz")
    return math.tan(math.pi * hz / fs)


@compiled
def steady_state(sos: Sections, x: NDArray[np.float64], zi: NDArray[np.float64]) -> None:
    """Write the state of the sections after a signal that has been constant for ever, so that it enters without a step.

    Parameters
    ----------
    sos
        Sections, ``(n_sections, 6)``.
    x
        The constant of each lead, ``(n_leads,)``.
    zi
        ``(n_sections, 2, n_leads)``, to be written.
    """
    for lead in range(len(x)):
        level = x[lead]
        for section in range(len(sos)):
            b0, b1, b2 = sos[section, 0], sos[section, 1], sos[section, 2]
            a1, a2 = sos[section, 4], sos[section, 5]
            gain = (b0 + b1 + b2) / (1.0 + a1 + a2)
            zi[section, 1, lead] = (b2 - a2 * gain) * level
            zi[section, 0, lead] = (b1 - a1 * gain) * level + zi[section, 1, lead]
            level = gain * level


@compiled
def sos_filter_in_place(
    sos: Sections, y: NDArray[np.float64], zi: NDArray[np.float64], primed: NDArray[np.bool_]
) -> None:
    """Filter along the first axis, carrying the state on; for use inside other compiled loops too.

    Parameters
    ----------
    sos
        Sections, ``(n_sections, 6)``; `a0` is taken to be 1.
    y
        Signal, ``(n_samples, n_leads)``; the filtered signal stands in its place afterwards.
    zi
        State, ``(n_sections, 2, n_leads)``; changed in place.
    primed
        ``(1,)``: whether the state is one; if not, the first sample makes it the `steady_state`.

    Notes
    -----
    Transposed direct form II, as ``scipy.signal.sosfilt(sos, x, axis=0, zi=zi)``.
    """
    if len(y) and not primed[0]:
        steady_state(sos, y[0], zi)
        primed[0] = True
    for section in range(sos.shape[0]):
        b0, b1, b2 = sos[section, 0], sos[section, 1], sos[section, 2]
        a1, a2 = sos[section, 4], sos[section, 5]
        for lead in range(y.shape[1]):
            z0, z1 = zi[section, 0, lead], zi[section, 1, lead]
            for i in range(y.shape[0]):
                value = y[i, lead]
                out = b0 * value + z0
                z0 = b1 * value - a1 * out + z1
                z1 = b2 * value - a2 * out
                y[i, lead] = out
            zi[section, 0, lead], zi[section, 1, lead] = z0, z1
