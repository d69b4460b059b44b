"""What stands above a table in text: a sampling rate, a unit, the name of the lead, as devices write them there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...stream.core.units import millivolts

_RATE = re.compile(
    r"(?:sampl\w*[\s_-]*(?:rate|freq\w*)|abtastrate|fr[eé]quence d.[eé]chantillonnage|\bfs\b|\bsfreq\b)"
    r"\W{1,6}(\d+(?:[.,]\d+)?)\s*(khz|k hz)?",
    re.IGNORECASE,
)
_UNIT = re.compile(r"\W*(?:units?|einheit|unit[eé]s?|unidad)\W{1,6}(\w+)\W*", re.IGNORECASE)
_LEAD = re.compile(
    r"\W*(?:lead|ableitung|d[eé]rivation|derivaci[oó]n)\s*[,;:=\t]\s*\"?([^,;:=\"]+?)\"?\W*", re.IGNORECASE
)


class Preamble(NamedTuple):
    """What was said above the table; None where nothing was."""

    fs: float | None = None
    unit: str | None = None
    lead: str | None = None


def read_preamble(lines: Sequence[str]) -> Preamble:
    """Read ``Sample Rate,512 hertz``, ``# fs = 250``, ``"sampling rate": 1000``, ``Unit,µV``, ``Lead,Lead I``."""
    fs = unit = lead = None
    for line in lines:
        if fs is None and (found := _RATE.search(line)):
            fs = float(found[1].replace(",", ".")) * (1000 if found[2] else 1)
        if unit is None and (found := _UNIT.fullmatch(line)) and millivolts(found[1]) is not None:
            unit = found[1]
        if lead is None and (found := _LEAD.fullmatch(line)):
            lead = found[1].strip()
    return Preamble(fs or None, unit, lead)
