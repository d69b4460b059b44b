"""The QRS detector: the laws, and what it must get over: leads that come and go, silence, changes of size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qrs_signals import TOLERANCE_S, beats, demo, detect, missed_and_false

from ecg_stream.errors import BundleError, StreamError
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.qrs.candidate import columns
from ecg_stream.stream.qrs.detector import Detections, QrsDetector, load_network
from ecg_stream.stream.signal.grid import GRID_HZ
from ecg_stream.testing import LAWS, Subject
from ecg_stream.testing.values import canonical


class DetectorRows:
    """The detector as a stage that gives a list: row of decision, and the detection."""

    def __init__(self) -> None:
        self.detector = QrsDetector(load_network(), 2)
        self.snapshot, self.restore = self.detector.snapshot, self.detector.restore

    def flush(self) -> list[Any]:
        return rows(self.detector.flush(), 1_000_000)


def rows(found: Detections, start: int) -> list[Any]:
    columns = (found.row + start, found.centre, found.probability, found.weight, found.gap)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def feed(stage: DetectorRows, start: int, x: np.ndarray, good: np.ndarray) -> list[Any]:
    return rows(stage.detector.push(Signal(x, good)), start)


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    x = demo(40.0)
    x[3100:3160] *= 8.0
    good = np.ones(x.shape, dtype=np.bool_)
    good[1200:1800, 0] = False
    good[2200:2500] = False
    law(Subject(DetectorRows, (x, good), feed=feed, decided=lambda item: item[0]))


def test_finds_the_beats_of_the_demo():
    missed, false = missed_and_false(detect(demo()), beats(), 0.5, 60.0)
    assert missed <= 1
    assert false <= 1


def test_decides_within_a_quarter_of_a_second_but_for_search_back():
    found = detect(demo())
    waited = found.row / GRID_HZ - found.centre / GRID_HZ
    assert np.median(waited) < 0.15
    assert np.percentile(waited, 95) < 0.25
    assert waited.max() * GRID_HZ <= QrsDetector(load_network(), 2).delay


def test_flush_gives_the_beat_that_waited():
    x, at = demo(), beats()[40]
    for after_s in (0.064, 0.08, 0.1):
        end = round((at + after_s) * GRID_HZ)
        detector = QrsDetector(load_network(), 2)
        before = detector.push(Signal.all_good(x[:end])).centre
        late = detector.flush().centre
        assert np.abs(before / GRID_HZ - at).min() > TOLERANCE_S
        assert np.abs(late / GRID_HZ - at).min() < TOLERANCE_S
    assert len(QrsDetector(load_network(), 2).flush().centre) == 0


def test_detections_are_in_order_and_keep_their_distance():
    found = detect(demo())
    assert (np.diff(found.centre) >= round(0.2 * GRID_HZ)).all()
    assert (np.diff(found.row) > 0).all()
    assert ((found.probability > 0) & (found.probability <= 1)).all()
    np.testing.assert_allclose(found.weight.sum(axis=1), 1.0)


@pytest.mark.parametrize("gain", [0.05, 0.2, 5.0, 20.0])
def test_a_gain_changes_nothing(gain):
    assert missed_and_false(detect(gain * demo()), detect(demo()).centre / GRID_HZ, 0.0, 60.0) == (0, 0)


@pytest.mark.parametrize("n_leads", [1, 2, 3, 12])
def test_any_number_of_leads(n_leads):
    x = demo()
    many = np.concatenate([x] * 6, axis=1)[:, :n_leads]
    missed, false = missed_and_false(detect(many), beats(), 0.5, 60.0)
    assert missed <= 2
    assert false <= 2


@pytest.mark.parametrize("bad_leads", [[0], [1], [0, 1]])
@pytest.mark.parametrize("until_s", [1.0, 5.0, 30.0])
def test_leads_that_come_late_do_no_harm_and_are_learnt(bad_leads, until_s):
    x = demo()
    good = np.ones(x.shape, dtype=np.bool_)
    end = round(until_s * GRID_HZ)
    for lead in bad_leads:
        x[:end, lead] = 0.0
        good[:end, lead] = False
    found = detect(x, good)
    start = until_s + 1.0 if len(bad_leads) == 2 else 0.5
    missed, false = missed_and_false(found, beats(), start, 60.0)
    assert missed <= 2
    assert false <= 2
    late = found.weight[found.centre > (until_s + 5.0) * GRID_HZ]
    assert (late.max(axis=0) > 0.1).all(), "a lead that came late has no say"


@pytest.mark.parametrize("quiet_s", [3.0, 10.0, 60.0])
@pytest.mark.parametrize("noise_mv", [1e-4, 1e-3, 1e-2])
def test_after_a_long_quiet_the_beats_are_found_again(quiet_s, noise_mv):
    """A pause, or an electrode in the air that gives noise instead of nothing."""
    n, at = round(quiet_s * GRID_HZ), round(20 * GRID_HZ)
    x = demo()
    quiet = np.random.default_rng(1).normal(scale=noise_mv, size=(n, 2))
    found = detect(np.concatenate([x[:at], quiet, x[at:]]))
    undisturbed = detect(x).centre / GRID_HZ
    reference = undisturbed + quiet_s * (undisturbed > 20.0)
    assert sum(missed_and_false(found, reference, 20.0 + quiet_s + 3.0, 60.0 + quiet_s)) <= 1
    assert missed_and_false(found, reference, 20.3, 20.0 + quiet_s)[1] <= 1


@pytest.mark.parametrize("gain", [0.2, 5.0])
def test_a_change_of_size_is_followed_within_three_seconds(gain):
    x = demo()
    x[round(20 * GRID_HZ) :] *= gain
    missed, false = missed_and_false(detect(x), beats(), 23.0, 60.0)
    assert missed <= 2
    assert false <= 1


def test_a_burst_is_forgotten_within_three_seconds():
    x = demo()
    at = round(20 * GRID_HZ)
    x[at : at + 12] += 20.0 * (-1.0) ** np.arange(12)[:, np.newaxis]
    assert missed_and_false(detect(x), detect(demo()).centre / GRID_HZ, 23.0, 60.0) == (0, 0)


def test_says_where_the_signal_was_interrupted():
    x = demo()
    good = np.ones(x.shape, dtype=np.bool_)
    good[2500:3125] = False
    found = detect(x, good)
    after = np.flatnonzero(found.gap)
    assert len(after) >= 1
    assert found.centre[after[-1]] > 3125
    assert found.gap.sum() <= 2
    one_lead = good.copy()
    one_lead[:, 1] = True
    assert not detect(x, one_lead).gap.any()


def assert_finite(x: np.ndarray, name: str) -> None:
    if x.dtype.names:
        for field in x.dtype.names:
            assert_finite(x[field], field)
    else:
        assert np.isfinite(x).all(), name


@pytest.mark.parametrize("kind", ["nothing", "noise", "rails", "mains"])
def test_state_stays_finite_whatever_comes(kind):
    rng = np.random.default_rng(3)
    n = 12_500
    x = {
        "nothing": np.zeros((n, 2)),
        "noise": rng.normal(size=(n, 2)),
        "rails": rng.choice([-1000.0, 1000.0], size=(n, 2)),
        "mains": np.sin(np.arange(n) * 2 * np.pi * 50 / GRID_HZ)[:, np.newaxis] * np.ones(2),
    }[kind]
    stage = DetectorRows()
    feed(stage, 0, x, np.ones(x.shape, dtype=np.bool_))
    for name, records in stage.snapshot().items():
        assert_finite(records, name)
    assert np.isfinite(stage.detector.signal_to_noise()).all()


def test_logging_candidates_changes_nothing():
    x = demo()
    good = np.ones(x.shape, dtype=np.bool_)
    plain, logging = QrsDetector(load_network(), 2), QrsDetector(load_network(), 2, n_logged=2000)
    assert canonical(plain.push(Signal(x, good))) == canonical(logging.push(Signal(x, good)))
    assert len(beats()) <= len(logging.logged) <= 2000
    features, given = columns(logging.logged["features"]), logging.logged["p"]
    assert np.isfinite(features).all()
    assert ((given >= 0) & (given <= 1)).all()


def test_refuses_a_foreign_snapshot_and_a_foreign_bundle():
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        QrsDetector(load_network(), 2).restore(QrsDetector(load_network(), 1).snapshot())
    older = QrsDetector(load_network(), 2).snapshot()
    older["rhythm"] = older["rhythm"][["n_beats", "last", "mean_rr", "last_rr", "steady_rr", "rr"]]
    with pytest.raises(StreamError, match="the stage and version that it came from"):
        QrsDetector(load_network(), 2).restore(older)
    with pytest.raises(BundleError, match="no model"):
        load_network("nowhere")
    with pytest.raises(BundleError, match="is for the task"):
        load_network("dense")
