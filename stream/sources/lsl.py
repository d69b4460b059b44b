"""A stream of Lab Streaming Layer (extra ``[lsl]``).

Its time stamps decide about gaps, see `places.Places`. They are brought to this machine's clock by LSL's own
measurement of the difference between both clocks.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any

import numpy as np

from ...errors import RecordError
from ..intake import HIGHEST_FS, LOWEST_FS
from .arriving import Block, Channel, fit_name
from .lsl_library import load_pylsl
from .places import Places
from .waiting import POLL_S, Waiting

FIND_S = 5.0
OPEN_S = 10.0
HELD_S = 60  # what liblsl keeps for us; more is lost, and a gap
AT_ONCE = 4096


class LslStream:
    """One stream, subscribed to; see `arriving.Arriving`.

    Parameters
    ----------
    name
        Of the stream; the first one of type ECG if it is empty.
    waiting
        How long silence is borne.
    find_s
        How long it is looked for.

    Raises
    ------
    RecordError
        If there is none, there are several, or it is none of numbers with the sampling rate of an ECG.
    MissingExtraError
        If pylsl is not installed.
    """

    def __init__(self, name: str, waiting: Waiting, find_s: float = FIND_S) -> None:
        self._pylsl = load_pylsl()
        self._waiting = waiting
        found = _find(self._pylsl, name, find_s)
        shown = found.name()
        self.fs = float(found.nominal_srate())
        if found.channel_format() in (self._pylsl.cf_string, self._pylsl.cf_undefined):
            raise RecordError(f"LSL stream '{shown}' holds text: valid are streams of numbers")
        if not LOWEST_FS <= self.fs <= HIGHEST_FS:
            rate = f"{self.fs:g} Hz" if self.fs else "no sampling rate of its own"
            raise RecordError(f"LSL stream '{shown}' has {rate}: valid are {LOWEST_FS:g} to {HIGHEST_FS:g} Hz")
        # What was lost comes back by itself where the stream has a source id; else `blocks` looks for it again.
        self._inlet = self._open(found)
        self._key = (shown, found.type(), found.channel_count(), self.fs)
        self.name = fit_name(shown)
        self.channels = self._channels()
        self._places = Places(self.fs)

    def blocks(self) -> Generator[Block]:
        """Wait for samples and give them."""
        try:
            while not self._waiting.over:
                try:
                    values, times = self._inlet.pull_chunk(POLL_S, AT_ONCE, min_samples=1, as_numpy=True)
                except self._pylsl.util.LostError:
                    self._find_again()
                    continue
                if not len(times):
                    continue
                silence_s = self._waiting.heard()
                samples = np.array(values, np.float64)
                for first, stop, start in self._places.place(times.tolist(), silence_s):
                    yield Block(start, samples[first:stop])
        finally:
            self._inlet.close_stream()

    def local_time(self, sample: int) -> float | None:
        """Give when a sample was measured."""
        return self._places.time_of(sample)

    def _open(self, found: Any) -> Any:
        inlet = self._pylsl.StreamInlet(found, max_buflen=HELD_S, processing_flags=self._pylsl.proc_clocksync)
        try:
            inlet.open_stream(OPEN_S)
        except (self._pylsl.util.TimeoutError, self._pylsl.util.LostError) as error:
            raise RecordError(f"LSL stream '{found.name()}' is seen and cannot be opened: it has ended") from error
        return inlet

    def _channels(self) -> tuple[Channel, ...]:
        """Read the names and units that the stream's description gives, if it does."""
        info = self._inlet.info(OPEN_S)
        n = info.channel_count()
        names = info.get_channel_labels() or [None] * n
        units = info.get_channel_units() or [None] * n
        return tuple(Channel(str(name or ""), str(unit or "")) for name, unit in zip(names, units, strict=True))

    def _find_again(self) -> None:
        """Subscribe again, where a stream like the one that was lost is there."""
        shown = self._key[0]
        for found in self._pylsl.resolve_byprop("name", shown, 1, POLL_S):
            if (shown, found.type(), found.channel_count(), float(found.nominal_srate())) == self._key:
                with suppress(RecordError):  # it has ended again meanwhile
                    self._inlet = self._open(found)
                return


def _find(pylsl: Any, name: str, find_s: float) -> Any:
    prop, value = ("name", name) if name else ("type", "ECG")
    found = pylsl.resolve_byprop(prop, value, 1, find_s)
    if len(found) == 1:
        return found[0]
    what = f"LSL stream '{name}'" if name else "LSL stream of type ECG"
    if found:
        names = ", ".join(f"{each.name()} on {each.hostname()}" for each in found[:10])
        raise RecordError(f"there are {len(found)} of {what}: {names}; valid is the name of one")
    others = sorted({each.name() for each in pylsl.resolve_streams(1.0)})
    seen = f"seen are {', '.join(others[:10])}" if others else "none is seen"
    raise RecordError(f"no {what} within {find_s:g} s: {seen}")
