"""The rhythms in words, with their limits: what ``ecg-stream rhythms`` prints, and their marks in WFDB files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.rhythm_names import RhythmName
from .limits import RhythmLimits
from .precedence import HIDES, ORDER
from .rules import FOUND

WFDB: Mapping[RhythmName, str] = {
    "ventricular-fibrillation": "(VFIB",
    "asystole": "(ASYS",
    "sustained-ventricular-tachycardia": "(VT",
    "ventricular-tachycardia": "(VT",
    "ventricular-run": "(VT",
    "supraventricular-tachycardia": "(SVTA",
    "idioventricular-rhythm": "(IVR",
    "atrial-fibrillation": "(AFIB",
    "bigeminy": "(B",
    "trigeminy": "(T",
    "bradycardia": "(SBR",
    "paced": "(P",
    "noise": "(NOISE",
}
"""How WFDB marks a rhythm. The others have no mark there."""


@dataclass(frozen=True, slots=True)
class RhythmRow:
    """A rhythm in the table.

    Attributes
    ----------
    name
        See `RhythmName`.
    wfdb
        Its mark in annotation files; empty for none.
    rule
        What it is, limits included.
    not_during
        Rhythms that it is not told beside.
    """

    name: RhythmName
    wfdb: str
    rule: str
    not_during: tuple[RhythmName, ...]


def table(limits: RhythmLimits) -> list[RhythmRow]:
    """Give the rhythms that the rules find, in the order in which a screen prefers them."""
    words = _in_words(limits)
    return [
        RhythmRow(name, WFDB.get(name, ""), words[name], tuple(each for each in ORDER if name in HIDES.get(each, ())))
        for name in ORDER
        if name in FOUND
    ]


def _in_words(limits: RhythmLimits) -> Mapping[RhythmName, str]:
    k = limits
    return {
        "ventricular-fibrillation": "fibrillation or flutter of the ventricles, from the signal",
        "asystole": f"{k.asystole_s:g} s without a beat, where the signal is good and quiet",
        "sustained-ventricular-tachycardia": f"ventricular tachycardia for {k.sustained_s:g} s",
        "ventricular-tachycardia": f"{k.tachycardia_beats} and more V at {k.ventricular_rate:g}/min or faster",
        "pause": f"{k.pause_s:g} s without a beat, where the signal is good and quiet",
        "ventricular-run": f"{k.run_beats} and more V at {k.ventricular_rate:g}/min or faster",
        "supraventricular-tachycardia": (
            f"{k.supraventricular_beats} and more S at {k.supraventricular_rate:g}/min or faster; or {k.sudden_beats} "
            f"narrow beats above {k.sudden_rate:g}/min, {k.sudden_rise:g} times as fast as before"
        ),
        "idioventricular-rhythm": f"{k.run_beats} and more V below {k.ventricular_rate:g}/min",
        "atrial-fibrillation": "irregular intervals, and no P waves",
        "r-on-t": f"V no later after a beat than its QT interval: {1000 * k.r_on_t_qtc_s:g} ms times the root of RR",
        "multiform-ventricular-beats": (
            f"{k.multiform_kinds} and more kinds of V, {k.multiform_beats} of each in {k.multiform_s:g} s"
        ),
        "bigeminy": f"V every second beat, {1 - k.bigeminy_early:.0%} early and more, {k.cycles} times and more",
        "trigeminy": f"V every third beat, {k.cycles} times and more",
        "couplet": "2 V in a row",
        "frequent-ventricular-beats": f"{k.frequent_beats} and more V in a minute, until fewer than {k.frequent_until}",
        "tachycardia": f"median rate of 8 intervals above {k.fast_rate:g}/min, until {k.fast_until:g}/min",
        "bradycardia": f"median rate of 8 intervals below {k.slow_rate:g}/min, until {k.slow_until:g}/min",
        "paced": f"{k.paced_beats} and more beats after pacing spikes, until as many come without",
        "noise": f"mean quality of 8 beats below {k.noise_quality:g}, until {k.noise_until:g}: nothing is concluded",
    }
