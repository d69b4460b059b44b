"""Beats that the live pipeline tells in pauses and standstills that were made, see `made_pauses`.

A pause must end with its QRS complex and not with the P wave before it. A standstill must hold no beat at all, or an
asystole stays unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..stream.core.messages import Beat, Chunk, Output, Samples
from ..stream.pipeline import Models, Pipeline
from .beat_run import CHUNK_MS, Conditions
from .made_pauses import MadePauses, with_pauses
from .parallel import in_parallel
from .training_records import MATCH_S, match, read_training_records


@dataclass(frozen=True, slots=True)
class PauseCount:
    """What was told in the pauses of one record.

    Attributes
    ----------
    record
        As ``db/name``.
    pauses, spoilt
        How many there are, and in how many a beat was told that is none.
    false
        Such beats, in all pauses together.
    missed
        QRS complexes that end a pause and were not found.
    renamed
        Of those found, how many are not N.
    standstill_s, p_waves, standstill_false
        Length of the standstill, its P waves, and the beats told in it.
    """

    record: str
    pauses: int
    spoilt: int
    false: int
    missed: int
    renamed: int
    standstill_s: float
    p_waves: int
    standstill_false: int


def outputs_of(signal: Samples, fs: float, models: Models) -> list[Output]:
    """Run the live pipeline over a made signal, ``(n_samples, n_leads)`` in mV; give all that it tells."""
    leads = tuple(f"ECG{k + 1}" for k in range(signal.shape[1]))
    pipeline, chunk = Pipeline(models), round(CHUNK_MS / 1000.0 * fs)
    outputs: list[Output] = []
    for begin in range(0, len(signal), chunk):
        outputs += pipeline.push(Chunk(begin, fs, leads, signal[begin : begin + chunk]))
    return outputs + pipeline.flush()


def count(made: MadePauses, models: Models, first_lead: bool = False) -> PauseCount:
    """Run the live pipeline over a made signal, and count what it tells in its pauses and in its standstill."""
    outputs = outputs_of(made.signal[:, :1] if first_lead else made.signal, made.fs, models)
    told = sorted((output.sample, output.label) for output in outputs if isinstance(output, Beat))
    samples = np.array([sample for sample, _ in told], dtype=np.int64)
    pair = match(made.beats, samples, MATCH_S * made.fs)
    is_false = np.ones(len(told), dtype=np.bool_)
    is_false[pair[pair >= 0]] = False
    margin = MATCH_S * made.fs

    def false_between(begin: int, end: int) -> int:
        return int(np.sum(is_false & (samples > begin + margin) & (samples < end + margin)))

    false = [false_between(begin, end) for begin, end in made.pauses.tolist()]
    ends = pair[np.searchsorted(made.beats, made.pauses[:, 1])]
    return PauseCount(
        record=made.record,
        pauses=len(made.pauses),
        spoilt=sum(n > 0 for n in false),
        false=sum(false),
        missed=int(np.sum(ends < 0)),
        renamed=sum(told[k][1] != "N" for k in ends.tolist() if k >= 0),
        standstill_s=(made.standstill[1] - made.standstill[0]) / made.fs,
        p_waves=made.p_waves,
        standstill_false=false_between(*made.standstill),
    )


def run_records(
    names: Sequence[str], conditions: Conditions, seed: int = 0, n_pauses: int = 10, jobs: int = 1
) -> Iterator[PauseCount | None]:
    """Make pauses of each record and count; None for a record without sinus rhythm and P waves."""
    yield from in_parallel(_run, ((name, conditions, seed, n_pauses) for name in names), jobs)


def _run(name: str, conditions: Conditions, seed: int, n_pauses: int) -> PauseCount | None:
    record = next(read_training_records([name]), None)
    if record is None:
        return None
    rng = np.random.default_rng([seed, *name.encode()])
    made = with_pauses(record, rng, n_pauses)
    return None if made is None else count(made, conditions.models(name), conditions.first_lead)
