"""What a classified recording came to: beats, events, intervals, a table, files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError, RequestError
from ..replay.rhythm_marks import RhythmEpisodes, write_with_rhythms
from ..stream.core.messages import CLASSES, Alert, Beat, Event, Output, Rhythm
from ..stream.core.snapshots import replace_file
from ..stream.run.beat_rows import OriginCells
from ..stream.run.jsonl import encode_line, encode_summary
from ..stream.run.origin import Origin
from ..stream.run.summary import Summary

if TYPE_CHECKING:
    import pandas


LF_HF_S = 120.0
"""Shorter than this, the slow part of heart-rate variability cannot be told."""

FOLLOWS_MS = 0.5
"""Times and intervals are of samples: where they agree so far, one interval begins where the other ends."""


class Intervals(NamedTuple):
    """Intervals between beats.

    Attributes
    ----------
    times
        ``(n,)`` where each ends, the R peak of the later beat, in seconds from the start of the record.
    ms
        ``(n,)`` its length in milliseconds.
    """

    times: NDArray[np.float64]
    ms: NDArray[np.float64]

    @property
    def sdnn_ms(self) -> float:
        """Standard deviation of the intervals, ms; of NN intervals it is SDNN. NaN of fewer than two.

        Source: Task Force of ESC and NASPE, "Heart rate variability", Circulation 93(5), 1996,
        doi:10.1161/01.CIR.93.5.1043.
        """
        return float(np.std(self.ms, ddof=1)) if len(self.ms) > 1 else math.nan

    @property
    def rmssd_ms(self) -> float:
        """Root mean square of the differences of intervals that follow each other, ms; of NN intervals it is RMSSD.

        Intervals follow each other if the later one begins where the earlier one ends; a difference across what is
        left out is none. NaN where no two do. Source: as `sdnn_ms`.
        """
        follow = np.abs(np.diff(self.times) * 1000.0 - self.ms[1:]) < FOLLOWS_MS
        differences = np.diff(self.ms)[follow]
        return float(np.sqrt(np.mean(differences**2))) if len(differences) else math.nan

    def lf_hf(self) -> float:
        """Power from 0.04 to 0.15 Hz over power from 0.15 to 0.4 Hz, as NeuroKit2 works it out; of NN intervals, LF/HF.

        Two minutes and more are needed, by the source of `sdnn_ms`; of shorter ones it is NaN.

        Raises
        ------
        MissingExtraError
            If NeuroKit2 is not installed.
        """
        try:
            import neurokit2
        except ImportError:
            raise MissingExtraError("Intervals.lf_hf() asks NeuroKit2, which", "hrv") from None
        if not len(self.ms) or self.times[-1] - self.times[0] < LF_HF_S:
            return math.nan
        powers = neurokit2.hrv_frequency({"RRI": self.ms, "RRI_Time": self.times})
        return float(powers["HRV_LFHF"].iloc[0])


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A recording, classified. It is a sequence of its beats: ``len(result)``, ``for beat in result``.

    Attributes
    ----------
    name
        Name of the record.
    fs
        Sampling rate, Hz.
    leads
        The leads that were looked at.
    start, stop
        First sample of the record that was looked at, and the one after the last.
    outputs
        Beats, events, rhythms and alerts, in the order in which they were decided.
    summary
        Counts, delays, computing time.
    origin
        The stream that the beats' ids are of, and its date and time.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    start: int
    stop: int
    outputs: tuple[Output, ...]
    summary: Summary
    origin: Origin | None = None

    @property
    def beats(self) -> tuple[Beat, ...]:
        """The beats, in the order of time."""
        return tuple(output for output in self.outputs if isinstance(output, Beat))

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened beside beats."""
        return tuple(output for output in self.outputs if isinstance(output, Event))

    @property
    def rhythms(self) -> tuple[Rhythm, ...]:
        """Rhythms that began and ended."""
        return tuple(output for output in self.outputs if isinstance(output, Rhythm))

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """What somebody should have looked at: alerts that began, were repeated, and ended."""
        return tuple(output for output in self.outputs if isinstance(output, Alert))

    def __len__(self) -> int:
        return self.summary.beats

    def __iter__(self) -> Iterator[Beat]:
        return iter(self.beats)

    def __repr__(self) -> str:
        counts = ", ".join(f"{label} {n}" for label, n in self.summary.counts.items())
        events = sum(self.summary.events.values())
        seconds = (self.stop - self.start) / self.fs
        return f"<Result {self.name}: {len(self)} beats ({counts}), {events} events, {seconds:g} s at {self.fs:g} Hz>"

    def to_frame(self) -> pandas.DataFrame:
        """Give the beats as a table, a row a beat.

        Columns: ``sample``, ``time`` (s), ``label``, ``rr_ms`` (NaN where there is none) and ``delay_ms``. Then come
        the probabilities, ``p_N`` to ``p_Q``. Last are ``stream``, ``id``, ``at`` (empty where the record has no date
        and time), ``learning``, ``quality`` (NaN where it is not known), and ``paced``.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingExtraError("Result.to_frame() makes a table of pandas, which", "train") from None
        beats = self.beats
        columns: dict[str, object] = {
            "sample": np.array([beat.sample for beat in beats], dtype=np.int64),
            "time": np.array([beat.time for beat in beats], dtype=np.float64),
            "label": [beat.label for beat in beats],
            "rr_ms": np.array([beat.rr_ms for beat in beats], dtype=np.float64),
            "delay_ms": np.array([beat.delay_ms for beat in beats], dtype=np.float64),
        }
        probabilities = np.array([beat.probabilities for beat in beats], dtype=np.float64).reshape(-1, len(CLASSES))
        columns |= {f"p_{name}": probabilities[:, k] for k, name in enumerate(CLASSES)}
        cells = [OriginCells.of(self.name, beat, self.origin) for beat in beats]
        columns |= {name: [getattr(cell, name) for cell in cells] for name in OriginCells._fields}
        columns["learning"] = np.array([beat.learning for beat in beats], dtype=np.bool_)
        columns["quality"] = np.array([beat.quality for beat in beats], dtype=np.float64)
        columns["paced"] = np.array([beat.paced for beat in beats], dtype=np.bool_)
        return pandas.DataFrame(columns)

    def rr(self, *, normal: bool = False) -> Intervals:
        """Give the intervals between beats that follow one another.

        There is none across a gap, a lead-off or whatever else hides beats.

        Parameters
        ----------
        normal
            Only those from one N to the next N (NN intervals), as heart-rate variability is made of.
        """
        beats = self.beats
        kept = [
            (beat.time, beat.rr_ms)
            for before, beat in zip((None, *beats), beats, strict=False)
            if beat.rr_ms is not None and (not normal or (before is not None and before.label == beat.label == "N"))
        ]
        times, ms = np.array(kept, dtype=np.float64).reshape(-1, 2).T.copy()
        return Intervals(times, ms)

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write ``FOLDER/NAME.ecs``, WFDB annotations, and ``FOLDER/NAME.jsonl``, a JSON object a line.

        The lines are those of ``ecg-stream replay --format json``.

        Returns
        -------
        tuple[Path, Path]
            The two files.

        Raises
        ------
        RequestError
            If the folder cannot be written.
        """
        place = Path(folder)
        beats = self.beats
        episodes = RhythmEpisodes()
        for rhythm in self.rhythms:
            episodes.add(rhythm)
        samples, labels = [beat.sample for beat in beats], [beat.label for beat in beats]
        marks = write_with_rhythms(place, self.name, self.fs, samples, labels, episodes.marks(self.start, self.stop))
        lines = [encode_line(self.name, output, self.origin) for output in self.outputs]
        file = place / f"{self.name}.jsonl"
        try:
            replace_file(file, b"".join(line + b"\n" for line in [*lines, encode_summary(self.name, self.summary)]))
        except OSError as error:
            raise RequestError(f"cannot write {file}: {error.strerror}: name a folder that can be written") from error
        return marks, file
