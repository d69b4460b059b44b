"""Sliding-window wavelet denoising with a small, stated look-ahead."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .messages import Samples
from .stage import State, own_samples, restored

_BLOCK = 256
"""Longest run of samples that is worked on at once; it bounds the scratch memory and changes no result."""


class WaveletDenoiser:
    """Stationary wavelet shrinkage as an exact streaming filter bank.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    n_leads
        Number of leads.
    wavelet
        An orthogonal wavelet of PyWavelets.
    look_ahead_s
        How far ahead the synthesis may look, seconds; the delay of this stage.
    levels
        Number of levels; by default so many that the lowest band lies at 16 to 31 Hz or as near as the rate allows.
    threshold_mv
        A fixed threshold; by default it follows the noise of each lead and level.
    """

    def __init__(
        self,
        fs: float,
        n_leads: int,
        wavelet: str = "db6",
        look_ahead_s: float = 0.044,
        *,
        levels: int | None = None,
        threshold_mv: float | None = None,
        qrs_share: float = 0.0,
        block_s: float = 1.0,
        adapt_s: float = 10.0,
    ) -> None:
        import pywt

        bank = pywt.Wavelet(wavelet)
        if levels is None:
            levels = max(1, round(math.log2(fs / 31.25)))
        low, high = np.array(bank.rec_lo), np.array(bank.rec_hi)
        self.delay = math.floor(look_ahead_s * fs + 1e-9)
        self._filters = np.stack([low[::-1], high[::-1]])
        self._synthesis = _synthesis(low, high, levels, self.delay + 1)
        reach = (len(low) - 1) * 2 ** (levels - 1)
        self._reach = max(reach, self._synthesis.shape[1] - 1)
        self._block = max(2, round(block_s * fs))
        self._rate = 1.0 - math.exp(-block_s / adapt_s)
        self._fixed = threshold_mv is not None
        factor = math.sqrt(2.0 * math.log(self._block)) / 0.6745
        self._factors = np.full(levels, factor)
        self._factors[fs / 2.0 ** (np.arange(levels) + 2) < 20.0] *= qrs_share
        self._thresholds = np.zeros((n_leads, levels))
        if threshold_mv is not None:
            self._thresholds[:] = threshold_mv
        self._noise = np.zeros((n_leads, levels))
        self._history = np.zeros((n_leads, 2 * levels, self._reach))
        self._scratch = np.zeros((2 * levels + 1, self._reach + _BLOCK))
        self._magnitudes = np.zeros((n_leads, levels, self._block))
        self._filled = np.zeros((n_leads, levels), dtype=np.int64)
        self._blocks = np.zeros(n_leads, dtype=np.int64)
        self._seen = 0

    def push(self, x: Samples, good: NDArray[np.bool_] | None = None) -> Samples:
        """Denoise the next samples; what comes out is `delay` samples older."""
        y = own_samples(x, self._history.shape[0])
        n = len(y)
        if good is None:
            good = np.ones(y.shape, dtype=np.bool_)
        done = 0
        while done < n:
            now = min(n - done, _BLOCK, self._block - self._seen % self._block)
            _shrink(
                y, good, done, now, self._seen % self._block, self._filters, self._synthesis, self._thresholds,
                self._history, self._scratch, self._magnitudes, self._filled,
            )  # fmt: skip
            done += now
            self._seen += now
            if self._seen % self._block == 0:
                self._adapt()
        return y[max(0, min(n, self.delay - (self._seen - n))) :]

    def _adapt(self) -> None:
        for lead in range(len(self._blocks)):
            if self._filled[lead, 0] * 2 >= self._block:
                rate = max(self._rate, 1.0 / (1.0 + self._blocks[lead]))
                self._blocks[lead] += 1
                for level in range(self._filled.shape[1]):
                    middle = np.median(self._magnitudes[lead, level, : self._filled[lead, level]])
                    self._noise[lead, level] += rate * (middle - self._noise[lead, level])
        self._filled[:] = 0
        if not self._fixed:
            self._thresholds = self._factors * self._noise

    def flush(self) -> Samples:
        """End the stream; give what was held back, with nothing removed beyond the end."""
        return self.push(np.zeros((self.delay, self._history.shape[0])))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "thresholds": self._thresholds.copy(),
            "noise": self._noise.copy(),
            "history": self._history.copy(),
            "magnitudes": self._magnitudes.copy(),
            "filled": self._filled.copy(),
            "blocks": self._blocks.copy(),
            "seen": self._seen,
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        for key in ("thresholds", "noise", "history", "magnitudes", "filled", "blocks"):
            setattr(self, f"_{key}", restored(state, key, getattr(self, f"_{key}")))
        self._seen = int(state["seen"])


def _synthesis(low: NDArray[np.float64], high: NDArray[np.float64], levels: int, reach: int) -> NDArray[np.float64]:
    """Negated synthesis filter of each level over the look-ahead, ``(levels, reach)``."""
    rows = np.zeros((levels, reach))
    smooth = np.ones(1)
    for level in range(levels):
        step = 2**level
        wide = np.zeros((2, (len(low) - 1) * step + 1))
        wide[0, ::step], wide[1, ::step] = low, high
        detail = np.convolve(smooth, wide[1])[:reach] / 2.0 ** (level + 1)
        rows[level, : len(detail)] = -detail
        smooth = np.convolve(smooth, wide[0])
    return rows


@compiled
def _fir(out: NDArray[np.float64], x: NDArray[np.float64], taps: NDArray[np.float64], at: int, step: int) -> None:
    """``out[i] += sum_k taps[k] x[at + i + k step]``, tap by tap so that the loop becomes vector instructions."""
    n = len(out)
    for k in range(len(taps)):
        tap = taps[k]
        shifted = x[at + k * step : at + k * step + n]
        for i in range(n):
            out[i] += tap * shifted[i]


@compiled
def _shrink(
    y: Samples,
    good: NDArray[np.bool_],
    first: int,
    n: int,
    phase: int,
    filters: NDArray[np.float64],
    synthesis: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    history: NDArray[np.float64],
    scratch: NDArray[np.float64],
    magnitudes: NDArray[np.float64],
    filled: NDArray[np.int64],
) -> None:
    """Denoise `y[first : first + n]` in place, as late as the synthesis looks ahead."""
    levels, reach = synthesis.shape[0], history.shape[2]
    taps, delay = filters.shape[1], synthesis.shape[1] - 1
    for lead in range(y.shape[1]):
        for line in range(2 * levels):
            for i in range(reach):
                scratch[line, i] = history[lead, line, i]
            for i in range(reach, reach + n):
                scratch[line, i] = 0.0
        for i in range(n):
            scratch[0, reach + i] = y[first + i, lead]
        out = scratch[2 * levels, reach : reach + n]
        for i in range(n):
            out[i] = scratch[0, reach - delay + i]
        for level in range(levels):
            step = 1 << level
            detail = scratch[levels + level, reach : reach + n]
            at = reach - (taps - 1) * step
            _fir(detail, scratch[level], filters[1], at, step)
            if level < levels - 1:
                _fir(scratch[level + 1, reach : reach + n], scratch[level], filters[0], at, step)
            fill = filled[lead, level]
            for i in range(-phase & (step - 1), n, step):
                if good[first + i, lead]:
                    magnitudes[lead, level, fill] = abs(detail[i])
                    fill += 1
            filled[lead, level] = fill
            threshold = thresholds[lead, level]
            for i in range(n):
                detail[i] = min(max(detail[i], -threshold), threshold)
            _fir(out, scratch[levels + level], synthesis[level], reach - delay, 1)
        for i in range(n):
            y[first + i, lead] = out[i]
        for line in range(2 * levels):
            for i in range(reach):
                history[lead, line, i] = scratch[line, n + i]
