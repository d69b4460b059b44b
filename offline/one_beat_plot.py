"""One beat through the stages: what each makes of it, and what every millisecond of its delay is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.record import Record
from ..stream.beats.features import WINDOW
from ..stream.beats.windows import HALF_WINDOW_S
from ..stream.cascade import LOOK_AHEAD_S
from ..stream.core.messages import CLASSES, Beat, Samples, Signal
from ..stream.pipeline import Pipeline
from ..stream.signal.denoise import WaveletDenoiser
from ..stream.signal.grid import GRID_HZ, Grid
from ..stream.signal.guard import SignalGuard
from ..stream.signal.highpass import HighPass
from .beat_plots import CLASS_COLOURS, new_figure
from .stage_plots import classified, recorded_around

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BEFORE_S, AFTER_S = 60.0, 5.0
"""The stream runs so long before the beat, so that the filters are settled, and after it, so that it is decided."""

SHOWN_S = 0.35
"""Shown on either side of the R peak."""

CHUNK_MS = 1_000.0
_INK, _SOFT = "#1f4e8c", "#9a9a9a"


@dataclass(frozen=True, slots=True)
class _Passage:
    """The first lead around one beat, after each stage; `start` is the record's sample that the first row is."""

    start: int
    recorded: NDArray[np.float64]
    high_passed: NDArray[np.float64]
    denoised: NDArray[np.float64]
    on_grid: NDArray[np.float64]


def stages_figure(record: Record, moment_s: float, model: str) -> Figure:
    """Draw what each stage makes of the first beat after a moment, on the first lead, and how its delay comes about.

    Raises
    ------
    RecordError
        If there is no beat, or the record cannot be read.
    """
    first_s, end_s = max(0.0, moment_s - BEFORE_S), min(record.seconds, moment_s + AFTER_S)
    beat, shape = _beat_after(record, moment_s, first_s, end_s, model)
    passage = _passage(record, first_s, end_s)
    offset = np.linspace(-HALF_WINDOW_S, HALF_WINDOW_S, WINDOW, endpoint=False)
    _, middle = recorded_around(record, beat.sample, offset, shape)
    at_ms = 1000 * (np.arange(len(passage.recorded)) + passage.start - beat.sample) / record.fs
    grid_ms = 1000 * np.arange(len(passage.on_grid)) / GRID_HZ + at_ms[0]
    middle_ms = 1000 * (middle - beat.sample) / record.fs

    figure = new_figure(8, 9)
    axes = figure.subplots(6, 1, sharex=True, height_ratios=(2, 2, 2, 2, 2, 1.6))
    drawn = (
        ("1  recorded", at_ms, passage.recorded, "mV"),
        ("2  guarded and high-passed: no drift, no offset", at_ms, passage.high_passed, "mV"),
        (f"3  denoised, with {1000 * LOOK_AHEAD_S:.0f} ms of look-ahead", at_ms, passage.denoised, "mV"),
        (f"4  beside it, for the QRS detector: below 30 Hz, at {GRID_HZ:g} Hz", grid_ms, passage.on_grid, "mV"),
        ("5  the window, as the classifier gets it", middle_ms + 1000 * offset, shape, "deviations"),
    )
    for ax, (title, x, y, unit) in zip(axes[:5], drawn, strict=True):
        seen = np.abs(x) <= 1000 * SHOWN_S
        dotted = "." if title.startswith("4") else ""
        ax.plot(x[seen], y[seen], color=_INK, linewidth=1.2, marker=dotted, markersize=4)
        ax.set_title(title, loc="left", fontsize=9)
        ax.set_ylabel(unit, fontsize=8)
        ax.axvline(0, color=_SOFT, linewidth=0.8)
        ax.grid(alpha=0.3)
    for ax in axes[2:4]:
        ax.axvspan(middle_ms - 1000 * HALF_WINDOW_S, middle_ms + 1000 * HALF_WINDOW_S, color=_INK, alpha=0.08)
    _delay(axes[5], beat, middle_ms)
    axes[5].set_xlim(-1000 * SHOWN_S, 1000 * SHOWN_S)
    axes[5].set_xlabel("from the R peak, ms")
    figure.suptitle(f"{record.name}, {record.leads[0]}: the beat at {beat.time:.2f} s", fontsize=10)
    return figure


def _delay(ax: Axes, beat: Beat, middle_ms: float) -> None:
    """Draw the delay as bars: to the middle of the QRS complex, half a window, the look-ahead, and what else."""
    half, ahead = 1000 * HALF_WINDOW_S, 1000 * LOOK_AHEAD_S
    parts = [("to the end\nof the window", middle_ms + half, "#7fa7d6"), ("look-\nahead", ahead, "#d6a77f")]
    rest = beat.delay_ms - middle_ms - half - ahead
    if rest > 2:
        parts.append(("detector", rest, _SOFT))
    begin = 0.0
    for name, length, colour in parts:
        ax.barh(0, length, left=begin, height=0.6, color=colour)
        ax.text(begin + length / 2, 0, f"{name}\n{length:.0f} ms", ha="center", va="center", fontsize=6.5)
        begin += length
    probability = beat.probabilities[CLASSES.index(beat.label)]
    ax.plot([beat.delay_ms] * 2, [-0.5, 0.5], color=CLASS_COLOURS[beat.label], linewidth=2)
    ax.text(
        beat.delay_ms + 6, 0, f"{beat.label}, {probability:.0%}\nafter {beat.delay_ms:.0f} ms", va="center", fontsize=9,
        color=CLASS_COLOURS[beat.label],
    )  # fmt: skip
    ax.axvline(0, color=_SOFT, linewidth=0.8)
    ax.set_title("6  labelled: what each millisecond of delay is", loc="left", fontsize=9)
    ax.set_yticks([])
    ax.set_ylim(-0.7, 0.7)


def _beat_after(
    record: Record, moment_s: float, first_s: float, end_s: float, model: str
) -> tuple[Beat, NDArray[np.float64]]:
    """Give the first beat after a moment, and its window as the classifier got it, ``(WINDOW,)``."""
    pipeline = Pipeline(model)
    for chunk in record.chunks(CHUNK_MS, first_s, end_s):
        for beat, shape in classified(pipeline, pipeline.describe(chunk)):
            if beat.time >= moment_s:
                return beat, shape
    raise RecordError(f"record {record.name} has no beat from {moment_s:g} to {end_s:g} s: ask for another moment")


def _passage(record: Record, first_s: float, end_s: float) -> _Passage:
    guard, high_pass = SignalGuard(record.fs, record.leads), HighPass(record.fs, len(record.leads))
    denoiser = WaveletDenoiser(record.fs, len(record.leads), look_ahead_s=LOOK_AHEAD_S)
    grid = Grid(record.fs, len(record.leads))
    recorded: list[Samples] = []
    high_passed: list[Samples] = []
    denoised: list[Samples] = []
    on_grid: list[Samples] = []
    start = round(first_s * record.fs)
    for chunk in record.chunks(CHUNK_MS, first_s, end_s):
        guarded = guard.push(chunk.samples)
        signal = Signal(high_pass.push(guarded.samples), guarded.good)
        recorded.append(chunk.samples)
        high_passed.append(signal.samples)
        denoised.append(denoiser.push(signal))
        on_grid.append(grid.push(signal).signal.samples)
    denoised.append(denoiser.flush())
    parts = (np.concatenate(part)[:, 0] for part in (recorded, high_passed, denoised, on_grid))
    return _Passage(start, *parts)
