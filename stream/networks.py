"""The networks of a pipeline, loaded once and shared by any number of streams."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RequestError
from .beats.classifier import BeatClassifier, Classifier, PlainClassifier
from .beats.label_memory import LabelMemory
from .beats.quality import BeatQuality, load_quality
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
    quality
        Of beats.
    fingerprint
        Tells models apart by what they would say of beats: weights, thresholds and multipliers.
    """

    detector: DetectorNetwork
    classifier: Classifier
    record: RecordModel | None = None
    quality: BeatQuality = field(default_factory=load_quality)
    fingerprint: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Work the fingerprint out once: it goes into every snapshot."""
        digest = hashlib.sha256(self.classifier.identity)
        for value in self.detector:
            digest.update(np.asarray(value).tobytes())
        object.__setattr__(self, "fingerprint", digest.hexdigest())

    def label_memory(self) -> LabelMemory:
        """Give what a new stream remembers of its beats' labels: nothing yet."""
        return LabelMemory(self.classifier.kind_memory, self.quality.trusted_in_run)


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


ModelSource: TypeAlias = str | os.PathLike[str] | Models | Classifier | Callable[[NDArray[np.float32]], ArrayLike]
"""Name or folder of a beat bundle, models loaded before, a `Classifier`, or a function as `PlainClassifier` takes."""


def as_models(
    model: ModelSource,
    detector: str | os.PathLike[str] = DEFAULT_DETECTOR,
    record_model: str | os.PathLike[str] | None = None,
) -> Models:
    """Give models as they are, or load what is named.

    Raises
    ------
    BundleError
        If a bundle is missing, corrupt, or does not fit this version.
    RequestError
        If `model` is none, or a bundle is named beside models that are loaded.
    """
    record = None if record_model is None else os.fspath(record_model)
    if isinstance(model, str | os.PathLike):
        return load_models(os.fspath(model), os.fspath(detector), record)
    if isinstance(model, Models):
        if detector != DEFAULT_DETECTOR or record is not None:
            raise RequestError("got models that are loaded, and a detector or record model beside them: give either")
        return model
    if not callable(model):
        raise RequestError(
            f"got {type(model).__name__} as the model: valid are the name or folder of a bundle, and a function that "
            "takes features (n, n_features) and gives probabilities (n, 5)"
        )
    classifier = cast(Classifier, model) if hasattr(model, "decide") else PlainClassifier(model)
    return Models(load_network(os.fspath(detector)), classifier, None if record is None else load_record_model(record))
