"""A trained record model as a bundle: weights, card, and what a person wants to see of the training."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..models.bundle import Bundle, Card, library_versions, rewrite_card, write_card, writing_bundle
from ..models.onnx_export import export_onnx, save_checkpoint
from ..stream.strip.input import NORMALIZATION, PREPROCESSING, WINDOW_S, window_samples
from .ptbxl import CLASSES, LICENCE, RecordIndex
from .record_member import EpochFigures
from .record_training import TRAINING_FOLDS, Trained

LEFT_OUT = "left_out.csv"


def write_record_bundle(
    folder: Path,
    trained: Trained,
    index: RecordIndex,
    *,
    name: str,
    rate: int,
    leads: tuple[str, ...],
    training: dict[str, Any],
) -> Card:
    """Write ``model.onnx``, ``card.json``, the Keras checkpoint, history, summary and what it can teach.

    Parameters
    ----------
    folder
        Where to; what is there is replaced when all has been written.
    trained, index
        The model, and the records that it was trained with.
    name
        What the card calls it.
    rate, leads
        Sampling rate in Hz and leads that it was trained on.
    training
        How it was made, for the card: command, split, seed, counts.

    Raises
    ------
    BundleError
        If the folder cannot be written.
    """
    with writing_bundle(folder) as part:
        export_onnx(trained.network, part / "model.onnx", n_samples=window_samples(rate))
        save_checkpoint(trained.network, part / "checkpoint.keras")
        (part / "summary.txt").write_text(network_summary(trained.network))
        write_history(part / "history.csv", trained.history)
        plot_history(part / "history.png", trained.history)
        write_left_out(part / LEFT_OUT, index, trained.left_out)
        return write_card(
            part,
            Card(
                name=name,
                task="record",
                arch=trained.network.name.replace("-", "+"),
                classes=CLASSES,
                input_name="ecg",
                input_shape=(None, window_samples(rate), len(leads)),
                preprocessing=PREPROCESSING,
                sampling_rate_hz=float(rate),
                window={"seconds": WINDOW_S},
                normalization=NORMALIZATION,
                thresholds=trained.thresholds,
                leads=leads,
                training=training,
                metrics={
                    "validation": {
                        "auc": trained.validation_auc,
                        "balanced_accuracy": trained.validation_balanced_accuracy,
                        "records": trained.n_validation,
                    }
                },
                versions=dict(library_versions("tensorflow", "keras", "tf2onnx", "numpy", "scikit-learn")),
                data_licence=LICENCE,
            ),
        )


def add_test_figures(bundle: Bundle, figures: dict[str, Any]) -> None:
    """Put the figures of a test fold into the card of a bundle; those that stand there already are replaced.

    Parameters
    ----------
    bundle
        The model that was scored.
    figures
        From `record_report.figures_as_json`.

    Raises
    ------
    BundleError
        If the card cannot be written.
    """
    kept = {name: value for name, value in figures.items() if name not in ("model", "arch", "leads", "rate")}
    rewrite_card(bundle.folder, msgspec.structs.replace(bundle.card, metrics={**bundle.card.metrics, "test": kept}))


def write_left_out(path: Path, index: RecordIndex, probability: NDArray[np.float64]) -> None:
    """Write the probability of IMI of each record by the members that left it out, for a student to learn from."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("record", "probability"))
        for name, value in zip(index.names, probability, strict=True):
            if not np.isnan(value):
                writer.writerow((_number(name), f"{value:.3f}"))


def read_left_out(bundle: Bundle, index: RecordIndex) -> NDArray[np.float64]:
    """Read what a teacher says of records that it did not learn from.

    Parameters
    ----------
    bundle
        The teacher.
    index
        The records of its student, at any rate.

    Returns
    -------
    ndarray
        ``(len(index),)`` probability of IMI; NaN in the test folds.

    Raises
    ------
    RecordError
        If the teacher does not have it, or not for each record of the training folds.
    """
    path = bundle.folder / LEFT_OUT
    if not path.is_file():
        raise RecordError(
            f"the teacher {bundle.card.name} has no {path}: the shipped bundles have it in the repository and the "
            "source archive, others where they were trained"
        )
    with path.open(newline="") as file:
        said = {row["record"]: float(row["probability"]) for row in csv.DictReader(file)}
    probability = np.array([said.get(_number(name), np.nan) for name in index.names])
    absent = int(np.count_nonzero(np.isnan(probability) & np.isin(index.fold, TRAINING_FOLDS)))
    if absent:
        raise RecordError(
            f"the teacher {bundle.card.name} learnt from, or never saw, {absent} of the "
            f"{np.count_nonzero(np.isin(index.fold, TRAINING_FOLDS))} training records: valid is one "
            "that was trained on the same records, each left out by some member",
            about="teacher",
        )
    return probability


def _number(name: str) -> str:
    """Give the number of a record, the same at both rates: ``00001`` of ``records100/00000/00001_lr``."""
    return Path(name).name.split("_")[0]


def network_summary(network: Any) -> str:
    """Layers, shapes and numbers of weights of the network, and of each member that it averages."""
    lines: list[str] = []
    members = [layer for layer in network.layers if hasattr(layer, "layers")]
    for part in (network, *members):
        lines.append(f"{part.name}: {part.count_params():,} weights")
        for layer in part.layers:
            shape = " x ".join("any" if side is None else str(side) for side in layer.output.shape[1:])
            lines.append(f"  {layer.name:28} {type(layer).__name__:24} {shape:12} {layer.count_params():9,}")
        lines.append("")
    return "\n".join(lines)


def write_history(path: Path, history: Sequence[Any]) -> None:
    """Every epoch of every member as CSV, a column for each field of their dataclass."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(history[0])])
        writer.writeheader()
        writer.writerows(asdict(figures) for figures in history)


def plot_history(path: Path, history: tuple[EpochFigures, ...]) -> None:
    """Draw loss and validation AUC over the epochs, a line for each member and a dot at the epoch that was kept."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    loss_axes, auc_axes = figure.subplots(1, 2)
    for member in sorted({figures.member for figures in history}):
        own = [figures for figures in history if figures.member == member]
        epochs = [figures.epoch + 1 for figures in own]
        kept = [figures for figures in own if figures.kept][-1]
        colour = f"C{member}"
        loss_axes.plot(epochs, [figures.loss for figures in own], colour)
        loss_axes.plot(epochs, [figures.validation_loss for figures in own], f"{colour}--")
        auc_axes.plot(epochs, [figures.validation_auc for figures in own], colour, label=f"member {member + 1}")
        auc_axes.plot(kept.epoch + 1, kept.validation_auc, f"{colour}o")
    loss_axes.set(xlabel="epoch", ylabel="cross-entropy, nats", title="Loss: training solid, validation dashed")
    auc_axes.set(xlabel="epoch", ylabel="AUC", title="Validation AUC; the dot was kept")
    for axes in (loss_axes, auc_axes):
        axes.grid(alpha=0.3)
    auc_axes.legend(fontsize="small")  # for both
    figure.savefig(path, dpi=110)
