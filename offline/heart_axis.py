"""Turning the axis of the heart in the frontal plane: what the limb leads would be of one that lies otherwise.

The six limb leads are projections of one vector in the plane that I and aVF span (Malmivuo and Plonsey 1995,
Bioelectromagnetism, chapter 15). So a lead of a heart that lies a few degrees otherwise is that lead, and some of
what stands at right angles to it. Between two patients with the same finding the axis differs by more than that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FRONTAL = ("I", "aVF")
"""The two leads that span the plane."""

_ANGLE_DEG = {"I": 0.0, "II": 60.0, "III": 120.0, "aVR": -150.0, "aVL": -30.0, "aVF": 90.0}
_AUGMENTED = 3.0**0.5 / 2.0  # length of aVR, aVL and aVF against I, II and III


def can_turn(leads: Sequence[str]) -> bool:
    """Tell whether all of these are limb leads."""
    return all(lead in _ANGLE_DEG for lead in leads)


def leads_across(frontal: NDArray[np.float32], leads: Sequence[str]) -> NDArray[np.float32]:
    """Give what stands at right angles to each lead, a quarter turn from I towards aVF.

    Parameters
    ----------
    frontal
        ``(n, samples, 2)`` mV, the leads `FRONTAL`.
    leads
        Limb leads, as `can_turn` has it.

    Returns
    -------
    ndarray
        ``(n, samples, len(leads))`` mV; a lead turned by an angle is its cosine times the lead plus its sine times
        this.
    """
    angle = np.radians([_ANGLE_DEG[lead] for lead in leads])
    length = np.array([_AUGMENTED if lead.startswith("a") else 1.0 for lead in leads])
    mixing = np.stack([-length * np.sin(angle), length * np.cos(angle) / _AUGMENTED])
    return frontal @ mixing.astype(np.float32)
