import numpy as np
import pytest

from ecg_stream.offline.beat_dataset import BeatSet, joined
from ecg_stream.offline.operating_point import FUSION, choose_operating_point, multiplied, unit_f1
from ecg_stream.stream.beats.state import JOINED

N, S, V, F, Q = range(5)


def beats_of(classes, patient: int, *, noisy: bool = False) -> BeatSet:
    n = len(classes)
    kinds = np.zeros(n, dtype=JOINED)
    kinds["is_new"] = True  # no beat has a past
    return BeatSet(
        np.zeros((n, 1), dtype=np.float32),
        np.asarray(classes, dtype=np.int64),
        np.full(n, patient),
        np.full(n, not noisy),
        np.full(n, noisy),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        kinds,
        np.zeros(n, dtype=np.int64),
        np.full(n, -1),
    )


def judged(rng, beats: BeatSet, lean: float) -> np.ndarray:
    """Give probabilities that lean from V to N by a factor."""
    odds = np.exp(1.5 * rng.standard_normal((len(beats), 5)) + 3.0 * np.eye(5)[beats.classes])
    odds[:, V] /= lean
    return odds / odds.sum(axis=1, keepdims=True)


def ward_that_leans(lean: float):
    rng = np.random.default_rng(0)
    patients = [beats_of(rng.choice(5, 400, p=[0.8, 0.08, 0.1, 0.01, 0.01]), patient) for patient in range(6)]
    return joined(patients), np.concatenate([judged(rng, beats, lean) for beats in patients])


@pytest.fixture
def ward():
    return ward_that_leans(3.0)


def test_the_choice_mends_what_leans(ward):
    beats, probabilities = ward
    point = choose_operating_point(beats, probabilities, 0.0)
    assert point.multipliers[N] == 1.0
    assert point.multipliers[F] == FUSION
    upright = choose_operating_point(*ward_that_leans(1.0), 0.0)
    assert point.multipliers[V] > 1.5 * upright.multipliers[V], "V was called too seldom"
    before = unit_f1(beats, probabilities.argmax(axis=1))[V]
    after = unit_f1(beats, multiplied(probabilities, point.multipliers).argmax(axis=1))[V]
    assert np.nanmean(after) > np.nanmean(before)
    assert point.figures["V_mean_f1"] == pytest.approx(np.nanmean(after), abs=0.01)
    assert point.figures["V_mean_f1_low"] < point.figures["V_mean_f1"] < point.figures["V_mean_f1_high"]
    assert point.figures["V_multiplier_low"] <= point.multipliers[V] <= point.figures["V_multiplier_high"]


def test_a_patient_with_ten_times_the_beats_has_no_more_say(ward):
    beats, probabilities = ward
    rng = np.random.default_rng(1)
    odd = beats_of(np.repeat([N, V], 50), 6)
    odd_probabilities = judged(rng, odd, 0.1)  # of this patient N beats are called V
    chosen = [
        choose_operating_point(
            joined([beats, *[odd] * times]), np.concatenate([probabilities, *[odd_probabilities] * times]), 0.0
        ).multipliers
        for times in (1, 10)
    ]
    np.testing.assert_array_equal(*chosen)


def test_the_version_with_noise_is_a_patient_of_its_own(ward):
    beats, _ = ward
    noisy = beats_of(np.repeat([N, V], 10), 0, noisy=True)
    both = joined([beats, noisy])
    found = np.concatenate([beats.classes, np.full(20, N)])
    f1 = unit_f1(both, found)[V]
    assert f1[0] == 100.0
    assert f1[1] == 0.0


def test_few_beats_say_nothing_and_a_fusion_beat_called_v_is_no_false_v():
    beats = beats_of([V] * 4 + [S] * 5 + [F] * 3, 0)
    found = beats.classes.copy()
    found[-3:] = V
    f1 = unit_f1(beats, found)
    assert np.isnan(f1[V][0])
    assert f1[S][0] == 100.0
    enough = beats_of([V] * 5 + [F] * 3, 0)
    assert unit_f1(enough, np.full(8, V))[V][0] == 100.0


def test_multipliers_that_are_given_stand(ward):
    beats, probabilities = ward
    point = choose_operating_point(beats, probabilities, 0.0, (1.0, 2.0, 0.5, 0.6, 1.0))
    assert point.multipliers.tolist() == [1.0, 2.0, 0.5, 0.6, 1.0]
    assert "V_multiplier_low" not in point.figures
