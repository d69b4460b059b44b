"""Which signals of a record are played: ECG leads of one sampling rate, or those that were asked for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import RecordError
from ..stream.core.lead_names import ecg_signals
from ..stream.core.units import millivolts
from .wfdb_header import HeaderSignal

MOST_LEADS = 256
"""Leads that are played unasked; the largest body-surface maps have fewer."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a record is played.

    Attributes
    ----------
    names
        Name of every signal; no two are the same.
    played
        Which signals are, in their order.
    factors
        Millivolts per physical unit of each that is.
    left_out
        Why a signal is not, for those that are not.
    notes
        One line for a person, where a voltage is left out.
    """

    names: tuple[str, ...]
    played: tuple[int, ...]
    factors: tuple[float, ...]
    left_out: dict[int, str]
    notes: tuple[str, ...]


def choose_leads(
    record: str, signals: Sequence[HeaderSignal], frame_hz: float, leads: Sequence[str] | None, unit: str | None
) -> Choice:
    """Choose the signals to play.

    Parameters
    ----------
    record
        Name of the record, for messages.
    signals
        Of its header.
    frame_hz
        Frames a second.
    leads
        Names, or indices from 0 into the leads that would be played unasked. Of several sampling rates that of the
        first one is played. None is every voltage that is an ECG lead by its name, or whose name tells nothing, at the
        sampling rate that most of them have.
    unit
        What the values are in, where the header is wrong: see `stated_unit`.

    Raises
    ------
    RecordError
        If there is no such lead, none is left, or one is no voltage.
    """
    factor = None if unit is None else stated_unit(unit)
    factors = [millivolts(signal.units) if factor is None else factor for signal in signals]
    names = distinct([signal.name or f"ECG{i + 1}" for i, signal in enumerate(signals)])
    left_out: dict[int, str] = {}
    for i, ecg in enumerate(ecg_signals(signal.name for signal in signals)):
        if not ecg:
            left_out[i] = "not an ECG by its name"
        elif factors[i] is None:
            left_out[i] = "not a voltage"
    unasked = [i for i in range(len(signals)) if i not in left_out]
    wanted = unasked if leads is None else _named(record, names, leads, unasked)
    _check(record, names, signals, factors, wanted, asked=leads is not None)
    widths = Counter(signals[i].per_frame for i in wanted)
    width = widths.most_common(1)[0][0] if leads is None else signals[wanted[0]].per_frame
    played = [i for i in wanted if signals[i].per_frame == width]
    for i in unasked:
        if i not in played and signals[i].per_frame != width:
            left_out[i] = f"{signals[i].per_frame * frame_hz:g} Hz"
    kept = set(played)
    told = wanted if leads is not None else [i for i in range(len(signals)) if factors[i] is not None]
    lost = [f"{names[i]} ({left_out.get(i, f'{signals[i].per_frame * frame_hz:g} Hz')})" for i in told if i not in kept]
    note = f"record {record}: {_some(lost)} left out; played: {_some([names[i] for i in played])}"
    return Choice(
        names=tuple(names),
        played=tuple(played),
        factors=tuple(value for i in played if (value := factors[i]) is not None),
        left_out={i: left_out.get(i, "not asked for") for i in range(len(signals)) if i not in kept},
        notes=(note,) if lost else (),
    )


def stated_unit(unit: str) -> float:
    """Give the millivolts in one step of a unit such as ``uV``, or ``200/mV`` where 200 steps make a millivolt.

    Raises
    ------
    RecordError
        If it is no voltage.
    """
    steps, slash, volts = unit.rpartition("/")
    factor = millivolts(volts)
    try:
        n = float(steps) if slash else 1.0
    except ValueError:
        n = math.nan
    if factor is None or not 0 < n < math.inf:
        raise RecordError(f"no unit '{unit}': valid are V, mV, uV, nV, and steps of a converter, such as 200/mV")
    return factor / n


def distinct(names: Sequence[str]) -> list[str]:
    """Put a number behind the names that repeat."""
    repeated = {name for name, count in Counter(names).items() if count > 1}
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name}#{seen[name]}" if name in repeated else name)
    return out


def find_lead(record: str, lead: str, names: Sequence[str], indexed: Sequence[int]) -> int:
    """Find a lead by its name, in any case, or by its index from 0 among some of them.

    Raises
    ------
    RecordError
        If there is none.
    """
    if lead in names:
        return names.index(lead)
    folded = [name.casefold() for name in names]
    if folded.count(lead.casefold()) == 1:
        return folded.index(lead.casefold())
    if lead.isdecimal() and len(lead) < 10 and int(lead) < len(indexed):
        return indexed[int(lead)]
    last = len(indexed) - 1
    numbers = f", or {f'0 to {last}' if last else '0'}" if indexed else ""
    raise RecordError(f"record {record} has no lead '{lead}': valid are {_some(names)}{numbers}")


def _named(record: str, names: list[str], leads: Sequence[str], unasked: list[int]) -> list[int]:
    if not leads:
        raise RecordError(f"no lead of record {record} is named: valid are {_some(names)}")
    return list(dict.fromkeys(find_lead(record, lead, names, unasked) for lead in leads))


def _check(
    record: str,
    names: list[str],
    signals: Sequence[HeaderSignal],
    factors: list[float | None],
    wanted: list[int],
    *,
    asked: bool,
) -> None:
    no_volts = [i for i in wanted if factors[i] is None]
    if asked and no_volts:
        listed = _some([f"{names[i]} in {signals[i].units}" for i in no_volts])
        raise RecordError(f"record {record} has {listed}, which is no voltage", about="unit")
    if not wanted:
        ecg = [i for i, is_one in enumerate(ecg_signals(signal.name for signal in signals)) if is_one]
        listed = _some([f"{names[i]} in {signals[i].units}" for i in ecg or range(len(signals))])
        if ecg:
            raise RecordError(f"record {record} has no ECG lead in volts: it has {listed}", about="unit")
        raise RecordError(f"record {record} has no ECG lead: its signals are {listed}", about="lead")
    if len(wanted) > MOST_LEADS and not asked:
        raise RecordError(f"record {record} has {len(wanted)} leads: up to {MOST_LEADS} are played", about="lead")


def _some(names: Sequence[str]) -> str:
    """Name up to twenty, so that a message stays one line."""
    return ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
