"""A record model as it is served: ten seconds in, a class and its probability out."""

from __future__ import annotations

import os

from ...errors import BundleError
from ...models.bundle import Bundle, load_bundle
from ...models.inference import checked, inference_session
from ..core.messages import Samples
from .input import PREPROCESSING, model_input

DECISION = "youden"
"""Which of the thresholds in the card decides: the one of equal regard for both classes."""


class RecordModel:
    """A loaded record model.

    Parameters
    ----------
    bundle
        From `load_record_model` or `ecg_stream.models.bundle.load_bundle`.

    Raises
    ------
    BundleError
        If ONNX Runtime cannot read its weights, or its card has not two classes and as many leads as they take.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        if len(self.card.classes) != 2 or not self.card.leads:
            raise _misfit(bundle, "network is for others")
        self._session = inference_session(bundle)
        n_leads = self._session.get_inputs()[0].shape[-1]
        if n_leads != len(self.card.leads):
            raise _misfit(bundle, f"network takes {n_leads} leads")

    @property
    def threshold(self) -> float:
        """Probability of the second class from which it is called."""
        return self.card.thresholds.get(DECISION, 0.5)

    def probability(self, window: Samples, fs: float) -> float:
        """Probability of the second class (IMI) of one window.

        Parameters
        ----------
        window
            ``(window_samples(fs), n_leads)``, mV, high-passed and finite; the model's leads in its order.
        fs
            Sampling rate, Hz.

        Raises
        ------
        BundleError
            If what the network gives is none.
        """
        x = model_input(window, fs, self.card.sampling_rate_hz or fs)
        (given,) = self._session.run(None, {self.card.input_name: x})
        return float(checked(given, 1, 2, self.card.name)[0, 1])

    def label(self, probability: float) -> str:
        """Give the class that a probability stands for."""
        return self.card.classes[int(probability >= self.threshold)]


def _misfit(bundle: Bundle, network: str) -> BundleError:
    return BundleError(
        f"bundle {bundle.folder} has classes {list(bundle.card.classes)} and leads {list(bundle.card.leads)}, its "
        f"{network}: a record bundle has two classes and as many leads; train it again"
    )


def load_record_model(name_or_path: str | os.PathLike[str]) -> RecordModel:
    """Load a record model by shipped name or path.

    Raises
    ------
    BundleError
        If there is none, it is for another task, or it is not whole.
    """
    return RecordModel(load_bundle(name_or_path, "record", PREPROCESSING))
