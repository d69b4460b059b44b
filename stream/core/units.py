"""Units of voltage, as files and callers spell them, and the largest voltage that electrodes give."""

from __future__ import annotations

MILLIVOLTS = {"mV": 1.0, "V": 1e3, "uV": 1e-3, "µV": 1e-3, "nV": 1e-6}
"""Millivolts per unit, for the units that are voltages; `millivolts` knows all their spellings."""

LIMIT_MV = 1000.0
"""Larger magnitudes are no ECG, in a record as over MQTT: electrode offsets reach 300 mV (IEC 60601-2-27), and the
converters that are built for them little more. The unit or the gain is wrong then, or the lead is off."""

_SPELLINGS = {
    "v": 1e3,
    "volt": 1e3,
    "mv": 1.0,
    "millivolt": 1.0,
    "milivolt": 1.0,
    "uv": 1e-3,
    "mcv": 1e-3,
    "microvolt": 1e-3,
    "nv": 1e-6,
    "nanovolt": 1e-6,
}


def millivolts(unit: str) -> float | None:
    """Give the millivolts in a unit, however it is spelled; None if it is no voltage.

    ``mV``, ``MV``, ``millivolts``, ``uV``, ``UV``, and both Unicode spellings of micro, also where UTF-8 was read as
    latin-1 before. Case tells nothing: nobody records an ECG in megavolts.
    """
    word = unit.strip().replace("Â", "").replace("Î¼", "u").casefold()
    return _SPELLINGS.get(word.replace("µ", "u").replace("μ", "u").removesuffix("s"))
