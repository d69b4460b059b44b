"""Heart rate and the condition of each lead, for the monitor."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .messages import Beat, Chunk, Event

RR_AVERAGED = 8
SILENT_S = 4.0
"""Without a beat for this long there is no rate to show."""

BLOCK_S = 1.0
BLOCKS_AVERAGED = 10

_LOW_SHARE = 0.8
_MEAN_OF_LOW_SHARE = 0.5586
"""Mean of the lowest 80 % of \\|x\\| of a normal x with unit deviation."""
_SECOND_DIFFERENCE_GAIN = 6.0**0.5
"""Deviation of the second difference of white noise with unit deviation."""


class HeartRate:
    """Beats per minute from the mean of the last eight RR intervals; a gap starts afresh."""

    def __init__(self) -> None:
        self._rr_ms: deque[float] = deque(maxlen=RR_AVERAGED)
        self._last_s = -np.inf

    def add(self, beat: Beat) -> None:
        """Take a beat."""
        self._last_s = max(self._last_s, beat.time)
        if beat.rr_ms is None:
            self._rr_ms.clear()
        else:
            self._rr_ms.append(beat.rr_ms)

    def at(self, now_s: float) -> float | None:
        """Rate at stream time `now_s`, 1/min; None before the second beat and after four silent seconds."""
        if not self._rr_ms or now_s - self._last_s > SILENT_S:
            return None
        return 60_000 * len(self._rr_ms) / sum(self._rr_ms)


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition of one lead over the last ten seconds.

    Attributes
    ----------
    state
        ``lead-off``, ``flat`` or ``saturation`` while the pipeline says so; else empty.
    good
        Share of the samples that are measurements: not NaN, and not in one of these states.
    noise_uv
        High-frequency noise, µV rms: deviation of the white noise that would give the second difference of the signal
        the same size outside its steepest fifth, where the QRS complexes are. None without good signal.
    """

    state: str
    good: float
    noise_uv: float | None


class LeadConditions:
    """Condition of every lead, from the samples and from what the pipeline says of them."""

    def __init__(self) -> None:
        self._leads: tuple[str, ...] = ()
        self._fs = 0.0
        self._clear()

    def _clear(self) -> None:
        self._states = dict.fromkeys(self._leads, "")
        self._pending: list[NDArray[np.float64]] = []
        self._pending_samples = 0
        self._good: deque[NDArray[np.float64]] = deque(maxlen=BLOCKS_AVERAGED)
        self._noise: deque[NDArray[np.float64]] = deque(maxlen=BLOCKS_AVERAGED)

    def note(self, event: Event) -> None:
        """Take what the pipeline says of a lead."""
        if event.lead in self._states:
            self._states[event.lead] = "" if event.kind == "lead-on" else event.kind

    def push(self, chunk: Chunk) -> None:
        """Take the next samples."""
        if (chunk.leads, chunk.fs) != (self._leads, self._fs):
            self._leads, self._fs = chunk.leads, chunk.fs
            self._clear()
        self._pending.append(chunk.samples)
        self._pending_samples += len(chunk.samples)
        if self._pending_samples >= BLOCK_S * self._fs:
            keep = round(BLOCK_S * BLOCKS_AVERAGED * self._fs)
            self._measure(np.concatenate(self._pending)[-keep:])
            self._pending, self._pending_samples = [], 0

    def _measure(self, block: NDArray[np.float64]) -> None:
        usable = np.isfinite(block).mean(axis=0)
        usable[[bool(self._states[lead]) for lead in self._leads]] = 0.0
        self._good.append(usable)
        steepness = np.abs(np.diff(block, n=2, axis=0))
        noise = np.full(len(self._leads), np.nan)
        for lead in np.flatnonzero(usable):
            known = np.sort(steepness[np.isfinite(steepness[:, lead]), lead])
            low = known[: int(_LOW_SHARE * len(known))]
            if len(low):
                noise[lead] = 1000 * low.mean() / _MEAN_OF_LOW_SHARE / _SECOND_DIFFERENCE_GAIN
        self._noise.append(noise)

    def conditions(self) -> tuple[Condition, ...]:
        """Give the condition of each lead, in the order of the leads."""
        found = []
        for k, lead in enumerate(self._leads):
            known = [block[k] for block in self._noise if np.isfinite(block[k])]
            good = sum(block[k] for block in self._good) / len(self._good) if self._good else 1.0
            found.append(Condition(self._states[lead], float(good), float(np.mean(known)) if known else None))
        return tuple(found)
