"""The quality of beats: high in clean signal, low in noise, and what is doubtful is not called V."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.errors import BundleError
from ecg_stream.stream.batch import DecidedBeat, Described, Passage, label
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.beats.quality import BeatQuality, load_quality
from ecg_stream.stream.networks import as_models


def test_quality_falls_with_noise():
    record = es.read_record("demo", end=180)
    rng = np.random.default_rng(3)
    t = np.arange(len(record.samples)) / record.fs
    motion = np.cumsum(rng.normal(size=record.samples.shape), axis=0)
    motion = 0.5 * (motion - motion[0]) * (np.sin(2 * np.pi * 1.3 * t) ** 2)[:, np.newaxis] / 30.0
    noisy = record.samples.copy()
    noisy[30_000:] += motion[30_000:] + rng.normal(scale=1.0, size=(len(noisy) - 30_000, 2))
    clean = np.array([beat.quality for beat in es.classify(record) if beat.sample > 30_000])
    worse = np.array([beat.quality for beat in es.classify(noisy, 250) if beat.sample > 30_500])
    assert np.median(clean) > 0.97
    assert np.median(worse) < np.quantile(clean, 0.02) - 0.1
    assert ((worse >= 0) & (worse <= 1)).all()


def test_a_row_does_not_depend_on_those_beside_it():
    rows = np.random.default_rng(0).normal(size=(50, len(NAMES))).astype(np.float32)
    quality = load_quality()
    together = quality(rows)
    assert [quality(rows[k : k + 1])[0] for k in range(50)] == together.tolist()


def test_a_beat_is_told_with_its_quality_and_the_class_that_is_left():
    def all_ventricular(features):
        return np.tile([0.02, 0.0, 0.98, 0.0, 0.0], (len(features), 1))

    class Doubt:
        trusted_in_run = 0.8

        def __call__(self, features):
            return np.array([0.2, 0.9])[: len(features)]

        def trusted_of(self, features):
            return np.full(len(features), 0.8)

    models = replace(as_models(all_ventricular), quality=Doubt())
    beats = [
        DecidedBeat(100 * k, 0.4 * k, None, 140.0, np.zeros(len(NAMES), np.float32), (0, -1, False)) for k in (1, 2)
    ]
    passage = Passage(250.0, ("a",), list(beats), [0, 1], [], 2, False)
    (labelled,) = label(models, [Described.of([passage], models.label_memory())])
    assert [(beat.label, beat.quality) for beat in labelled.outputs] == [("Q", 0.2), ("V", 0.9)]
    assert max(labelled.outputs[0].probabilities) == labelled.outputs[0].probabilities.Q


def test_a_bundle_for_another_task_is_refused():
    with pytest.raises(BundleError, match="task"):
        BeatQuality("qrs")
