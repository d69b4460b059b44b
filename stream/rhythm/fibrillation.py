"""Ventricular fibrillation or flutter, from the signal: each second, the last five are judged by a small model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from ..core.messages import Heard, Signal
from ..core.rhythm_names import RhythmName
from ..core.stage import State
from ..signal.grid import GRID_HZ
from .fibrillation_waves import NAMES, RATE_HZ, WINDOW
from .fibrillation_window import LOOKED_BACK, SURE, FibrillationWindow
from .forest import RhythmModel, load_forest
from .limits import RhythmLimits
from .rule import NOTHING, Finding, Findings, RhythmRule

MODEL = "ventricular-fibrillation"
PREPROCESSING = "fibrillation-window/1"
"""Identifier that the card carries; it changes whenever a column changes its meaning."""

EVERY_S = 1.0
"""From one judgement to the next."""

SMOOTHED = 3
"""Judgements whose mean counts: a window that a movement fills is not enough."""

ROUNDING = 1e-6
"""So little below the threshold is not told from it, where means are held against it before they are made."""

END_S = 3.0
"""For so long the mean must be below the lower threshold."""

ONSET_S, OFFSET_S = 3.0, 5.0
"""So long before it is told, onset and end are put: half a window, and what smoothing and waiting take, on average over
the patients of `vfdb` and `cudb`."""


@lru_cache(maxsize=1)
def shipped_model() -> RhythmModel:
    """Load the model that comes with the package, once."""
    return load_forest(MODEL, PREPROCESSING, NAMES)


class Hysteresis:
    """Whether it goes on, by log odds that come each second: the mean of the last three, against two thresholds.

    Parameters
    ----------
    begin, end
        It begins where the mean is above the first, and ends when it has been below the second for `END_S`.
    """

    def __init__(self, begin: float, end: float) -> None:
        self._begin, self._end = begin, end
        self.ongoing = False
        self.mean = -SURE
        self.recent: list[float | None] = [None] * (SMOOTHED - 1)
        """The last judgements; what is known of them later may be put in their places."""
        self._below = 0  # judgements in a row

    def __call__(self, odds: float | None) -> bool:
        """Take a judgement, None where nothing could be read; give whether it begins or ends with it."""
        recent = [*self.recent, odds]
        self.recent = recent[1:]
        self.mean = _mean(recent)
        if not self.ongoing:
            self._below = 0
            self.ongoing = self.mean > self._begin
            return self.ongoing
        self._below = self._below + 1 if self.mean < self._end else 0
        self.ongoing = self._below * EVERY_S < END_S
        return not self.ongoing

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"ongoing": self.ongoing, "mean": _mean(self.recent), "recent": list(self.recent), "below": self._below}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self.ongoing, self.mean = bool(state["ongoing"]), float(state["mean"])
        known = [None if odds is None else float(odds) for odds in state["recent"]]
        self.recent = [*self.recent, *known][1 - SMOOTHED :]
        self._below = int(state["below"])


class VentricularFibrillationRule(RhythmRule):
    """Ventricular fibrillation or flutter: a small model over windows of five seconds, with hysteresis.

    Each second the window of each lead is judged; the log odds that count are the mean over the leads that can be read.
    Thresholds stand in the model's card. Where nothing can be read for three seconds, nothing goes on.

    Fast ventricular tachycardia without a QRS to the eye is found as well: no database tells the two apart.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("ventricular-fibrillation",)
    foresees: ClassVar[bool] = True

    def __init__(
        self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int, model: RhythmModel | None = None
    ) -> None:
        super().__init__(limits, fs, leads, start)
        self._model = shipped_model() if model is None else model
        self._state = hysteresis(self._model)
        self._window = FibrillationWindow(fs, len(leads))
        self._ahead: list[float | None] = []  # judgements of windows whose time has not come
        self._nothing = Signal.all_good(np.empty((0, len(leads))))
        self._begin_at(start)

    def _begin_at(self, start: int) -> None:
        self._heard = self._origin = start
        self._turn = 0
        self.due = start + window_end(self.fs, 0) - 1

    def foresee(self, heard: Heard) -> None:
        """Take samples ahead, and judge the windows that end among them."""
        if heard.start != self._heard:  # samples are missing for long: no window lies across the hole
            self._look_closely()
            self._window = FibrillationWindow(self.fs, len(self.leads))
            self._begin_at(heard.start)
        self._heard = stop = heard.stop
        if self.due >= stop:
            self._window.push(heard.signal)
            return
        ends = [self.due + 1 - heard.start]
        while (end := self._origin + window_end(self.fs, self._turn + len(ends))) <= stop:
            ends.append(end - heard.start)
        self._ahead = self._judged(heard.signal, ends)

    def time(self, now: int) -> Findings:
        """Say what the window that ends now leads to."""
        if not self._ahead:  # samples are missing, and time goes on
            self._ahead = self._judged(self._nothing, [0], exact=True)
        self._turn += 1
        self.due = self._origin + window_end(self.fs, self._turn) - 1
        state = self._state
        if not state(self._ahead.pop(0)):
            return NOTHING
        back_s, why = OFFSET_S, "no longer in the signal"
        if state.ongoing:
            probability = 1.0 / (1.0 + math.exp(-state.mean))
            back_s, why = ONSET_S, f"waves without QRS for {WINDOW / RATE_HZ:.0f} s, probability {probability:.2f}"
        sample = max(self._origin, now - round(back_s * self.fs))
        return (Finding("ventricular-fibrillation", "begin" if state.ongoing else "end", sample, why),)

    def _judged(self, signal: Signal, ends: Sequence[int], *, exact: bool = False) -> list[float | None]:
        """Take samples, and judge windows, as closely as it can matter: of others what their log odds are at most.

        What does not matter now may with the next windows: then those before are judged more closely, too.
        """
        model, state, window = self._model, self._state, self._window
        enough = model.card.thresholds["begin"] - ROUNDING
        exact = exact or state.ongoing or any(each is not None and each > enough for each in state.recent)
        left_open = window.left_open
        odds = window.judge(signal, ends, model.walk, model.highest, enough, exact=exact)
        if any(left_open):
            known = zip(left_open, odds, state.recent, strict=False)
            state.recent = [self._at_most(leads) if opened else old for opened, leads, old in known]
        return [self._at_most(leads) for leads in odds[LOOKED_BACK:]]

    def _at_most(self, leads: Sequence[float]) -> float | None:
        """Give what `judged` does at most, where a lead was not judged."""
        highest = self._model.highest
        return judged([highest if odds == math.inf else odds for odds in leads])

    def _look_closely(self) -> None:
        """Judge the last windows in full."""
        if any(self._window.left_open):
            self._judged(self._nothing, [], exact=True)

    def snapshot(self) -> State:
        """Copy the state out."""
        self._look_closely()
        return {
            **super().snapshot(),
            "window": self._window.snapshot(),
            "state": self._state.snapshot(),
            "heard": self._heard,
            "origin": self._origin,
            "turn": self._turn,
        }

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        super().restore(state)
        self._window.restore(state["window"])
        self._state.restore(state["state"])
        self._heard, self._origin, self._turn = int(state["heard"]), int(state["origin"]), int(state["turn"])


def _mean(odds: Sequence[float | None]) -> float:
    """Give the mean of what could be read."""
    known = [each for each in odds if each is not None]
    return math.fsum(known) / len(known) if known else -SURE


def window_end(fs: float, turn: int) -> int:
    """Count the samples of a stretch after which window `turn` is whole: one a second, from the first full one on."""
    grid_samples = 2.0 * (WINDOW + round(turn * EVERY_S * RATE_HZ)) + 2.0
    return math.ceil(grid_samples * fs / GRID_HZ) + 2


def judged(odds: Sequence[float]) -> float | None:
    """Give the mean over leads of `FibrillationWindow.odds`; None where no lead can be read."""
    seen = [each for each in odds if not math.isnan(each)]
    if not seen:
        return None
    lively = [min(max(each, -SURE), SURE) for each in seen if each > -math.inf]
    return math.fsum(lively) / len(lively) if lively else -SURE


def hysteresis(model: RhythmModel) -> Hysteresis:
    """Give what decides, with the thresholds of a model."""
    return Hysteresis(model.card.thresholds["begin"], model.card.thresholds["end"])
