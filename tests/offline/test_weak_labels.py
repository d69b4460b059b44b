from dataclasses import replace

import numpy as np
import pytest

from ecg_stream.offline.beat_dataset import beats_of, gather
from ecg_stream.offline.ectopic_beats import donors
from ecg_stream.offline.rhythm_labels import rhythm_stretches
from ecg_stream.offline.training_records import TrainingRecord, read_training_records
from ecg_stream.offline.variations import PIECE_S, PIECES, Variation
from ecg_stream.offline.ventricular_runs import SUSTAINED, with_runs
from ecg_stream.offline.weak_labels import CLASS_OF, EDGE_S, MOST, read_weak_records
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.core.messages import CLASSES
from ecg_stream.stream.qrs.detector import load_network

N, S, V, F, Q = range(len(CLASSES))


@pytest.fixture(scope="module")
def detector():
    return load_network()


@pytest.fixture(scope="module")
def demo() -> TrainingRecord:
    return next(read_training_records(["demo"]))


def test_the_rhythm_tells_the_class_and_edges_and_noise_are_left_out(detector, real_record):
    record = real_record("vfdb/421")
    (weak,) = read_weak_records(["vfdb/421"], detector)
    stretches = list(rhythm_stretches(record.annotations("atr"), record.n_samples))
    for k in (N, V):
        marks = weak.beats[weak.classes == k]
        assert 0 < len(marks) <= MOST[k]
        inside = np.zeros(len(marks), dtype=bool)
        for stretch in stretches:
            if CLASS_OF.get(stretch.name) == k:
                edge = EDGE_S[k] * record.fs
                inside |= (marks >= stretch.begin + edge) & (marks < stretch.end - edge)
        assert inside.all()
    assert set(weak.classes.tolist()) == {N, V}, "noise tells nothing"
    beats = beats_of(weak, detector, 0)
    assert beats.weak.all()
    assert len(beats) == len(weak.beats), "what has no label is left out, not called Q"


def test_pieces_are_streams_of_their_own(demo, detector):
    beats = gather([demo], [Variation(pieces=True)], {}, detector, 0)
    assert len(np.unique(beats.streams)) == PIECES
    assert not beats.unaltered.any()
    seen = beats.features[:, NAMES.index("rr_seen")]
    assert seen.max() <= np.log1p(PIECE_S * 4.0), "nothing is known from before the piece"
    share = np.mean(beats.classes == V)
    assert abs(share - np.mean(demo.classes == V)) < 0.1


def test_a_sustained_tachycardia_lasts_and_may_stand_from_the_start_on(demo):
    (donor,) = donors([demo])
    donor = replace(donor, patient="another")
    altered = [with_runs(demo, np.random.default_rng(seed), donor, SUSTAINED) for seed in range(12)]
    longest, from_start = [], 0
    for record in altered:
        if not record.donor:
            continue
        assert (np.diff(record.beats) > 0).all()
        assert record.signal.shape == demo.signal.shape
        v = np.diff((record.classes == V).astype(int), prepend=0, append=0)
        begins, ends = np.flatnonzero(v == 1), np.flatnonzero(v == -1)
        longest.append((ends - begins).max(initial=0))
        from_start += int((record.classes[:16] == V).all())
        first = begins[(ends - begins).argmax()]
        interval = np.diff(record.beats[first : first + SUSTAINED.beats[0]]) / record.fs
        assert np.median(interval) < SUSTAINED.interval_s[1] * 1.1
    assert max(longest) > 50
    assert 1 <= from_start <= 11


def test_a_record_with_weak_labels_is_given_no_other_rhythm(demo, detector):
    weak = replace(demo, weak=True, name="weak", patient="weak")
    beats = gather([demo, weak], [Variation(), Variation(rhythm=True), Variation(sustained=True)], {}, detector, 0)
    assert len(np.unique(beats.streams[beats.weak])) == 1
    assert len(np.unique(beats.streams[~beats.weak])) == 3
