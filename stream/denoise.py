"""Sliding-window wavelet denoising with a small, stated look-ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import StreamError
from .compiled import compiled
from .messages import Samples
from .stage import State, own_samples, restored

_LONGEST = 256
"""Longest run of samples that is worked on at once; it bounds the scratch memory and changes no result."""

_MEDIAN_OF_NORMAL = 0.6745
"""Median of the magnitudes of normal noise, in standard deviations."""


class WaveletDenoiser:
    """Shrinkage of the stationary wavelet transform, as an exact streaming filter bank.

    The stationary (undecimated, "à trous") transform is a bank of causal filters, so its details can be computed
    as samples come: ``d_j[m] = sum_k g_j[k] x[m - k]``. What soft thresholding takes off a detail,
    ``r_j = d_j - soft(d_j)``, is taken off the signal through the synthesis filter, the same one backwards::

        y[n] = x[n] - sum_j 2^-j sum_k g_j[k] r_j[n + k],    k = 0 .. look-ahead

    Details later than the look-ahead are not waited for: nothing is taken off for them. Every sample has the same
    delay and there are no windows with edges, so the cutting of the stream cannot show.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    n_leads
        Number of leads.
    wavelet
        Name of an orthogonal wavelet of PyWavelets.
    look_ahead_s
        How far the synthesis looks ahead, seconds; whole samples of it are the `delay`. See the notes.
    shares
        Share of the threshold used at each level, finest first. By default it follows from the band of the level
        (`level_shares`): a half from 24 to 60 Hz, nothing below, where the QRS complex lives.
    threshold_mv
        A fixed threshold, mV, on the scale of the orthonormal transform, in which white noise has the same standard
        deviation at each level as in the signal. By default the threshold follows the noise.
    window_s
        Length of the windows that the noise is measured in, seconds. They stand on absolute sample positions.
    adapt_s
        Time constant with which the noise estimate follows the windows, seconds; the first windows are averaged.

    Raises
    ------
    ValueError
        If the wavelet is not orthogonal, or the look-ahead or threshold is negative.

    Notes
    -----
    The threshold is the universal one, ``sigma sqrt(2 ln N)``, with N the samples of a window and sigma from the
    median magnitude of the details (Donoho and Johnstone 1994, doi 10.1093/biomet/81.3.425), for each lead and level
    (Johnstone and Silverman 1997, doi 10.1111/1467-9868.00071). A window's threshold comes from earlier windows, so
    the first window passes as it is. The transform is Shensa's (1992, doi 10.1109/78.157290), its inverse averages over
    all shifts (Coifman and Donoho 1995, doi 10.1007/978-1-4612-2544-7_9).

    Differences from the sources:

    - Of the filters with the magnitude response of a Daubechies wavelet, the minimum-phase ones are used in both bands.
      Without decimation there is no aliasing to cancel, so the inverse stays exact, and the details come much sooner:
      in the usual pair the high-pass is the low-pass backwards, and half the energy of its answer is late.
    - The synthesis stops at the look-ahead.
    - Sigma adapts slowly, and each level has its share of the threshold.

    SHARE TABLE HERE
    """

    def __init__(
        self,
        fs: float,
        n_leads: int,
        wavelet: str = "db6",
        look_ahead_s: float = 0.044,
        *,
        shares: Sequence[float] | None = None,
        threshold_mv: float | None = None,
        window_s: float = 1.0,
        adapt_s: float = 10.0,
    ) -> None:
        if look_ahead_s < 0 or (threshold_mv is not None and threshold_mv < 0):
            raise ValueError(f"look-ahead of {look_ahead_s} s, threshold of {threshold_mv} mV: neither can be negative")
        shares = level_shares(fs) if shares is None else tuple(shares)
        levels = len(shares)
        low, high = analysis_filters(wavelet)
        self.delay = math.floor(look_ahead_s * fs + 1e-6)
        self._backwards = np.stack([low[::-1], high[::-1]])
        self._synthesis = _synthesis_filters(low, high, levels, self.delay)
        self._window = max(2, round(window_s * fs))
        self._factors = np.array(shares, dtype=np.float64)
        self._rate = 0.0
        if threshold_mv is None:
            self._factors *= math.sqrt(2.0 * math.log(self._window)) / _MEDIAN_OF_NORMAL
            self._rate = 1.0 - math.exp(-window_s / adapt_s)

        # Lines of memory: the signal, its smooths, and what was taken off the details of each level.
        lines = max(1, levels) + levels
        reach = max(self.delay, (len(low) - 1) << max(0, levels - 1))
        self._history = np.zeros((n_leads, lines, reach))
        self._scratch = np.zeros((lines + 1, reach + _LONGEST))
        # Details of level j are alike over 2^j samples, so every 2^j-th of a window tells as much of the noise.
        self._magnitudes = np.zeros((n_leads, sum(-(-self._window >> level) for level in range(levels))))
        self._counts = np.zeros((n_leads, levels), dtype=np.int64)
        self._windows = np.zeros(n_leads, dtype=np.int64)
        self._medians = np.full((n_leads, levels), threshold_mv or 0.0)
        self._seen = 0

    def push(self, x: Samples, good: NDArray[np.bool_] | None = None) -> Samples:
        """Denoise the next samples.

        Parameters
        ----------
        x
            ``(n, n_leads)``, mV, finite. Before its start the signal is taken to be zero.
        good
            ``(n, n_leads)``; samples marked False say nothing of the noise. None is all good.

        Returns
        -------
        Samples
            ``(m, n_leads)``, mV: those that are now `delay` samples old.

        Raises
        ------
        StreamError
            If the shape is another one.
        """
        y = own_samples(x, len(self._windows))
        good = np.ones(y.shape, dtype=np.bool_) if good is None else np.array(good, dtype=np.bool_, order="C")
        if good.shape != y.shape:
            raise StreamError(f"got a mask of shape {good.shape} for samples of shape {y.shape}: they must be the same")
        _denoise(
            y, good, self._seen, self._window, self._rate, self._backwards, self._synthesis, self._factors,
            self._history, self._scratch, self._magnitudes, self._counts, self._windows, self._medians,
        )  # fmt: skip
        early = max(0, self.delay - self._seen)
        self._seen += len(y)
        return y[early:] if early else y

    def flush(self) -> Samples:
        """End the stream; give what was held back, as if the signal went on at zero."""
        return self.push(np.zeros((self.delay, len(self._windows))))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"seen": self._seen, **{key: getattr(self, f"_{key}").copy() for key in _STATE}}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind, sampling rate or number of leads.
        """
        arrays = {key: restored(state, key, getattr(self, f"_{key}")) for key in _STATE}
        for key, array in arrays.items():
            setattr(self, f"_{key}", array)
        self._seen = int(state["seen"])


_STATE = ("history", "magnitudes", "counts", "windows", "medians")
"""The arrays that carry the stream from chunk to chunk."""


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


def _synthesis_filters(
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


@compiled
def _denoise(
    y: Samples,
    good: NDArray[np.bool_],
    seen: int,
    window: int,
    rate: float,
    backwards: NDArray[np.float64],
    synthesis: NDArray[np.float64],
    factors: NDArray[np.float64],
    history: NDArray[np.float64],
    scratch: NDArray[np.float64],
    magnitudes: NDArray[np.float64],
    counts: NDArray[np.int64],
    windows: NDArray[np.int64],
    medians: NDArray[np.float64],
) -> None:
    """Denoise `y` in place, as late as the synthesis looks ahead, and carry the state on."""
    leads, lines, reach = history.shape
    levels, delay, taps = len(factors), synthesis.shape[1] - 1, backwards.shape[1]
    first = 0
    while first < y.shape[0]:
        phase = (seen + first) % window
        n = min(y.shape[0] - first, scratch.shape[1] - reach, window - phase)
        out = scratch[lines, :n]
        for lead in range(leads):
            for line in range(lines):
                for i in range(reach):
                    scratch[line, i] = history[lead, line, i]
                for i in range(n):
                    scratch[line, reach + i] = 0.0
            for i in range(n):
                scratch[0, reach + i] = y[first + i, lead]
            for i in range(n):
                out[i] = scratch[0, reach - delay + i]
            room = 0
            for level in range(levels):
                step = 1 << level
                at = reach - (taps - 1) * step
                detail = scratch[lines - levels + level, reach : reach + n]
                _add_filtered(detail, scratch[level], backwards[1], at, step)
                if level < levels - 1:
                    _add_filtered(scratch[level + 1, reach : reach + n], scratch[level], backwards[0], at, step)
                for i in range(-phase % step, n, step):
                    if good[first + i, lead]:
                        magnitudes[lead, room + counts[lead, level]] = abs(detail[i])
                        counts[lead, level] += 1
                room += (window + step - 1) // step
                threshold = factors[level] * medians[lead, level]
                for i in range(n):
                    detail[i] = min(max(detail[i], -threshold), threshold)
                _add_filtered(out, scratch[lines - levels + level], synthesis[level], reach - delay, 1)
            for i in range(n):
                y[first + i, lead] = out[i]
            for line in range(lines):
                for i in range(reach):
                    history[lead, line, i] = scratch[line, n + i]
            if phase + n == window:
                room = 0
                now = max(rate, 1.0 / (windows[lead] + 1.0)) if rate > 0.0 and 2 * counts[lead, 0] > window else 0.0
                for level in range(levels):
                    if now > 0.0:
                        middle = _median(magnitudes[lead, room : room + counts[lead, level]])
                        medians[lead, level] += now * (middle - medians[lead, level])
                    counts[lead, level] = 0
                    room += (window + (1 << level) - 1) >> level
                windows[lead] += now > 0.0
        first += n


@compiled
def _add_filtered(
    out: NDArray[np.float64], x: NDArray[np.float64], taps: NDArray[np.float64], at: int, step: int
) -> None:
    """``out[i] += sum_k taps[k] x[at + i + k step]``; tap by tap, so that the loop over i is vectorised."""
    n = len(out)
    for k in range(len(taps)):
        tap, shifted = taps[k], x[at + k * step : at + k * step + n]
        for i in range(n):
            out[i] += tap * shifted[i]


@compiled
def _median(values: NDArray[np.float64]) -> float:
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
    return values[middle]
