"""The rhythms by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

RhythmName: TypeAlias = Literal[
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
    "supraventricular-tachycardia",
    "atrial-fibrillation",
    "ventricular-fibrillation",
    "paced",
    "pause",
    "asystole",
    "bradycardia",
    "tachycardia",
    "noise",
]
"""What beats and signal add up to; ``ecg-stream rhythms`` lists the rules and their limits."""


def in_words(name: str) -> str:
    """Write the name of a rhythm, or of an alert, for people.

    >>> in_words("ventricular-tachycardia"), in_words("r-on-t")
    ('ventricular tachycardia', 'R on T')
    """
    return "R on T" if name == "r-on-t" else name.replace("-", " ")


def verb(name: str, state: Literal["begin", "repeat", "end"]) -> str:
    """Say of a rhythm, or of an alert, what it does, as its name has it.

    >>> verb("bigeminy", "begin"), verb("frequent-ventricular-beats", "begin")
    ('begins', 'begin')
    """
    one, many = {"begin": ("begins", "begin"), "repeat": ("goes on", "go on"), "end": ("ends", "end")}[state]
    return many if name.endswith("-beats") else one
