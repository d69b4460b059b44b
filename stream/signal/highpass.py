"""Baseline removal: a causal Butterworth high-pass."""

from __future__ import annotations

import numpy as np

from ..core.compiled import Flags, Floats
from ..core.messages import Samples
from ..core.stage import Schema, State, own_samples, restored
from .filters import Sections, butter_highpass, sos_filter_in_place


class HighPass:
    """Causal high-pass, Butterworth of order one, for baseline wander and electrode offset.

    The state is primed on the first sample, so a stream that starts at any offset gives no start-up step.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    n_leads
        Number of leads.
    cutoff_hz
        Where the gain is 1/sqrt(2), Hz. 0.5 Hz is what monitors use against wander; it bends ST segments,
        so these are not to be measured behind it (Kligfield et al. 2007, doi 10.1161/CIRCULATIONAHA.106.180200).

    Raises
    ------
    ValueError
        If the cut-off is not between 0 and half the sampling rate.
    """

    delay = 0
    schema = Schema(1)

    def __init__(self, fs: float, n_leads: int, cutoff_hz: float = 0.5) -> None:
        self._sos = butter_highpass(cutoff_hz, fs)
        self._zi = np.zeros((1, 2, n_leads))
        self._primed = np.zeros(1, dtype=np.bool_)

    def push(self, x: Samples) -> Samples:
        """Filter the next samples.

        Parameters
        ----------
        x
            ``(n, n_leads)``, mV, finite.

        Returns
        -------
        Samples
            ``(n, n_leads)``, mV.
        """
        y = own_samples(x, self._zi.shape[2])
        sos_filter_in_place(self._sos, y, self._zi, self._primed)
        return y

    def parts(self) -> tuple[Sections, Floats, Flags]:
        """Give sections, state and whether it is primed, as `sos_filter_in_place` takes them."""
        return self._sos, self._zi, self._primed

    def flush(self) -> Samples:
        """End the stream; nothing was held back."""
        return np.empty((0, self._zi.shape[2]))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"zi": self._zi.copy(), "primed": bool(self._primed[0])}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind or number of leads.
        """
        self._zi = restored(state, "zi", self._zi)
        self._primed[0] = bool(state["primed"])
