"""The worst stretches of the worst records: where to look first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..replay.labels import AAMI_CLASS
from ..replay.record import Record
from .beat_plots import CLASS_COLOURS, new_figure
from .beat_run import RecordRun
from .ec57 import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRETCH_S = 10.0

KINDS = ("detection", "class")
"""Kinds of errors: beats missed or made up, and beats of a wrong class."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ten seconds of a record.

    Attributes
    ----------
    record
        The record as ``db/name``.
    kind
        One of `KINDS`: which errors it was chosen for.
    start
        First sample.
    errors
        How many errors of the kind lie in it.
    in_record
        How many lie in the whole record.
    """

    record: str
    kind: str
    start: int
    errors: int
    in_record: int


def worst_stretches(runs: Sequence[RecordRun], records: int = 3) -> list[Stretch]:
    """Find the worst stretch of each of the worst records, for detection and for classes.

    Missed and extra beats are errors of detection. Beats of the reference classes N, S and V that were called
    something else are errors of class; what a fusion or unclassifiable beat should be called, EC57 leaves open.
    """
    stretches = []
    for kind in KINDS:
        ranked = sorted(
            ((len(samples := _errors(run, kind)), run, samples) for run in runs), key=lambda entry: -entry[0]
        )
        for count, run, samples in ranked[:records]:
            if count:
                stretches.append(_densest(run, kind, samples))
    return stretches


def save_stretch(path: Path, stretch: Stretch, run: RecordRun, record: Record) -> None:
    """Draw the leads that the pipeline saw, the reference above and the detected beats below; errors are boxed."""
    start, stop = stretch.start, min(stretch.start + round(STRETCH_S * run.fs), record.n_samples)
    columns = record.lead_indices(run.leads)
    signal = record.signal(start, stop)[:, columns]
    time = np.arange(start, stop) / run.fs
    figure = new_figure(11.0, 1.2 + 1.9 * len(columns))
    all_axes = figure.subplots(len(columns), sharex=True, squeeze=False)[:, 0]
    for axes, lead, samples in zip(all_axes, run.leads, signal.T, strict=True):
        axes.plot(time, samples, color="black", linewidth=0.7)
        axes.set_ylabel(f"{lead}, mV")
        axes.margins(x=0.0, y=0.25)
        axes.grid(alpha=0.3)
    _mark(all_axes[0], all_axes[-1], stretch, run, stop)
    minutes, seconds = divmod(start / run.fs, 60.0)
    all_axes[0].set_title(
        f"{stretch.record} at {minutes:.0f}:{seconds:04.1f}: {stretch.errors} of its {stretch.in_record} errors of "
        f"{stretch.kind} (reference above, pipeline below, errors boxed)",
        fontsize=10,
    )
    all_axes[-1].set_xlabel("s")
    figure.savefig(path, dpi=110)


def _is_error(outcome: Outcome, kind: str) -> bool:
    if outcome.reference < 0 or outcome.test < 0:
        return kind == "detection"
    return kind == "class" and outcome.row in "NSV" and outcome.row != outcome.column.upper()


def _errors(run: RecordRun, kind: str) -> NDArray[np.int64]:
    """Give the sample of each error of a kind, ascending."""
    samples = [
        run.reference.samples[outcome.reference] if outcome.reference >= 0 else run.samples[outcome.test]
        for outcome in run.score.outcomes
        if _is_error(outcome, kind)
    ]
    return np.sort(np.array(samples, dtype=np.int64))


def _densest(run: RecordRun, kind: str, errors: NDArray[np.int64]) -> Stretch:
    length = round(STRETCH_S * run.fs)
    counts = np.searchsorted(errors, errors + length) - np.arange(len(errors))
    first = int(np.argmax(counts))
    middle = (errors[first] + errors[first + counts[first] - 1]) // 2
    start = max(0, min(int(middle) - length // 2, round(run.seconds * run.fs) - length))
    inside = int(np.count_nonzero((errors >= start) & (errors < start + length)))
    return Stretch(run.name, kind, start, inside, len(errors))


def _mark(top: Axes, bottom: Axes, stretch: Stretch, run: RecordRun, stop: int) -> None:
    """Write the reference labels along the top and the given ones along the bottom."""
    wrong_outcomes = [outcome for outcome in run.score.outcomes if any(_is_error(outcome, kind) for kind in KINDS)]
    reference_wrong = {outcome.reference for outcome in wrong_outcomes}
    test_wrong = {outcome.test for outcome in wrong_outcomes}
    labels = [AAMI_CLASS.get(symbol, "") for symbol in run.reference.symbols]
    for axes, height, samples, names, wrong in (
        (top, 0.93, run.reference.samples, labels, reference_wrong),
        (bottom, 0.07, run.samples, list(run.labels), test_wrong),
    ):
        for index in np.flatnonzero((samples >= stretch.start) & (samples < stop)):
            if not names[index]:
                continue
            colour = CLASS_COLOURS[names[index]]
            box = {"boxstyle": "square,pad=0.15", "facecolor": "none", "edgecolor": "black"} if index in wrong else None
            at = samples[index] / run.fs
            axes.axvline(at, color=colour, linewidth=0.6, alpha=0.5)
            axes.text(
                at,
                height,
                names[index],
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="center",
                color=colour,
                fontsize=9,
                fontweight="bold",
                bbox=box,
            )
