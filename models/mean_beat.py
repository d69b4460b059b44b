"""The mean beat of ten seconds as part of a network; Keras, without a weight to learn.

Beats are found, aligned and averaged by operations that ONNX has, so that a model which looks at the mean beat is
one graph from the window to the probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

GRID_HZ = 100
"""Sampling rate of the mean beat, Hz; windows at a multiple of it are averaged down."""

BEFORE_S, AFTER_S = 0.3, 0.5
"""What of a beat is averaged, seconds before and after the middle of its QRS complex."""

BEAT_SAMPLES = round((BEFORE_S + AFTER_S) * GRID_HZ)
"""Length of the mean beat."""

_SMOOTHING_S = 0.12  # a QRS complex is one hump of the envelope
_REFRACTORY_S = 0.25
_THRESHOLD = 0.4  # of the height of a usual QRS complex
_QRS_S = 0.16  # what is aligned
_SHIFT_S = 0.05  # how far a beat is moved to fit
_LIKENESS = 0.8  # correlation with the first mean, below which a beat is left out: extra beats, artefacts


def mean_beat_network(*, fs: float, n_leads: int, n_samples: int) -> keras.Model:
    """Build the part that finds, aligns and averages the beats of a window.

    Parameters
    ----------
    fs
        Sampling rate of the window, a multiple of `GRID_HZ`.
    n_leads, n_samples
        Shape of the window.

    Returns
    -------
    keras.Model
        From ``(batch, n_samples, n_leads)``, mV, to ``(batch, BEAT_SAMPLES, n_leads)``, mV at `GRID_HZ`; zeros
        where no beat lies wholly inside the window.

    Notes
    -----
    QRS complexes are the local maxima of the smoothed slope over all leads. Their mean is a first template; each
    is then moved to where it correlates best with it (Woody 1967, doi 10.1007/BF02474247), and the mean is
    taken again.

    Differences from the paper: one round, shifts of whole samples, and beats that are unlike the template are left out.
    """
    import keras
    from keras import layers

    window = keras.Input((n_samples, n_leads), name="ecg")
    x = window
    every = round(fs / GRID_HZ)
    if every > 1:
        x = layers.AveragePooling1D(every)(x)
    peaks = _qrs_peaks(x)
    template = _mean_at(x, peaks)
    return keras.Model(window, _mean_at(x, _aligned(x, peaks, template)), name="mean_beat")


def _samples(seconds: float) -> int:
    return round(seconds * GRID_HZ)


def _qrs_peaks(x: Any) -> Any:
    """Mark the QRS complexes: ``(batch, time)`` of 0 and 1."""
    from keras import ops

    slope = x[:, 2:] - x[:, :-2]
    steepness = ops.sqrt(ops.mean(slope * slope, axis=2, keepdims=True))
    steepness = ops.pad(steepness, ((0, 0), (1, 1), (0, 0)))
    width = _samples(_SMOOTHING_S) // 2 + 1
    envelope = steepness
    for _ in range(2):  # twice a box is a triangle
        envelope = ops.average_pool(envelope, width, 1, padding="same")
    two_s = _samples(2.0)
    usual = ops.mean(ops.max_pool(envelope, two_s, two_s, padding="valid"), axis=1, keepdims=True)
    highest = ops.max_pool(envelope, 2 * _samples(_REFRACTORY_S) + 1, 1, padding="same")
    found = ops.logical_and(ops.equal(envelope, highest), ops.greater(envelope, _THRESHOLD * usual))
    return ops.cast(found, "float32")[..., 0]


def _mean_at(x: Any, peaks: Any) -> Any:
    """Average what surrounds the marked samples, those left out whose surroundings are not whole."""
    from keras import ops

    n, before = x.shape[1], _samples(BEFORE_S)
    starts = ops.pad(peaks[:, before : n - BEAT_SAMPLES + before + 1], ((0, 0), (0, BEAT_SAMPLES)))
    # Row k of this matrix is `starts`, moved k samples on: n + 1 values, repeated, and cut into rows of n.
    rows = ops.reshape(ops.tile(starts, (1, BEAT_SAMPLES))[:, : BEAT_SAMPLES * n], (-1, BEAT_SAMPLES, n))
    count = ops.sum(starts, axis=1)[:, None, None]
    return ops.matmul(rows, x) / ops.maximum(count, 1.0)


def _aligned(x: Any, peaks: Any, template: Any) -> Any:
    """Move each mark to where the QRS complex of the template fits best."""
    from keras import ops

    width, middle = _samples(_QRS_S), _samples(BEFORE_S)
    qrs = template[:, middle - width // 2 : middle + width // 2]
    qrs = qrs - ops.mean(qrs, axis=1, keepdims=True)
    n = x.shape[1] - width + 1
    products = ops.matmul(x, ops.transpose(qrs, (0, 2, 1)))
    fit = products[:, :n, 0]
    for k in range(1, width):
        fit = fit + products[:, k : k + n, k]
    mean = ops.average_pool(x, width, 1, padding="valid")
    power = ops.average_pool(x * x, width, 1, padding="valid") - mean * mean
    energy = width * ops.sum(power, axis=2) * ops.sum(qrs * qrs, axis=(1, 2))[:, None]
    near = ops.max_pool(peaks[..., None], 2 * _samples(_SHIFT_S) + 1, 1, padding="same")[..., 0]
    likeness = fit / ops.sqrt(ops.maximum(energy, 1e-12)) * near[:, width // 2 : width // 2 + n]
    highest = ops.max_pool(likeness[..., None], 4 * _samples(_SHIFT_S) + 1, 1, padding="same")[..., 0]
    best = ops.logical_and(ops.equal(likeness, highest), ops.greater(likeness, _LIKENESS))
    return ops.pad(ops.cast(best, "float32"), ((0, 0), (width // 2, width - 1 - width // 2)))
