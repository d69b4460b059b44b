"""What a caller says of a file that does not say it of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What goes with the name of a file.

    Attributes
    ----------
    fs
        Sampling rate, Hz; None is what the file says.
    unit
        What the values are in, see `lead_choice.stated_unit`; None is what the file says, else millivolts.
    columns
        Columns to play, by name or by number from 1; in a file of several arrays also the name of the
        one that is meant.
        None is every column that is an ECG lead by its name, or whose name tells nothing.
    leads
        Leads of these, by name or index from 0; None is all.
    """

    fs: float | None = None
    unit: str | None = None
    columns: tuple[str, ...] | None = None
    leads: Sequence[str] | None = None
