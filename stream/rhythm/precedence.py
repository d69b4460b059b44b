"""Which rhythm is not told beside which.

A rule finds what it finds. Where two findings are two views of one thing, the one that says more is told: beats in a
ventricular fibrillation are no run, and a ventricular tachycardia is not also a tachycardia. The signal of a fast
ventricular tachycardia may be found to be either. So the two are told beside each other: to keep one silent would give
much of the tachycardia in the databases the wrong name alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..core.rhythm_names import RhythmName

_MADE_OF_VENTRICULAR_BEATS: tuple[RhythmName, ...] = (
    "couplet",
    "ventricular-run",
    "ventricular-tachycardia",
    "sustained-ventricular-tachycardia",
    "idioventricular-rhythm",
    "bigeminy",
    "trigeminy",
    "r-on-t",
    "frequent-ventricular-beats",
    "multiform-ventricular-beats",
)
_TACHYCARDIAS: tuple[RhythmName, ...] = ("ventricular-tachycardia", "sustained-ventricular-tachycardia")
_RATES: tuple[RhythmName, ...] = ("bradycardia", "tachycardia")

HIDES: Mapping[RhythmName, tuple[RhythmName, ...]] = {
    "ventricular-fibrillation": (
        *(name for name in _MADE_OF_VENTRICULAR_BEATS if name not in _TACHYCARDIAS),  # told beside: see above
        *_RATES,
        "supraventricular-tachycardia",
        "atrial-fibrillation",
        "pause",
        "asystole",
        "noise",
    ),
    "noise": (
        *(name for name in _MADE_OF_VENTRICULAR_BEATS if name not in _TACHYCARDIAS),  # too grave to keep silent about
        *_RATES,
        "supraventricular-tachycardia",
        "atrial-fibrillation",
        "pause",
    ),
    "asystole": ("pause", "bradycardia"),
    "sustained-ventricular-tachycardia": ("ventricular-tachycardia", "tachycardia", "supraventricular-tachycardia"),
    "ventricular-tachycardia": ("ventricular-run", "tachycardia", "supraventricular-tachycardia"),
    "atrial-fibrillation": ("supraventricular-tachycardia",),
    "supraventricular-tachycardia": ("tachycardia",),
    "idioventricular-rhythm": ("bradycardia",),
}
"""While the first is found, the others are not told."""

ORDER: tuple[RhythmName, ...] = (
    "ventricular-fibrillation",
    "asystole",
    "sustained-ventricular-tachycardia",
    "ventricular-tachycardia",
    "pause",
    "ventricular-run",
    "supraventricular-tachycardia",
    "idioventricular-rhythm",
    "atrial-fibrillation",
    "r-on-t",
    "multiform-ventricular-beats",
    "bigeminy",
    "trigeminy",
    "couplet",
    "frequent-ventricular-beats",
    "tachycardia",
    "bradycardia",
    "paced",
    "noise",
)
"""What a screen, or whoever asks for one rhythm, is shown of several: the first in this order."""
