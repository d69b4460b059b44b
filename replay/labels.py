"""From WFDB annotation symbols to the AAMI EC57 beat classes.

Everything that is not in these maps is not a beat: rhythm (``+``), noise (``~``), isolated artefact (``|``), ST and T
marks (``s T``), comments (``"``), flutter waves and episodes (``! [ ]``), the non-conducted P wave (``x``) and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

LabelMap: TypeAlias = Literal["aami", "bxb"]
"""Which of the two maps a score used."""


def _inverse(groups: dict[str, str]) -> Mapping[str, str]:
    return MappingProxyType({symbol: label for label, symbols in groups.items() for symbol in symbols})


AAMI_CLASS: Mapping[str, str] = _inverse({"N": "NLRBejn", "S": "AaJS", "V": "VEr", "F": "F", "Q": "/fQ?"})
"""Symbol to class as ANSI/AAMI EC57 groups them, escape beats with N."""

BXB_CLASS: Mapping[str, str] = _inverse({"N": "NLRB", "S": "AaJSejn", "V": "VEr", "F": "F", "Q": "/fQ?"})
"""Symbol to class as PhysioNet's ``bxb`` groups them: atrial, nodal and supraventricular escape beats with S."""

LABEL_MAPS: Mapping[LabelMap, Mapping[str, str]] = MappingProxyType({"aami": AAMI_CLASS, "bxb": BXB_CLASS})
"""Both, by name."""

BEAT_SYMBOLS = frozenset(AAMI_CLASS)
"""The symbols that mark a beat."""
