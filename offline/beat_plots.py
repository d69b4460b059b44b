"""The pictures of a beat evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import CLASSES
from .beat_figures import LATE_MS, MatchedBeats
from .beat_run import RecordRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASS_COLOURS = {"N": "#3b6fb6", "S": "#d98a00", "V": "#c1272d", "F": "#8a4fbe", "Q": "#6b6b6b"}


def save_plots(folder: Path, runs: Sequence[RecordRun], beats: MatchedBeats) -> list[str]:
    """Draw all pictures there is something for, and give their file names.

    ``confusion.png``, ``offset.png``, ``roc.png``, ``precision-recall.png``, ``calibration.png``, ``delay.png``.
    """
    draws: dict[str, Callable[[Axes], None]] = {}
    if len(beats.truth):
        draws["confusion"] = partial(_confusion, beats=beats)
        draws["offset"] = partial(_offset, beats=beats)
    if len(set(beats.truth.tolist())) > 1:
        draws["roc"] = partial(_one_against_rest, beats=beats, draw=_roc)
        draws["precision-recall"] = partial(_one_against_rest, beats=beats, draw=_precision_recall)
        draws["calibration"] = partial(_one_against_rest, beats=beats, draw=_calibration)
    if any(len(run.samples) for run in runs):
        draws["delay"] = partial(_delay, runs=runs)
    for name, draw in draws.items():
        figure = new_figure(6.4, 4.6)
        draw(figure.add_subplot())
        figure.savefig(folder / f"{name}.png", dpi=110)
    return [f"{name}.png" for name in draws]


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of `width` by `height` inches that belongs to no window system."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _confusion(axes: Axes, beats: MatchedBeats) -> None:
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    present = sorted({*beats.truth.tolist(), *beats.called.tolist()})
    labels = [CLASSES[k] for k in present]
    shares = confusion_matrix(beats.truth, beats.called, labels=present, normalize="true")
    counts = confusion_matrix(beats.truth, beats.called, labels=present)
    display = ConfusionMatrixDisplay(shares, display_labels=labels)
    display.plot(ax=axes, cmap="Blues", include_values=False, colorbar=False, im_kw={"vmin": 0.0, "vmax": 1.0})
    for (row, column), count in np.ndenumerate(counts):
        shade = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count:,}\n{100 * shares[row, column]:.1f} %"
        axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=9)
    axes.set(title="Matched beats, shares of each reference class", xlabel="pipeline", ylabel="reference")


def _one_against_rest(
    axes: Axes, beats: MatchedBeats, draw: Callable[[Axes, str, NDArray[np.bool_], NDArray[np.float64]], None]
) -> None:
    present = [k for k in range(len(CLASSES)) if 0 < np.count_nonzero(beats.truth == k) < len(beats.truth)]
    axes.set_prop_cycle(color=[CLASS_COLOURS[CLASSES[k]] for k in present])
    for k in present:
        is_class = beats.truth == k
        draw(axes, f"{CLASSES[k]} ({is_class.sum():,})", is_class, beats.probabilities[:, k])
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _roc(axes: Axes, name: str, is_class: NDArray[np.bool_], probability: NDArray[np.float64]) -> None:
    from sklearn.metrics import RocCurveDisplay

    RocCurveDisplay.from_predictions(is_class, probability, ax=axes, name=name)
    axes.set(title="ROC, each class against the rest", xlabel="1 - specificity", ylabel="sensitivity")


def _precision_recall(axes: Axes, name: str, is_class: NDArray[np.bool_], probability: NDArray[np.float64]) -> None:
    from sklearn.metrics import PrecisionRecallDisplay

    PrecisionRecallDisplay.from_predictions(is_class, probability, ax=axes, name=name)
    axes.set(title="Precision and recall, each class against the rest")
    axes.set(xlabel="sensitivity (recall)", ylabel="positive predictivity (precision)")


def _calibration(axes: Axes, name: str, is_class: NDArray[np.bool_], probability: NDArray[np.float64]) -> None:
    from sklearn.calibration import CalibrationDisplay

    CalibrationDisplay.from_predictions(is_class, probability, n_bins=10, ax=axes, name=name)
    axes.set(title="Calibration, each class against the rest")
    axes.set(xlabel="probability given, mean in bins of 0.1", ylabel="share that is of the class")


def _delay(axes: Axes, runs: Sequence[RecordRun]) -> None:
    delay_ms = np.concatenate([run.delay_ms for run in runs])
    shown = min(float(delay_ms.max()), 2.0 * LATE_MS)
    axes.hist(np.minimum(delay_ms, shown), bins=80, color="#3b6fb6")
    p50, p95 = np.percentile(delay_ms, [50, 95])
    late = 100.0 * np.mean(delay_ms > LATE_MS)
    axes.axvline(p50, color="black", linewidth=1, label=f"p50 {p50:.0f} ms")
    axes.axvline(p95, color="black", linewidth=1, linestyle="--", label=f"p95 {p95:.0f} ms")
    axes.plot([], [], " ", label=f"max {delay_ms.max():.0f} ms")
    axes.plot([], [], " ", label=f"{late:.2f} % over {LATE_MS:.0f} ms")
    axes.legend(loc="upper right")
    axes.set_yscale("log")
    axes.set(title="Delay from the R peak to its label, in stream time", ylabel="beats")
    rest = " (the last bin holds the rest)" if delay_ms.max() > shown else ""
    axes.set_xlabel(f"ms{rest}")


def _offset(axes: Axes, beats: MatchedBeats) -> None:
    edges = np.arange(-152.0, 156.0, 4.0)
    present = sorted(set(beats.truth.tolist()))
    axes.hist(
        [beats.offset_ms[beats.truth == k] for k in present],
        bins=edges.tolist(),
        stacked=True,
        color=[CLASS_COLOURS[CLASSES[k]] for k in present],
        label=[CLASSES[k] for k in present],
    )
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.legend(title="reference")
    axes.set(title=f"Where beats are marked: median {np.median(beats.offset_ms):.0f} ms", ylabel="matched beats")
    axes.set_xlabel("reference mark to R peak, ms")
