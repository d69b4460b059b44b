"""Training of record models: balance, augmentation, and that it learns what can be learnt."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from synthetic_ptbxl import write_database

from ecg_stream.errors import RecordError, RequestError
from ecg_stream.models.bundle import load_bundle
from ecg_stream.offline.heart_axis import FRONTAL, leads_across
from ecg_stream.offline.ptbxl import read_index
from ecg_stream.offline.ptbxl_signals import load_records
from ecg_stream.offline.record_augmentation import NOTHING, Augmentation, epoch_batches
from ecg_stream.offline.record_balance import balanced
from ecg_stream.offline.record_bundle import read_left_out, write_record_bundle
from ecg_stream.offline.record_evaluation import bundle_probability
from ecg_stream.offline.record_member import probability_of, soft_targets
from ecg_stream.offline.record_recipes import RECIPES
from ecg_stream.offline.record_training import train_record_model

pytest.importorskip("tensorflow", reason="training needs the extra [train]")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ptb-xl")
    write_database(folder, per_fold=8)
    return load_records(folder, read_index(folder), rate=100, leads=("I",), cache=folder / "cache")


def unbalanced():
    rng = np.random.default_rng(0)
    positive = np.arange(40) >= 30
    signals = rng.normal(size=(40, 50, 2)).astype(np.float32) + 5.0 * positive[:, None, None]
    return signals, soft_targets(positive, 0.0, None), positive


@pytest.mark.parametrize(("how", "records_of_each"), [("undersample", 10), ("oversample", 30), ("smote", 30)])
def test_sampling_gives_as_many_of_both(how, records_of_each):
    signals, targets, weights = balanced(*unbalanced(), how, seed=1)
    positive = targets[:, 1] > 0.5
    assert positive.sum() == (~positive).sum() == records_of_each
    assert np.all(weights == 1.0)
    assert np.all((signals.mean(axis=(1, 2)) > 2.5) == positive)
    again, _, _ = balanced(*unbalanced(), how, seed=1)
    np.testing.assert_array_equal(again, signals)


def test_weights_give_both_the_same_say():
    signals, _, weights = balanced(*unbalanced(), "weights", seed=1)
    positive = unbalanced()[2]
    assert len(signals) == 40
    assert weights[positive].sum() == pytest.approx(weights[~positive].sum())
    assert weights.mean() == pytest.approx(1.0)


def test_smote_with_too_few_is_refused():
    signals, targets, positive = unbalanced()
    few = np.arange(40) < 33
    with pytest.raises(RequestError, match="3 IMI and 30 NORM records by smote: more than 5"):
        balanced(signals[few], targets[few], positive[few], "smote", seed=1)


def test_a_teacher_is_mixed_with_the_labels():
    got = soft_targets(np.array([True, False]), 0.1, np.array([0.5, 0.2]))
    np.testing.assert_allclose(got[:, 1], [0.7 * 0.5 + 0.3 * 0.95, 0.7 * 0.2 + 0.3 * 0.05], rtol=1e-6)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, rtol=1e-6)


def batches_of(augmentation, size=8):
    signals, targets, positive = unbalanced()
    rng = np.random.default_rng(7)
    weights = np.ones(len(positive), dtype=np.float32)
    return list(epoch_batches(signals, targets, weights, fs=100, size=size, augmentation=augmentation, rng=rng))


def test_an_epoch_sees_each_record_once_and_leaves_the_signals_alone():
    plain = batches_of(NOTHING)
    assert [x.shape for x, _, _ in plain] == [(8, 50, 2)] * 5
    seen = np.sort(np.concatenate([x for x, _, _ in plain]).sum(axis=(1, 2)))
    np.testing.assert_allclose(seen, np.sort(unbalanced()[0].sum(axis=(1, 2))), rtol=1e-5)


def test_augmentation_crops_and_disturbs_and_keeps_the_target():
    for x, target, _ in batches_of(Augmentation(crop=0.6)):
        assert x.shape == (8, 30, 2)
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x.mean(axis=(1, 2)) > 2.0, target[:, 1] > 0.5)
    assert not np.array_equal(batches_of(Augmentation())[0][0], batches_of(Augmentation(noise_mv=0.1))[0][0])


def test_learns_and_writes_a_bundle_that_says_the_same(records, tmp_path, eagerly):
    told = []
    trained = train_record_model(
        records, archs=["cnn"], epochs=12, seed=3, balance="weights", left_out=((8,), (7,)), on_epoch=told.append
    )
    assert tuple(told) == trained.history
    assert {figures.member for figures in trained.history} == {0, 1}
    assert trained.n_validation == 12  # three of four are validated
    assert trained.validation_auc > 0.95
    training = {"command": "test"}
    card = write_record_bundle(
        tmp_path / "m", trained, records.index, name="m", rate=100, leads=("I",), training=training
    )
    assert card.thresholds == trained.thresholds
    signals, positive, _ = records.folds(9)
    bundle = load_bundle(tmp_path / "m", "record")
    served = bundle_probability(bundle, signals, 100)
    kept = np.asarray(trained.network(signals, training=False))[:, 1]
    np.testing.assert_allclose(served, kept, atol=1e-5)
    assert np.all((served >= card.thresholds["youden"]) == positive)
    with (tmp_path / "m" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [figures.epoch for figures in trained.history]
    assert (tmp_path / "m" / "history.png").stat().st_size > 1000
    assert "conv1d" in (tmp_path / "m" / "summary.txt").read_text()
    assert (tmp_path / "m" / "checkpoint.keras").is_file()


def test_stops_early_and_keeps_the_best_epoch(records, eagerly):
    trained = train_record_model(records, archs=["cnn"], epochs=60, seed=0, balance="undersample")
    best = max(trained.history, key=lambda figures: figures.validation_auc)
    assert best.kept
    assert len(trained.history) < 60
    assert len(trained.history) - 1 - best.epoch == 10
    assert trained.validation_auc == pytest.approx(best.validation_auc, abs=1e-6)


def test_weight_average_and_augmentation_train(records, monkeypatch, eagerly):
    monkeypatch.setitem(RECIPES, "cnn", RECIPES["seresnet"])  # the recipe of the one on the quick network
    trained = train_record_model(records, archs=["cnn"], epochs=12, seed=0, balance="weights")
    assert trained.validation_auc > 0.8
    assert trained.history[-1].loss < trained.history[0].loss


def test_turning_the_axis_trains_and_counts_only_where_the_leads_across_are_given(records, tmp_path_factory, eagerly):
    folder = tmp_path_factory.mktemp("frontal")
    write_database(folder, per_fold=8)
    frontal = load_records(folder, read_index(folder), rate=100, leads=FRONTAL, cache=folder / "cache")
    across = leads_across(frontal.signals, records.leads)

    def losses(across):
        trained = train_record_model(records, archs=["slimcnn"], epochs=2, seed=0, balance="oversample", across=across)
        assert trained.network.input_shape[-1] == 1
        return [figures.loss for figures in trained.history]

    assert losses(across) != losses(None)


def test_each_architecture_has_a_member_for_each_group_and_one_graph_serves_them(records, tmp_path, eagerly):
    trained = train_record_model(
        records, archs=["cnn", "meanbeat"], epochs=4, seed=0, balance="weights", left_out=((1, 2), (3,))
    )
    assert {figures.member for figures in trained.history} == {0, 1, 2, 3}
    assert trained.n_validation == 18
    assert trained.validation_auc > 0.95
    card = write_record_bundle(tmp_path / "m", trained, records.index, name="m", rate=100, leads=("I",), training={})
    assert card.arch == "cnn+meanbeat"
    assert card.metrics["validation"]["balanced_accuracy"] == trained.validation_balanced_accuracy
    signals, positive, _ = records.folds(9)
    served = bundle_probability(load_bundle(tmp_path / "m", "record"), signals, 100)
    np.testing.assert_allclose(served, probability_of(trained.network, signals), atol=1e-5)
    assert np.all((served >= card.thresholds["youden"]) == positive)


def test_a_teacher_says_only_what_it_did_not_learn(records, tmp_path, eagerly):
    halves = ((1, 2, 3, 4), (5, 6, 7, 8))
    trained = train_record_model(records, archs=["cnn"], epochs=3, seed=0, balance="weights", left_out=halves)
    learning = np.isin(records.index.fold, range(1, 9))
    assert np.array_equal(np.isnan(trained.left_out), ~learning)
    write_record_bundle(tmp_path / "m", trained, records.index, name="m", rate=100, leads=("I",), training={})
    bundle = load_bundle(tmp_path / "m", "record")
    some = np.arange(len(records.index)) % 3 > 0
    asked = records.index.where(some)
    asked = replace(asked, names=tuple(name.replace("_lr", "_hr") for name in asked.names))
    np.testing.assert_allclose(read_left_out(bundle, asked), trained.left_out[some], atol=6e-4)
    mean_of_all = bundle_probability(bundle, records.signals, 100)
    assert np.abs(mean_of_all - trained.left_out)[learning].max() > 0.01


def test_a_teacher_that_learnt_from_all_is_refused(records, tmp_path, eagerly):
    trained = train_record_model(records, archs=["cnn"], epochs=1, seed=0, balance="weights", left_out=((7, 8),))
    write_record_bundle(tmp_path / "m", trained, records.index, name="m", rate=100, leads=("I",), training={})
    said = r"the teacher m learnt from, or never saw, 48 of the 64 training records: valid is one"
    with pytest.raises(RecordError, match=said):
        read_left_out(load_bundle(tmp_path / "m", "record"), records.index)
    (tmp_path / "m" / "left_out.csv").unlink()
    with pytest.raises(RecordError, match=r"teacher m has no .*left_out\.csv"):
        read_left_out(load_bundle(tmp_path / "m", "record"), records.index)


def test_records_that_nobody_validated_choose_nothing(records, eagerly):
    index = records.index
    wrong = ~index.validated & (index.fold == 8)
    mislabelled = replace(index, positive=np.where(wrong, ~index.positive, index.positive))
    options = {"archs": ["cnn"], "epochs": 4, "seed": 1, "balance": "undersample"}
    plain = train_record_model(records, **options)
    assert wrong.sum() == 2
    other = train_record_model(replace(records, index=mislabelled), **options)
    assert other.thresholds == pytest.approx(plain.thresholds, rel=1e-4)
    assert other.validation_auc == plain.validation_auc


def test_a_group_without_validated_records_of_both_classes_is_refused(records):
    none = replace(records.index, validated=np.zeros(len(records.index), dtype=bool))
    with pytest.raises(
        RequestError, match=r"folds 8 hold 0 NORM and 0 IMI records at hand that a person has validated"
    ):
        train_record_model(replace(records, index=none), archs=["cnn"], epochs=1, seed=0, balance="weights")


@pytest.mark.parametrize("left_out", [((9,),), ((1, 2), (2, 3)), ((),), ()])
def test_only_groups_of_training_folds_can_be_left_out(records, left_out):
    with pytest.raises(RequestError, match=r"got validation folds .* valid are groups of folds 1 to 8, none of them"):
        train_record_model(records, archs=["cnn"], epochs=1, seed=0, balance="weights", left_out=left_out)


def test_something_must_be_left_to_learn_from(records):
    with pytest.raises(RequestError, match="leave it some to learn from"):
        train_record_model(records, archs=["cnn"], epochs=1, seed=0, balance="weights", left_out=(range(1, 9),))


@pytest.mark.parametrize("archs", [[], ["cnn", "cnn"], ["vgg"]])
def test_architectures_are_known_and_stand_once(records, archs):
    with pytest.raises(RequestError, match=r"got the architectures .* each once"):
        train_record_model(records, archs=archs, epochs=1, seed=0, balance="weights")


def test_stretch_and_shift_move_a_peak_in_time():
    x = np.exp(-0.5 * ((np.arange(80) - 40) / 3.0) ** 2).astype(np.float32)
    signals = np.tile(x[None, :, None], (64, 1, 1))
    moving = replace(NOTHING, stretch=0.05, shift_s=0.02)
    rng = np.random.default_rng(1)
    ones = np.ones((64, 2), dtype=np.float32)
    ((moved, _, _),) = epoch_batches(signals, ones, ones[:, 0], fs=100, size=64, augmentation=moving, rng=rng)
    peaks = moved[..., 0].argmax(axis=1)
    assert 1.0 < np.std(peaks) < 3.0  # two samples of shift
    assert abs(np.mean(peaks) - 40) < 1.0
    areas = moved.sum(axis=(1, 2)) / x.sum()
    assert 0.03 < np.std(areas) < 0.07
    np.testing.assert_allclose(moved.max(axis=(1, 2)), 1.0, atol=0.04)
