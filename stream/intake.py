"""From an array of samples to the chunk that a pipeline takes."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from ..errors import StreamError
from .core.intake import as_samples
from .core.messages import Chunk


def default_leads(n_leads: int) -> tuple[str, ...]:
    """Name leads that nobody named: ``ECG1`` and so on, as unnamed signals of a record are."""
    return tuple(f"ECG{k + 1}" for k in range(n_leads))


def as_chunk(
    samples: Chunk | ArrayLike, start: int, fs: float | None, leads: Sequence[str] | None, unit: str = "mV"
) -> Chunk:
    """Give an array as the chunk that begins at sample `start`; a chunk is what it is, and counts by itself.

    Parameters
    ----------
    samples
        ``(n_samples, n_leads)``, or ``(n_samples,)`` of one lead; or a `Chunk`.
    start
        Index of the first sample.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead; None names them ``ECG1`` and so on.
    unit
        Of the samples.

    Raises
    ------
    StreamError
        If it is no array of samples, or there is no sampling rate.
    """
    if isinstance(samples, Chunk):
        return samples
    if fs is None:
        raise StreamError("got samples without a sampling rate: give it to the pipeline, fs=250, or push a Chunk")
    x = as_samples(samples, None if leads is None else len(leads), unit)
    return Chunk(start, fs, default_leads(x.shape[1]) if leads is None else tuple(leads), x)
