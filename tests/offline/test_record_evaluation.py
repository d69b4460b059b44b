"""Figures of record models against scikit-learn and against counting by hand."""

import json

import numpy as np
import pytest
from record_bundles import write_bundle
from synthetic_ptbxl import signal

from ecg_stream.errors import RecordError
from ecg_stream.models.bundle import load_bundle
from ecg_stream.offline.record_evaluation import (
    auc_interval,
    bundle_probability,
    decide,
    evaluate,
    find_thresholds,
)
from ecg_stream.offline.record_report import figures_as_json, write_report

metrics = pytest.importorskip("sklearn.metrics", reason="evaluation needs the extra [train]")


def scores(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.3
    logit = rng.normal(positive * 1.5 - 1.0, 1.0)
    return positive, 1.0 / (1.0 + np.exp(-logit)), np.arange(n) // 2


def test_figures_are_those_of_scikit_learn():
    positive, probability, patient = scores()
    evaluation = evaluate(positive, probability, patient, {"youden": 0.4})
    called = probability >= 0.4
    decision = evaluation.decisions["youden"]
    assert evaluation.auc == pytest.approx(metrics.roc_auc_score(positive, probability))
    assert evaluation.loss == pytest.approx(metrics.log_loss(positive, probability))
    assert decision.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(positive, called))
    assert decision.accuracy == pytest.approx(metrics.accuracy_score(positive, called))
    assert decision.precision == pytest.approx(metrics.precision_score(positive, called))
    assert decision.sensitivity == pytest.approx(metrics.recall_score(positive, called))
    assert decision.specificity == pytest.approx(metrics.recall_score(~positive, ~called))
    assert decision.f1 == pytest.approx(metrics.f1_score(positive, called))


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_are_the_best_there_are(seed):
    positive, probability, _ = scores(150, seed)
    thresholds = find_thresholds(positive, probability)
    everywhere = [decide(positive, probability, t) for t in np.linspace(0.0, 1.0, 5001)]
    youden = decide(positive, probability, thresholds["youden"])
    correct = decide(positive, probability, thresholds["max_correct"])
    assert youden.balanced_accuracy >= max(d.balanced_accuracy for d in everywhere) - 1e-12
    assert correct.tp + correct.tn - correct.fp - correct.fn == max(d.tp + d.tn - d.fp - d.fn for d in everywhere)


def test_threshold_stands_between_what_it_parts():
    thresholds = find_thresholds(np.array([False, False, True, True]), np.array([0.1, 0.2, 0.6, 0.9]))
    assert thresholds == {"youden": pytest.approx(0.4), "max_correct": pytest.approx(0.4)}


def test_one_probability_for_all_still_gives_thresholds():
    positive = np.array([True, False, False])
    thresholds = find_thresholds(positive, np.full(3, 0.5))
    assert decide(positive, np.full(3, 0.5), thresholds["max_correct"]).tn == 2


def test_interval_holds_the_area_and_narrows_with_patients():
    positive, probability, patient = scores(2000)
    auc = metrics.roc_auc_score(positive, probability)
    low, high = auc_interval(positive, probability, patient)
    assert low < auc < high
    assert auc_interval(positive, probability, patient) == (low, high)
    few_low, few_high = auc_interval(positive, probability, patient // 20)  # 50 patients
    assert few_high - few_low > 0
    small = slice(0, 200)
    wide = auc_interval(positive[small], probability[small], patient[small])
    assert wide[1] - wide[0] > 2.0 * (high - low)


def test_a_bundle_is_run_as_it_is_served(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / "lowest"), "record")
    for fs in (100, 500):
        signals = np.stack([signal(p, fs=fs)[:, :1] - 0.3 for p in (False, True)]).astype(np.float32)
        low, high = bundle_probability(bundle, signals, fs)
        assert low < 0.1
        assert high > 0.9


def test_report_holds_figures_text_and_plots(tmp_path):
    positive, probability, patient = scores()
    evaluation = evaluate(positive, probability, patient, find_thresholds(positive, probability))
    figures = figures_as_json(evaluation, model="m")
    wanted = ["auc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "f1", "threshold"]
    assert set(wanted) <= set(figures)
    write_report(tmp_path / "report", "m on fold 9", evaluation, figures)
    names = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert names == ["calibration.png", "confusion.png", "precision_recall.png", "report.json", "report.md", "roc.png"]
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == json.loads(json.dumps(figures))
    text = (tmp_path / "report" / "report.md").read_text()
    assert f"AUC {evaluation.auc:.4f}" in text
    assert f"| {evaluation.decisions['youden'].balanced_accuracy:.3f} |" in text


def test_report_into_a_file_is_refused(tmp_path):
    positive, probability, patient = scores()
    evaluation = evaluate(positive, probability, patient, {"youden": 0.4})
    (tmp_path / "taken").write_text("")
    with pytest.raises(RecordError, match="cannot write the report into") as told:
        write_report(tmp_path / "taken", "m", evaluation, figures_as_json(evaluation))
    assert told.value.about == "report"
