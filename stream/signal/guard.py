"""First stage: what is no measurement is found, held and told of, so that no filter ever sees it.

Per lead a small state machine looks for invalid samples, flat lines and rails. Its output is finite and
*continuous*: when a lead comes back after a bad stretch, at whatever electrode offset, the offset is carried
so that no step enters the filters behind. The high-pass removes any constant, so nothing is lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.compiled import compiled
from ..core.messages import Event, EventKind, Samples
from ..core.stage import Schema, State, own_samples, restored
from ..core.units import LIMIT_MV

_KINDS: tuple[EventKind, ...] = ("lead-on", "lead-off", "flat", "saturation")
"""By status code: a lead is good (0), or bad for one of three reasons."""

_GOOD, _OFF, _FLAT, _RAIL = 0, 1, 2, 3

# State of a lead, integers: status, length of the invalid run, of the run of equal values, of the run of
# evidence that the lead is back, whether a measurement was ever seen.
_STATUS, _INVALID, _EQUAL, _SETTLED, _SEEN, _N_COUNTS = 0, 1, 2, 3, 4, 5
# State of a lead, mV: last measurement, offset taken off, last output, slow mean; then maxima and minima by block.
_LAST, _OFFSET, _OUT, _MEAN, _N_LEVELS = 0, 1, 2, 3, 4

_BLOCKS = 10
"""The extremes of the last ten blocks of a second are what a rail is compared with."""


class Guarded(NamedTuple):
    """What the guard gives for a chunk.

    Attributes
    ----------
    samples
        ``(n, n_leads)``, mV, finite; relative to the first measurement, and continuous across what was held.
    good
        ``(n, n_leads)``; False where the value is held or the lead is not (yet) to be trusted.
    events
        Each with the sample at which it was decided, in that order.
    """

    samples: Samples
    good: NDArray[np.bool_]
    events: list[tuple[int, Event]]


class SignalGuard:
    """Hold what is no measurement, and say so.

    Rules, for each lead by itself:

    ``lead-off``: NaN, infinite or beyond `limit_mv`. The last value is held, at once; the event comes after
    `debounce_s`, so that single lost samples are bridged in silence.
    ``flat``: exactly constant for `flat_s`.
    ``saturation``: exactly constant for `rail_s`, at the extreme of the last ten seconds, and at least `rail_mv`
    away from the slow mean. A clipped R peak is shorter, a quiet baseline of a coarse converter is not far.
    ``lead-on``: after one of these, `settle_s` of valid samples with no constant stretch of `stuck_s`.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    start
        Index of the first sample, counted from the start of the stream.
    debounce_s, flat_s, rail_s, stuck_s, settle_s
        Durations of the rules, seconds.
    rail_mv
        How far from the slow mean a rail must be, mV.
    mean_s
        Time constant of the slow mean, seconds.
    limit_mv
        Larger magnitudes are no ECG and are taken as invalid, mV.

    Notes
    -----
    The constants come from the converters of the EDB, MIT-BIH and SVDB records (5 to 8 uV a step): outside of rails
    the longest constant stretch in them is 0.23 s, the longest clipped peak 0.06 s.
    """

    delay = 0
    schema = Schema(1)

    def __init__(
        self,
        fs: float,
        leads: tuple[str, ...],
        *,
        start: int = 0,
        debounce_s: float = 0.1,
        flat_s: float = 1.0,
        rail_s: float = 0.12,
        stuck_s: float = 0.25,
        settle_s: float = 0.5,
        rail_mv: float = 2.0,
        mean_s: float = 2.0,
        limit_mv: float = LIMIT_MV,
    ) -> None:
        self._fs = fs
        self._leads = leads
        self._next = start
        durations = (debounce_s, flat_s, rail_s, stuck_s, settle_s, 1.0)
        self._lengths = np.array([max(1, round(seconds * fs)) for seconds in durations])
        self._limits = np.array([limit_mv, rail_mv, 1.0 / max(1.0, mean_s * fs)])
        self._counts = np.zeros((len(leads), _N_COUNTS), dtype=np.int64)
        self._levels = np.zeros((len(leads), _N_LEVELS + 2 * _BLOCKS))
        self._levels[:, _N_LEVELS : _N_LEVELS + _BLOCKS] = -np.inf
        self._levels[:, _N_LEVELS + _BLOCKS :] = np.inf
        # A lead changes its status once in this many samples at most: the room that events need follows from it.
        self._shortest = int(self._lengths[:5].min())

    def push(self, x: Samples) -> Guarded:
        """Guard the next samples.

        Parameters
        ----------
        x
            ``(n, n_leads)``, mV; anything may stand in it.

        Raises
        ------
        StreamError
            If the number of leads is another one.
        """
        samples = own_samples(x, len(self._leads))
        n = len(samples)
        good = np.empty(samples.shape, dtype=np.bool_)
        found = np.empty((len(self._leads) * (n // self._shortest + 2), 4), dtype=np.int64)
        n_found = _guard(samples, good, found, self._next, self._counts, self._levels, self._lengths, self._limits)
        self._next += n
        if not n_found:
            return Guarded(samples, good, [])
        events = []
        for decided, lead, began, code in sorted(found[:n_found].tolist()):
            events.append((decided, Event(began, began / self._fs, _KINDS[code], self._leads[lead])))
        return Guarded(samples, good, events)

    def flush(self) -> Guarded:
        """End the stream; nothing was held back."""
        return self.push(np.empty((0, len(self._leads))))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"next": self._next, "counts": self._counts.copy(), "levels": self._levels.copy()}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another kind or number of leads.
        """
        self._counts, self._levels = restored(state, "counts", self._counts), restored(state, "levels", self._levels)
        self._next = int(state["next"])


@compiled
def _guard(
    x: Samples,
    good: NDArray[np.bool_],
    found: NDArray[np.int64],
    start: int,
    counts: NDArray[np.int64],
    levels: NDArray[np.float64],
    lengths: NDArray[np.int64],
    limits: NDArray[np.float64],
) -> int:
    """Guard `x` in place; fill `good` and `found` (decided, lead, began, status); give the number found."""
    debounce, flat, rail, stuck, settle = lengths[0], lengths[1], lengths[2], lengths[3], lengths[4]
    limit, rail_mv, rate = limits[0], limits[1], limits[2]
    n_found = 0
    for lead in range(x.shape[1]):
        status, invalid, equal = counts[lead, _STATUS], counts[lead, _INVALID], counts[lead, _EQUAL]
        settled, seen = counts[lead, _SETTLED], counts[lead, _SEEN]
        last, offset, out, mean = levels[lead, _LAST], levels[lead, _OFFSET], levels[lead, _OUT], levels[lead, _MEAN]
        slot, left = _N_LEVELS + (start // lengths[5]) % _BLOCKS, lengths[5] - start % lengths[5]
        high, low = levels[lead, slot], levels[lead, slot + _BLOCKS]
        for i in range(x.shape[0]):
            value = x[i, lead]
            was = status
            length = 1
            if not abs(value) <= limit:  # so that NaN is caught too
                invalid += 1
                equal = 0
                settled = 0
                if invalid == debounce and status != _OFF:
                    status, length = _OFF, debounce
            else:
                if seen == 0 or (status != _GOOD and (invalid > 0 or (value != last and equal >= rail))):
                    # Back at some other level: carry the offset, and start the mean anew.
                    seen = 1
                    offset = value - out
                    mean = value
                invalid = 0
                equal = equal + 1 if value == last else 1
                last = value
                mean += (value - mean) * rate
                high = max(high, value)
                low = min(low, value)
                if status != _GOOD:
                    settled = settled + 1 if equal < stuck else 0
                    if settled == settle:
                        status = _GOOD
                elif equal == flat:
                    status, length = _FLAT, flat
                elif equal == rail and abs(value - mean) >= rail_mv:
                    levels[lead, slot], levels[lead, slot + _BLOCKS] = high, low
                    above = below = False
                    for k in range(_N_LEVELS, _N_LEVELS + _BLOCKS):
                        above = above or levels[lead, k] > value
                        below = below or levels[lead, k + _BLOCKS] < value
                    if not (above and below):
                        status, length = _RAIL, rail
                out = value - offset
            if status != was:
                settled = 0
                found[n_found, 0], found[n_found, 1] = start + i, lead
                found[n_found, 2], found[n_found, 3] = start + i - length + 1, status
                n_found += 1
            x[i, lead] = out
            good[i, lead] = status == _GOOD and invalid == 0
            left -= 1
            if left == 0:
                levels[lead, slot], levels[lead, slot + _BLOCKS] = high, low
                slot, left = slot + 1 if slot + 1 < _N_LEVELS + _BLOCKS else _N_LEVELS, lengths[5]
                high, low = -np.inf, np.inf
        levels[lead, slot], levels[lead, slot + _BLOCKS] = high, low
        counts[lead, _STATUS], counts[lead, _INVALID], counts[lead, _EQUAL] = status, invalid, equal
        counts[lead, _SETTLED], counts[lead, _SEEN] = settled, seen
        levels[lead, _LAST], levels[lead, _OFFSET], levels[lead, _OUT], levels[lead, _MEAN] = last, offset, out, mean
    return n_found
