"""Windows of records as the live rule judges them, and what the annotators say of each: fibrillation or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..replay.annotations import Annotations
from ..replay.catalog import find_record
from ..stream.core.messages import Samples, Signal
from ..stream.rhythm.fibrillation import window_end
from ..stream.rhythm.fibrillation_waves import NAMES, RATE_HZ, WINDOW
from ..stream.rhythm.fibrillation_window import FibrillationWindow
from ..stream.signal.guard import SignalGuard
from ..stream.signal.highpass import HighPass
from .episodes.marks import Episodes, fibrillation, rhythm
from .parallel import in_parallel

ANNOTATORS = ("atr", "rhy")
"""Where fibrillation is marked: `atr`; excerpts of `cudb` without it have a table of five-second steps as `rhy`."""

WITH_FIBRILLATION = ("vfdb", "cudb")
"""Databases of patients in fibrillation, flutter and ventricular tachycardia."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of one record, one a second.

    Attributes
    ----------
    record
        As ``db/name``.
    fs
        Sampling rate, Hz.
    end
        ``(n,)`` samples up to the end of each window.
    features
        ``(n, n_leads, len(NAMES))``; NaN where a lead could not be read.
    fibrillation, tachycardia, noise
        ``(n,)`` share of each window that is marked as ventricular fibrillation or flutter, ventricular tachycardia,
        and noise or asystole.
    episodes
        The marked fibrillation.
    """

    record: str
    fs: float
    end: NDArray[np.int64]
    features: NDArray[np.float32]
    fibrillation: NDArray[np.float64]
    tachycardia: NDArray[np.float64]
    noise: NDArray[np.float64]
    episodes: Episodes

    @property
    def hours(self) -> float:
        """Length of what was judged."""
        return len(self.end) / 3600.0


def read_windows(names: Sequence[str], folder: Path, jobs: int = 1) -> Iterator[Windows]:
    """Give the windows of records at hand, one record after the other."""
    yield from in_parallel(_read, ((name, folder) for name in names), jobs)


def _read(name: str, folder: Path) -> Windows:
    record = find_record(name, data_folder=folder, download=False)
    marks = next((found for each in ANNOTATORS if (found := record.annotations(each)) is not None), None)
    pieces = (chunk.samples for chunk in record.chunks(10_000.0))
    end, features = described(record.fs, record.leads, pieces)
    length = round(WINDOW / RATE_HZ * record.fs)

    def share(episodes: Episodes) -> NDArray[np.float64]:
        begin, stop = (end - length)[:, None], end[:, None]
        covered = np.minimum(stop, episodes.spans[:, 1]) - np.maximum(begin, episodes.spans[:, 0])
        return np.asarray(np.maximum(covered, 0).sum(axis=1) / length)

    def named(*rhythms: str) -> Episodes:
        return Episodes(np.zeros((0, 2), np.int64)) if marks is None else rhythm(marks, rhythms, record.n_samples)

    marked = _fibrillation(marks, record.n_samples)
    return Windows(
        name, record.fs, end, features, share(marked), share(named("(VT")), share(named("(NOISE", "(ASYS")), marked
    )


def _fibrillation(marks: Annotations | None, end: int) -> Episodes:
    if marks is None:
        return Episodes(np.zeros((0, 2), np.int64))
    return fibrillation(marks, end, rhythms=True)


def described(
    fs: float, leads: tuple[str, ...], pieces: Iterable[Samples]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Run the stages over a signal.

    Parameters
    ----------
    fs, leads
        Sampling rate, Hz, and leads.
    pieces
        The samples, ``(n, n_leads)`` mV, in pieces of any length.

    Returns
    -------
    end, features
        Of each window, see `Windows`.
    """
    guard, high_pass = SignalGuard(fs, leads), HighPass(fs, len(leads))
    window = FibrillationWindow(fs, len(leads))
    ends: list[int] = []
    rows: list[list[NDArray[np.float32]]] = []
    nothing = np.full(len(NAMES), np.nan, dtype=np.float32)
    taken = 0
    for piece in pieces:
        guarded = guard.push(piece)
        samples, good = high_pass.push(guarded.samples), guarded.good
        done = 0
        while (due := window_end(fs, len(ends))) <= taken + len(samples):
            window.push(Signal(samples[done : due - taken], good[done : due - taken]))
            done = due - taken
            ends.append(due)
            rows.append([nothing if each is None else each for each in window.features()])
        window.push(Signal(samples[done:], good[done:]))
        taken += len(samples)
    features = np.array(rows, dtype=np.float32).reshape(len(ends), len(leads), len(NAMES))
    return np.array(ends, dtype=np.int64), features
