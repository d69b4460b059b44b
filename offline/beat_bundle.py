"""A trained beat network as a bundle: weights, card, and what a person wants to see of the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..models.bundle import Card, library_versions, write_card, writing_bundle
from ..stream.beats.features import GROUPS, PREPROCESSING
from ..stream.core.messages import CLASSES
from .beat_training import BeatEpoch, TrainedBeatNetwork
from .qrs_bundle import DATA_LICENCE
from .record_bundle import network_summary, write_history


def write_beat_bundle(folder: Path, trained: TrainedBeatNetwork, arch: str, training: dict[str, Any]) -> Card:
    """Write ``model.onnx``, ``card.json``, history and summary; a bundle that is there is replaced as a whole.

    Raises
    ------
    BundleError
        If the place cannot be written.
    """
    with writing_bundle(folder) as part:
        trained.ensemble.export(part / "model.onnx")
        (part / "summary.txt").write_text(ensemble_summary(trained))
        write_history(part / "history.csv", trained.history)
        plot_history(part / "history.png", trained.history)
        plain = set(trained.names) <= set(GROUPS["window"])
        scale = "unit deviation" if plain else "in units of the dominant beat"
        card = Card(
            name=folder.name,
            task="beat",
            arch=arch,
            classes=CLASSES,
            input_name="features",
            input_shape=(None, len(trained.names)),
            preprocessing=PREPROCESSING,
            window={"before_s": 0.1, "after_s": 0.1, "samples": 50},
            normalization=f"waves to zero mean, {scale}; standardization in the network",
            features=trained.names,
            thresholds=trained.multipliers,
            kind_memory=trained.kind_memory,
            training=training,
            metrics={"validation_patients": trained.validation},
            versions=dict(library_versions("numpy", "tensorflow", "keras", "tf2onnx", "lightgbm")),
            data_licence=DATA_LICENCE,
        )
        return write_card(part, card)


def ensemble_summary(trained: TrainedBeatNetwork) -> str:
    """Layers, shapes and numbers of weights of the members, and how many trees stand beside them."""
    members = "".join(
        f"member {number}\n{network_summary(network)}" for number, network in enumerate(trained.members, 1)
    )
    trees = trained.ensemble.trees
    return members if trees is None else f"{members}trees: {trees.n_trees}\n"


def plot_history(path: Path, history: tuple[BeatEpoch, ...]) -> None:
    """Draw the losses over the epochs, a colour for each member and a dot at the epoch that was kept."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for member in sorted({done.member for done in history}):
        own = [done for done in history if done.member == member]
        epochs = [done.epoch + 1 for done in own]
        best = min(own, key=lambda done: done.validation_loss)
        colour = f"C{member}"
        axes.plot(epochs, [done.loss for done in own], colour, label=f"member {member + 1}, training")
        axes.plot(epochs, [done.validation_loss for done in own], f"{colour}--", label="validation")
        axes.plot(best.epoch + 1, best.validation_loss, f"{colour}o")
    axes.set(xlabel="epoch", ylabel="weighted cross-entropy, nats", title="Loss; the dot was kept")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small", ncols=2)
    figure.savefig(path, dpi=110)
