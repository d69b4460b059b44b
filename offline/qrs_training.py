"""Train the QRS detector's network on the detector's own candidates.

The network's decisions change the state that later candidates are judged by, so it cannot be trained on candidates
of a perfect run. The rounds here are those of dataset aggregation (Ross, Gordon and Bagnell 2011,
arXiv:1011.0686): the detector runs with the networks trained so far, at several thresholds so that it makes mistakes
of both kinds, and every candidate it meets is labelled from the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models.qrs_network import Layers, candidate_networks, layers
from ..stream.core.messages import Samples, Signal
from ..stream.qrs.candidate import FEATURES, N_FEATURES, columns
from ..stream.qrs.detector import QrsDetector
from ..stream.qrs.network import DetectorNetwork
from ..stream.qrs.state import CENTRE_LAG
from ..stream.signal.grid import GRID_HZ, Grid
from ..stream.signal.highpass import HighPass
from .ectopic_beats import donors
from .parallel import in_parallel
from .training_records import TrainingRecord
from .variations import Variation, varied

VARIATIONS = (
    Variation(),
    Variation(leads="one"),
    Variation(leads="mixed", runs=True),
    Variation(leads="mixed", turned=True, runs=True),
    Variation(noise=True, turned=True),
    Variation(leads="one", noise=True),
    Variation(noise=True, snr_db=(6.0, 0.0, -6.0)),
)

LABEL_REACH = round(0.120 * GRID_HZ)
"""The highest candidate this near to a reference beat is the beat, in grid samples."""

NEIGHBOUR_WEIGHT = 0.3
"""Candidates beside the labelled one: rejecting them matters less, since only the best of a cluster is kept."""


EARLY_VARIATIONS = 4
"""How many of the variations, drawn for each record, the rounds before the last run."""

MEMBERS = 4
"""Networks of the last round, which are served together."""

SOUND_S, MISLED_S = (20.0, 120.0), (3.0, 15.0)
"""For how long, in seconds, the detector runs with one network in training."""

PLAIN, KEPT = 0.02, 3.0
"""Where the network was off by less than this, one candidate in so many is kept: nine in ten are plain."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Feature rows ``(n, n_features)``; whether each is a beat, its weight, and what the network gave it, ``(n,)``."""

    features: NDArray[np.float32]
    is_beat: NDArray[np.float32]
    weight: NDArray[np.float32]
    probability: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Round:
    """One round of training: how many candidates, and the loss after it."""

    number: int
    n_candidates: int
    loss: float


def train_detector(
    records: Sequence[TrainingRecord],
    noises: dict[str, Samples],
    *,
    epochs: Sequence[int] = (4, 6, 12),
    seed: int = 0,
    on_record: Callable[[int, str], None] = lambda _round, _name: None,
    on_round: Callable[[Round], None] = lambda _round: None,
    jobs: int = 1,
) -> DetectorNetwork:
    """Train from nothing.

    Parameters
    ----------
    records
        With reference beats.
    noises
        See `training_records.read_noises`; empty trains on the records as they are.
    epochs
        Epochs in each round; their number is the number of rounds.
    seed
        Random seed.
    on_record, on_round
        Told of progress.
    jobs
        See `in_parallel`; the result is the same for any number.

    Returns
    -------
    DetectorNetwork
        The networks of the last round, the standardization folded into their first layer.
    """
    rng = np.random.default_rng(seed)
    shifts = [reference_shift(record) for record in records]
    available = donors(records)
    networks: list[DetectorNetwork] = [height_network()]
    gathered: list[Candidates] = []
    last = len(epochs) - 1

    def calls(number: int) -> Iterator[tuple[TrainingRecord, int, list[DetectorNetwork], int]]:
        wanted = len(VARIATIONS) if number == last else EARLY_VARIATIONS
        for record, shift in zip(records, shifts, strict=True):
            on_record(number, record.name)
            for which in rng.permutation(len(VARIATIONS))[:wanted]:
                # Random numbers are drawn here, in this order, wherever the rest is done.
                altered = varied(record, VARIATIONS[which], noises, rng, available)
                yield altered, shift, networks, int(rng.integers(2**32))

    for number, n_epochs in enumerate(epochs):
        met = list(in_parallel(_meet, calls(number), jobs))
        # What the first networks met is too unlike service to keep for the last round.
        gathered = [*gathered, *met] if number > 1 else met
        trained, loss = _fit(_joined(gathered), n_epochs, seed + number, MEMBERS if number == last else 1)
        networks = [*networks, trained] if number else [trained]
        on_round(Round(number, sum(len(part.weight) for part in gathered), loss))
    return networks[-1]


def misled_network(height: float) -> DetectorNetwork:
    """Give a network that takes what is about this high, in units of the running level: P and T waves, say."""
    w1, b1 = _weights_of_height(1.0, -1.0), np.array([-height, height], dtype=np.float32)
    w2, b2 = np.ones((2, 1), dtype=np.float32), np.zeros(1, dtype=np.float32)
    return DetectorNetwork(w1, b1, w2, b2, np.full(1, -25.0, dtype=np.float32), 4.0)


def height_network(threshold: float = 0.4) -> DetectorNetwork:
    """Give the network of a plain adaptive threshold: accept what is higher than this share of the running level."""
    w1, b1 = _weights_of_height(1.0), np.zeros(1, dtype=np.float32)
    one = np.ones((1, 1), dtype=np.float32)
    return DetectorNetwork(w1, b1, one, b1.copy(), np.full(1, 12.0, dtype=np.float32), -12.0 * threshold)


def _weights_of_height(*weights: float) -> NDArray[np.float32]:
    """First layer, ``(n_features, units)``, whose units see the height alone."""
    units = np.zeros(len(weights), dtype=FEATURES)
    units["height"] = weights
    return np.ascontiguousarray(columns(units).T)


def on_grid(record: TrainingRecord) -> Signal:
    """Bring a record to the detection grid through the serving stages."""
    signal = record.signal.astype(np.float64)
    filtered = HighPass(record.fs, signal.shape[1]).push(signal)
    return Grid(record.fs, signal.shape[1]).push(Signal.all_good(filtered)).signal


def reference_shift(record: TrainingRecord) -> int:
    """Find how far the record's reference marks stand before the middle of the QRS, in grid samples.

    Annotators mark the R peak, the onset or what their own detector gave, by a constant for each record. The middle
    is taken where the smoothed slope, median over the beats, is greatest, from 40 ms before to 88 ms after the mark.
    """
    x, _ = on_grid(record)
    slope = np.abs(x[3:] - x[:-3])
    slope = slope / (np.quantile(slope, 0.98, axis=0) + 1e-9)
    envelope = np.convolve(slope.sum(axis=1), np.ones(9) / 9.0, mode="same")
    beats = np.round(record.beats / record.fs * GRID_HZ).astype(np.int64)
    beats = beats[(beats > 20) & (beats < len(envelope) - 20)]
    if len(beats) == 0:
        return 0
    # Slope k of the difference stands at grid sample k + 1.5.
    return int(np.argmax([np.median(envelope[beats + k - 2]) for k in range(-5, 12)])) - 5


def candidates(
    record: TrainingRecord, shift: int, networks: Sequence[DetectorNetwork], rng: np.random.Generator
) -> Candidates:
    """Run the detector over a record; give the candidates that it met, labelled.

    It runs for `SOUND_S` with one of the networks, then, half of the times, for `MISLED_S` with one that mistakes other
    waves for beats, and so on: what it is taught is also to find its way back from a state that is wrong. Trained
    without, it locked up on the P waves or T waves of patients in whom they are tall.
    """
    x, good = on_grid(record)
    detector = QrsDetector(networks[0], x.shape[1], n_logged=len(x) // 6)
    met = []
    begin, misled = 0, False
    while begin < len(x):
        if misled:
            plain = rng.random() < 0.5
            detector.network = (
                height_network(rng.uniform(0.1, 0.5)) if plain else misled_network(rng.uniform(0.15, 0.7))
            )
        else:
            threshold = float(rng.choice([0.2, 0.5, 0.5, 0.5, 0.8]))
            detector.network = networks[int(rng.integers(len(networks)))]._replace(threshold=threshold)
        end = begin + round(rng.uniform(*(MISLED_S if misled else SOUND_S)) * GRID_HZ)
        detector.push(Signal(x[begin:end], good[begin:end]))
        met.append(detector.logged.copy())
        begin, misled = end, not misled and rng.random() < 0.5
    logged = np.concatenate(met)
    centre, height = logged["peak"] - CENTRE_LAG, logged["features"]["height"]
    features, probability = columns(logged["features"]), logged["p"].astype(np.float32)
    n = len(centre)
    is_beat, weight = np.zeros(n, dtype=np.float32), np.ones(n, dtype=np.float32)
    beats = np.round(record.beats / record.fs * GRID_HZ).astype(np.int64) + shift
    first, last = np.searchsorted(centre, beats - LABEL_REACH), np.searchsorted(centre, beats + LABEL_REACH, "right")
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        if end > begin:
            weight[begin:end] = np.minimum(weight[begin:end], NEIGHBOUR_WEIGHT)
            is_beat[begin + int(np.argmax(height[begin:end]))] = 1.0
    weight[is_beat == 1.0] = 1.0
    counts = record.outside_flutter(np.round(centre * record.fs / GRID_HZ).astype(np.int64))
    return Candidates(features[counts], is_beat[counts], weight[counts], probability[counts])


def _meet(record: TrainingRecord, shift: int, networks: Sequence[DetectorNetwork], seed: int) -> Candidates:
    rng = np.random.default_rng(seed)
    return _thinned(candidates(record, shift, networks, rng), rng)


def _fit(gathered: Candidates, epochs: int, seed: int, members: int) -> tuple[DetectorNetwork, float]:
    mean = gathered.features.mean(axis=0)
    deviation = gathered.features.std(axis=0) + 1e-3
    gathered.features[:] = (gathered.features - mean) / deviation  # gigabytes, and not used again
    n_steps = max(len(gathered.weight) // 2048, 1) * epochs
    network = candidate_networks(N_FEATURES, n_steps, seed, members)
    history = network.fit(
        gathered.features,
        np.repeat(gathered.is_beat[:, np.newaxis], members, axis=1),
        sample_weight=gathered.weight,
        batch_size=2048,
        epochs=epochs,
        verbose=0,
    )
    return _side_by_side(layers(network), mean, deviation), float(history.history["loss"][-1])


def _side_by_side(
    members: Sequence[Layers], mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> DetectorNetwork:
    """Join members, their logits by the mean, and fold ``(x - mean) / deviation`` into the first layer."""
    (w1, b1), (w2, b2), (w3, b3) = (
        [np.stack(each) for each in zip(*layer, strict=True)] for layer in zip(*members, strict=True)
    )
    n = len(members)
    return DetectorNetwork(
        w1=np.ascontiguousarray(np.concatenate(w1, axis=1) / deviation[:, None], dtype=np.float32),
        b1=(b1 - (mean / deviation) @ w1).ravel().astype(np.float32),
        w2=np.concatenate(w2).astype(np.float32),
        b2=b2.ravel().astype(np.float32),
        w3=(w3[:, :, 0] / n).ravel().astype(np.float32),
        b3=float(b3.mean()),
    )


def _joined(parts: Sequence[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.is_beat for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.probability for part in parts]),
    )


def _thinned(met: Candidates, rng: np.random.Generator) -> Candidates:
    """Keep one in `KEPT` of the candidates that were plain to the network, and let each stand for so many."""
    missed_by = np.abs(met.is_beat - met.probability)
    plain = missed_by < PLAIN
    keep = ~plain | (rng.random(len(plain)) < 1.0 / KEPT)
    weight = np.where(plain, KEPT * met.weight, met.weight).astype(np.float32)
    return Candidates(met.features[keep], met.is_beat[keep], weight[keep], met.probability[keep])
