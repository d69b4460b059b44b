"""Ventricular fibrillation or flutter, from the signal: each second, the last five are judged by a small model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from ..core.messages import Heard
from ..core.rhythm_names import RhythmName
from ..core.stage import State
from ..signal.grid import GRID_HZ
from .fibrillation_waves import NAMES, RATE_HZ, WINDOW
from .fibrillation_window import FibrillationWindow
from .forest import RhythmModel, load_forest
from .limits import RhythmLimits
from .rule import NOTHING, Finding, Findings, RhythmRule
from .waiting import Waiting

MODEL = "ventricular-fibrillation"
PREPROCESSING = "fibrillation-window/1"
"""Identifier that the card carries; it changes whenever a column changes its meaning."""

EVERY_S = 1.0
"""From one judgement to the next."""

SURE = 12.0
"""Log odds are held within this, so that no window outweighs many."""

SMOOTHED = 3
"""Judgements whose mean counts: a window that a movement fills is not enough."""

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
        self._recent: list[float | None] = []
        self._below = 0  # judgements in a row

    def __call__(self, odds: float | None) -> bool:
        """Take a judgement, None where nothing could be read; give whether it begins or ends with it."""
        self._recent = [*self._recent, odds][-SMOOTHED:]
        known = [each for each in self._recent if each is not None]
        self.mean = math.fsum(known) / len(known) if known else -SURE
        if not self.ongoing:
            self._below = 0
            self.ongoing = self.mean > self._begin
            return self.ongoing
        self._below = self._below + 1 if self.mean < self._end else 0
        self.ongoing = self._below * EVERY_S < END_S
        return not self.ongoing

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"ongoing": self.ongoing, "mean": self.mean, "recent": list(self._recent), "below": self._below}

    def restore(self, state: State) -> None:
        """Put a copied state back."""
        self.ongoing, self.mean = bool(state["ongoing"]), float(state["mean"])
        self._recent = [None if odds is None else float(odds) for odds in state["recent"]]
        self._below = int(state["below"])


class VentricularFibrillationRule(RhythmRule):
    """Ventricular fibrillation or flutter: a small model over windows of five seconds, with hysteresis.

    Each second the window of each lead is judged; the log odds that count are the mean over the leads that can be read.
    Thresholds stand in the model's card. Where nothing can be read for three seconds, nothing goes on.

    Fast ventricular tachycardia without a QRS to the eye is found as well: no database tells the two apart.
    """

    names: ClassVar[tuple[RhythmName, ...]] = ("ventricular-fibrillation",)
    hears: ClassVar[bool] = True

    def __init__(
        self, limits: RhythmLimits, fs: float, leads: tuple[str, ...], start: int, model: RhythmModel | None = None
    ) -> None:
        super().__init__(limits, fs, leads, start)
        self._model = shipped_model() if model is None else model
        self._state = hysteresis(self._model)
        self._afresh(start)

    def _afresh(self, start: int) -> None:
        """Forget the signal: what comes next is of another stretch."""
        self._window = FibrillationWindow(self.fs, len(self.leads))
        self._waiting = Waiting()
        self._heard = self._origin = start
        self._turn = 0
        self.due = start + window_end(self.fs, 0) - 1

    def hear(self, heard: Heard) -> None:
        """Take the next samples."""
        if heard.start != self._heard:  # samples are missing for long: no window lies across the hole
            self._afresh(heard.start)
        self._waiting.hear(heard.signal)
        self._heard = heard.stop

    def time(self, now: int) -> Findings:
        """Judge the window that ends now."""
        self._take()
        self._turn += 1
        self.due = self._origin + window_end(self.fs, self._turn) - 1
        state = self._state
        if not state(judged(self._window.odds(self._model))):
            return NOTHING
        back_s, why = OFFSET_S, "no longer in the signal"
        if state.ongoing:
            probability = 1.0 / (1.0 + math.exp(-state.mean))
            back_s, why = ONSET_S, f"waves without QRS for {WINDOW / RATE_HZ:.0f} s, probability {probability:.2f}"
        sample = max(self._origin, now - round(back_s * self.fs))
        return (Finding("ventricular-fibrillation", "begin" if state.ongoing else "end", sample, why),)

    def _take(self) -> None:
        """Take what waits into the window."""
        if (signal := self._waiting.take()) is not None:
            self._window.push(signal)

    def snapshot(self) -> State:
        """Copy the state out."""
        self._take()
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
        self._waiting = Waiting()
        self._window.restore(state["window"])
        self._state.restore(state["state"])
        self._heard, self._origin, self._turn = int(state["heard"]), int(state["origin"]), int(state["turn"])


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
