"""Reference beats and silence for the rules of the rhythm: what a stage of them is fed with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ecg_stream.stream.core.messages import CLASSES, Beat, Heard, Label, Output, Probabilities, Rhythm, Signal
from ecg_stream.stream.rhythm.limits import RhythmLimits
from ecg_stream.stream.rhythm.rule import RhythmBeat
from ecg_stream.stream.rhythm.stage import Decided, RhythmStage

FS = 250.0
DELAY = 35  # samples from an R peak to its label


def beat(sample: int, label: Label = "N", rr: int | None = None, fs: float = FS, kind: int = 0) -> RhythmBeat:
    """A beat with a label, and the interval before it in samples."""
    probabilities = Probabilities(*(float(name == label) for name in CLASSES))
    rr_ms = None if rr is None else 1000.0 * rr / fs
    return RhythmBeat(Beat(sample, sample / fs, label, probabilities, rr_ms, 1000.0 * DELAY / fs), kind)


def beats(intervals: Iterable[tuple[str, float]], begin_s: float = 0.5, fs: float = FS) -> list[Decided]:
    """Beats by label and interval before, s; the first has none. A label may be followed by its kind: ``V1``."""
    found: list[Decided] = []
    sample, before = round(begin_s * fs), None
    for name, interval_s in intervals:
        rr = round(interval_s * fs)
        sample = sample + rr if before is not None else sample
        label: Label = name[0]  # type: ignore[assignment]
        found.append((sample + DELAY, beat(sample, label, None if before is None else rr, fs, int(name[1:] or 0))))
        before = sample
    return found


def row(text: str, interval_s: float = 0.8) -> list[tuple[str, float]]:
    """Beats of one interval: ``NNVVN``."""
    return [(label, interval_s) for label in text]


def heard(samples: np.ndarray, good: np.ndarray | None = None, start: int = 0) -> list[Heard]:
    """Samples ``(n, n_leads)``, all of them measurements unless `good` says otherwise."""
    flags = np.ones(samples.shape, dtype=np.bool_) if good is None else good
    return [Heard(start, samples, Signal(samples, flags))]


def told(
    decided: Sequence[Decided],
    stop_s: float | None = None,
    samples: Sequence[Heard] = (),
    fs: float = FS,
    limits: RhythmLimits | None = None,
    finish: bool = True,
) -> list[Rhythm]:
    """All that a fresh stage tells of the rhythm."""
    stage = RhythmStage(limits or RhythmLimits(), fs, ("II",))
    due = decided[-1][0] + 1 if stop_s is None else round(stop_s * fs)
    outputs: list[Output] = stage.push(decided, samples, due)
    if finish:
        outputs += stage.finish(due)
    return [output for output in outputs if isinstance(output, Rhythm)]


def names(rhythms: Sequence[Rhythm]) -> list[str]:
    """``+`` and ``-`` with the name of what begins and ends, in the order told."""
    return [("+" if each.state == "begin" else "-") + each.name for each in rhythms]
