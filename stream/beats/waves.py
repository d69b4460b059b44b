"""The waves of one beat: where its mark and its middle stand, its windows, and what is measured of them.

Windows stand on a 4 ms raster (50 samples are 200 ms) whatever the sampling rate.
"""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats, Scalars, compiled_part
from ..signal.interpolation import catmull_rom
from .features import BEFORE, WINDOW

STEEP = 0.15
"""Where a wave is steeper than this share of its steepest, it is QRS complex."""


@compiled_part
def find_mark(ring: Floats, newest: int, guess: int, reach: int, weight: Floats, height: Floats) -> int:
    """Sample of the R peak: the largest excursion within `reach` samples of `guess`, leads weighed by quality."""
    mask = len(ring) - 1
    n_leads = ring.shape[1]
    best = guess
    best_value = -1.0
    base = np.zeros(n_leads)
    for lead in range(n_leads):
        for n in range(guess - 2 * reach, guess + 2 * reach + 1):
            base[lead] += ring[min(max(n, 0), newest) & mask, lead]
        base[lead] /= 4 * reach + 1
    for n in range(max(guess - reach, 0), min(guess + reach, newest) + 1):
        value = 0.0
        for lead in range(n_leads):
            value += weight[lead] * abs(ring[n & mask, lead] - base[lead]) / (height[lead] + 1e-6)
        if value > best_value:
            best_value = value
            best = n
    return best


@compiled_part
def find_centre(ring: Floats, newest: int, guess: int, reach: int, weight: Floats, height: Floats) -> int:
    """Sample of the middle of the QRS complex: the centroid of its squared slope, leads weighed by quality.

    Beats of one kind keep their middle even where their largest excursion flips between two waves of like height, so
    it is what windows and intervals are aligned by.
    """
    mask = len(ring) - 1
    total = 0.0
    moment = 0.0
    for lead in range(ring.shape[1]):
        if weight[lead] <= 0.0:
            continue
        f = weight[lead] / (height[lead] + 1e-6) ** 2
        for n in range(guess - reach, guess + reach + 1):
            before = ring[min(max(n - 1, 0), newest) & mask, lead]
            d = ring[min(max(n + 1, 0), newest) & mask, lead] - before
            total += f * d * d
            moment += f * d * d * (n - guess)
    if total <= 0.0:
        return guess
    return guess + int(np.rint(moment / total))


@compiled_part
def _cut(
    ring: Floats, centre: int, newest: int, fs: float, lead: int, sign: float, wave: Floats, before: Floats
) -> None:
    """Interpolate the window and what stands before it (Catmull-Rom; at 250 Hz these are the samples themselves).

    All is taken times `sign`.
    """
    mask = len(ring) - 1
    for i in range(WINDOW + BEFORE):
        seconds = (i - WINDOW // 2) * 0.004 if i < WINDOW else -0.260 + (i - WINDOW) * 0.008
        position = centre + seconds * fs
        base = int(np.floor(position + 1e-9))
        t = max(position - base, 0.0)
        x1 = ring[min(max(base, 0), newest) & mask, lead]
        if t < 1e-6:
            value = x1
        else:
            x0 = ring[min(max(base - 1, 0), newest) & mask, lead]
            x2 = ring[min(max(base + 1, 0), newest) & mask, lead]
            x3 = ring[min(max(base + 2, 0), newest) & mask, lead]
            w0, w1, w2, w3 = catmull_rom(t)
            value = w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3
        if i < WINDOW:
            wave[i] = sign * value
        else:
            before[i - WINDOW] = sign * value


@compiled_part
def _width(wave: Floats) -> float:
    """Milliseconds that hold the middle 90 % of the slope of a window: the width of its QRS complex."""
    total = 1e-9
    for i in range(1, WINDOW):
        d = wave[i] - wave[i - 1]
        total += d * d
    low = 0
    high = WINDOW - 1
    running = 0.0
    started = False
    for i in range(1, WINDOW):
        d = wave[i] - wave[i - 1]
        running += d * d
        if not started and running >= 0.05 * total:
            low = i
            started = True
        if running >= 0.95 * total:
            high = i
            break
    return (high - low) * 4.0


@compiled_part
def _span(wave: Floats, slope: float) -> float:
    """Milliseconds from the first to the last step of a window that is steeper than `STEEP` of its steepest, `slope`.

    The QRS complex from onset to end, as it is measured by slope (Pan and Tompkins 1985 take the same for its place);
    a notch in the middle of a wide one does not shorten it.
    """
    first = 0
    last = 0
    for i in range(1, WINDOW):
        if abs(wave[i] - wave[i - 1]) > STEEP * slope:
            if first == 0:
                first = i
            last = i
    return (last - first + 1) * 4.0


@compiled_part
def measure(
    b: Scalars, p: Scalars, ring: Floats, newest: int, centre: int, fs: float, use: Flags, weight: Floats
) -> None:
    """Cut the windows around `centre` and measure them, in units of the dominant beat of the patient `p`.

    `use` says which of the two slots can be used, `weight` how good the lead is that each reads.
    """
    b.first = 0 if use[0] else 1
    b.last = 2 if use[1] else 1
    for lead in range(2):
        b.height[lead] = 0.0
        b.slope[lead] = 0.0
        b.area[lead] = 0.0
        b.width[lead] = 0.0
        b.span[lead] = 0.0
        b.rough[lead] = 0.0
        b.sign[lead] = 0.0
        b.scale[lead] = 1.0
        b.share[lead] = 1.0
        if not use[lead]:
            for i in range(WINDOW):
                b.wave[lead, i] = 0.0
            for i in range(BEFORE):
                b.before[lead, i] = 0.0
            continue
        wave = b.wave[lead]
        before = b.before[lead]
        _cut(ring, centre, newest, fs, p.source[lead], p.polarity[lead], wave, before)
        mean = 0.0
        for i in range(WINDOW):
            mean += wave[i]
        mean /= WINDOW
        low = np.inf
        high = -np.inf
        area = 0.0
        slope = 0.0
        for i in range(WINDOW):
            wave[i] -= mean
            low = min(low, wave[i])
            high = max(high, wave[i])
            area += abs(wave[i])
            if i > 0:
                slope = max(slope, abs(wave[i] - wave[i - 1]))
        b.area[lead] = area
        b.slope[lead] = slope
        b.height[lead] = high - low
        b.sign[lead] = (high + low) / (high - low + 1e-9)
        base = 0.0
        for i in range(BEFORE):
            base += before[i]
        base /= BEFORE
        rough = 0.0
        for i in range(BEFORE):
            before[i] -= base
            if i > 1:
                rough += abs(before[i] - 2.0 * before[i - 1] + before[i - 2])
        b.rough[lead] = rough / (BEFORE - 2)
        b.width[lead] = _width(wave)
        b.span[lead] = _span(wave, slope)
        scale = p.height[lead] if p.height[lead] > 0.0 else b.height[lead]
        b.scale[lead] = max(scale, 1e-3)
        # A noisy lead has less to say about which kind a beat is.
        b.share[lead] = (0.02 + weight[lead]) / (b.scale[lead] * b.scale[lead])
