"""The wavelet filters of the denoiser, and the two parts of its loop that work on a line of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import compiled_part


def level_shares(fs: float) -> tuple[float, ...]:
    """Share of the threshold at each level, finest first, by the band of the level.

    Level j holds the octave from ``fs / 2^(j+1)`` to ``fs / 2^j`` Hz.

    Returns
    -------
    tuple[float, ...]
        1 for an octave from 60 Hz or above, a half from 24 Hz, and no entry below, where the QRS complex has its
        energy and a threshold costs more signal than noise: two levels at 250 Hz (62 and 31 Hz) of the three that would
        reach 16 Hz, one at 128 Hz (32 Hz), two at 360 Hz (90 and 45 Hz), three at 500 Hz, four at 1,000 Hz.
    """
    shares = []
    low_edge = fs / 4.0
    while low_edge >= 24.0:
        shares.append(1.0 if low_edge >= 60.0 else 0.5)
        low_edge /= 2.0
    return tuple(shares)


def analysis_filters(wavelet: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimum-phase low- and high-pass filter with the magnitude responses of an orthogonal wavelet.

    Raises
    ------
    ValueError
        If the wavelet is unknown or not orthogonal.
    """
    import pywt

    bank = pywt.Wavelet(wavelet)
    if not bank.orthogonal:
        raise ValueError(f"wavelet '{wavelet}' is not orthogonal: valid are Daubechies, symlets and coiflets, as 'db6'")
    low = np.array(bank.rec_lo)
    return low, low * (-1.0) ** np.arange(len(low))


def synthesis_filters(
    low: NDArray[np.float64], high: NDArray[np.float64], levels: int, delay: int
) -> NDArray[np.float64]:
    """Negated synthesis filter of each level, as far as the look-ahead, ``(levels, delay + 1)``."""
    filters = np.zeros((levels, delay + 1))
    smooth = np.ones(1)
    for level in range(levels):
        detail = np.convolve(smooth, _dilated(high, 2**level))[: delay + 1]
        filters[level, : len(detail)] = -detail / 2.0 ** (level + 1)
        smooth = np.convolve(smooth, _dilated(low, 2**level))
    return filters


def _dilated(taps: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    wide = np.zeros((len(taps) - 1) * step + 1)
    wide[::step] = taps
    return wide


@compiled_part
def filter_line(
    out: NDArray[np.float64], x: NDArray[np.float64], at: int, step: int, taps: NDArray[np.float64], add: bool
) -> None:
    """``out[i] (+)= sum_k taps[k] x[at + i + k step]``; tap by tap, so that the loop over i is vectorised."""
    n = len(out)
    if not add:
        for i in range(n):
            out[i] = 0.0
    for k in range(len(taps)):
        tap, shifted = taps[k], x[at + k * step : at + k * step + n]
        for i in range(n):
            out[i] += tap * shifted[i]


@compiled_part
def upper_median(values: NDArray[np.float64]) -> float:
    """Upper median, by Hoare's selection; reorders `values`."""
    middle = len(values) // 2
    low, high = 0, len(values) - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break
    return float(values[middle])
