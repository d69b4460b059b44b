"""The networks of a pipeline, loaded once and shared by any number of streams."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from .beats.classifier import BeatClassifier, Classifier
from .qrs.detector import load_network
from .qrs.network import DetectorNetwork
from .strip.model import RecordModel, load_record_model

DEFAULT_MODEL = "context"
DEFAULT_DETECTOR = "qrs"


@dataclass(frozen=True, slots=True)
class Models:
    """The networks of a pipeline.

    Attributes
    ----------
    detector
        Weights of the QRS detector.
    classifier
        Of beats. One of your own is any `Classifier`, or a function wrapped in `beats.classifier.PlainClassifier`.
    record
        Of the last ten seconds; None: they are not classified.
    fingerprint
        Tells models apart by what they would say of beats: weights, thresholds and multipliers.
    """

    detector: DetectorNetwork
    classifier: Classifier
    record: RecordModel | None = None
    fingerprint: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Work the fingerprint out once: it goes into every snapshot."""
        digest = hashlib.sha256(self.classifier.identity)
        for value in self.detector:
            digest.update(np.asarray(value).tobytes())
        object.__setattr__(self, "fingerprint", digest.hexdigest())


@lru_cache(maxsize=8)
def load_models(
    model: str = DEFAULT_MODEL, detector: str = DEFAULT_DETECTOR, record_model: str | None = None
) -> Models:
    """Load the detector, a beat bundle and, if one is named, a record bundle.

    Raises
    ------
    BundleError
        If one is missing, corrupt, or does not fit this version.
    """
    record = None if record_model is None else load_record_model(record_model)
    return Models(load_network(detector), BeatClassifier(model), record)


def as_models(model: str | os.PathLike[str] | Models) -> Models:
    """Give models as they are, or load the beat bundle of that name or folder, with the shipped detector."""
    return model if isinstance(model, Models) else load_models(os.fspath(model))
