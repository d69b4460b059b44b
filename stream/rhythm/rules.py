"""The rules, by the name that the state of each has in a snapshot, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.rhythm_names import RhythmName
from .atrial import AtrialFibrillationRule
from .ectopy import FrequentRule, MultiformRule, ROnTRule
from .fibrillation import VentricularFibrillationRule
from .noise import NoiseRule
from .pacing import PacedRule
from .patterns import PatternRule
from .pauses import PauseRule
from .rate import RateRule
from .rule import RhythmRule
from .supraventricular import SupraventricularRule
from .ventricular import VentricularRule

RULES: Mapping[str, type[RhythmRule]] = {
    "fibrillation": VentricularFibrillationRule,
    "noise": NoiseRule,
    "pause": PauseRule,
    "ventricular": VentricularRule,
    "supraventricular": SupraventricularRule,
    "r_on_t": ROnTRule,
    "multiform": MultiformRule,
    "pattern": PatternRule,
    "frequent": FrequentRule,
    "atrial": AtrialFibrillationRule,
    "rate": RateRule,
    "paced": PacedRule,
}

FOUND: frozenset[RhythmName] = frozenset(name for rule in RULES.values() for name in rule.names)
"""What some rule finds."""
