"""The beat classifier: one call for many beats, the same for each as alone; and what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.errors import BundleError
from ecg_stream.models.bundle import SHIPPED
from ecg_stream.stream.beats.classifier import BeatClassifier
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.core.messages import CLASSES
from ecg_stream.stream.pipeline import DEFAULT_MODEL


@pytest.fixture(scope="module")
def classifier() -> BeatClassifier:
    return BeatClassifier(DEFAULT_MODEL)


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """Copies the shipped bundle with other fields in its card."""

    def change(**fields: object) -> Path:
        folder = tmp_path / "bundle"
        shutil.copytree(SHIPPED / DEFAULT_MODEL, folder)
        card = msgspec.json.decode((folder / "card.json").read_bytes())
        (folder / "card.json").write_bytes(msgspec.json.encode({**card, **fields}))
        return folder

    return change


def rows(n: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, len(NAMES))).astype(np.float32)


def test_probabilities_add_up_to_one(classifier):
    probabilities = classifier(rows(200))
    assert probabilities.shape == (200, len(CLASSES))
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=0, atol=1e-6)


def test_a_beat_gets_the_same_to_the_last_bit_alone_and_in_any_company(classifier):
    x = rows(100)
    probabilities = classifier(x)
    for size in (1, 2, 3, 7, 16, 33):
        for start in range(0, 100, size):
            np.testing.assert_array_equal(classifier(x[start : start + size]), probabilities[start : start + size])


def test_the_multipliers_of_the_card_are_in_the_probabilities(classifier, changed):
    x = rows(300)
    multipliers = {"N": 1.0, "S": 3.0, "V": 0.2, "F": 1.0, "Q": 1.0}
    weighed = BeatClassifier(changed(thresholds=multipliers))(x)
    own = np.array([classifier.card.thresholds.get(name, 1.0) for name in CLASSES])
    plain = classifier(x) / own
    plain /= plain.sum(axis=1, keepdims=True)
    expected = plain * [multipliers[name] for name in CLASSES]
    np.testing.assert_allclose(weighed, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)
    assert (weighed.argmax(axis=1) != plain.argmax(axis=1)).any()


def test_no_beats_give_nothing(classifier):
    assert classifier(rows(0)).shape == (0, len(CLASSES))


def test_inputs_are_not_changed(classifier):
    x = rows(10)
    x.flags.writeable = False
    classifier(x)


def test_refuses_rows_of_another_width(classifier):
    with pytest.raises(ValueError, match="got 3 features"):
        classifier(np.zeros((2, 3), dtype=np.float32))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classes": ["N", "V"]}, "has classes"),
        ({"features": ["window", "smell"]}, "unknown feature 'smell'"),
        ({"features": ["rr_s"]}, "the card names 1 features"),
        ({"preprocessing": "beat-features/0"}, "train it again"),
        ({"sha256": "0"}, "does not match the sha256"),
        ({"task": "record"}, "for the task 'record'"),
    ],
)
def test_refuses_a_bundle_that_does_not_fit(changed, fields, message):
    with pytest.raises(BundleError, match=message):
        BeatClassifier(changed(**fields))


@given(cuts=st.lists(st.integers(1, 99), unique=True, max_size=20).map(sorted))
@settings(max_examples=50, deadline=None)
def test_a_beat_does_not_depend_on_the_others_of_its_call(cuts):
    served = BeatClassifier(DEFAULT_MODEL)
    features = np.random.default_rng(0).standard_normal((100, len(NAMES))).astype(np.float32)
    together = served(features)
    apart = np.concatenate([served(part) for part in np.split(features, cuts)])
    np.testing.assert_array_equal(apart, together)
