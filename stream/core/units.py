"""Units of voltage, as files and callers spell them."""

from __future__ import annotations

MILLIVOLTS = {"mV": 1.0, "mv": 1.0, "V": 1e3, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "nV": 1e-6}
"""Millivolts per unit, for the units that are voltages; both Unicode spellings of micro are met in headers."""
