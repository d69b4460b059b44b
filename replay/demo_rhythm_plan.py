"""Which rhythms follow one another in the record ``demo-rhythms``, and the beats that make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..stream.core.rhythm_names import RhythmName
from .demo import Draw


class Stretch(NamedTuple):
    """A rhythm of the record.

    Attributes
    ----------
    name
        As the rules call it.
    begin_s
        It begins with the first beat after this, and what is no beat with the last one before.
    seconds
        It lasts so long and until its cycle is over; 0 is one cycle.
    mark
        How WFDB marks it; a remark where it has no mark of that rhythm.
    """

    name: RhythmName
    begin_s: float
    seconds: float
    mark: str


SCHEDULE = (
    Stretch("bigeminy", 40.0, 12.0, "(B"),
    Stretch("trigeminy", 70.0, 15.0, "(T"),
    Stretch("couplet", 105.0, 0.0, "couplet"),
    Stretch("bradycardia", 120.0, 20.0, "(SBR"),
    Stretch("supraventricular-tachycardia", 160.0, 12.0, "(SVTA"),
    Stretch("atrial-fibrillation", 190.0, 60.0, "(AFIB"),
    Stretch("pause", 290.0, 0.0, "pause"),
    Stretch("idioventricular-rhythm", 310.0, 8.0, "(IVR"),
    Stretch("ventricular-tachycardia", 335.0, 10.0, "(VT"),
    Stretch("asystole", 370.0, 0.0, "(ASYS"),
    Stretch("ventricular-fibrillation", 400.0, 0.0, "(VFIB"),
)
"""What interrupts sinus rhythm, and when."""


class Step(NamedTuple):
    """A beat to come: seconds after the one before, name of its shape, and WFDB symbol."""

    seconds: float
    shape: str
    symbol: str


class Patient(NamedTuple):
    """What a seed draws of the patient: beats a minute, and the part of a sinus interval after which a V comes."""

    rate: float
    slow: float
    nodal: float
    idioventricular: float
    ventricular: float
    early: float

    @classmethod
    def drawn(cls, draw: Draw) -> Patient:
        """Draw one."""
        ranges = ((62, 78), (40, 45), (160, 185), (60, 75), (145, 170), (0.56, 0.62))
        return cls(*(draw.between(low, high) for low, high in ranges))

    def cycle(self, name: RhythmName, sinus_s: float, draw: Draw) -> list[Step]:
        """Give the beats of one cycle of a rhythm; after it, it begins again. `sinus_s` is a sinus interval."""
        early, normal = Step(self.early * sinus_s, "single", "V"), Step(sinus_s, "sinus", "N")
        compensating = Step((2.0 - self.early) * sinus_s, "sinus", "N")
        match name:
            case "couplet":
                return [early, Step(draw.between(0.42, 0.48), "single", "V"), compensating]
            case "bigeminy":
                return [early, compensating]
            case "trigeminy":
                return [early, compensating, normal]
            case "bradycardia":
                return [Step(60.0 / self.slow * draw.between(0.98, 1.02), "sinus", "N")]
            case "supraventricular-tachycardia":
                return [Step(60.0 / self.nodal * draw.between(0.99, 1.01), "narrow", "J")]
            case "atrial-fibrillation":
                middling = draw.between(0.0, 1.0) + draw.between(0.0, 1.0)
                return [Step(0.52 + 0.30 * middling, "narrow", "N")]
            case "idioventricular-rhythm":
                return [Step(60.0 / self.idioventricular * draw.between(0.98, 1.02), "slow", "V")]
            case "ventricular-tachycardia":
                return [Step(60.0 / self.ventricular * draw.between(0.98, 1.02), "fast", "V")]
            case "pause":
                return [Step(draw.between(2.8, 3.2), "sinus", "N")]
            case "asystole":
                return [Step(draw.between(7.0, 8.0), "sinus", "N")]
            case "ventricular-fibrillation":
                return [Step(draw.between(21.0, 23.0), "sinus", "N")]
            case _:
                raise AssertionError(name)


BEATLESS = frozenset({"pause", "asystole", "ventricular-fibrillation"})
"""Rhythms that lie between two beats of the sinus node."""

AFTERWARDS = 1.15
"""The sinus node comes back so much later than it would have."""


@dataclass(slots=True)
class Plan:
    """Beats as they follow one another, and the rhythms that they make; times in seconds."""

    times: list[float] = field(default_factory=lambda: [0.5])
    shapes: list[str] = field(default_factory=lambda: ["sinus"])
    symbols: list[str] = field(default_factory=lambda: ["N"])
    spans: dict[RhythmName, tuple[float, float]] = field(default_factory=dict)
    """First beat of a rhythm, and the first that is none of it; of one without beats, the beats around it."""

    def add(self, step: Step) -> None:
        """Let a beat follow."""
        self.times.append(self.times[-1] + step.seconds)
        self.shapes.append(step.shape)
        self.symbols.append(step.symbol)

    def sinus_until(self, end_s: float, sinus_s: Callable[[float], float]) -> None:
        """Let sinus rhythm go on until a beat stands at `end_s` or after it."""
        while self.times[-1] < end_s:
            self.add(Step(sinus_s(self.times[-1]), "sinus", "N"))

    def go_through(self, stretch: Stretch, patient: Patient, sinus_s: float, draw: Draw) -> None:
        """Let a rhythm follow, and a beat of the sinus node after it."""
        beatless = stretch.name in BEATLESS
        first = len(self.times) - beatless
        end_s = self.times[-1] + stretch.seconds
        going_on = True
        while going_on:
            for step in patient.cycle(stretch.name, sinus_s, draw):
                self.add(step)
            going_on = self.times[-1] < end_s
        if not beatless:
            self.add(Step(AFTERWARDS * sinus_s, "sinus", "N"))
        self.spans[stretch.name] = self.times[first], self.times[-1]
