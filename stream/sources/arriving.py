"""What a live source is: channels of one sampling rate, whose samples come while they are taken."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Channel(NamedTuple):
    """One signal of a source.

    Attributes
    ----------
    name
        As the source has it; may be empty.
    unit
        As the source has it; empty where it says none.
    """

    name: str
    unit: str


class Block(NamedTuple):
    """Samples that came together, none missing between them.

    Attributes
    ----------
    start
        Index of the first, from the start of the stream. What is missing before it is a gap.
    values
        ``(n_samples, n_channels)`` in the units of the channels, NaN where there is no measurement.
    """

    start: int
    values: NDArray[np.float64]


class Arriving(Protocol):
    """A live source, open.

    Attributes
    ----------
    name
        What it is called; fit for a file name and for an MQTT topic level.
    fs
        Sampling rate, Hz.
    channels
        All that it sends.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  told above
    @property
    def fs(self) -> float: ...  # noqa: D102
    @property
    def channels(self) -> tuple[Channel, ...]: ...  # noqa: D102

    def blocks(self) -> Generator[Block]:
        """Wait for samples and give them, until nobody waits any more."""
        ...

    def local_time(self, sample: int) -> float | None:
        """Give when a sample was measured, on the clock of LSL on this machine, s; None where that is not known."""
        ...


def fit_name(text: str) -> str:
    """Make a name of 1 to 64 letters, digits, ``.``, ``_`` and ``-`` of any text.

    >>> fit_name("My ECG (lab 2)")
    'My-ECG-lab-2'
    """
    kept = "".join(each if each.isascii() and (each.isalnum() or each in "._") else "-" for each in text)
    return "-".join(part for part in kept.split("-") if part.strip("."))[:64].strip(".-") or "live"
