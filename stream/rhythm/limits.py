"""The one table of limits: when a rhythm is one. ``ecg-stream rhythms`` prints it.

Each field is a parameter with its unit in its name. Where a limit comes from stands beside it; those without a source
were chosen by the mean over patients on databases named in the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...errors import RequestError


@dataclass(frozen=True, slots=True)
class RhythmLimits:
    """When a rhythm is one.

    Attributes
    ----------
    run_beats
        Ventricular beats in a row that are a run, no longer a couplet.
    tachycardia_beats
        Ventricular beats in a row, fast enough, that are a ventricular tachycardia (EC57: a long run has more than 5).
    ventricular_rate
        From so many beats a minute on a run is one; below, it is an idioventricular rhythm.
    sustained_s
        A ventricular tachycardia that lasts so long is sustained.
    cycles
        Cycles of bigeminy or trigeminy that make it one.
    bigeminy_early
        The interval before a V of bigeminy is at most this part of the interval before that.
    r_on_t_qtc_s
        A ventricular beat no later after the beat before than the QT interval, of which this is the part that does
        not depend on the rate (Bazett), stands on the T wave.
    frequent_beats, frequent_until
        Ventricular beats in a minute that are frequent, and number at which they no longer are.
    multiform_kinds, multiform_beats, multiform_s
        Kinds of ventricular beats, with so many beats of each in so many seconds, that make them multiform.
    supraventricular_beats, supraventricular_rate
        Supraventricular beats in a row, at so many a minute, that are a tachycardia.
    sudden_rate, sudden_rise, sudden_beats
        Narrow beats from so many a minute on, so many times as fast as the eight before, for so many beats.
    pause_s, pause_told_s
        Interval without a beat that is a pause, and time beyond after which it is told, if no beat has ended it: a beat
        that is searched for comes later than others.
    asystole_s
        The same for asystole.
    quiet_share, quiet_uv
        What stands in a pause, from peak to peak, is at most this share of the QRS complexes before, or this, µV.
    slow_rate, slow_until
        Median rate of eight intervals that is a bradycardia, and rate at which it ends.
    fast_rate, fast_until
        The same for tachycardia.
    paced_beats
        Paced beats in a row that are a paced rhythm, and beats without a spike that end it.
    noise_quality, noise_until
        Mean quality of eight beats that is noise, and quality at which it no longer is.
    """

    run_beats: int = 3
    tachycardia_beats: int = 6
    ventricular_rate: float = 100.0
    sustained_s: float = 30.0
    cycles: int = 3
    bigeminy_early: float = 0.95
    r_on_t_qtc_s: float = 0.4
    frequent_beats: int = 10
    frequent_until: int = 6
    multiform_kinds: int = 2
    multiform_beats: int = 2
    multiform_s: float = 60.0
    supraventricular_beats: int = 3
    supraventricular_rate: float = 100.0
    sudden_rate: float = 130.0
    sudden_rise: float = 1.25
    sudden_beats: int = 8
    pause_s: float = 2.0
    pause_told_s: float = 0.5
    asystole_s: float = 4.0
    quiet_share: float = 0.25
    quiet_uv: float = 50.0
    slow_rate: float = 50.0
    slow_until: float = 55.0
    fast_rate: float = 120.0
    fast_until: float = 110.0
    paced_beats: int = 3
    noise_quality: float = 0.85
    noise_until: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what no rule can work with.

        Raises
        ------
        RequestError
            If a limit is not above 0, or a rhythm could never begin or never end.
        """
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise RequestError(f"limit {field.name} is {getattr(self, field.name)}: valid are numbers above 0")
        for low, high in (
            ("run_beats", "tachycardia_beats"),
            ("frequent_until", "frequent_beats"),
            ("pause_s", "asystole_s"),
            ("slow_rate", "slow_until"),
            ("fast_until", "fast_rate"),
            ("slow_until", "fast_until"),
            ("noise_quality", "noise_until"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise RequestError(
                    f"limit {low} is {getattr(self, low)}, {high} is {getattr(self, high)}: the first is to be no "
                    "larger than the second"
                )
