from dataclasses import replace

import numpy as np
import pytest

from ecg_stream.models.qrs_network import candidate_networks, layers
from ecg_stream.offline.qrs_bundle import write_detector_bundle
from ecg_stream.offline.qrs_training import (
    _side_by_side,
    _thinned,
    candidates,
    height_network,
    misled_network,
    on_grid,
    reference_shift,
    train_detector,
)
from ecg_stream.offline.splits import patient, patient_folds
from ecg_stream.offline.training_records import MATCH_S, TrainingRecord, match, read_training_records
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.qrs.candidate import N_FEATURES, columns
from ecg_stream.stream.qrs.detector import QrsDetector, load_network
from ecg_stream.stream.qrs.network import DetectorNetwork
from ecg_stream.stream.signal.grid import GRID_HZ

PLAIN_THRESHOLD = height_network()._replace(threshold=0.5, back_threshold=0.08)


@pytest.fixture(scope="module")
def demo() -> TrainingRecord:
    return next(read_training_records(["demo"]))


def detection_errors(record: TrainingRecord, network: DetectorNetwork) -> tuple[int, int, int]:
    """Count beats found, missed and false, at 150 ms."""
    signal = on_grid(record)
    centre = QrsDetector(network, signal.samples.shape[1]).push(signal).centre * record.fs / GRID_HZ
    found = centre[record.outside_flutter(np.round(centre).astype(np.int64))]
    beats = record.beats[record.outside_flutter(record.beats)]
    hits = int((match(beats, np.round(found).astype(np.int64), MATCH_S * record.fs) >= 0).sum())
    return hits, len(beats) - hits, len(found) - hits


def test_a_plain_threshold_is_where_training_begins(demo):
    hits, missed, false = detection_errors(demo, PLAIN_THRESHOLD)
    assert hits > 0.9 * len(demo.beats)
    assert missed + false > 0  # or there would be nothing to learn


def test_the_shift_of_the_reference_is_found(demo):
    early = replace(demo, beats=demo.beats - round(0.048 * demo.fs))
    assert reference_shift(early) - reference_shift(demo) == pytest.approx(6, abs=1)


def test_each_reference_beat_is_one_candidate(demo):
    met = candidates(demo, reference_shift(demo), [height_network()], np.random.default_rng(0))
    assert met.is_beat.sum() == pytest.approx(len(demo.beats), rel=0.03)
    assert (met.weight[met.is_beat == 1.0] == 1.0).all()


def test_what_misleads_the_detector_in_training_takes_small_waves_for_beats(demo):
    misled = misled_network(0.3)
    x, good = on_grid(demo)
    detector = QrsDetector(misled, x.shape[1], n_logged=len(x) // 6)
    detector.push(Signal(x, good))
    judged = detector.logged["p"] > 0.0  # rules refuse the rest, whatever the network says
    height, p = detector.logged["features"]["height"][judged], detector.logged["p"][judged]
    taken = p > 0.5
    assert taken.any()
    assert not taken.all()
    assert np.abs(height[taken] - 0.3).max() < 0.17
    assert np.abs(height[~taken] - 0.3).min() > 0.15


def test_candidates_left_out_as_plain_stay_in_the_sum(demo):
    met = candidates(demo, reference_shift(demo), [height_network()], np.random.default_rng(0))
    met = replace(met, probability=np.where(np.arange(len(met.weight)) % 10 > 0, met.is_beat, 0.5))
    thinned = _thinned(met, np.random.default_rng(1))
    assert len(thinned.weight) == pytest.approx(len(met.weight) * (0.1 + 0.9 / 3), rel=0.05)
    assert thinned.weight.sum() == pytest.approx(met.weight.sum(), rel=0.05)
    assert (thinned.probability == 0.5).sum() == (met.probability == 0.5).sum()


def test_a_trained_detector_is_better_and_is_served_as_it_was_trained(demo, tmp_path):
    rounds = []
    network = train_detector([demo], {}, epochs=(4, 6), on_round=rounds.append)
    assert [done.number for done in rounds] == [0, 1]
    _, missed, false = detection_errors(demo, network)
    _, missed_before, false_before = detection_errors(demo, PLAIN_THRESHOLD)
    assert missed + false < missed_before + false_before
    write_detector_bundle(tmp_path / "tiny", network, {"command": "test"})
    served = load_network(str(tmp_path / "tiny"))
    assert detection_errors(demo, served)[1:] == (missed, false)


def test_networks_side_by_side_give_their_mean_logit_in_the_compiled_loop(demo):
    rng = np.random.default_rng(3)
    trained = candidate_networks(N_FEATURES, 1, seed=3, members=3)
    trained.set_weights([rng.normal(0.0, 0.2, weight.shape) for weight in trained.get_weights()])
    mean, deviation = rng.normal(size=N_FEATURES), rng.uniform(0.5, 2.0, N_FEATURES)
    x, good = on_grid(demo)
    served = _side_by_side(layers(trained), mean.astype(np.float32), deviation.astype(np.float32))
    detector = QrsDetector(served, x.shape[1], n_logged=len(x) // 6)
    detector.push(Signal(x, good))
    rows, given = columns(detector.logged["features"]), detector.logged["p"]
    logits = trained.predict((rows - mean) / deviation, verbose=0).mean(axis=1)
    assert len(given) > 500
    assert logits.std() > 0.1
    judged = given > 0.0  # rules refuse the rest, whatever the network says
    assert judged.mean() > 0.5
    np.testing.assert_allclose(given[judged], 1.0 / (1.0 + np.exp(-logits[judged])), atol=1e-4)


def test_folds_keep_patients_together_and_use_every_record():
    records = ["edb/e0104", "edb/e0110", "edb/e0103", "mitdb/201", "mitdb/202", "mitdb/100", "svdb/800", "svdb/801"]
    folds = patient_folds(records, 3)
    assert sorted(record for fold in folds for record in fold) == sorted(records)
    for fold in folds:
        others = {patient(record) for other in folds if other is not fold for record in other}
        assert not others & {patient(record) for record in fold}
    assert np.all([fold == again for fold, again in zip(folds, patient_folds(records, 3), strict=True)])
