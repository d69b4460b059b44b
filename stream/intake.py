"""From what a caller pushes, chunks or arrays, to the chunks that a pipeline takes."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from ..errors import StreamError
from .core.intake import as_leads, as_rate, as_samples, unit_factor
from .core.messages import Chunk

LOWEST_FS, HIGHEST_FS = 50.0, 5000.0
"""Sampling rates, Hz: below, no QRS complex is left; above, nobody records an ECG."""


def check_rate(fs: float) -> None:
    """Refuse a sampling rate that is not that of an ECG.

    Raises
    ------
    StreamError
        If it is not from `LOWEST_FS` to `HIGHEST_FS`.
    """
    if not LOWEST_FS <= fs <= HIGHEST_FS:
        raise StreamError(f"got a sampling rate of {fs:g} Hz: valid are {LOWEST_FS:g} to {HIGHEST_FS:g} Hz")


def default_leads(n_leads: int) -> tuple[str, ...]:
    """Name leads that nobody named: ``ECG1`` and so on, as unnamed signals of a record are."""
    return tuple(f"ECG{k + 1}" for k in range(n_leads))


class Intake:
    """What is known of arrays that say nothing of themselves.

    Parameters
    ----------
    fs
        Sampling rate, Hz; None takes chunks only.
    leads
        Name of each lead; None names them ``ECG1`` and so on.
    unit
        Of the samples: V, mV, uV or nV.

    Raises
    ------
    StreamError
        If one of them is none.
    """

    def __init__(self, fs: float | None = None, leads: str | Sequence[str] | None = None, unit: str = "mV") -> None:
        self._fs = None if fs is None else as_rate(fs)
        if self._fs is not None:
            check_rate(self._fs)
        self._leads = None if leads is None else as_leads(leads)
        unit_factor(unit)
        self._unit = unit

    def chunk(self, samples: Chunk | ArrayLike, start: int) -> Chunk:
        """Give an array as the chunk that begins at sample `start`; a chunk is what it is, and counts by itself.

        Parameters
        ----------
        samples
            ``(n_samples, n_leads)``, or ``(n_samples,)`` of one lead; or a `Chunk`.
        start
            Index of the first sample.

        Raises
        ------
        StreamError
            If it is no array of samples, or there is no sampling rate.
        """
        if isinstance(samples, Chunk):
            return samples
        if self._fs is None:
            raise StreamError("got samples without a sampling rate: give it to the pipeline, fs=250, or push a Chunk")
        x = as_samples(samples, None if self._leads is None else len(self._leads), self._unit)
        return Chunk(start, self._fs, self._leads or default_leads(x.shape[1]), x)
