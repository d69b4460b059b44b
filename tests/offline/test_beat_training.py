from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.offline.beat_calibration import Calibration, calibrate
from ecg_stream.offline.beat_dataset import beats_of, gather, irregular_without_p, joined, premature, with_memory
from ecg_stream.offline.beat_training import train_beat_network
from ecg_stream.offline.operating_point import multiplied
from ecg_stream.offline.training_records import TrainingRecord, match, read_training_records
from ecg_stream.offline.variations import RATES, Variation, noise_like, varied
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.core.messages import CLASSES
from ecg_stream.stream.qrs.detector import load_network


@pytest.fixture(scope="module")
def demo() -> TrainingRecord:
    return next(read_training_records(["demo"]))


@pytest.fixture(scope="module")
def detector():
    return load_network()


def test_beats_are_cut_at_detected_peaks_and_labelled_from_the_reference(demo, detector):
    beats = beats_of(demo, detector, 3)
    found = np.bincount(beats.classes, minlength=5)
    reference = np.bincount(demo.classes, minlength=5)
    assert abs(found[:4] - reference[:4]).sum() <= 0.03 * len(demo.beats)
    assert beats.features.shape == (len(beats), len(NAMES))
    assert set(beats.patients) == {3}


def test_a_detection_that_is_no_reference_beat_is_q(demo, detector):
    every_other = replace(demo, beats=demo.beats[::2], classes=demo.classes[::2])
    beats = beats_of(every_other, detector, 0)
    assert 0.48 < np.mean(beats.classes == CLASSES.index("Q")) < 0.53


def test_training_features_are_those_of_the_live_stream(demo, detector):
    from ecg_stream.stream.cascade import Cascade

    live = Cascade(demo.fs, ("a", "b"), detector)
    chunks = np.array_split(demo.signal.astype(np.float64), 997)
    rows = np.concatenate([live.push(chunk).beats.features for chunk in chunks] + [live.flush().beats.features])
    np.testing.assert_array_equal(rows, beats_of(replace(demo, flutter=np.empty((0, 2), int)), detector, 0).features)


def test_flutter_is_left_out(demo, detector):
    half = len(demo.signal) // 2
    fluttering = replace(demo, flutter=np.array([[0, half]]))
    assert len(beats_of(fluttering, detector, 0)) < 0.6 * len(beats_of(demo, detector, 0))


@given(
    st.lists(st.integers(0, 400), unique=True, max_size=30).map(sorted),
    st.lists(st.integers(0, 400), unique=True, max_size=30).map(sorted),
    st.integers(0, 20),
)
def test_match_pairs_one_to_one_within_the_window(reference, found, within):
    pair = match(np.array(reference, dtype=np.int64), np.array(found, dtype=np.int64), within)
    used = pair[pair >= 0]
    assert len(set(used.tolist())) == len(used)
    assert list(used) == sorted(used)
    for place, other in enumerate(pair):
        assert other < 0 or abs(reference[place] - found[other]) <= within


def test_variations_leave_the_beats_and_the_original_alone(demo):
    before = demo.signal.copy()
    noises = {"ma": np.random.default_rng(0).standard_normal((40_000, 2))}
    rng = np.random.default_rng(5)
    noisy = varied(demo, Variation(noise=True, turned=True), noises, rng)
    single = varied(demo, Variation(leads="first"), noises, rng)
    np.testing.assert_array_equal(demo.signal, before)
    assert noisy.signal.shape == demo.signal.shape
    assert not np.array_equal(noisy.signal, demo.signal)
    np.testing.assert_array_equal(single.signal, demo.signal[:, :1])
    assert noisy.beats is demo.beats


def test_mixed_leads_are_of_the_same_heart_and_may_go_slower_or_faster(demo):
    rng = np.random.default_rng(2)
    seen = [varied(demo, Variation(leads="mixed"), {}, rng) for _ in range(12)]
    assert {other.signal.shape[1] for other in seen} == {1, 2}
    assert {round(other.fs / demo.fs, 2) for other in seen} <= set(RATES)
    assert len({other.fs for other in seen}) > 1
    around = demo.beats[:, np.newaxis] + np.arange(-5, 6)
    for other in seen:
        assert other.beats is demo.beats
        # Where the beats are marked the signal is still steeper than elsewhere.
        steepness = np.abs(np.diff(other.signal[:, 0]))
        assert steepness[around].max(axis=1).mean() > 3 * steepness.mean()


def test_what_looks_like_fibrillation_is_irregular_and_without_p_waves(demo, detector):
    beats = beats_of(demo, detector, 0)
    assert irregular_without_p(beats).mean() < 0.05  # the demo is in sinus rhythm
    features = beats.features.copy()
    features[:, NAMES.index("irregular48")] = 0.9
    features[:, [NAMES.index("usual_before_corr1"), NAMES.index("usual_before_corr2")]] = 0.1
    assert irregular_without_p(replace(beats, features=features)).all()


def test_noise_has_the_ratio_that_was_asked_for(demo):
    rng = np.random.default_rng(0)
    louder, softer = noise_like(demo, None, 0.0, rng), noise_like(demo, None, 20.0, rng)
    np.testing.assert_allclose(louder.std(axis=0) / softer.std(axis=0), 10.0, rtol=0.02)


def test_a_lone_late_beat_is_not_premature(demo, detector):
    beats = beats_of(demo, detector, 0)
    early = premature(beats)
    assert early[beats.classes == 1].mean() > 0.9  # the demo's S beats come early
    assert early[beats.classes == 0].mean() < 0.5


def test_each_stream_has_a_memory_of_its_own(demo, detector):
    one = beats_of(demo, detector, 0)
    beats = joined([one, one.select(np.arange(50)), one])
    assert np.unique(beats.streams).tolist() == [0, 1, 2]
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), size=len(beats))
    weighed = with_memory(beats, probabilities, 0.6)
    begin = len(one) + 50
    np.testing.assert_array_equal(weighed[:begin][: len(one)], with_memory(one, probabilities[: len(one)], 0.6))
    np.testing.assert_array_equal(weighed[begin:], with_memory(one, probabilities[begin:], 0.6))
    assert abs(weighed - probabilities).max() > 0.1


@given(st.floats(0.5, 2.0), st.floats(-2.0, 2.0))
def test_calibration_keeps_rows_adding_up_to_one(scale, shift):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), size=20)
    calibrated = Calibration(scale, np.array([0.0, shift, 0.0, 0.0, 0.0]))(probabilities)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0)


def test_calibration_undoes_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.full(5, 0.5), size=4000)
    classes = np.array([rng.choice(5, p=row) for row in honest])
    boastful = honest**3
    boastful /= boastful.sum(axis=1, keepdims=True)
    calibrated = calibrate(classes, boastful, np.arange(4000) % 7)(boastful)
    assert abs(calibrated - honest).mean() < 0.25 * abs(boastful - honest).mean()


@pytest.mark.parametrize(("arch", "members", "epochs"), [("dense", 1, 40), ("context", 2, 15)])
def test_a_network_learns_the_demo_and_is_written_and_served(arch, members, epochs, demo, detector, tmp_path):
    from ecg_stream.offline.beat_bundle import write_beat_bundle
    from ecg_stream.offline.beat_training import FEATURES
    from ecg_stream.stream.beats.classifier import BeatClassifier

    one = gather([demo], [Variation()], {}, detector, 0)
    part = len(one) // 6
    patients = [
        replace(one.select(np.arange(i, len(one), 6)), patients=np.full(len(range(i, len(one), 6)), i))
        for i in range(6)
    ]
    beats = joined(patients)
    assert len(beats) >= 6 * part
    told = []
    trained = train_beat_network(
        beats,
        arch=arch,
        groups=FEATURES[arch],
        epochs=epochs,
        members=members,
        seed=1,
        trees=arch == "context",
        kind_memory=0.5,
        on_epoch=told.append,
    )
    assert {done.member for done in told} == set(range(members))
    assert trained.validation["V_mean_f1"] > 60.0
    card = write_beat_bundle(tmp_path / "tiny", trained, arch, {"command": "test"})
    served = BeatClassifier(tmp_path / "tiny")
    probabilities = served(beats.features)
    x = beats.features[:, [NAMES.index(name) for name in card.features]]
    factors = [trained.multipliers[name] for name in CLASSES]
    np.testing.assert_allclose(probabilities, multiplied(trained.ensemble.predict(x), factors), atol=1e-5)
    assert card.kind_memory == 0.5
    classes = probabilities.argmax(axis=1)
    assert (classes == beats.classes).mean() > 0.8
    assert (classes[beats.classes == 2] == 2).mean() > 0.7
    assert {"history.csv", "history.png", "summary.txt"} <= {path.name for path in (tmp_path / "tiny").iterdir()}
