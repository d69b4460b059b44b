"""Pictures of what the live stages make of a record: denoising, normalizing, the beats of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.record import Record
from ..stream import batch
from ..stream.beats.features import WINDOW, columns
from ..stream.beats.windows import HALF_WINDOW_S, MARK_REACH_S
from ..stream.cascade import LOOK_AHEAD_S
from ..stream.core.messages import CLASSES, Beat, Samples, Signal
from ..stream.pipeline import Pipeline
from ..stream.signal.denoise import WaveletDenoiser
from ..stream.signal.guard import SignalGuard
from ..stream.signal.highpass import HighPass
from .beat_plots import CLASS_COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAD_IN_S = 60.0
"""The filters run so long before the stretch that is shown, so that it shows them settled."""

CHUNK_MS = 10_000.0
PAPER_S, PAPER_MV = 30.0, 8.0
MOST_ROWS = 4
SHEET_COLUMNS = 4
"""More leads than this make a sheet, of so many columns."""

NARROWEST_IN = 6.4
"""Width of a picture in inches, at least: its title has to fit."""

MOST_LINES = 400
"""Single windows drawn in one picture; of more, every so-manieth."""


def denoise_figure(record: Record, start_s: float, end_s: float, leads: Sequence[str] | None = None) -> Figure:
    """Draw each lead as it was recorded and as the high-pass and the wavelet denoiser leave it, on ECG paper.

    More than `MOST_ROWS` leads make a sheet of four columns, as twelve do on paper, the one drawn over the other.

    Raises
    ------
    RecordError
        If the stretch or a lead is not in the record, or its files cannot be read.
    """
    names = record.leads if leads is None else tuple(record.leads[k] for k in record.lead_indices(leads))
    first, last = record.sample_range(start_s, end_s)
    before, after = (signal[first - last :] for signal in _recorded_and_cleaned(record, start_s, end_s, names))
    time = np.arange(first, last) / record.fs
    if len(names) > MOST_ROWS:
        return _sheet(record, names, time, before, after)
    figure = new_figure(11, 2.1 * 2 * len(names) + 0.4)
    axes = figure.subplots(2 * len(names), 1, sharex=True, squeeze=False)[:, 0]
    for k, name in enumerate(names):
        middle = np.nanmedian(before[:, k]) if np.isfinite(before[:, k]).any() else 0.0
        for ax, signal, what, colour in (
            (axes[2 * k], before[:, k] - middle, "recorded", "#6b6b6b"),
            (axes[2 * k + 1], after[:, k], "high-passed and denoised", "#1f4e8c"),
        ):
            ax.plot(time, signal, color=colour, linewidth=0.9)
            ax.set_ylabel("mV")
            ax.set_title(f"{name}, {what}", loc="left", fontsize=9)
            _paper(ax, end_s - start_s)
        low, high = (f(g(axes[2 * k].get_ylim()), g(axes[2 * k + 1].get_ylim())) for f, g in ((min, min), (max, max)))
        for ax in axes[2 * k : 2 * k + 2]:
            ax.set_ylim(low, high)
    axes[-1].set_xlabel("time, s")
    axes[-1].set_xlim(time[0], time[-1])
    figure.suptitle(f"{record.name}: look-ahead {1000 * LOOK_AHEAD_S:.0f} ms", fontsize=10)
    return figure


def _sheet(record: Record, names: Sequence[str], time: NDArray[np.float64], before: Samples, after: Samples) -> Figure:
    """Draw the leads in four columns, each from top to bottom, of one height and one width a second."""
    rows = -(-len(names) // SHEET_COLUMNS)
    figure = new_figure(14, 1.9 * rows + 0.5)
    axes = figure.subplots(rows, SHEET_COLUMNS, sharex=True, sharey=True, squeeze=False)
    for ax in axes.ravel():
        ax.set_visible(False)
    middles = np.nan_to_num(np.nanmedian(np.where(np.isfinite(before).any(axis=0), before, 0.0), axis=0))
    for k, name in enumerate(names):
        ax = axes[k % rows, k // rows]
        ax.set_visible(True)
        ax.plot(time, before[:, k] - middles[k], color="#9a9a9a", linewidth=0.7, label="recorded")
        ax.plot(time, after[:, k], color="#1f4e8c", linewidth=0.9, label="high-passed and denoised")
        ax.set_title(name, loc="left", fontsize=9)
    axes[0, 0].set_xlim(time[0], time[-1])
    for ax in axes.ravel():
        _paper(ax, time[-1] - time[0])
    for ax in axes[:, 0]:
        ax.set_ylabel("mV")
    axes[-1, 0].set_xlabel("time, s")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False, fontsize=8
    )
    figure.suptitle(f"{record.name}: look-ahead {1000 * LOOK_AHEAD_S:.0f} ms", fontsize=10)
    return figure


def normalize_figure(record: Record, start_s: float, end_s: float, model: str) -> Figure:
    """Draw the window of every beat on the first lead, in millivolts and normalized as the network gets it.

    Raises
    ------
    RecordError
        If the stretch holds no beat, or the record cannot be read.
    """
    beats = _windows(record, start_s, end_s, model)
    figure = new_figure(9, 4)
    left, right = figure.subplots(1, 2, sharex=True)
    step = max(1, len(beats.labels) // MOST_LINES)
    for ax, windows in ((left, beats.recorded), (right, beats.normalized)):
        for label in CLASSES:
            these = windows[::step][beats.labels[::step] == label]
            if len(these):
                ax.plot(beats.time_ms, these.T, color=CLASS_COLOURS[label], linewidth=0.5, alpha=0.35)
                ax.plot([], [], color=CLASS_COLOURS[label], label=label)
        ax.set_xlabel("from the middle of the QRS, ms")
    left.set_title("recorded", loc="left", fontsize=9)
    left.set_ylabel("mV")
    right.set_title("normalized: denoised, zero mean, unit deviation", loc="left", fontsize=9)
    right.legend(frameon=False)
    figure.suptitle(f"{record.name}, {record.leads[0]}: {len(beats.labels)} beat windows", fontsize=10)
    return figure


def beats_figure(record: Record, start_s: float, end_s: float, model: str) -> Figure:
    """Draw the mean normalized window of each class that was found, with one standard deviation either side.

    Raises
    ------
    RecordError
        If the stretch holds no beat, or the record cannot be read.
    """
    beats = _windows(record, start_s, end_s, model)
    present = [label for label in CLASSES if (beats.labels == label).any()]
    figure = new_figure(max(2.6 * len(present) + 1.2, NARROWEST_IN), 3.2)
    for ax, label in zip(figure.subplots(1, len(present), sharey=True, squeeze=False)[0], present, strict=True):
        these = beats.normalized[beats.labels == label]
        mean, spread = these.mean(axis=0), these.std(axis=0)
        ax.fill_between(
            beats.time_ms, mean - spread, mean + spread, color=CLASS_COLOURS[label], alpha=0.25, linewidth=0
        )
        ax.plot(beats.time_ms, mean, color=CLASS_COLOURS[label])
        ax.set_title(f"{label}: {len(these)}", loc="left", fontsize=10)
        ax.set_xlabel("from the middle of the QRS, ms")
        ax.grid(alpha=0.3)
    figure.axes[0].set_ylabel("normalized")
    figure.suptitle(
        f"{record.name}, {record.leads[0]}: mean window and deviation, as classified by {model}", fontsize=10
    )
    return figure


def _paper(ax: Axes, seconds: float) -> None:
    """Rule an axis as ECG paper, lines at 0.2 s and 0.5 mV, where they can be told apart."""
    from matplotlib.ticker import MultipleLocator

    if seconds <= PAPER_S:
        ax.xaxis.set_minor_locator(MultipleLocator(0.2))
        ax.xaxis.set_major_locator(MultipleLocator(1.0))
    low, high = ax.get_ylim()
    if high - low <= PAPER_MV:
        ax.yaxis.set_major_locator(MultipleLocator(0.5))
    ax.grid(which="both", color="#e9b8b8", linewidth=0.5)
    ax.set_axisbelow(True)


def _recorded_and_cleaned(
    record: Record, start_s: float, end_s: float, leads: Sequence[str]
) -> tuple[Samples, Samples]:
    """Give the signal, ``(n, n_leads)`` mV, before and after the filters, from the lead-in on."""
    guard, high_pass = SignalGuard(record.fs, tuple(leads)), HighPass(record.fs, len(leads))
    denoiser = WaveletDenoiser(record.fs, len(leads), look_ahead_s=LOOK_AHEAD_S)
    recorded, cleaned = [], []
    for chunk in record.chunks(CHUNK_MS, max(0.0, start_s - LEAD_IN_S), end_s, leads):
        guarded = guard.push(chunk.samples)
        recorded.append(chunk.samples)
        cleaned.append(denoiser.push(Signal(high_pass.push(guarded.samples), guarded.good)))
    return np.concatenate(recorded), np.concatenate([*cleaned, denoiser.flush()])


@dataclass(frozen=True, slots=True)
class _Windows:
    """Beats of the first lead: class ``(n,)``, recorded and normalized window ``(n, WINDOW)``, time in the window.

    Both windows of a beat stand around the middle of its QRS complex, where the network's window is cut.
    """

    labels: NDArray[np.str_]
    recorded: NDArray[np.float64]
    normalized: NDArray[np.float64]
    time_ms: NDArray[np.float64]


def _windows(record: Record, start_s: float, end_s: float, model: str) -> _Windows:
    """Run the live pipeline over the stretch, and keep the windows it classified."""
    pipeline = Pipeline(model)
    chunks = record.chunks(CHUNK_MS, start_s, end_s)
    found = [each for chunk in chunks for each in classified(pipeline, pipeline.describe(chunk))]
    found += classified(pipeline, pipeline.finish())
    if not found:
        raise RecordError(f"record {record.name} has no beat from {start_s:g} to {end_s:g} s: ask for a longer part")
    offset = np.linspace(-HALF_WINDOW_S, HALF_WINDOW_S, WINDOW, endpoint=False)
    recorded = np.stack([recorded_around(record, beat.sample, offset, shape)[0] for beat, shape in found])
    labels = np.array([beat.label for beat, _ in found])
    return _Windows(labels, recorded, np.stack([shape for _, shape in found]), 1000 * offset)


def classified(pipeline: Pipeline, described: batch.Described) -> list[tuple[Beat, NDArray[np.float64]]]:
    """Label what a pipeline has described: each beat, and its window as the classifier got it, ``(WINDOW,)``."""
    (labelled,) = batch.label(pipeline.models, [described])
    beats = [output for output in pipeline.remember(labelled) if isinstance(output, Beat)]
    window = columns(["window"])
    shapes = [decided.features[window].astype(np.float64) for decided in described.beats]
    return list(zip(beats, shapes, strict=True))


def recorded_around(
    record: Record, mark: int, offset: NDArray[np.float64], shape: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Cut the recorded window that belongs to a normalized one.

    A beat says where its R peak is. The window stands around the middle of the QRS complex, up to `MARK_REACH_S` from
    there: it is where the recorded signal is most like what the network got.

    Parameters
    ----------
    record
        The record.
    mark
        Sample of the R peak.
    offset
        ``(WINDOW,)`` seconds from the middle.
    shape
        ``(WINDOW,)`` the normalized window.

    Returns
    -------
    tuple
        The recorded window, mV, ``(WINDOW,)``, and the sample of its middle.
    """
    signal = record.signal()[:, 0]
    reach = round(MARK_REACH_S * record.fs)
    middles = mark + np.arange(-reach, reach + 1)
    windows = np.interp(middles[:, None] + offset * record.fs, np.arange(len(signal)), signal)
    centred = np.nan_to_num(windows - windows.mean(axis=1, keepdims=True))
    best = int(np.argmax(centred @ shape / np.maximum(np.linalg.norm(centred, axis=1), 1e-9)))
    return windows[best], int(middles[best])
