"""What a window of one lead looks like to whoever looks for fibrillation: frequency, regularity, complexity.

All features but the amplitude are free of scale. Sources, all reviewed and compared by A. Amann, R. Tratnig,
K. Unterkofler, "Reliability of old and new ventricular fibrillation detection algorithms for automated external
defibrillators", BioMed. Eng. OnLine 4:60, 2005, doi:10.1186/1475-925X-4-60, and by Q. Li, C. Rajagopalan,
G. D. Clifford, "Ventricular fibrillation and tachycardia classification using a machine learning approach", IEEE Trans.
Biomed. Eng. 61(6), 2014, doi:10.1109/TBME.2013.2275000:

``leakage``: S. Kuo, R. Dillman, 1978, the VF filter. ``above``: M. A. Arafat, A. W. Chowdhury, M. K. Hasan, 2011, the
threshold crossing sample count. ``boxes``: A. Amann and others, 2007, phase space reconstruction. The spectral shares
and the centroid: S. Barro and others, 1989. The rest are moments, slopes, and the autocorrelation.

Differences from the papers: windows of 5 s at 62.5 Hz behind the stream's own filters; segments of 1.25 s in the place
of 3 s, without a taper; boxes are 20 by 20 at a delay of a quarter of a second.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.compiled import Floats, Floats32, compiled, compiled_part, record_type

RATE_HZ = 62.5
"""Every second sample of the detection grid, a mean of two: fibrillation lies below 12 Hz."""

WINDOW = 312
"""Samples of a window, 5 s."""

_STEP_HZ, _BINS = 0.8, 26
"""The spectrum is looked at from 0.8 to 20.8 Hz."""

_LAGS = 80
"""The autocorrelation, up to 1.28 s."""

_SEGMENTS, _BOXES, _DELAY = 4, 20, 16

FEATURES = record_type(
    [
        (name, np.float32)
        for name in (
            "rms",  # of the window, log of mV
            "leakage",  # of a narrow band-stop at the mean frequency: 0 for a sine
            "above",  # share of samples above a fifth of the segment's peak
            "mean_to_peak",
            "slope_mean_to_peak",
            "slope_peak",  # over the rms
            "quiet",  # share of slopes below a tenth of the steepest: isoelectric
            "kurtosis",  # log
            "slope_kurtosis",  # log
            "skewness",  # without its sign
            "asymmetry",  # of the extremes, without its sign
            "fast_period",  # height of the autocorrelation's highest maximum from 0.13 to 0.4 s
            "fast_lag",  # and where it is, s
            "slow_period",  # the same from 0.4 to 1.28 s
            "slow_lag",
            "trough",  # its minimum up to 0.26 s
            "trough_lag",
            "centroid",  # of the amplitude spectrum, Hz
            "peak_hz",
            "peak_share",  # of the power, within 0.8 Hz of the peak
            "spectral_entropy",  # 0 for a line, 1 for white
            "below_2",  # share of power below 2.4 Hz
            "from_2",  # from 2.4 to 5
            "from_5",  # from 5 to 8
            "from_8",  # from 8 to 12
            "above_12",
            "boxes",  # visited in phase space, share
            "segment_spread",  # log of the largest over the smallest segment's rms
            "segment_burst",  # log of the largest over the mean
            "crossings",  # of zero a second
            "crossing_spread",  # deviation over mean of the intervals between upward ones
            "steep",  # runs of slopes above half of the steepest, a second
            "steep_spread",  # deviation over mean of the intervals between them
        )
    ]
)
NAMES: tuple[str, ...] = FEATURES.names or ()
"""The columns, in their order."""


def _waves() -> tuple[Floats32, Floats32]:
    """Cosines and sines under a Hann window, ``(WINDOW, _BINS)`` each."""
    t = np.arange(WINDOW) / RATE_HZ
    phase = 2.0 * np.pi * t[:, None] * _STEP_HZ * np.arange(1, _BINS + 1)
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)
    return (np.cos(phase) * taper[:, None]).astype(np.float32), (np.sin(phase) * taper[:, None]).astype(np.float32)


COSINES, SINES = _waves()


@compiled
def describe(x: Floats32, cosines: Floats32, sines: Floats32, out: Floats32) -> None:
    """Write the features of a window into `out`, in the order of `NAMES`.

    Parameters
    ----------
    x
        ``(WINDOW,)`` of one lead at `RATE_HZ`, mV.
    cosines, sines
        `COSINES` and `SINES`.
    out
        ``(len(NAMES),)``, to be written.
    """
    n = len(x)
    mean = np.float32(0.0)
    for i in range(n):
        mean += x[i]
    mean /= np.float32(n)
    v = np.empty(n, np.float32)
    tiny = 1e-6
    m1 = m2 = m3 = m4 = d1 = d2 = d4 = 0.0
    high, low, steepest = -1e9, 1e9, 1e-6
    for i in range(n):
        v[i] = x[i] - mean
        a = float(v[i])
        m1 += abs(a)
        m2 += a * a
        m3 += a * a * a
        m4 += a * a * a * a
        high, low = max(high, a), min(low, a)
        if i:
            d = float(v[i] - v[i - 1])
            d1 += abs(d)
            d2 += d * d
            d4 += d * d * d * d
            steepest = max(steepest, abs(d))
    rms = math.sqrt(m2 / n) + tiny
    slope_rms = math.sqrt(d2 / (n - 1)) + tiny
    peak = max(high, -low) + tiny
    out[0] = math.log(rms)
    # Half of the mean period, in samples, from the ratio of the mean value to the mean slope.
    half = min(max(round(math.pi * m1 / (d1 + tiny)), 1), n // 4)
    left = whole = 0.0
    for i in range(half, n):
        left += abs(v[i] + v[i - half])
        whole += abs(v[i]) + abs(v[i - half])
    out[1] = left / (whole + tiny)
    out[2] = _above(v)
    out[3] = m1 / n / peak
    out[4] = d1 / (n - 1) / steepest
    out[5] = steepest / rms
    quiet = 0
    for i in range(1, n):
        quiet += abs(v[i] - v[i - 1]) < 0.1 * steepest
    out[6] = quiet / (n - 1)
    out[7] = math.log(m4 / n / rms**4 + tiny)
    out[8] = math.log(d4 / (n - 1) / slope_rms**4 + tiny)
    out[9] = abs(m3 / n / rms**3)
    out[10] = abs(math.log((high + tiny) / (tiny - low)))
    _periods(v, m2 + tiny, out)
    _spectrum(v, cosines, sines, out)
    out[26] = _boxes(v, low, high)
    _segments(v, out)
    _crossings(v, steepest, out)


@compiled_part
def _above(v: Floats32) -> float:
    """Share of samples above a fifth of the peak of their segment."""
    length = len(v) // _SEGMENTS
    above = 0
    for k in range(_SEGMENTS):
        top = np.float32(0.0)
        for i in range(k * length, (k + 1) * length):
            top = max(top, abs(v[i]))
        for i in range(k * length, (k + 1) * length):
            above += abs(v[i]) > 0.2 * top
    return above / (length * _SEGMENTS)


@compiled_part
def _periods(v: Floats32, energy: float, out: Floats32) -> None:
    """Autocorrelation, of equal weight at each lag: its maxima at fast and slow lags, and its minimum."""
    n = len(v)
    r = np.zeros(_LAGS + 1, np.float32)
    for i in range(n):
        reach = min(_LAGS + 1, n - i)
        for k in range(reach):
            r[k] += v[i] * v[i + k]
    for k in range(_LAGS + 1):
        r[k] *= np.float32(n / (n - k) / energy)
    for column, first, last in ((11, 8, 25), (13, 25, _LAGS)):
        best, at = np.float32(-1.0), 0
        for k in range(first, last):
            if r[k] > best and r[k] >= r[k - 1] and r[k] >= r[k + 1]:
                best, at = r[k], k
        out[column], out[column + 1] = best, at / RATE_HZ
    lowest, at = np.float32(1.0), 0
    for k in range(1, 17):
        if r[k] < lowest:
            lowest, at = r[k], k
    out[15], out[16] = lowest, at / RATE_HZ


@compiled_part
def _spectrum(v: Floats32, cosines: Floats32, sines: Floats32, out: Floats32) -> None:
    """Where the power lies."""
    real, imaginary = np.zeros(_BINS, np.float32), np.zeros(_BINS, np.float32)
    for i in range(len(v)):
        for k in range(_BINS):
            real[k] += v[i] * cosines[i, k]
            imaginary[k] += v[i] * sines[i, k]
    power = np.empty(_BINS)
    total = amplitude = weighted = 1e-12
    best = 0
    for k in range(_BINS):
        power[k] = float(real[k]) ** 2 + float(imaginary[k]) ** 2
        total += power[k]
        a = math.sqrt(power[k])
        amplitude += a
        weighted += a * (k + 1) * _STEP_HZ
        if power[k] > power[best]:
            best = k
    out[17] = weighted / amplitude
    out[18] = (best + 1) * _STEP_HZ
    near = entropy = 0.0
    bands = np.zeros(5)
    for k in range(_BINS):
        share = power[k] / total
        if abs(k - best) <= 1:
            near += share
        entropy -= share * math.log(share + 1e-9)
        hz = (k + 1) * _STEP_HZ
        bands[0 if hz < 2.0 else 1 if hz < 5.0 else 2 if hz < 8.1 else 3 if hz < 12.1 else 4] += share
    out[19] = near
    out[20] = entropy / math.log(_BINS)
    for k in range(5):
        out[21 + k] = bands[k]


@compiled_part
def _boxes(v: Floats32, low: float, high: float) -> float:
    """Share of the boxes of phase space, a sample against the one a delay before, that are visited."""
    visited = np.zeros((_BOXES, _BOXES), np.bool_)
    scale = _BOXES / (high - low + 1e-6)
    count = 0
    for i in range(_DELAY, len(v)):
        a, b = min(int((v[i] - low) * scale), _BOXES - 1), min(int((v[i - _DELAY] - low) * scale), _BOXES - 1)
        count += not visited[a, b]
        visited[a, b] = True
    return count / _BOXES**2


@compiled_part
def _segments(v: Floats32, out: Floats32) -> None:
    """How the strength changes over the window."""
    length = len(v) // 6
    most, least, mean = 0.0, 1e9, 0.0
    for k in range(6):
        energy = 0.0
        for i in range(k * length, (k + 1) * length):
            energy += float(v[i]) ** 2
        strength = math.sqrt(energy / length) + 1e-4
        most, least = max(most, strength), min(least, strength)
        mean += strength / 6.0
    out[27] = math.log(most / least)
    out[28] = math.log(most / mean)


@compiled_part
def _crossings(v: Floats32, steepest: float, out: Floats32) -> None:
    """Upward crossings of zero, and steep slopes, with the spread of the intervals between them."""
    crossings = steeps = 0
    c1 = c2 = s1 = s2 = 0.0
    crossed = steep = -1
    for i in range(1, len(v)):
        if v[i] >= 0.0 > v[i - 1]:
            if crossed >= 0:
                crossings += 1
                c1 += i - crossed
                c2 += (i - crossed) ** 2
            crossed = i
        if abs(v[i] - v[i - 1]) > 0.5 * steepest:
            if steep >= 0 and i - steep > 10:  # 160 ms: another complex
                steeps += 1
                s1 += i - steep
                s2 += (i - steep) ** 2
            steep = i
    seconds = len(v) / RATE_HZ
    out[29], out[30] = crossings / seconds, _spread(crossings, c1, c2)
    out[31], out[32] = steeps / seconds, _spread(steeps, s1, s2)


@compiled_part
def _spread(n: int, total: float, squares: float) -> float:
    """Deviation over the mean; -1 of fewer than two."""
    if n < 2:
        return -1.0
    mean = total / n
    return math.sqrt(max(squares / n - mean * mean, 0.0)) / mean


def features_of(x: Floats | Floats32) -> Floats32:
    """Give the features of one window, ``(len(NAMES),)``."""
    out = np.empty(len(NAMES), np.float32)
    describe(np.ascontiguousarray(x, dtype=np.float32), COSINES, SINES, out)
    return out
