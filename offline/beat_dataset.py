"""Beats to train on: cut by the live cascade at detected R peaks, labelled from the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..stream.beats.features import NAMES
from ..stream.beats.kind_memory import KindMemory
from ..stream.cascade import Cascade
from ..stream.core.compiled import Records
from ..stream.core.messages import CLASSES, Samples
from ..stream.qrs.network import DetectorNetwork
from .ectopic_beats import donors
from .parallel import in_parallel
from .training_records import MATCH_S, TrainingRecord, match
from .variations import FIRST_LEAD, UNALTERED, Variation, varied

_PREMATURITY = [NAMES.index(name) for name in ("rr_to_median8", "rr_to_previous", "rr_to_long32", "rr_to_base")]

_FIBRILLATION = [NAMES.index(name) for name in ("irregular48", "usual_before_corr1", "usual_before_corr2")]

_SEEN, FEW_SEEN = NAMES.index("rr_seen"), 3.5 / 63.0
"""The column that counts intervals, and three of them in its units."""

NOT_PREMATURE = 0.95
"""An S beat later than this, by every measure, is S by something that no feature tells."""


@dataclass(frozen=True, slots=True)
class BeatSet:
    """Described beats.

    Attributes
    ----------
    features
        ``(n, len(features.NAMES))`` float32.
    classes
        ``(n,)`` index into `CLASSES`.
    patients
        ``(n,)`` number of the patient.
    unaltered, noisy, weak, sustained
        ``(n,)``: the signal was the record's own from its begin on; noise was added to it; the label is a weak one;
        tachycardias that last were put in.
    kinds
        ``(n,)`` records, see `windows.DescribedBeats`.
    streams
        ``(n,)`` number of the stream, a record in one variation; its beats stand in order.
    donors
        ``(n,)`` number of the patient whose ventricular beats were put into the stream, -1 for nobody.
    """

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    patients: NDArray[np.int64]
    unaltered: NDArray[np.bool_]
    noisy: NDArray[np.bool_]
    weak: NDArray[np.bool_]
    sustained: NDArray[np.bool_]
    kinds: Records
    streams: NDArray[np.int64]
    donors: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> BeatSet:
        """Give some of the beats."""
        return BeatSet(*(getattr(self, name)[rows] for name in BeatSet.__slots__))

    def without(self, patients: NDArray[np.int64]) -> BeatSet:
        """Give the beats of streams in which none of the patients has a part."""
        return self.select(~np.isin(self.patients, patients) & ~np.isin(self.donors, patients))


def beats_of(
    record: TrainingRecord,
    detector: DetectorNetwork,
    patient: int,
    variation: Variation = UNALTERED,
    donor: int = -1,
) -> BeatSet:
    """Run the cascade over a record, which `variation` made; give its detections with their classes.

    A detection that is no reference beat is Q, which is what unclassifiable means: noise that got past the detector
    is then not called V. Flutter is left out, and of records with weak labels whatever is not labelled.
    """
    if record.pieces:
        return joined([beats_of(piece, detector, patient, variation, donor) for piece in record.cut()])
    n_leads = record.signal.shape[1]
    cascade = Cascade(record.fs, tuple(f"lead {number + 1}" for number in range(n_leads)), detector)
    beats = cascade.push(record.signal.astype(np.float64)).beats.joined(cascade.flush().beats)
    marks = beats.mark
    pair = match(record.beats, marks, MATCH_S * record.fs)
    classes = np.full(len(marks), CLASSES.index("Q"), dtype=np.int64)
    classes[pair[pair >= 0]] = record.classes[pair >= 0]
    kept = record.outside_flutter(marks)
    if record.weak:
        kept &= np.isin(np.arange(len(marks)), pair)
    n = int(kept.sum())
    return BeatSet(
        beats.features[kept],
        classes[kept],
        np.full(n, patient, dtype=np.int64),
        np.full(n, variation in (UNALTERED, FIRST_LEAD)),
        np.full(n, variation.noise),
        np.full(n, record.weak),
        np.full(n, variation.sustained),
        beats.kinds[kept],
        np.zeros(n, dtype=np.int64),
        np.full(n, donor, dtype=np.int64),
    )


def gather(
    records: Sequence[TrainingRecord],
    variations: Sequence[Variation],
    noises: dict[str, Samples],
    detector: DetectorNetwork,
    seed: int,
    on_record: Callable[[str], None] = lambda _name: None,
    jobs: int = 1,
) -> BeatSet:
    """Cut the beats of all records in all variations; the same for any number of `jobs`, see `in_parallel`."""
    rng = np.random.default_rng(seed)
    number = {name: index for index, name in enumerate(sorted({record.patient for record in records}))}
    available = (
        donors([record for record in records if not record.weak])
        if any(variation.needs_donor for variation in variations)
        else []
    )

    planned = [
        (record, variation)
        for record in records
        for variation in variations
        if not (record.weak and (variation.rhythm or variation.needs_donor))  # not all of its beats are known
    ]

    def calls() -> Iterator[tuple[TrainingRecord, DetectorNetwork, int, Variation, int]]:
        for record, variation in planned:  # random numbers are drawn here, in this order, wherever the rest is done
            altered = varied(record, variation, noises, rng, available) if variation != UNALTERED else record
            yield altered, detector, number[record.patient], variation, number.get(altered.donor, -1)

    parts = []
    for (record, _), part in zip(planned, in_parallel(beats_of, calls(), jobs), strict=True):
        parts.append(part)
        on_record(record.name)
    return joined(parts)


def joined(parts: Sequence[BeatSet]) -> BeatSet:
    """Join sets; the streams of each count as others than those before."""
    first, numbered = 0, []
    for part in parts:
        numbered.append(replace(part, streams=part.streams + first))
        first += int(part.streams.max(initial=-1)) + 1
    columns = ([getattr(part, name) for part in numbered] for name in BeatSet.__slots__)
    return BeatSet(*(np.concatenate(column) for column in columns))


def with_memory(beats: BeatSet, probabilities: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Give what `KindMemory` makes of ``(n, 5)`` probabilities of whole streams."""
    begins = np.flatnonzero(np.diff(beats.streams)) + 1
    streams = zip(np.split(beats.kinds, begins), np.split(probabilities, begins), strict=True)
    return np.concatenate([KindMemory(share)(kinds, given) for kinds, given in streams])


def irregular_without_p(beats: BeatSet) -> NDArray[np.bool_]:
    """Tell which beats come in a rhythm as irregular and as poor in P waves as fibrillation is, ``(n,)``."""
    irregular, *p_waves = (beats.features[:, column] for column in _FIBRILLATION)
    return np.asarray((irregular > 0.4) & (p_waves[0] < 0.5) & (p_waves[1] < 0.6))


def unknown(beats: BeatSet) -> NDArray[np.bool_]:
    """Tell of which beats next to nothing is known, as their stream has just begun, ``(n,)``."""
    return np.asarray(beats.features[:, _SEEN] < FEW_SEEN)


def premature(beats: BeatSet) -> NDArray[np.bool_]:
    """Tell which beats come early, ``(n,)``."""
    return np.asarray((beats.features[:, _PREMATURITY] < NOT_PREMATURE).any(axis=1))
