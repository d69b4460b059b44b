"""What thirty beats look like to whoever looks for atrial fibrillation: how irregular, and whether there are P waves.

Sources: D. E. Lake, J. R. Moorman, "Accurate estimation of entropy in very short physiological time series", Am. J.
Physiol. Heart Circ. Physiol. 300, 2011, doi:10.1152/ajpheart.00561.2010 (coefficient of sample entropy); S. Dash and
others, "Automatic real time detection of atrial fibrillation", Ann. Biomed. Eng. 37, 2009,
doi:10.1007/s10439-009-9740-z (turning points, successive differences); S. Sarkar, D. Ritscher, R. Mehra, "A detector
for a chronic implantable atrial tachyarrhythmia monitor", IEEE Trans. Biomed. Eng. 55, 2008,
doi:10.1109/TBME.2007.903707 (differences against those before). P waves come from the beat features: the
quarter of a second before a beat against what usually stands there.

Differences from the papers: no interval is taken out; instead the same figures are given once for all intervals and
once for those between beats that are neither ventricular nor premature, as ectopic beats make any rhythm irregular.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.compiled import Flags, Floats, Floats32, Records, compiled, compiled_part, record_type

BEATS = 30
"""Beats of a window."""

FEWEST = 12
"""Beats from which on a window is judged: some twelve seconds."""

P_WAVE = (
    "before_corr1",
    "before_corr2",
    "before_residual1",
    "before_residual2",
    "usual_before_corr1",
    "usual_before_corr2",
    "usual_before_size1",
    "usual_before_size2",
)
"""What stands before a beat, against what usually does: columns of the beat's features, see `stream.beats.likeness`."""

BEAT = record_type(
    [
        ("rr", np.float64),  # from the beat before, s; 0 where it is unknown
        ("kind", np.int64),  # 0: N or Q, 1: S, 2: V or F
        ("p_wave", np.float32, (len(P_WAVE),)),
    ]
)
"""What is kept of a beat."""

FEATURES = record_type(
    [
        (name, np.float32)
        for name in (
            "beats",  # share of `BEATS`
            "mean_rr",  # s
            "spread",  # deviation over mean
            "rmssd",  # over mean
            "median_change",  # of successive intervals, over mean
            "small_changes",  # share below 4 %
            "near_median",  # share of intervals within 5 % of the median
            "turning",  # share of turning points; 0.67 of chance
            "lag1",  # correlation of intervals with the next
            "lag2",  # with the next but one: alternation
            "second_changes",  # mean second over mean first difference: slow waves change little
            "entropy",  # coefficient of sample entropy, of a length of 1 and 30 ms
            "entropy2",  # log of pairs alike in two over pairs alike in one, within 8 %
            "cells",  # share of cells of the Poincaré plot that are visited
            "longest",  # over the median
            "shortest",
            "ventricular",  # share of beats
            "premature",
            "plain_pairs",  # share of pairs of intervals between plain beats
            "plain_spread",
            "plain_rmssd",
            "plain_median_change",
            "plain_small_changes",
            "corr1",  # mean over plain beats of the correlation before the beat
            "corr2",
            "corr1_low",  # share of them below a half
            "residual1",
            "residual2",
            "usual_corr1",
            "usual_corr2",
            "size1",
            "size2",
        )
    ]
)
NAMES: tuple[str, ...] = FEATURES.names or ()
"""The columns, in their order."""


@compiled
def describe(beats: Records, out: Floats32) -> bool:
    """Write the features of a window of beats into `out`, in the order of `NAMES`.

    Parameters
    ----------
    beats
        ``(n,)`` records of `BEAT`, the newest last.
    out
        ``(len(NAMES),)``, to be written.

    Returns
    -------
    bool
        Whether there were `FEWEST` intervals.
    """
    n = 0
    x = np.empty(len(beats))
    plain = np.empty(len(beats), np.bool_)  # whether the interval lies between two plain beats
    for i in range(len(beats)):
        if beats[i].rr > 0.0:
            x[n] = beats[i].rr
            plain[n] = beats[i].kind == 0 and (i == 0 or beats[i - 1].kind == 0)
            n += 1
    if n < FEWEST:
        return False
    x, plain = x[:n], plain[:n]
    every = np.ones(n, np.bool_)
    mean = x.mean()
    order = np.sort(x)
    median = order[n // 2]
    out[0], out[1] = len(beats) / BEATS, mean
    _, out[2], out[3], out[4], out[5] = _changes(x, every, mean)
    near = turns = 0
    c0 = c1 = c2 = first = second = 0.0
    for i in range(n):
        near += abs(x[i] - median) < 0.05 * median
        c0 += (x[i] - mean) ** 2
        if i >= 1:
            c1 += (x[i] - mean) * (x[i - 1] - mean)
            first += abs(x[i] - x[i - 1])
        if i >= 2:
            c2 += (x[i] - mean) * (x[i - 2] - mean)
            second += abs(x[i] - 2.0 * x[i - 1] + x[i - 2])
            turns += (x[i] - x[i - 1]) * (x[i - 1] - x[i - 2]) < 0.0
    out[6] = near / n
    out[7] = turns / (n - 2)
    out[8], out[9] = c1 / (c0 + 1e-9), c2 / (c0 + 1e-9)
    out[10] = second / (first + 1e-3)
    _entropy(x, mean, out)
    out[13] = _cells(x)
    out[14], out[15] = order[n - 1] / median, order[0] / median
    ventricular = premature = 0
    for i in range(len(beats)):
        ventricular += beats[i].kind == 2
        premature += beats[i].kind == 1
    out[16], out[17] = ventricular / len(beats), premature / len(beats)
    pairs, out[19], out[20], out[21], out[22] = _changes(x, plain, mean)
    out[18] = pairs / (n - 1)
    _p_waves(beats, out)
    return True


@compiled_part
def _changes(x: Floats, wanted: Flags, mean: float) -> tuple[int, float, float, float, float]:
    """Give the number of pairs of wanted intervals, the spread, rmssd, median change and share of small changes."""
    d = np.empty(len(x))
    pairs = small = count = 0
    squares = total = total2 = 0.0
    for i in range(len(x)):
        if wanted[i]:
            count += 1
            total += x[i]
            total2 += x[i] * x[i]
        if i and wanted[i] and wanted[i - 1]:
            d[pairs] = abs(x[i] - x[i - 1])
            squares += d[pairs] ** 2
            small += d[pairs] < 0.04 * mean
            pairs += 1
    if pairs < 5:
        return pairs, -1.0, -1.0, -1.0, -1.0
    average = total / count
    spread = math.sqrt(max(total2 / count - average * average, 0.0)) / average
    return pairs, spread, math.sqrt(squares / pairs) / mean, np.sort(d[:pairs])[pairs // 2] / mean, small / pairs


@compiled_part
def _entropy(x: Floats, mean: float, out: Floats32) -> None:
    """Sample entropies of templates of one interval."""
    n = len(x)
    one = two = near = both = 0
    for i in range(n - 1):
        for j in range(i + 1, n - 1):
            d, following = abs(x[i] - x[j]), abs(x[i + 1] - x[j + 1])
            if d < 0.03:
                one += 1
                two += following < 0.03
            if d < 0.08 * mean:
                near += 1
                both += following < 0.08 * mean
    out[11] = math.log((one + 0.5) / (two + 0.5)) + math.log(0.06) - math.log(mean)
    out[12] = math.log((near + 0.5) / (both + 0.5))


@compiled_part
def _cells(x: Floats) -> float:
    """Share of the successive pairs of intervals that stand in a cell of 60 ms of their own."""
    n = len(x) - 1
    cell = np.empty(n + 1, np.int64)
    for i in range(n + 1):
        cell[i] = int(x[i] / 0.06)
    alone = 0
    for i in range(n):
        seen = False
        for j in range(i):
            if cell[i] == cell[j] and cell[i + 1] == cell[j + 1]:
                seen = True
        alone += not seen
    return alone / n


@compiled_part
def _p_waves(beats: Records, out: Floats32) -> None:
    """Sum up what stands before the plain beats, and what usually does."""
    corr1 = corr2 = residual1 = residual2 = 0.0
    low = plain = 0
    for i in range(len(beats)):
        if beats[i].kind == 0:
            p_wave = beats[i].p_wave
            plain += 1
            corr1 += p_wave[0]
            corr2 += p_wave[1]
            low += p_wave[0] < 0.5
            residual1 += min(p_wave[2], np.float32(10.0))
            residual2 += min(p_wave[3], np.float32(10.0))
    count = max(plain, 1)
    out[23], out[24], out[25] = corr1 / count, corr2 / count, low / count
    out[26], out[27] = residual1 / count, residual2 / count
    last = beats[len(beats) - 1].p_wave
    for k in range(4):
        out[28 + k] = last[4 + k]
