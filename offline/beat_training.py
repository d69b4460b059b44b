"""Train beat networks: the plain baselines, and the one that is shipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.beat_ensemble import SUPRAVENTRICULAR, VENTRICULAR, BeatEnsemble, beside_trees
from ..models.beat_networks import BASELINES, build_beat_network, early_columns
from ..models.beat_trees import TreeSums, boosted
from ..models.keras_library import import_keras
from ..models.stacked import Member, mean_of
from ..stream.beats.features import NAMES, columns
from ..stream.core.messages import CLASSES
from .beat_calibration import TINY, calibrate, calibrated_network
from .beat_dataset import BeatSet, irregular_without_p, joined, premature, unknown
from .operating_point import choose_operating_point
from .variations import Variation

N, S, V, _, Q = range(len(CLASSES))

N_SHARE = 0.3
"""Share of the N beats kept in each variation: there are thirty of them for each beat of another class."""

RARE = 300.0
"""A class with fewer beats than this weighs as if it had so many: F and Q of a few patients must not rule."""

FIBRILLATION_WEIGHT = 12.0
"""Weight of N beats in what looks like fibrillation. Few patients have it, whose beats are early by chance and are no S
beats; those few must be heard."""

WEAK_WEIGHT = {N: 5.0, V: 0.7, Q: 0.4}
"""Weight of beats with weak labels: of N there are few beside those of other databases, and what is found in
fibrillation may well be taken for V."""

SUSTAINED_WEIGHT = 0.3
"""Weight of V beats where tachycardias were put in: they teach width, and are not to teach donors."""

PATIENT_POWER, FEW = -0.5, 30
"""Weight of a beat within its class: the number of such beats of its patient to this power, counting at least so many;
a patient with five hundred ventricular beats of one shape does not stand for five hundred patients."""

CLASS_WEIGHT_POWER = 0.3
"""Weight of a class: its scarcity to this power. Full weight would trade the +P of S and V for Se."""

N_TREES = {VENTRICULAR: 50, SUPRAVENTRICULAR: 20}
"""Boosted trees of each member. For S, more of them learn the patients."""

KIND_MEMORY = 0.6
"""See `stream.kind_memory`; anything from 0.3 to 0.8 does nearly as well."""

FEATURES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(BASELINES, ("window",)),
    "context": ("rr", "template"),
}
"""Groups of columns that each architecture takes by default."""

VARIATIONS: dict[str, tuple[Variation, ...]] = {
    **dict.fromkeys(BASELINES, (Variation(),)),
    "context": (
        Variation(),
        Variation(leads="first"),
        Variation(turned=True),
        Variation(leads="mixed", turned=True),
        Variation(noise=True, turned=True, snr_db=(24.0, 18.0, 12.0, 6.0, 0.0, -6.0)),
        Variation(rhythm=True),
        Variation(rhythm=True, leads="mixed", turned=True),
        Variation(rhythm=True, ectopic=True, runs=True),
        Variation(
            rhythm=True,
            ectopic=True,
            runs=True,
            leads="mixed",
            turned=True,
            noise=True,
            snr_db=(24.0, 18.0, 12.0, 6.0, 0.0),
        ),
        Variation(pieces=True),
        Variation(pieces=True, leads="mixed", turned=True),
        Variation(sustained=True),
        Variation(sustained=True, leads="mixed", turned=True, noise=True, snr_db=(24.0, 18.0, 12.0)),
    ),
}
"""What is done to the records for each architecture."""


@dataclass(frozen=True, slots=True)
class BeatEpoch:
    """Figures of one epoch of one member."""

    member: int
    epoch: int
    loss: float
    validation_loss: float


@dataclass(frozen=True, slots=True)
class TrainedBeatNetwork:
    """What training gives.

    Attributes
    ----------
    ensemble
        From the named columns to probabilities, calibrated.
    members
        The networks in it.
    names
        Its columns.
    multipliers
        By class: what the probability is multiplied by; chosen on validation patients, see `operating_point`.
    kind_memory
        How much earlier beats of a kind count.
    history
        Every epoch of every member.
    validation
        Figures on the validation patients, see `OperatingPoint`.
    """

    ensemble: BeatEnsemble
    members: tuple[Any, ...]
    names: tuple[str, ...]
    multipliers: dict[str, float]
    kind_memory: float
    history: tuple[BeatEpoch, ...]
    validation: dict[str, float]


def train_beat_network(
    beats: BeatSet,
    *,
    arch: str,
    groups: Sequence[str],
    epochs: int,
    members: int,
    seed: int = 0,
    multipliers: dict[str, float] | None = None,
    trees: bool = False,
    kind_memory: float = 0.0,
    on_epoch: Callable[[BeatEpoch], None] = lambda _epoch: None,
) -> TrainedBeatNetwork:
    """Train one network, or several joined by their mean, with boosted trees beside them if asked for.

    Each member leaves out another part of the patients to stop early, keep its best epoch, calibrate and choose
    multipliers; so every choice is made on patients that the member has not seen.

    Parameters
    ----------
    beats
        See `beat_dataset`.
    arch
        See `models.beat_networks`.
    groups
        Groups or names of columns.
    epochs
        Most epochs of a member.
    members
        How many networks; each leaves out one of `members` (at least five) parts of the patients.
    seed
        Random seed.
    multipliers
        By class, if they are not to be chosen here.
    trees
        Whether each member has trees, grown on the beats that its network learns from.
    kind_memory
        How much earlier beats of a kind are to count in service, and so in what is chosen and measured here.
    on_epoch
        Told of each epoch.
    """
    keras = import_keras()
    indices = columns(groups)
    names = tuple(NAMES[index] for index in indices)
    parts = _deal_patients(beats, max(members, 5), seed)
    joining: list[Member] = []
    sums = TreeSums(len(indices), len(N_TREES)) if trees else None
    history: list[BeatEpoch] = []
    seen_beats, seen_probabilities, seen_trust = [], [], []
    for member in range(members):
        keras.utils.set_random_seed(seed + member)
        held = np.isin(beats.patients, parts[member])
        training, validation = _thinned(beats.without(parts[member]), seed + member), beats.select(held)
        x = training.features[:, indices]
        mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-2
        network = build_beat_network(arch, names, mean, deviation)
        weights = class_weights(training.classes)[training.classes] * _trust(training)
        held_x = validation.features[:, indices]
        held_weights = class_weights(training.classes)[validation.classes] * _trust(validation)
        batch = 256 if arch in BASELINES else 1024
        rate = keras.optimizers.schedules.CosineDecay(2e-3, max(len(x) // batch, 1) * epochs, alpha=0.01)
        network.compile(
            keras.optimizers.Adam(rate) if arch in BASELINES else keras.optimizers.AdamW(rate, weight_decay=1e-2),
            "sparse_categorical_crossentropy",
        )
        network.fit(
            x,
            training.classes,
            sample_weight=weights,
            validation_data=(held_x, validation.classes, held_weights),
            batch_size=batch,
            epochs=epochs,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping(patience=max(3, epochs // 3), restore_best_weights=True),
                _told(keras, member, on_epoch, history),
            ],
        )
        joining.append(Member(network, mean, deviation))
        member_alone = BeatEnsemble(network)
        if sums is not None:
            grown = _grow(x, training.classes, weights, names, seed + member)
            own = TreeSums(len(indices), len(N_TREES))
            for output, (dump, columns_of) in grown.items():
                own.add(dump, columns_of, output, 1.0)
                sums.add(dump, columns_of, output, 1.0 / members)
            member_alone = BeatEnsemble(beside_trees(network), own)
        seen_beats.append(replace(validation, features=held_x))
        seen_probabilities.append(member_alone.predict(held_x))
        seen_trust.append(held_weights)
    held_out, probabilities = joined(seen_beats), np.concatenate(seen_probabilities)
    # What is served is the signal as it comes; what is altered for training has no say in the calibration.
    plain = held_out.unaltered & ~held_out.weak & (np.concatenate(seen_trust) > 0.0)
    calibration = calibrate(held_out.classes[plain], probabilities[plain], held_out.patients[plain])
    network = mean_of(joining, names)
    network = calibrated_network(keras, network if sums is None else beside_trees(network), calibration)
    given = None if multipliers is None else [multipliers[name] for name in CLASSES]
    point = choose_operating_point(held_out, calibration(probabilities), kind_memory, given)
    return TrainedBeatNetwork(
        BeatEnsemble(network, sums),
        tuple(member.network for member in joining),
        names,
        dict(zip(CLASSES, point.multipliers.tolist(), strict=True)),
        kind_memory,
        tuple(history),
        point.figures,
    )


def _grow(
    x: NDArray[np.float32], classes: NDArray[np.int64], weights: NDArray[np.float64], names: Sequence[str], seed: int
) -> dict[int, tuple[Mapping[str, Any], NDArray[np.int64]]]:
    """Grow the trees of one member; by output, with the columns that they use."""
    everything, early = np.arange(len(names)), early_columns(names)
    tasks = {
        VENTRICULAR: (classes < Q, classes >= V, everything),
        SUPRAVENTRICULAR: (classes < V, classes == S, early if len(early) else everything),
    }
    grown = {}
    for output, (rows, positive, used) in tasks.items():
        sample = np.ascontiguousarray(x[rows][:, used])
        grown[output] = boosted(sample, positive[rows], weights[rows], n_trees=N_TREES[output], seed=seed), used
    return grown


def class_weights(classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight of each class, ``(5,)``: 1 for N."""
    counts = np.maximum(np.bincount(classes, minlength=len(CLASSES)).astype(np.float64), RARE)
    weights: NDArray[np.float64] = (counts[0] / counts) ** CLASS_WEIGHT_POWER
    return weights


def _deal_patients(beats: BeatSet, n_parts: int, seed: int) -> list[NDArray[np.int64]]:
    patients = np.unique(beats.patients)
    np.random.default_rng(seed).shuffle(patients)
    return [patients[part::n_parts] for part in range(n_parts)]


def _thinned(beats: BeatSet, seed: int) -> BeatSet:
    """Leave out most of the N beats."""
    keep = (beats.classes != 0) | (np.random.default_rng(seed).random(len(beats)) < N_SHARE)
    return beats.select(keep)


def _trust(beats: BeatSet) -> NDArray[np.float64]:
    """Weigh beats: N kept for others weigh more, an S beat that is not early cannot be told and weighs nothing.

    Nor does what was no beat at the begin of a stream: most of the first that is found is a beat, which is not to be
    called Q for want of a past.
    """
    trust = np.ones(len(beats))
    trust[beats.classes == N] = N_SHARE**-0.5
    trust[(beats.classes == N) & irregular_without_p(beats)] *= FIBRILLATION_WEIGHT
    trust[(beats.classes == S) & ~premature(beats)] = 0.0
    trust[(beats.classes == Q) & unknown(beats)] = 0.0
    for k, weight in WEAK_WEIGHT.items():
        trust[beats.weak & (beats.classes == k)] *= weight
    trust[beats.sustained & (beats.classes == V)] *= SUSTAINED_WEIGHT
    return trust * _evenly(beats)


def _evenly(beats: BeatSet) -> NDArray[np.float64]:
    """Weigh the patients of each class more evenly; the mean in each class is 1."""
    kind = beats.patients * len(CLASSES) + beats.classes
    weight = np.maximum(np.bincount(kind)[kind], FEW).astype(np.float64) ** PATIENT_POWER
    total, count = np.bincount(beats.classes, weight), np.bincount(beats.classes)
    return np.asarray(weight * (count / np.maximum(total, TINY))[beats.classes])


def _told(keras: Any, member: int, on_epoch: Callable[[BeatEpoch], None], history: list[BeatEpoch]) -> Any:
    def tell(epoch: int, logs: dict[str, float]) -> None:
        done = BeatEpoch(member, epoch, float(logs["loss"]), float(logs["val_loss"]))
        history.append(done)
        on_epoch(done)

    return keras.callbacks.LambdaCallback(on_epoch_end=tell)
