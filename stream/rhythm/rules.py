"""The rules, by the name that the state of each has in a snapshot, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.messages import RhythmName
from .rate import RateRule
from .rule import MakeRule

RULES: Mapping[str, MakeRule] = {
    "rate": RateRule,
}

FOUND: frozenset[RhythmName] = frozenset(name for rule in (RateRule,) for name in rule.names)
"""What some rule finds."""
