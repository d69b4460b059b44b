"""Write a detector bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..models.bundle import Card, library_versions, write_card, writing_bundle
from ..stream.qrs.candidate import N_FEATURES
from ..stream.qrs.detector import PREPROCESSING
from ..stream.qrs.network import DetectorNetwork

DATA_LICENCE = (
    "trained on MIT-BIH Arrhythmia, MIT-BIH Supraventricular, European ST-T and Noise Stress data, ODC-By 1.0"
)


def write_detector_bundle(folder: Path, network: DetectorNetwork, training: dict[str, Any]) -> Card:
    """Write weights and card; a bundle that is there is replaced as a whole.

    Raises
    ------
    BundleError
        If the place cannot be written.
    """
    with writing_bundle(folder) as part:
        np.savez(
            part / "weights.npz",
            w1=network.w1,
            b1=network.b1,
            w2=network.w2,
            b2=network.b2,
            w3=network.w3,
            b3=np.float32(network.b3),
        )
        members = len(network.b2) // network.w2.shape[1]
        units = (N_FEATURES, len(network.b1) // members, network.w2.shape[1], 1)
        card = Card(
            name=folder.name,
            task="detector",
            arch=f"{members} perceptrons {'-'.join(map(str, units))}",
            classes=("noise", "beat"),
            input_name="candidate",
            input_shape=(None, N_FEATURES),
            preprocessing=PREPROCESSING,
            sampling_rate_hz=125.0,
            window={"before_s": 1.7, "after_s": 0.1},
            normalization="waves and envelope in units of the running QRS level",
            thresholds={"beat": network.threshold, "search_back": network.back_threshold},
            training=training,
            versions=dict(library_versions("numpy", "tensorflow", "keras")),
            data_licence=DATA_LICENCE,
            weights="weights.npz",
        )
        return write_card(part, card)
