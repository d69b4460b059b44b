"""Turning the heart's axis: the limb leads follow one vector."""

import numpy as np
import pytest

from ecg_stream.offline.heart_axis import can_turn, leads_across
from ecg_stream.offline.record_augmentation import NOTHING, Augmentation, epoch_batches

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")


def limb_leads(x, y):
    """The six leads of a vector, ``(1, n, 6)``, from the potentials of three limbs at the corners of a triangle."""
    right, left, foot = (
        (x * np.cos(angle) + y * np.sin(angle)) / 3.0**0.5 for angle in np.radians([-150.0, -30.0, 90.0])
    )
    einthoven = [left - right, foot - right, foot - left]
    goldberger = [right - (left + foot) / 2, left - (right + foot) / 2, foot - (left + right) / 2]
    return np.stack([*einthoven, *goldberger], axis=-1)[None].astype(np.float32)


@pytest.fixture
def vector():
    return np.random.default_rng(0).normal(size=(2, 200))


@pytest.mark.parametrize("turn_deg", [-35.0, 10.0, 90.0])
def test_a_turned_lead_is_that_of_a_turned_vector(vector, turn_deg):
    (x, y), turn = vector, np.radians(turn_deg)
    leads = limb_leads(x, y)
    across = leads_across(leads[:, :, [0, 5]], LIMB)
    expected = limb_leads(x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn))
    np.testing.assert_allclose(np.cos(turn) * leads + np.sin(turn) * across, expected, atol=1e-5)


def test_only_limb_leads_turn():
    assert can_turn(LIMB)
    assert not can_turn(("I", "V1"))


def test_batches_are_turned_and_lose_the_leads_across():
    signals = np.tile(np.array([3.0, 4.0], np.float32), (64, 50, 1))  # a lead, and what is across it
    targets, weights = np.zeros((64, 2), np.float32), np.ones(64, np.float32)

    def leads(augmentation):
        rng = np.random.default_rng(0)
        batches = epoch_batches(
            signals, targets, weights, fs=100, size=64, augmentation=augmentation, rng=rng, across=True
        )
        (batch,) = [x for x, _, _ in batches]
        return batch

    still = {"crop": 1.0, "gain": 0.0, "lead_gain": 0.0, "noise_mv": 0.0, "wander_mv": 0.0}
    np.testing.assert_array_equal(leads(NOTHING), signals[:, :, :1])
    turned = leads(Augmentation(**still, turn_deg=20.0))
    assert turned.shape == (64, 50, 1)
    assert np.ptp(turned, axis=1).max() < 1e-5  # one angle for a record
    degrees = np.degrees(np.arctan2(4.0, 3.0) - np.arccos(turned[:, 0, 0] / 5.0))
    assert 12.0 < degrees.std() < 28.0
