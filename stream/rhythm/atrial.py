"""Atrial fibrillation: irregular intervals and missing P waves, over thirty beats."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import ClassVar

import numpy as np

from ..beats.features import columns
from ..core.compiled import Floats32, Integers, Records, compiled
from ..core.rhythm_names import RhythmName
from ..core.stage import State, restored
from .forest import NODE, RhythmModel, load_forest, log_odds
from .irregularity import BEAT, BEATS, FEWEST, NAMES, P_WAVE, describe
from .limits import RhythmLimits
from .rule import NOTHING, Finding, Findings, RhythmBeat, RhythmRule

MODEL = "atrial-fibrillation"
PREPROCESSING = "irregularity/1"
"""Identifier that the card carries; it changes whenever a column changes its meaning."""

BACK = 15
"""Half a window: so many beats before the one at which it is told, onset and end are put."""

STALE_S = 30.0
"""After so long without a beat the beats before say nothing any more."""

KINDS = {"N": 0, "S": 1, "V": 2, "F": 2, "Q": 0}
"""Of a label; beats that cannot be classified count as plain ones, as noise does not come every beat."""

_P_WAVE = columns(P_WAVE)
_MINUTES = 60


@lru_cache(maxsize=1)
def shipped_model() -> RhythmModel:
    """Load the model that comes with the package, once."""
    return load_forest(MODEL, PREPROCESSING, NAMES)


def beat_row(beat: RhythmBeat) -> tuple[float, int, Floats32]:
    """Give what is kept of a beat, in the order of `irregularity.BEAT`.

    Its features, which must be there, tell what stands before the beat: see `stream.beats.likeness`.
    """
    assert beat.features is not None
    rr_s = 0.0 if beat.beat.rr_ms is None else beat.beat.rr_ms / 1000.0
    return rr_s, KINDS[beat.beat.label], beat.features[_P_WAVE]


class Burden:
    """For how long it went on in each of the last sixty minutes.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    start
        Index of the first sample.
    """

    def __init__(self, fs: float, start: int) -> None:
        self._fs = fs
        self._start = start
        self._minute = self._at(start)
        self._samples = [0] * _MINUTES  # by minute of the stream, modulo sixty

    def add(self, begin: int, end: int, sign: int = 1) -> None:
        """Count the samples from `begin` to `end`, or take them off again."""
        while begin < end:
            minute = self._at(begin)
            stop = min(end, math.ceil((minute + 1) * 60.0 * self._fs))
            if minute > self._minute - _MINUTES:
                self._samples[minute % _MINUTES] += sign * (stop - begin)
            begin = stop

    def go_on(self, now: int) -> None:
        """Forget what is older than an hour."""
        minute = self._at(now)
        for gone in range(self._minute + 1, min(minute, self._minute + _MINUTES) + 1):
            self._samples[gone % _MINUTES] = 0
        self._minute = max(minute, self._minute)

    def percent(self, now: int) -> float:
        """Give the share of the last hour, or of the stream if it is shorter, percent."""
        return 100.0 * sum(self._samples) / max(self._passed(now), 1)

    def in_words(self, now: int) -> str:
        """Give it as a phrase."""
        minutes = self._passed(now) / (60.0 * self._fs)
        span = "hour" if minutes > _MINUTES - 1.5 else f"{minutes:.0f} min"
        return f"{self.percent(now):.0f} % of the last {span}" if minutes >= 1.5 else ""

    def _passed(self, now: int) -> int:
        """Count the samples that are looked back on: up to sixty minutes, the last one as far as it has come."""
        return min(now - self._start, round((_MINUTES - 1) * 60.0 * self._fs + now % round(60.0 * self._fs)))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"start": self._start, "minute": self._minute, "samples": list(self._samples)}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self._start, self._minute = int(state["start"]), int(state["minute"])
        self._samples = [int(each) for each in state["samples"]]

    def _at(self, sample: int) -> int:
        return int(sample / (60.0 * self._fs))


class AtrialFibrillationRule(RhythmRule):
    """Atrial fibrillation: a small model over the last thirty beats, with hysteresis.

    At each beat, from the twelfth on, irregularity and P waves of the last thirty are judged. It begins where the log
    odds are above one threshold, and ends where they are below another; both stand in the model's card. Onset and end
    are put half a window back. Beats of a reference file have no features, and are not judged.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("atrial-fibrillation",)

    def __init__(
        self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int, model: RhythmModel | None = None
    ) -> None:
        super().__init__(limits, fs, leads, start)
        self._model = shipped_model() if model is None else model
        self._beats = np.zeros(BEATS, dtype=BEAT)  # the newest last
        self._samples = np.zeros(BEATS, dtype=np.int64)
        self._n = 0
        self._ongoing = False
        self._counted = start  # up to here the burden is counted
        self._burden = Burden(fs, start)

    def beat(self, beat: RhythmBeat, now: int) -> Findings:  # noqa: ARG002  the protocol of a rule
        """Take a beat."""
        if beat.features is None:
            return NOTHING
        sample = beat.beat.sample
        ended: Findings = NOTHING
        if self._n and sample - self._samples[-1] > STALE_S * self.fs:
            ended = self._end(int(self._samples[-1]), "no beats")
            self._n = 0
        self._n = min(self._n + 1, BEATS)
        rr_s = 0.0 if beat.beat.rr_ms is None else beat.beat.rr_ms / 1000.0
        odds = _take(
            self._beats, self._samples, self._n, rr_s, KINDS[beat.beat.label], beat.features, _P_WAVE, sample,
            *self._model.walk,
        )  # fmt: skip
        self._count(sample)
        if math.isnan(odds):
            return ended
        back = int(self._samples[max(BEATS - self._n, BEATS - 1 - BACK)])
        thresholds = self._model.card.thresholds
        if not self._ongoing and odds > thresholds["begin"]:
            return [*ended, self._begin(back, odds)]
        if self._ongoing and odds < thresholds["end"]:
            return [*ended, *self._end(back, "regular again, or P waves")]
        return ended

    def afresh(self) -> AtrialFibrillationRule:
        """Give such a rule that has heard no beat yet, and knows the burden."""
        rule = type(self)(self.limits, self.fs, self.leads, self.start, self._model)
        rule._counted, rule._burden = self._counted, self._burden
        return rule

    def _begin(self, sample: int, odds: float) -> Finding:
        self._ongoing = True
        self._burden.add(sample, self._counted)
        probability = 1.0 / (1.0 + math.exp(-odds))
        why = self._with_burden(f"irregular, no P waves, probability {probability:.2f}")
        return Finding("atrial-fibrillation", "begin", sample, why)

    def _end(self, sample: int, why: str) -> Findings:
        if not self._ongoing:
            return NOTHING
        self._ongoing = False
        self._burden.add(sample, self._counted, -1)
        return (Finding("atrial-fibrillation", "end", sample, self._with_burden(why)),)

    def _with_burden(self, why: str) -> str:
        burden = self._burden.in_words(self._counted)
        return f"{why}, {burden}" if burden else why

    def _count(self, sample: int) -> None:
        """Let the burden go on to `sample`."""
        if sample <= self._counted:
            return
        self._burden.go_on(sample)
        if self._ongoing:
            self._burden.add(self._counted, sample)
        self._counted = sample

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            **super().snapshot(),
            "beats": self._beats.copy(),
            "samples": self._samples.copy(),
            "n": self._n,
            "ongoing": self._ongoing,
            "counted": self._counted,
            "burden": self._burden.snapshot(),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._beats = restored(state, "beats", self._beats)
        self._samples = restored(state, "samples", self._samples)
        self._n, self._ongoing, self._counted = int(state["n"]), bool(state["ongoing"]), int(state["counted"])
        self._burden.restore(state["burden"])


@compiled
def _take(
    beats: Records, samples: Integers, n: int, rr: float, kind: int, features: Floats32, p_wave: Integers,
    sample: int, nodes: Records, roots: Integers,
) -> float:  # fmt: skip
    """Put a beat behind those before, in place; give the log odds of atrial fibrillation of the last `n`.

    Beats are records of `BEAT`, the newest last; of too few there are none: NaN.
    """
    last = len(beats) - 1
    for i in range(last):
        beats[i] = beats[i + 1]
        samples[i] = samples[i + 1]
    beats[last].rr = rr
    beats[last].kind = kind
    for k in range(len(p_wave)):
        beats[last].p_wave[k] = features[p_wave[k]]
    samples[last] = sample
    if n < FEWEST:
        return np.nan
    out = np.empty(len(NAMES), np.float32)
    if not describe(beats[len(beats) - n :], out):
        return np.nan
    return log_odds(out, nodes, roots)


def compile_atrial() -> None:
    """Run the loop on nothing."""
    leaf, none = np.zeros(1, dtype=NODE), np.zeros(1, dtype=np.int64)
    leaf["feature"] = -1
    features = np.zeros(1, dtype=np.float32)
    _take(np.zeros(1, dtype=BEAT), none.copy(), 1, 0.0, 0, features, none, 0, leaf, none)
